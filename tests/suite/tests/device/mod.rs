//! What firmware gets beside the plain entry, in C on this computer and on a Cortex-M4: slices, the layer dump, the weights' section.

use mcompc_driver::{self as driver, Compiled, Firmware, Request, Silent};
use mcompc_emu::Program;
use mcompc_ir::Tensor;
use mcompc_suite::{MODELS, Model, Prepared, RARE, prepare};
use mcompc_target::{Backend, Target};

/// A compiled model and the text of its headers.
struct Package {
    compiled: Compiled,
    headers: Vec<(String, String)>,
}

fn package(m: Model, target: &str, firmware: Firmware) -> Option<(Package, Vec<Vec<Tensor>>)> {
    let Prepared { front, quantized, inputs, .. } = prepare(&m, &m.path()?, 1).unwrap();
    let target = Target::by_name(target).unwrap();
    let backend = driver::default_backend(&target);
    let o = Request {
        model: m.path()?,
        command: None,
        target,
        backend,
        name: "net".into(),
        calib: None,
        inputs: vec![],
        dims: vec![],
        cut: Default::default(),
        states: Default::default(),
        range: mcompc_compress::RangeMethod::Mse,
        firmware,
        weights: Default::default(),
        acts: Default::default(),
        scheme: None,
        ask: None,
    };
    let built = driver::build("net", "0", &quantized.graph, (&o.target, backend), &o.firmware, &Silent).unwrap();
    let compiled = Compiled { front, quantized, built };
    let report = driver::describe(&o, &compiled, None).unwrap();
    let files = driver::package(&o, &compiled, &report).unwrap();
    let headers = files.into_iter().filter(|f| f.path.ends_with(".h")).map(|f| (f.path, String::from_utf8(f.bytes).unwrap())).collect();
    Some((Package { compiled, headers }, inputs))
}

impl Package {
    fn program(&self, machine: &str, main: String) -> Program {
        let mut p = Program::new(machine, main).object("net.o", self.compiled.built.object.clone()).flag("-Werror");
        for (name, text) in &self.headers {
            p = p.header(name, text);
        }
        p
    }
}

/// Names of the entry function's tensors as the header has them, declared as buffers, and the argument list.
fn buffers(p: &Package) -> (String, String, Vec<String>) {
    let (inputs, outputs) = driver::specs(&p.compiled.front, &p.compiled.quantized.graph).unwrap();
    let names = mcompc_package::Names::new("net", &inputs, &outputs);
    let all: Vec<(&str, String)> = inputs
        .iter()
        .zip(&names.inputs)
        .chain(outputs.iter().zip(&names.outputs))
        .map(|(t, n)| (if t.dtype == mcompc_ir::DType::U8 { "uint8_t" } else { "int8_t" }, n.upper.clone()))
        .collect();
    let declared: String = all.iter().enumerate().map(|(i, (ty, upper))| format!("static {ty} b{i}[NET_{upper}_ELEMS];\n")).collect();
    let args: Vec<String> = (0..all.len()).map(|i| format!("b{i}")).chain(["arena".into()]).collect();
    let outs = (inputs.len()..all.len()).map(|i| format!("b{i}")).collect();
    let reads: String = (0..inputs.len()).map(|i| format!("    emu_read(b{i}, sizeof b{i});\n")).collect();
    (format!("{declared}static void read_inputs(void) {{\n{reads}}}\n"), args.join(", "), outs)
}

/// Dumps every layer, then runs the plain entry and the slices over soiled buffers, and writes all of it.
fn main_c(p: &Package) -> String {
    let (declared, args, outs) = buffers(p);
    let soil: String = outs.iter().map(|b| format!("    fill({b}, sizeof {b});\n")).collect();
    let write: String = outs.iter().map(|b| format!("    emu_write({b}, sizeof {b});\n")).collect();
    format!(
        r#"#include "emu.h"
#include "net_layers.h"
static _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES];
{declared}
static void fill(void *p, size_t n) {{ while (n--) ((volatile unsigned char *)p)[n] = 0x5a; }}
static void soil(void) {{
    fill(arena, sizeof arena);
{soil}}}
static void write_outputs(void) {{
{write}}}
static int32_t seen;
static void layer(void *user, int32_t i, const void *data, int32_t bytes) {{
    if (user != &seen || i != seen++ || bytes != net_layers[i].bytes) emu_exit(50);
    emu_write(data, (size_t)bytes);
}}
int emu_main(void) {{
    read_inputs();
    soil();
    if (net_run_dump({args}, layer, &seen) || seen != NET_LAYERS) return 1;
    write_outputs();
    soil();
    if (net_run({args})) return 2;
    write_outputs();
    soil();
    for (int32_t i = 0; i < NET_SLICES; i++)
        if (net_run_slice(i, {args})) return 3;
    write_outputs();
    soil();
    if (net_run_slice(NET_SLICES, {args}) != -1 || net_run_slice(-1, {args}) != -1) return 4;
    for (size_t i = 0; i < sizeof arena; i++)
        if (arena[i] != 0x5a) return 5;
    return 0;
}}
"#
    )
}

