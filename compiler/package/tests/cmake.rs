//! The CMake package: found by name and version, linked into a program, configured with warnings as errors.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{MAIN, RIGHT, run, sample};
use mcompc_package::{PackageInput, render, write_dir};
use std::process::Command;

const LISTS: &str = "cmake_minimum_required(VERSION 3.13)
project(app C)
find_package(Net 1 CONFIG REQUIRED PATHS ${CMAKE_CURRENT_SOURCE_DIR}/net/cmake NO_DEFAULT_PATH)
find_package(Net CONFIG REQUIRED PATHS ${CMAKE_CURRENT_SOURCE_DIR}/net/cmake NO_DEFAULT_PATH)
find_package(Net 2 CONFIG QUIET PATHS ${CMAKE_CURRENT_SOURCE_DIR}/net/cmake NO_DEFAULT_PATH)
if(Net_FOUND)
    message(FATAL_ERROR \"an interface that there is not\")
endif()
add_executable(app main.c)
target_link_libraries(app PRIVATE mcompc::Net)
";

#[test]
fn a_program_links_the_imported_target() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let p = PackageInput { forms: vec!["cmake"], ..sample(d, "Net") };
    write_dir(&d.join("net"), &render(&p).unwrap(), false).unwrap();
    std::fs::write(d.join("CMakeLists.txt"), LISTS).unwrap();
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    run(Command::new("cmake").current_dir(d).args(["-S", ".", "-B", "build", "-Werror=dev"]));
    run(Command::new("cmake").current_dir(d).args(["--build", "build"]));
    assert_eq!(run(&mut Command::new(d.join("build/app"))), RIGHT);
}
