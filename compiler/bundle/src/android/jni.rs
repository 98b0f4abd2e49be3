//! The natives of the class, and what it is told of the model.

use super::class::Class;
use crate::object::Writer;
use crate::{Arch, Stub, internal};
use mcompc_ir::{DType, Result};
use mcompc_package::{PackageInput, TensorSpec};
use std::fmt::Write as _;

/// Names in the stub, and of the class's methods.
pub(crate) const NATIVES: [(&str, &str); 4] =
    [("JNI_invoke", "invoke"), ("JNI_variant", "nameOfVariant"), ("JNI_meta", "meta"), ("JNI_skip", "skip")];

/// Alignment of everything in the block of an inference: that of any arena.
const ALIGN: usize = 128;

/// Where the arguments of the entry function lie in the block, in order, and its size.
fn places(p: &PackageInput) -> (Vec<usize>, usize) {
    let io = p.inputs.iter().chain(&p.outputs).map(|t| t.elems() * t.dtype.size());
    let mut end = 0_usize;
    let places = io
        .chain([p.arena_bytes])
        .map(|bytes| {
            let at = end.next_multiple_of(ALIGN);
            end = at + bytes;
            at
        })
        .collect();
    (places, end.next_multiple_of(ALIGN))
}

/// What the class reads: size of the block, then a line a tensor: `in` or `out`, name, type, dimensions, place, elements behind the channels,
/// scales, zero points.
fn meta(p: &PackageInput) -> String {
    let (places, size) = places(p);
    let mut s = format!("{size}");
    let kinds = p.inputs.iter().map(|t| ("in", t)).chain(p.outputs.iter().map(|t| ("out", t)));
    for ((kind, t), at) in kinds.zip(places) {
        let name: String = t.name.chars().map(|c| if (' '..='~').contains(&c) { c } else { '_' }).collect();
        let shape: Vec<String> = t.shape.iter().map(usize::to_string).collect();
        let _ = write!(s, "\n{kind}\t{name}\t{}\t{}\t{at}\t{}", type_name(t.dtype), shape.join(","), inner(t));
        if let Some(q) = &t.quant {
            let (scales, zeros) = q.lists();
            let list = |v: &[f64]| v.iter().map(|x| format!("{:e}", *x as f32)).collect::<Vec<_>>().join(",");
            let _ = write!(s, "\t{}\t{}", list(&scales), list(&zeros));
        }
    }
    s
}

/// Elements in a row that share a scale.
fn inner(t: &TensorSpec) -> usize {
    match &t.quant {
        Some(q) if q.parts() > 1 => t.shape.iter().skip(q.axis().unwrap_or(0) + 1).product(),
        _ => 1,
    }
}

fn type_name(d: DType) -> &'static str {
    match d {
        DType::U8 | DType::Bool => "u8",
        DType::I16 => "i16",
        DType::U16 => "u16",
        DType::I32 | DType::F32 => "i32",
        DType::I64 | DType::F64 => "i64",
        DType::I8 => "i8",
    }
}