fn targets() -> &'static [&'static str] {
    if cfg!(feature = "mlir") { &["host", "cortex-m4"] } else { &["host"] }
}

#[test]
fn every_layer_is_dumped_and_slices_give_the_same_bytes() {
    for m in [MODELS[0], MODELS[2]].into_iter().chain(RARE.iter().copied()) {
        for target in targets() {
            let firmware = Firmware { slices: true, layer_dump: true, ..Firmware::default() };
            let Some((p, inputs)) = package(m, target, firmware) else { continue };
            let program =
                p.program(target, main_c(&p)).flag("-std=c11").flag("-Wextra").build().unwrap_or_else(|e| panic!("{}: {e}", m.name()));
            let x = inputs.last().unwrap();
            let g = &p.compiled.quantized.graph;
            let trace = mcompc_interp::run_all(g, x).unwrap();
            let bytes: Vec<u8> = x.iter().flat_map(|t| t.bytes().to_vec()).collect();
            let run = program.run(&bytes).unwrap_or_else(|e| panic!("{} on {target}: {e}", m.name()));
            let mut rest = run.output.as_slice();
            let mut next = |what: &str, want: &[u8]| {
                let (have, tail) = rest.split_at(want.len());
                assert!(have == want, "{} on {target}: {what} differs", m.name());
                rest = tail;
            };
            let layers = &p.compiled.built.lowered.layers;
            assert!(layers.len() > 3 && p.compiled.built.lowered.slices >= layers.len());
            for l in layers {
                next(&l.name, trace.values[&l.value].bytes());
            }
            for round in ["dump", "plain entry", "slices"] {
                trace.outputs.iter().for_each(|t| next(round, t.bytes()));
            }
            assert!(rest.is_empty());
        }
    }
}

#[test]
fn a_build_without_slices_has_none() {
    let (p, _) = package(MODELS[0], "host", Firmware::default()).unwrap();
    let names: Vec<&str> = p.headers.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["net.h"]);
    assert!(!p.headers[0].1.contains("slice") && p.compiled.built.lowered.slices == 0);
    assert!(p.compiled.built.lowered.module.func("net_run_slice").is_none());
}

#[cfg(feature = "mlir")]
/// Places the section in memory of its own, as a board with external flash would.
const SCRIPT: &str = "MEMORY { EXTERNAL (r) : ORIGIN = 0x00300000, LENGTH = 1M }\n\
    SECTIONS { .nn_weights : { nn_weights_begin = .; KEEP(*(.nn_weights)) nn_weights_end = .; } > EXTERNAL } INSERT AFTER .rodata;\n";

#[cfg(feature = "mlir")]
#[test]
fn weights_run_from_where_a_linker_script_puts_them() {
    let firmware = Firmware { weights_section: Some(".nn_weights".into()), ..Firmware::default() };
    let (p, inputs) = package(MODELS[0], "cortex-m4", firmware).unwrap();
    let (declared, args, outs) = buffers(&p);
    let main = format!(
        "#include \"emu.h\"\n#include \"net.h\"\nextern const char nn_weights_begin[], nn_weights_end[];\n\
         static _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES];\n{declared}\
         int emu_main(void) {{\n    read_inputs();\n    if (net_run({args})) return 1;\n    emu_write({out}, sizeof {out});\n    \
         uint32_t at[2] = {{(uint32_t)(uintptr_t)nn_weights_begin, (uint32_t)(nn_weights_end - nn_weights_begin)}};\n    emu_write(at, sizeof at);\n    return 0;\n}}\n",
        out = outs[0]
    );
    let program = p.program("cortex-m4", main).header("weights.ld", SCRIPT).flag("-Wl,-T,weights.ld").build().unwrap();
    let x = &inputs[0];
    let run = program.run(x[0].bytes()).unwrap();
    let want = mcompc_interp::run(&p.compiled.quantized.graph, x).unwrap();
    let (have, at) = run.output.split_at(want[0].bytes().len());
    assert_eq!(have, &want[0].bytes()[..]);
    let number = |i: usize| u32::from_le_bytes(at[4 * i..][..4].try_into().unwrap());
    let weights: usize = p.compiled.built.lowered.module.data.iter().filter(|d| d.weights).map(|d| d.bytes.len()).sum();
    assert_eq!(number(0), 0x0030_0000);
    assert!(number(1) as usize >= weights && weights > 1000, "{} bytes for {weights} of weights", number(1));
}

