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