/// The object with the natives.
///
/// # Errors
/// E009 for a block of 4 GiB and more, and where the object writer refuses.
pub(crate) fn object(p: &PackageInput, arch: Arch, class: &Class) -> Result<Vec<u8>> {
    let (stub, least) = match arch {
        Arch::X86_64 => ("jni.x86_64", 6),
        Arch::Aarch64 => ("jni.aarch64", 8),
        Arch::Arm => ("jni.arm", 4),
        Arch::MachO => return Err(internal("no ABI of Android's")),
    };
    let own = |s: &str| match NATIVES.iter().find(|n| n.0 == s) {
        Some((_, method)) => class.symbol(method),
        None => s.replacen("MODEL", &p.name, 1),
    };
    let mut w = Writer::new(arch)?;
    w.stub(&own("MODEL_jni"), &Stub::by_name(stub)?, &own)?;
    for (native, _) in NATIVES {
        w.export(&own(native));
    }
    let (mut places, _) = places(p);
    // Registers that no parameter has get an address that nobody reads.
    places.resize(places.len().max(least), 0);
    let mut table = (places.len() as u32).to_le_bytes().to_vec();
    for at in places {
        table.extend(u32::try_from(at).map_err(internal)?.to_le_bytes());
    }
    w.data(&own("MODEL_places"), &table, 4, &[])?;
    w.data(&own("MODEL_meta"), format!("{}\0", meta(p)).as_bytes(), 1, &[])?;
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_package::Sizes;
    use std::path::Path;
    use std::process::Command;

    /// More parameters than any calling convention has registers for.
    const INPUTS: usize = 7;
    const OUTPUTS: usize = 4;

    fn package() -> PackageInput {
        let spec =
            |kind: &str, i: usize| TensorSpec { name: format!("{kind}{i}\t"), dtype: DType::I16, shape: vec![1, 3 + i], quant: None };
        PackageInput {
            name: "net_x".into(),
            target: String::new(),
            arch: String::new(),
            variants: vec![],
            requires: vec![],
            os: None,
            object: vec![],
            inputs: (0..INPUTS).map(|i| spec("in", i)).collect(),
            outputs: (0..OUTPUTS).map(|i| spec("out", i)).collect(),
            states: vec![],
            forms: vec![],
            arena_bytes: 1000,
            arena_align: 64,
            sizes: Sizes::default(),
            slices: 0,
            coded: false,
            layers: vec![],
            model_hash: String::new(),
            version: String::new(),
            report_json: String::new(),
            report_html: String::new(),
        }
    }

    /// A JVM of three functions, and a model that says which addresses it was given.
    fn program() -> String {
        let n = INPUTS + OUTPUTS + 1;
        let params: Vec<String> = (0..n).map(|i| format!("char *a{i}")).collect();
        let given: String = (0..n).map(|i| format!("printf(\"%d \", (int)(a{i} - start)); ")).collect();
        let class = Class::of("net_x");
        let [invoke, variant, meta, skip] = NATIVES.map(|n| class.symbol(n.1));
        format!(
            "#include <stdio.h>\n#include <stdint.h>\nstatic char block[8192], *start; static int wrong;\n\
             int32_t net_x_run({}) {{ if ((uintptr_t)__builtin_dwarf_cfa() % (2 * sizeof(void *))) wrong = 1; {given} return 42; }}\n\
             const char *net_x_variant(void) {{ return \"best\"; }}\n\
             static void *address(void *env, void *buffer) {{ (void)env; return buffer; }}\n\
             static void *text(void *env, const char *s) {{ (void)env; printf(\"[%s] \", s); return (void *)s; }}\n\
             static const void *table[240]; static const void **env = table;\n\
             int32_t {invoke}(void *, void *, void *), {skip}(void *, void *, void *); void *{variant}(void *, void *), *{meta}(void *, void *);\n\
             int main(void) {{\n table[230] = (const void *)address; table[167] = (const void *)text;\n\
             for (int off = 5; off < 128; off += 61) {{ char *at = block + off; int s = {skip}(&env, 0, at); start = at + s;\n\
             if (s < 0 || s > 127 || (uintptr_t)start % 128) wrong = 2; if ({invoke}(&env, 0, at) != 42) wrong = 3; printf(\"\\n\"); }}\n\
             if ({invoke}(&env, 0, 0) != -1) wrong = 4;\n {variant}(&env, 0); {meta}(&env, 0); return wrong; }}\n",
            params.join(", ")
        )
    }

    fn run(dir: &Path, arch: Arch, compiler: &[&str], emulator: &[&str]) {
        for tool in [compiler[0]].into_iter().chain(emulator.first().copied()) {
            if !mcompc_interrupt::is_there(tool.as_ref()) {
                return println!("NOT RUN: {tool} is not installed");
            }
        }
        let p = package();
        std::fs::write(dir.join("jni.o"), object(&p, arch, &Class::of(&p.name)).unwrap()).unwrap();
        std::fs::write(dir.join("main.c"), program()).unwrap();
        let built =
            Command::new(compiler[0]).args(&compiler[1..]).args(["-O1", "main.c", "jni.o", "-o", "program"]).current_dir(dir).output();
        let built = built.unwrap();
        assert!(built.status.success(), "{arch:?}: {}", String::from_utf8_lossy(&built.stderr));
        let program = dir.join("program");
        let mut c = Command::new(emulator.first().map_or(program.as_os_str(), |e| e.as_ref()));
        c.args(emulator.iter().skip(1));
        if !emulator.is_empty() {
            c.arg(&program);
        }
        let done = c.output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let places = places(&p).0;
        let line: String = places.iter().map(|at| format!("{at} ")).collect::<String>() + "\n";
        assert_eq!((done.status.code(), said), (Some(0), format!("{}[best] [{}] ", line.repeat(3), meta(&p))), "{arch:?}");
        assert!(places.windows(2).all(|w| w[1] > w[0]) && places.iter().all(|p| p % ALIGN == 0));
    }

    #[test]
    fn natives_pass_more_arguments_than_there_are_registers() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        if std::env::consts::ARCH == "x86_64" {
            run(dir, Arch::X86_64, &["gcc"], &[]);
        }
        run(dir, Arch::Aarch64, &["aarch64-linux-gnu-gcc", "-static"], &["qemu-aarch64"]);
        let arm = ["arm-none-eabi-gcc", "-marm", "-march=armv7-a+simd", "-mfloat-abi=softfp", "--specs=rdimon.specs"];
        run(dir, Arch::Arm, &arm, &["qemu-arm", "-cpu", "max"]);
    }
}
