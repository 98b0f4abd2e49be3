//! `--bundle`: libraries that choose their code by the CPU, linked and run on CPUs of several ages, natively and under QEMU.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok, refused, tool};
use mcompc_target::Target;
use object::elf::{DT_NEEDED, PT_GNU_STACK, PT_LOAD};
use object::read::elf::{Dyn, ElfFile, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Two inferences; prints status, variant and the output's bytes.
const MAIN: &str = r#"
#include "net.h"
#include <stdio.h>
static _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES];
int main(void) {
    uint8_t x[NET_PIXELS_ELEMS];
    int8_t y[NET_PROBABILITIES_ELEMS] = {0};
    int status = 0;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 7 % 17 + round);
        status |= net_run(x, y, arena);
    }
    if (net_supported() != (status == 0)) return 9;
    printf("%d %s", status, net_variant());
    for (unsigned i = 0; i < sizeof y; i++) printf(" %d", y[i]);
    return 0;
}
"#;

/// The digits net as a bundle called `net` in `dir/out`.
fn bundle(dir: &Path, form: &str, more: &[&str]) -> String {
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let mut args = vec![model.to_str().unwrap(), "--bundle", form, "--calib", calib.to_str().unwrap(), "--input", INPUT];
    args.extend(["--name", "net", "-o", "out"]);
    args.extend(more);
    ok(dir, args)
}

/// What is true of every shared object: other libraries and symbols are not needed, nothing but `exports` is seen, it loads on pages of
/// 16 KiB, and its stack is not executable.
fn shared_object<H: FileHeader<Endian = Endianness>>(bytes: &[u8], exports: &[&str]) {
    let file = ElfFile::<'_, H>::parse(bytes).unwrap();
    let (e, header) = (file.endian(), file.elf_header());
    let mut stack = false;
    for p in header.program_headers(e, bytes).unwrap() {
        match p.p_type(e) {
            PT_LOAD => {
                let (align, at, off): (u64, u64, u64) = (p.p_align(e).into(), p.p_vaddr(e).into(), p.p_offset(e).into());
                assert_eq!((align, at % align), (16 << 10, off % align));
            }
            PT_GNU_STACK => stack = p.p_flags(e).0 & 1 == 0,
            _ => {}
        }
        for d in p.dynamic(e, bytes).unwrap().unwrap_or_default() {
            assert_ne!(d.tag(e), DT_NEEDED);
        }
    }
    assert!(stack);
    let (undefined, defined): (Vec<_>, Vec<_>) = file.dynamic_symbols().partition(|s| s.is_undefined());
    assert_eq!(undefined.iter().filter(|s| s.name() != Ok("")).count(), 0);
    let defined: BTreeSet<&str> = defined.iter().map(|s| s.name().unwrap()).collect();
    assert_eq!(defined, exports.iter().copied().collect());
}

/// What the program prints under an emulator, or natively without one.
fn said(program: &Path, emulator: &[&str]) -> (i32, String, String) {
    let mut command = match emulator {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut c = Command::new(first);
            c.args(rest).arg(program);
            c
        }
    };
    let text = tool(command.env("LD_LIBRARY_PATH", program.parent().unwrap().join("out")));
    let (status, rest) = text.split_once(' ').unwrap();
    let (variant, outputs) = rest.split_once(' ').unwrap();
    (status.parse().unwrap(), variant.into(), outputs.into())
}

fn missing(program: &str) -> bool {
    let missing = !mcompc_interrupt::is_there(program.as_ref());
    if missing {
        println!("NOT RUN: {program} is not installed");
    }
    missing
}

