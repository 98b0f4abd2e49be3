//! Objects for Cortex-M link into firmware of every float ABI, and leave the floating-point registers of cores without MVE alone.

use crate::ops::all;
use crate::support::object;
use std::path::Path;
use std::process::Command;

/// Target, flags of its floating-point unit (none: it has none), float ABIs of firmware for it.
const CASES: &[(&str, &str, &[&str])] = &[
    ("cortex-m0plus", "", &["soft"]),
    ("cortex-m3", "", &["soft"]),
    ("cortex-m4", "-mfpu=fpv4-sp-d16", &["soft", "softfp", "hard"]),
    ("cortex-m7", "-mfpu=fpv5-d16", &["soft", "softfp", "hard"]),
    ("cortex-m33", "-mfpu=fpv5-sp-d16", &["soft", "softfp", "hard"]),
    ("cortex-m55", "-mfpu=auto", &["soft", "softfp", "hard"]),
];

/// Firmware that passes floating-point numbers itself, so that its own objects name their ABI.
const MAIN: &str = "int all(const void *, void *);\nvolatile double d;\n__attribute__((noinline)) double twice(double x) { return 2 * x; }\n\
    int main(void) { static char x[4096], y[4096]; d = twice(d); return all(x, y); }\n";

const OTHER: &str = "int all(const void *x, void *y) { return x == y; }\n";

fn tool(name: &str, folder: &Path, args: &[&str]) -> Result<String, String> {
    let out = Command::new(name).args(args).current_dir(folder).output().unwrap_or_else(|e| panic!("{name}: {e}; run scripts/setup.sh"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if out.status.success() { Ok(text) } else { Err(text) }
}

fn link(folder: &Path, target: &str, fpu: &str, abi: &str) -> Result<String, String> {
    let (cpu, abi) = (format!("-mcpu={target}"), format!("-mfloat-abi={abi}"));
    let mut args = vec![
        &*cpu,
        "-mthumb",
        &*abi,
        "-O1",
        "-nostdlib",
        "-Wl,--fatal-warnings,-emain,-Ttext=0,-znoexecstack",
        "main.c",
        "model.o",
        "-lgcc",
        "-oprogram",
    ];
    args.extend(Some(fpu).filter(|f| !f.is_empty()));
    tool("arm-none-eabi-gcc", folder, &args)
}

#[test]
fn objects_suit_every_float_abi() {
    for &(target, fpu, abis) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let d = folder.path();
        std::fs::write(d.join("main.c"), MAIN).unwrap();
        std::fs::write(d.join("model.o"), object(&all(target).finished(), target)).unwrap();
        no_floating_point_register_without_vectors(target, d);
        let attributes = tool("arm-none-eabi-readelf", d, &["-A", "model.o"]).unwrap();
        assert!(attributes.contains("Tag_ABI_VFP_args: compatible"), "{target}: {attributes}");
        for abi in abis {
            let said = link(d, target, fpu, abi).unwrap_or_else(|e| panic!("{target}, {abi}: {e}"));
            assert_eq!(said, "", "{target}, {abi}");
            let attributes = tool("arm-none-eabi-readelf", d, &["-A", "program"]).unwrap();
            assert_eq!(attributes.contains("Tag_ABI_VFP_args: VFP registers"), *abi == "hard", "{target}, {abi}: {attributes}");
        }
    }
}

#[test]
fn the_linker_tells_float_abis_apart() {
    let folder = tempfile::tempdir().unwrap();
    let d = folder.path();
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    std::fs::write(d.join("other.c"), OTHER).unwrap();
    let flags = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-c", "other.c", "-omodel.o"];
    tool("arm-none-eabi-gcc", d, &flags).unwrap();
    assert!(link(d, "cortex-m4", "-mfpu=fpv4-sp-d16", "soft").unwrap_err().contains("VFP register arguments"));
}

/// Operands of an instruction as a disassembler prints it, that are floating-point or vector registers.
fn registers(line: &str) -> Vec<&str> {
    // Address, tab, mnemonic, tab, operands; comments and symbols are no operands, and targets of branches look like registers.
    let mut fields = line.split('\t').skip(1);
    let mnemonic = fields.next().unwrap_or_default().trim();
    if mnemonic.starts_with('b') && !mnemonic.starts_with("bf") || mnemonic.starts_with("cb") {
        return vec![];
    }
    let operands = fields.next().unwrap_or_default().split([';', '@', '<']).next().unwrap_or_default();
    let words = operands.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|w| w.strip_prefix(['s', 'd', 'q']).is_some_and(|n| n.parse::<u8>().is_ok())).collect()
}

fn no_floating_point_register_without_vectors(target: &str, folder: &Path) {
    let text = tool("arm-none-eabi-objdump", folder, &["-d", "--no-show-raw-insn", "model.o"]).unwrap();
    let lines: Vec<&str> = text.lines().filter(|l| l.contains(":\t")).collect();
    assert!(lines.len() > 500, "{target}: only {} instructions", lines.len());
    let used = lines.iter().find(|l| !registers(l).is_empty());
    // The reader can find them: Cortex-M55 has vectors.
    assert_eq!(used.is_some(), target == "cortex-m55", "{target}: {used:?}");
}

#[test]
fn the_reader_knows_registers() {
    assert_eq!(registers("  10:\tvmov.f32\ts0, s15"), ["s0", "s15"]);
    assert_eq!(registers("  10:\tvldrw.u32\tq3, [r0], #16"), ["q3"]);
    assert_eq!(registers("  10:\tldmia.w\tsp!, {r4, r5, d8}"), ["d8"]);
    for line in ["  d8:\tb.n\td8 <all+0xd8>", "  10:\tldr\tr0, [pc, #4]\t; (d8 <all+0xd8>)", "  10:\tsmlad\tr0, r1, r2, r3"] {
        assert!(registers(line).is_empty(), "{line}");
    }
}
