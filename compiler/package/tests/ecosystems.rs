//! Forms for build systems of firmware: read the way these systems read them, and linked into programs that run. The functions that a
//! system brings along (Zephyr's and ESP-IDF's CMake, PlatformIO's script environment, Arduino's core) are small stand-ins here.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{MAIN, RIGHT, run, sample};
use mcompc_ir::Code;
use mcompc_package::{PackageInput, render, suit, write_dir};
use std::path::Path;
use std::process::Command;

/// Writes the sample in a form, for a target in name only: its object is this computer's.
fn emit(d: &Path, form: &'static str, target: &str) {
    let p = PackageInput { forms: vec![form], target: target.into(), ..sample(d, "Net") };
    write_dir(&d.join("net"), &render(&p).unwrap(), false).unwrap();
}

/// Configures and builds `lists` beside `main.c` with CMake and runs the program.
fn cmake(d: &Path, lists: &str) -> String {
    std::fs::write(d.join("CMakeLists.txt"), lists).unwrap();
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    run(Command::new("cmake").current_dir(d).args(["-S", ".", "-B", "build", "-Werror=dev"]));
    run(Command::new("cmake").current_dir(d).args(["--build", "build"]));
    run(&mut Command::new(d.join("build/app")))
}

#[test]
fn zephyr() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    emit(d, "zephyr", "cortex-m4");
    let text = |f: &str| std::fs::read_to_string(d.join("net/zephyr").join(f)).unwrap();
    // The module file names a folder of CMake and a file of Kconfig, from the module's root on.
    let at = |key: &str| text("module.yml").lines().find_map(|l| Some(l.trim().strip_prefix(key)?.trim().to_string())).unwrap();
    assert!(d.join("net").join(at("cmake:")).join("CMakeLists.txt").is_file() && d.join("net").join(at("kconfig:")).is_file());
    assert!(text("Kconfig").starts_with("config MCOMPC_NET\n\tbool \"Network Net, for cortex-m4\"\n\tdefault y\n"));
    let lists = "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nset(CONFIG_MCOMPC_NET y)\n\
        function(zephyr_library_import name path)\n  add_library(${name} STATIC IMPORTED GLOBAL)\n  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${path})\n  \
        set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})\nendfunction()\n\
        function(zephyr_include_directories dir)\n  set_property(GLOBAL APPEND PROPERTY ZEPHYR_DIRS ${dir})\nendfunction()\n\
        add_subdirectory(net/zephyr)\nget_property(libs GLOBAL PROPERTY ZEPHYR_LIBS)\nget_property(dirs GLOBAL PROPERTY ZEPHYR_DIRS)\n\
        add_executable(app main.c)\ntarget_link_libraries(app ${libs})\ntarget_include_directories(app PRIVATE ${dirs})\n";
    assert_eq!(cmake(d, lists), RIGHT);
}

#[test]
fn esp_idf() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    emit(d, "esp-idf", "riscv32imc");
    let manifest = std::fs::read_to_string(d.join("net/esp-idf/Net/idf_component.yml")).unwrap();
    assert!(manifest.starts_with("version: \"0.1.0\"\n"), "{manifest}");
    let lists = "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nset(CONFIG_IDF_TARGET_ARCH riscv)\n\
        function(idf_component_register key dirs)\n  add_library(component INTERFACE)\n  \
        target_include_directories(component INTERFACE ${CMAKE_CURRENT_LIST_DIR}/${dirs})\n  set(COMPONENT_LIB component PARENT_SCOPE)\nendfunction()\n\
        function(add_prebuilt_library name path)\n  get_filename_component(full ${path} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_LIST_DIR})\n  \
        if(NOT EXISTS ${full})\n    message(FATAL_ERROR \"${full}\")\n  endif()\n  \
        add_library(${name} STATIC IMPORTED GLOBAL)\n  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${full})\nendfunction()\n\
        add_subdirectory(net/esp-idf/Net)\nadd_executable(app main.c)\ntarget_link_libraries(app component)\n";
    assert_eq!(cmake(d, lists), RIGHT);
    // A chip of another architecture, or of another float ABI, is refused when the project is configured.
    for (i, chip) in ["ARCH xtensa", "ARCH riscv)\nset(CONFIG_IDF_TARGET esp32p4"].into_iter().enumerate() {
        std::fs::write(d.join("CMakeLists.txt"), lists.replace("ARCH riscv", chip)).unwrap();
        let out = Command::new("cmake").current_dir(d).args(["-S", ".", "-B", &format!("other{i}")]).output().unwrap();
        assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains("Net was compiled for riscv32imc"), "{chip}");
    }
}