/// Links the program with the static and with the shared library, and runs both on every CPU.
fn on_every_cpu(dir: &Path, gcc: &str, emulator: &[&str], cpus: &[(&str, &str)], own: Option<&str>) {
    std::fs::write(dir.join("main.c"), MAIN).unwrap();
    let out = dir.join("out");
    let mut outputs = BTreeSet::new();
    for (name, library) in [("static", "libnet.a"), ("shared", "libnet.so")] {
        let program = dir.join(name);
        let flags = ["-O2", "-Wall", "-Werror", "-Wl,--fatal-warnings"];
        tool(Command::new(gcc).args(flags).arg("-I").arg(&out).arg(dir.join("main.c")).arg(out.join(library)).arg("-o").arg(&program));
        for (cpu, want) in cpus {
            let emulator: Vec<&str> = emulator.iter().copied().chain(["-cpu", cpu]).collect();
            let (status, variant, bytes) = said(&program, &emulator);
            assert_eq!((status, variant.as_str()), (if want.is_empty() { -3 } else { 0 }, *want), "{name} on {cpu}");
            if status == 0 {
                outputs.insert(bytes);
            }
        }
        if let Some(want) = own {
            let (status, variant, bytes) = said(&program, &[]);
            assert_eq!((status, variant.as_str()), (0, want), "{name}");
            outputs.insert(bytes);
        }
    }
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    let distinct: BTreeSet<&str> = outputs.iter().flat_map(|o| o.split(' ')).collect();
    assert!(distinct.len() > 1, "{distinct:?}");
}

#[test]
fn x86_64_runs_its_best_variant_on_each_cpu() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "linux", &["--target", "x86_64"]);
    shared_object::<object::elf::FileHeader64<Endianness>>(
        &std::fs::read(dir.path().join("out/libnet.so")).unwrap(),
        &["net_run", "net_variant", "net_info"],
    );
    if std::env::consts::ARCH != "x86_64" || missing("qemu-x86_64") {
        return;
    }
    let host = Target::host().unwrap().name;
    let cpus = [("core2duo", ""), ("Nehalem", "x86_64-v2"), ("max", "x86_64")];
    on_every_cpu(dir.path(), "gcc", &["qemu-x86_64"], &cpus, Some(&host));
    // Over itself a second time; the folder is recognised.
    bundle(dir.path(), "linux", &["--target", "x86_64-v2"]);
}

#[test]
fn aarch64_runs_its_best_variant_on_each_cpu() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "linux", &["--target", "aarch64"]);
    shared_object::<object::elf::FileHeader64<Endianness>>(
        &std::fs::read(dir.path().join("out/libnet.so")).unwrap(),
        &["net_run", "net_variant", "net_info"],
    );
    if missing("aarch64-linux-gnu-gcc") || missing("qemu-aarch64") {
        return;
    }
    let cpus = [("cortex-a53", "aarch64"), ("cortex-a76", "aarch64-dotprod"), ("max", "aarch64-i8mm")];
    on_every_cpu(dir.path(), "aarch64-linux-gnu-gcc", &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], &cpus, None);
}

#[test]
fn what_a_bundle_cannot_be_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx");
    let with = |more: &[&str]| -> Vec<String> {
        let mut all = vec![model.to_str().unwrap().to_owned()];
        all.extend(["--bundle", "linux", "-o", "out"].iter().chain(more).map(|s| (*s).to_owned()));
        all
    };
    refused(dir.path(), with(&["--target", "cortex-m4"]), "E002", "`cortex-m4` has no variants");
    for (flag, value) in [("--weights-section", Some(".w")), ("--slices", None), ("--layer-dump", None), ("--emit", Some("cmake"))] {
        let more: Vec<&str> = ["--target", "x86_64", flag].into_iter().chain(value).collect();
        refused(dir.path(), with(&more), "E002", flag);
    }
    // Without a linker.
    let calib = digits("digits.calib.npz");
    let args = with(&["--target", "x86_64", "--input", INPUT, "--calib", calib.to_str().unwrap()]);
    let bare = Command::new(env!("CARGO_BIN_EXE_mcompc")).args(args).current_dir(dir.path()).env("PATH", dir.path()).output().unwrap();
    let text = String::from_utf8(bare.stderr).unwrap();
    assert!(text.starts_with("error[E505]") && text.contains("MCOMPC_LLD") && !dir.path().join("out").exists(), "{text}");
    // One that is named and is not there: no other is taken.
    let args = with(&["--target", "x86_64", "--input", INPUT, "--calib", calib.to_str().unwrap()]);
    let named =
        Command::new(env!("CARGO_BIN_EXE_mcompc")).args(args).current_dir(dir.path()).env("MCOMPC_LLD", "./no-lld").output().unwrap();
    let text = String::from_utf8(named.stderr).unwrap();
    assert!(text.starts_with("error[E505]") && text.contains("MCOMPC_LLD names `./no-lld`"), "{text}");
    // A name that is no form.
    assert!(!mcompc(dir.path(), [model.to_str().unwrap(), "--bundle", "floppy", "-o", "out"]).status.success());
}