#[test]
fn weights_are_in_the_section_that_is_asked_for() {
    use object::{Object, ObjectSection, SectionFlags};
    for (target, backend) in [
        ("x86_64", Backend::Cranelift),
        ("x86_64", Backend::Mlir),
        ("cortex-m4", Backend::Mlir),
        ("aarch64-apple-ios", Backend::Cranelift),
        ("aarch64-apple-ios", Backend::Mlir),
    ] {
        if backend == Backend::Mlir && !cfg!(feature = "mlir") {
            continue;
        }
        let t = Target::by_name(target).unwrap();
        let name = if t.is_macho() { "__TEXT,__weights" } else { ".nn_weights" };
        let firmware = Firmware { weights_section: Some(name.into()), ..Firmware::default() };
        let m = MODELS[0];
        let p = prepare(&m, &m.path().unwrap(), 1).unwrap();
        let built = driver::build("net", "0", &p.quantized.graph, (&t, backend), &firmware, &Silent).unwrap();
        let file = object::File::parse(&*built.object).unwrap();
        let section = file.section_by_name(name.rsplit(',').next().unwrap()).unwrap();
        let (data, mut found) = (section.data().unwrap(), 0);
        for d in built.lowered.module.data.iter().filter(|d| d.weights) {
            assert!(data.windows(d.bytes.len()).any(|w| w == d.bytes), "{target} {backend:?}: {}", d.name);
            found += d.bytes.len();
        }
        assert!(found > 1000 && data.len() < found + found / 4, "{target}: {} bytes for {found}", data.len());
        match section.flags() {
            // SHF_ALLOC alone: neither writable nor executable.
            SectionFlags::Elf { sh_flags, .. } => assert_eq!(sh_flags.0, 2, "{target} {backend:?}"),
            SectionFlags::MachO { flags, .. } => assert_eq!(flags.0 & 0xff, 0, "regular"),
            other => panic!("{other:?}"),
        }
    }
}

/// Every target compiles by the back end it gets when none is asked for, to an object of its own architecture.
#[test]
fn every_target_compiles_by_its_default_back_end() {
    use object::{Architecture, Object};
    let m = MODELS[0];
    let p = prepare(&m, &m.path().unwrap(), 1).unwrap();
    let build = |t: &Target| driver::build("net", "0", &p.quantized.graph, (t, driver::default_backend(t)), &Firmware::default(), &Silent);
    let mut compiled = 0;
    for t in Target::all().unwrap() {
        let mlir = driver::default_backend(&t) == Backend::Mlir;
        let other = t.machine_cranelift.is_some() || t.machine_small.is_some();
        assert_eq!(mlir, cfg!(feature = "mlir") || !other, "{}", t.name);
        if mlir && !cfg!(feature = "mlir") {
            continue;
        }
        let built = build(&t).unwrap_or_else(|e| panic!("{}: {e}", t.name));
        let want = match t.arch() {
            "x86_64" => Architecture::X86_64,
            "aarch64" => Architecture::Aarch64,
            "riscv64" => Architecture::Riscv64,
            "riscv32" => Architecture::Riscv32,
            _ => Architecture::Arm,
        };
        assert_eq!(object::File::parse(&*built.object).unwrap().architecture(), want, "{}", t.name);
        compiled += 1;
    }
    assert!(compiled >= 8);
    // The folder that the guide shows.
    let read = |path: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap();
    let guide = read("docs/adding-a-target.md");
    let text = guide.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let new = Target::from_toml("cortex-m85", text).unwrap();
    assert_eq!(text, read("targets/cortex-m85/target.toml"));
    assert_eq!(new.machine(Backend::Mlir).unwrap().isa, "armv8.1-m-mve");
    if cfg!(feature = "mlir") {
        build(&new).unwrap();
    }
}

/// Stack of one inference on Cortex-M4, in bytes; 64 is the least the board tells apart.
#[cfg(feature = "mlir")]
#[test]
fn the_stack_stays_small() {
    for &m in &MODELS[..5] {
        let Some((p, inputs)) = package(m, "cortex-m4", Firmware { slices: true, ..Firmware::default() }) else { continue };
        let (declared, args, _) = buffers(&p);
        let main = format!(
            "#include \"emu.h\"\n#include \"net.h\"\nstatic _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES];\n{declared}\
             int emu_main(void) {{\n    read_inputs();\n    emu_stack_paint();\n    if (net_run({args})) return 1;\n    uint32_t used[2] = {{emu_stack_used(), 0}};\n    \
             emu_stack_paint();\n    for (int32_t i = 0; i < NET_SLICES; i++)\n        if (net_run_slice(i, {args})) return 2;\n    used[1] = emu_stack_used();\n    \
             emu_write(used, sizeof used);\n    return 0;\n}}\n"
        );
        let x: Vec<u8> = inputs[0].iter().flat_map(|t| t.bytes().to_vec()).collect();
        let run = p.program("cortex-m4", main).build().unwrap().run(&x).unwrap();
        let used = [0, 4].map(|i| u32::from_le_bytes(run.output[i..i + 4].try_into().unwrap()));
        println!("{}: {} bytes of stack, {} in slices", m.name(), used[0], used[1]);
        assert!(used.iter().all(|&u| (64..=1024).contains(&u)), "{}: {used:?} bytes of stack", m.name());
    }
}