#[test]
fn arduino() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    emit(d, "arduino", "cortex-m4");
    let library = d.join("net/arduino/Net");
    let properties = std::fs::read_to_string(library.join("library.properties")).unwrap();
    let keys: Vec<&str> = properties.lines().map(|l| l.split_once('=').unwrap().0).collect();
    for key in ["name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"] {
        assert_eq!(keys.iter().filter(|k| **k == key).count(), 1, "{key}");
    }
    assert!(properties.contains("\nprecompiled=true\nldflags=-lNet\n"));
    // The sketch, under a core of a few lines that calls it once.
    let core = "#include <stdint.h>\n#include <stdio.h>\nstatic inline unsigned long micros() { return 0; }\nstatic inline void delay(int) {}\n\
        struct Port { void begin(int) {} void print(const char *s) { printf(\"%s\", s); } void println(unsigned long v) { printf(\"%lu\\n\", v); } };\n\
        static Port Serial;\n";
    let sketch = std::fs::read_to_string(library.join("examples/once_a_second/once_a_second.ino")).unwrap();
    std::fs::write(d.join("sketch.cpp"), format!("{core}{sketch}\nint main() {{ setup(); loop(); return 0; }}\n")).unwrap();
    let mut c = Command::new("g++");
    c.current_dir(d).args(["-Wall", "-Werror", "sketch.cpp"]).arg(library.join("src/Net_library.cpp")).arg("-I").arg(library.join("src"));
    run(c.arg("-L").arg(library.join("src/cortex-m4")).args(["-lNet", "-o", "sketch"]));
    assert_eq!(run(&mut Command::new(d.join("sketch"))), "us: 0\n");
}

#[test]
fn platformio() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    emit(d, "platformio", "cortex-m4");
    let library = d.join("net/platformio/Net");
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(library.join("library.json")).unwrap()).unwrap();
    let of = |key: &str| manifest["build"][key].as_str().unwrap().to_string();
    assert_eq!((manifest["name"].as_str(), manifest["version"].as_str()), (Some("Net"), Some("0.1.0")));
    assert!(library.join(of("includeDir")).join(manifest["headers"].as_str().unwrap()).is_file());
    let env = "import sys\nclass Env:\n    def Append(self, LIBPATH, LIBS):\n        print('-L' + LIBPATH[0], '-l' + LIBS[0])\n\
        env = Env()\ndef Import(name):\n    assert name == 'env'\nexec(open(sys.argv[1]).read())\n";
    let flags = run(Command::new("python3").current_dir(&library).args(["-c", env, &of("extraScript")]));
    let mut c = Command::new("gcc");
    c.args(["-std=c11", "-Wall", "-Werror", "-I"]).arg(library.join(of("includeDir"))).arg(library.join("src/Net_library.c"));
    run(c.arg(library.join("examples/once/main.c")).args(flags.split_whitespace()).arg("-o").arg(d.join("once")));
    run(&mut Command::new(d.join("once")));
}

#[test]
fn cmsis_pack() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    emit(d, "cmsis-pack", "cortex-m0plus");
    let root = d.join("net/cmsis-pack");
    let read = "import sys\nfrom xml.etree import ElementTree as T\np = T.parse(sys.argv[1]).getroot()\nassert p.tag == 'package'\n\
        assert [e.tag for e in p] == ['vendor', 'name', 'description', 'url', 'releases', 'conditions', 'components']\n\
        c = p.find('components/component')\nk = p.find(\"conditions/condition[@id='%s']/require\" % c.get('condition'))\n\
        assert c.get('Cversion') == p.find('releases/release').get('version')\n\
        print(k.get('Dcore'), *(f.get('category') + '=' + f.get('name') for f in c.iter('file')))\n";
    let said = run(Command::new("python3").current_dir(&root).args(["-c", read, "mcompc.Net.pdsc"]));
    assert_eq!(said, "Cortex-M0+ header=include/Net.h library=lib/libNet.a\n");
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    let mut c = Command::new("gcc");
    run(c.current_dir(&root).arg("../../main.c").args(["-Iinclude", "lib/libNet.a", "-o", "../../app"]));
    assert_eq!(run(&mut Command::new(d.join("app"))), RIGHT);
}

#[test]
fn forms_that_are_nothing_for_a_target_are_refused() {
    for (form, target, fits) in [
        ("cmsis-pack", "riscv32imc", false),
        ("cmsis-pack", "cortex-m55", true),
        ("esp-idf", "cortex-m4", false),
        ("arduino", "x86_64", false),
        ("arduino", "riscv32imac", true),
        ("zephyr", "x86_64", true),
    ] {
        let got = suit(&["c", form], target);
        assert_eq!(got.clone().err().map(|e| e.code), (!fits).then_some(Code::Usage), "{form} {target}");
        assert!(fits || got.unwrap_err().message == format!("--emit {form} is nothing for {target}"));
    }
}