#[test]
fn cmake_and_pkg_config_find_the_libraries() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "linux", &[]);
    std::fs::write(dir.path().join("main.c"), MAIN).unwrap();
    if !missing("pkg-config") {
        // Also from a folder with a blank in its name.
        let program = dir.path().join("by-pkg-config");
        std::os::unix::fs::symlink(dir.path(), dir.path().join("two words")).unwrap();
        let line = "eval gcc main.c $(pkg-config --cflags --libs net) -o by-pkg-config";
        let paths = dir.path().join("two words/out/pkgconfig");
        tool(Command::new("sh").args(["-c", line]).env("PKG_CONFIG_PATH", paths).current_dir(dir.path()));
        assert_eq!(said(&program, &[]).0, 0);
    }
    if missing("cmake") {
        return;
    }
    let text = format!(
        "cmake_minimum_required(VERSION 3.13)\nproject(t C)\nfind_package(net CONFIG REQUIRED PATHS {}/cmake)\n\
         foreach(kind net net_static)\n  add_executable(app_${{kind}} main.c)\n  target_link_libraries(app_${{kind}} PRIVATE mcompc::${{kind}})\nendforeach()\n",
        dir.path().join("out").display()
    );
    std::fs::write(dir.path().join("CMakeLists.txt"), text).unwrap();
    tool(Command::new("cmake").args(["-S", ".", "-B", "build"]).current_dir(dir.path()));
    tool(Command::new("cmake").args(["--build", "build"]).current_dir(dir.path()));
    for app in ["app_net", "app_net_static"] {
        assert_eq!(said(&dir.path().join("build").join(app), &[]).0, 0, "{app}");
    }
}

#[test]
fn arm_runs_its_variant() {
    let dir = tempfile::tempdir().unwrap();
    if !cfg!(feature = "mlir") {
        let (model, text) = (digits("digits.onnx"), "needs the MLIR back end");
        return refused(dir.path(), [model.to_str().unwrap(), "--bundle", "linux", "--target", "armv7a-neon", "-o", "out"], "E503", text);
    }
    bundle(dir.path(), "linux", &["--target", "armv7a-neon"]);
    let exports = ["net_run", "net_variant", "net_info"];
    let shared = std::fs::read(dir.path().join("out/libnet.so")).unwrap();
    shared_object::<object::elf::FileHeader32<Endianness>>(&shared, &exports);
    // Of one version of the ABI, and of no float ABI.
    let version = object::elf::EF_ARM_EABI_VER5.0.to_le_bytes();
    assert_eq!(shared[36..40], version);
    let archive = std::fs::read(dir.path().join("out/libnet.a")).unwrap();
    let members: Vec<&[u8]> = archive.windows(40).filter(|w| w.starts_with(b"\x7fELF")).collect();
    assert!(members.len() >= 2 && members.iter().all(|m| m[36..40] == version));
    if missing("arm-none-eabi-gcc") || missing("qemu-arm") {
        return;
    }
    std::fs::write(dir.path().join("main.c"), MAIN).unwrap();
    let (program, out) = (dir.path().join("program"), dir.path().join("out"));
    let mut outputs = BTreeSet::new();
    // No function takes a float: programs of either float ABI link it.
    for abi in ["-mfloat-abi=softfp", "-mfloat-abi=hard"] {
        let flags = ["-O2", "-marm", "-march=armv7-a+simd", abi, "--specs=rdimon.specs", "-I"];
        let mut gcc = Command::new("arm-none-eabi-gcc");
        tool(gcc.args(flags).arg(&out).arg(dir.path().join("main.c")).arg(out.join("libnet.a")).arg("-o").arg(&program));
        for cpu in ["cortex-a7", "cortex-a15", "max"] {
            let (status, variant, bytes) = said(&program, &["qemu-arm", "-cpu", cpu]);
            assert_eq!((status, variant.as_str()), (0, "armv7a-neon"), "{abi}, {cpu}");
            outputs.insert(bytes);
        }
    }
    // The bytes are those of another CPU.
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    bundle(&other, "linux", &[]);
    std::fs::write(other.join("main.c"), MAIN).unwrap();
    let native = other.join("native");
    tool(
        Command::new("gcc")
            .arg("-I")
            .arg(other.join("out"))
            .arg(other.join("main.c"))
            .arg(other.join("out/libnet.a"))
            .arg("-o")
            .arg(&native),
    );
    outputs.insert(said(&native, &[]).2);
    assert_eq!(outputs.len(), 1, "{outputs:?}");
}

/// Files of a ZIP archive whose members are stored.
fn unzip(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize;
    let word = |at: usize| half(at) | half(at + 2) << 16;
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let (mut at, mut all) = (word(end + 16), BTreeMap::new());
    for _ in 0..half(end + 10) {
        assert_eq!((&bytes[at..at + 4], half(at + 10)), (&b"PK\x01\x02"[..], 0));
        let (size, name, start) = (word(at + 20), half(at + 28), word(at + 42));
        let path = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap();
        let data = start + 30 + half(start + 26) + half(start + 28);
        assert!(all.insert(path, bytes[data..data + size].to_vec()).is_none());
        at += 46 + name;
    }
    all
}

/// Reals and codes through the class; prints status, variant and codes as the program in C does.
const JAVA: &str = r#"
import mcompc.netmodel.NetModel;
public class Main {
    static void check(boolean right, String what) { if (!right) throw new AssertionError(what); }
    public static void main(String[] args) {
        NetModel m = new NetModel();
        NetModel.Tensor x = m.input("pixels"), y = m.output(0);
        check(m.inputs() == 1 && m.outputs() == 1 && x == m.input(0) && x.type.equals("u8") && y.type.equals("i8"), "tensors");
        check(x.scale()[0] == 1 && x.zeroPoint()[0] == 0 && y.scale().length == 1, "codes");
        int n = 1;
        for (int d : x.shape()) n *= d;
        check(n == x.size, "shape");
        float[] reals = new float[x.size];
        for (int round = 0; round < 2; round++) {
            java.nio.ByteBuffer b = x.codes();
            check(b.capacity() == x.size && b.isDirect(), "buffer");
            for (int i = 0; i < x.size; i++) { b.put((byte) (i * 7 % 17 + round)); reals[i] = i * 7 % 17 + round; }
            m.run();
        }
        byte[] codes = y.getCodes();
        StringBuilder s = new StringBuilder("0 " + m.variant());
        for (byte c : codes) s.append(" " + c);
        System.out.print(s);
        // The same by reals, in an object of its own, and by an array of codes.
        NetModel other = new NetModel();
        float[] out = other.run(reals)[0];
        check(java.util.Arrays.equals(other.output(0).getCodes(), codes), "reals");
        for (int i = 0; i < out.length; i++) check(out[i] == y.scale()[0] * (codes[i] - y.zeroPoint()[0]), "dequantized");
        other.input(0).setCodes(new byte[x.size]);
        other.run();
        check(!java.util.Arrays.equals(other.output(0).getCodes(), codes), "zeros");
        // Rounding as in the header: ties away from zero, ends, NaN.
        float[] odd = new float[x.size];
        odd[0] = 2.5f; odd[1] = -3; odd[2] = 1e9f; odd[3] = Float.NaN; odd[4] = 0.49f;
        x.set(odd);
        check(x.code(0) == 3 && x.code(1) == 0 && x.code(2) == 255 && x.code(3) == 0 && x.code(4) == 0, "rounding");
        for (Runnable wrong : new Runnable[] {() -> x.set(new float[3]), () -> m.input("nobody"), () -> m.run(reals, reals), () -> x.setCodes(new byte[1])}) {
            boolean refused = false;
            try { wrong.run(); } catch (IllegalArgumentException e) { refused = true; }
            check(refused, "refusal");
        }
    }
}
"#;

#[test]
fn the_archive_for_android_runs_from_java_and_from_c() {
    let dir = tempfile::tempdir().unwrap();
    if !cfg!(feature = "mlir") {
        let model = digits("digits.onnx");
        return refused(dir.path(), [model.to_str().unwrap(), "--bundle", "android", "-o", "out"], "E503", "armv7a-neon");
    }
    bundle(dir.path(), "android", &[]);
    let aar = unzip(&std::fs::read(dir.path().join("out/net.aar")).unwrap());
    let names: Vec<&str> = aar.keys().map(String::as_str).collect();
    let library = |abi: &str| format!("jni/{abi}/libmcompc_net.so");
    let [arm64, arm, x86] = ["arm64-v8a", "armeabi-v7a", "x86_64"].map(library);
    let want = ["AndroidManifest.xml", "META-INF/com/android/build/gradle/aar-metadata.properties", "R.txt", "classes.jar"];
    assert_eq!(names, [&want[..], &[&arm64, &arm, &x86, "proguard.txt"]].concat());
    let natives = ["invoke", "nameOfVariant", "meta", "skip"].map(|n| format!("Java_mcompc_netmodel_NetModel_{n}"));
    let exports: Vec<&str> = natives.iter().map(String::as_str).chain(["net_run", "net_variant", "net_info"]).collect();
    shared_object::<object::elf::FileHeader64<Endianness>>(&aar[&arm64], &exports);
    shared_object::<object::elf::FileHeader64<Endianness>>(&aar[&x86], &exports);
    shared_object::<object::elf::FileHeader32<Endianness>>(&aar[&arm], &exports);
    assert!(String::from_utf8_lossy(&aar["proguard.txt"]).contains("mcompc.netmodel.NetModel"));
    for (path, bytes) in unzip(&aar["classes.jar"]) {
        assert!(path.starts_with("META-INF") || bytes.starts_with(&[0xca, 0xfe, 0xba, 0xbe]), "{path}");
    }
    // For a program in C: the header that the bundle for Linux has.
    let (linux, own) = (dir.path().join("linux"), dir.path().join("out"));
    std::fs::create_dir(&linux).unwrap();
    bundle(&linux, "linux", &["--target", "aarch64"]);
    std::fs::write(dir.path().join("main.c"), MAIN).unwrap();
    let (mut outputs, mut ran) = (BTreeSet::new(), false);
    if !missing("aarch64-linux-gnu-gcc") && !missing("qemu-aarch64") {
        ran = true;
        std::fs::write(own.join("libmcompc_net.so"), &aar[&arm64]).unwrap();
        let program = dir.path().join("arm64");
        let mut gcc = Command::new("aarch64-linux-gnu-gcc");
        tool(gcc.arg("-I").arg(linux.join("out")).arg(dir.path().join("main.c")).arg(own.join("libmcompc_net.so")).arg("-o").arg(&program));
        for (cpu, want) in [("cortex-a53", "aarch64"), ("cortex-a76", "aarch64-dotprod"), ("max", "aarch64-i8mm")] {
            let (status, variant, bytes) = said(&program, &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu]);
            assert_eq!((status, variant.as_str()), (0, want), "{cpu}");
            outputs.insert(bytes);
        }
    }
    if std::env::consts::ARCH == "x86_64" && !missing("javac") && !missing("java") {
        ran = true;
        std::fs::write(own.join("libmcompc_net.so"), &aar[&x86]).unwrap();
        std::fs::write(dir.path().join("classes.jar"), &aar["classes.jar"]).unwrap();
        std::fs::write(dir.path().join("Main.java"), JAVA).unwrap();
        let mut javac = Command::new("javac");
        tool(javac.args(["-Xlint:all", "-Werror", "-cp", "classes.jar", "Main.java"]).current_dir(dir.path()));
        let mut java = Command::new("java");
        let text = tool(java.args(["-Xcheck:jni", "-Djava.library.path=out", "-cp", "classes.jar:.", "Main"]).current_dir(dir.path()));
        let mut words = text.splitn(3, ' ');
        assert_eq!((words.next(), words.next()), (Some("0"), Some(Target::host().unwrap().name.as_str())));
        outputs.insert(words.next().unwrap().into());
        // The text of the class is what was compiled.
        let mut javac = Command::new("javac");
        tool(javac.args(["-d", "again"]).arg(own.join("java/NetModel.java")).current_dir(dir.path()));
    }
    assert_eq!(outputs.len(), usize::from(ran), "{outputs:?}");
    refused(
        dir.path(),
        [digits("digits.onnx").to_str().unwrap(), "--bundle", "android", "--target", "aarch64", "-o", "x"],
        "E002",
        "leave out",
    );
}

#[test]
fn the_framework_for_ios_has_every_slice() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "ios", &[]);
    let root = dir.path().join("out/Cnet.xcframework");
    let plist = std::fs::read_to_string(root.join("Info.plist")).unwrap();
    if !missing("python3") {
        let text = "import plistlib,sys; p = plistlib.load(open(sys.argv[1], 'rb')); print(sorted((l['LibraryIdentifier'], l['SupportedPlatform'], \
                    l.get('SupportedPlatformVariant', ''), *l['SupportedArchitectures']) for l in p['AvailableLibraries']))";
        let said = tool(Command::new("python3").args(["-c", text]).arg(root.join("Info.plist")));
        let want = "[('ios-arm64', 'ios', '', 'arm64'), ('ios-arm64_x86_64-simulator', 'ios', 'simulator', 'arm64', 'x86_64'), \
                    ('macos-arm64_x86_64', 'macos', '', 'arm64', 'x86_64')]";
        assert_eq!(said.trim(), want);
    }
    // Platforms of LC_BUILD_VERSION: 1 macOS, 2 iOS, 7 iOS's simulator.
    for (folder, platform, cpus) in [("ios-arm64", 2, 1), ("ios-arm64_x86_64-simulator", 7, 2), ("macos-arm64_x86_64", 1, 2)] {
        assert!(plist.contains(folder));
        let library = std::fs::read(root.join(folder).join("libnet.a")).unwrap();
        let word = |at: usize| u32::from_be_bytes(library[at..at + 4].try_into().unwrap()) as usize;
        let archives: Vec<&[u8]> = match cpus {
            1 => vec![&library],
            n => {
                assert_eq!([word(0), word(4)], [0xcafe_babe, n]);
                (0..n).map(|i| &library[word(16 + 20 * i)..][..word(20 + 20 * i)]).collect()
            }
        };
        for a in archives {
            assert!(a.starts_with(b"!<arch>\n"));
            // The object in it.
            let at = a.windows(4).position(|w| w == 0xfeed_facf_u32.to_le_bytes()).unwrap();
            let object = &a[at..];
            let word = |i: usize| u32::from_le_bytes(object[i..i + 4].try_into().unwrap());
            let (mut command, mut platforms) = (32, vec![]);
            for _ in 0..word(16) {
                if word(command) == 0x32 {
                    platforms.push(word(command + 8));
                }
                command += word(command + 4) as usize;
            }
            assert_eq!(platforms, [platform], "{folder}");
            assert!(a.windows(8).any(|w| w == b"_net_run"), "{folder}");
        }
        let map = std::fs::read_to_string(root.join(folder).join("Headers/Cnet/module.modulemap")).unwrap();
        assert!(map.contains("header \"net.h\"") && root.join(folder).join("Headers/Cnet/net.h").is_file());
    }
    // The one CPU that lacks dot products is a phone's: header and class ask it, each object's oldest system can be asked.
    let header = std::fs::read_to_string(root.join("ios-arm64/Headers/Cnet/net.h")).unwrap();
    assert!(header.contains("sysctlbyname(\"hw.optional.arm.FEAT_DotProd\""), "{header}");
    let swift = std::fs::read_to_string(dir.path().join("out/Sources/NetModel/NetModel.swift")).unwrap();
    assert!(swift.contains("guard Self._supported else { throw NetModelFailure(status: -3) }"), "{swift}");
    assert!(
        swift.contains("public func run(`pixels`: [Float]) throws -> [Float]") && swift.contains("net_run(self.`pixels`.baseAddress"),
        "{swift}"
    );
    refused(dir.path(), [digits("digits.onnx").to_str().unwrap(), "--bundle", "ios", "--target", "host", "-o", "x"], "E002", "--target");
}
