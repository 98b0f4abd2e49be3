//! From variants to one entry function.

use crate::object::Writer;
use crate::{Arch, Slice, Stub};
use mcompc_ir::Result;
use mcompc_package::feature_masks;

/// Target name, where the variant's name stands in the library.
fn label(name: &str, i: usize) -> String {
    format!("{name}_variant_name{i}")
}

/// The objects of an ABI's part, by file names: the variants, their shared data, and the dispatcher with `<name>_run` and `<name>_variant`.
/// Together they have no undefined symbol. `info` becomes `<name>_info`.
///
/// # Errors
/// E009 for a feature that no table names.
pub fn objects(slice: &Slice, name: &str, info: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let own = |s: &str| s.replacen("MODEL", name, 1);
    let mut w = Writer::new(slice.abi.arch)?;
    let stub = match slice.abi.arch {
        Arch::X86_64 => "dispatch.x86_64",
        Arch::Aarch64 => "dispatch.aarch64",
        Arch::Arm => "dispatch.arm",
        Arch::MachO => return Err(crate::internal("nothing to choose from")),
    };
    w.stub(&own("MODEL_run"), &Stub::by_name(stub)?, &own)?;
    for s in ["MODEL_run", "MODEL_variant", "MODEL_info"] {
        w.export(&own(s));
    }
    let (mut table, mut distances) = (Vec::new(), Vec::new());
    let none = (vec![], own("MODEL_none"), String::new());
    let variant = |v: &crate::Variant| (v.target.requires.clone(), v.entry.clone(), v.target.name.clone());
    for (i, (requires, code, shown)) in slice.variants.iter().map(variant).chain([none]).enumerate() {
        table.extend(feature_masks(slice.abi.name, &requires)?.into_iter().flat_map(u32::to_le_bytes));
        for to in [code, label(name, i)] {
            distances.push((table.len() as u64, to));
            table.extend([0; 4]);
        }
        w.data(&label(name, i), format!("{shown}\0").as_bytes(), 1, &[])?;
    }
    w.data(&own("MODEL_table"), &table, 4, &distances)?;
    w.data(&own("MODEL_info"), format!("{info}\0").as_bytes(), 1, &[])?;
    if slice.abi.arch != Arch::Arm {
        w.zeros(&own("MODEL_chosen"), 8);
    }
    let mut all = vec![(format!("{name}.o"), w.finish()?)];
    all.extend(slice.variants.iter().map(|v| (format!("{}.o", v.entry), v.object.clone())));
    all.extend(shared_data(slice)?.map(|o| (format!("{name}_constants.o"), o)));
    Ok(all)
}

/// The object of the shared data; none without any.
fn shared_data(slice: &Slice) -> Result<Option<Vec<u8>>> {
    if slice.shared.is_empty() {
        return Ok(None);
    }
    constants(slice.abi.arch, &slice.shared).map(Some)
}

/// An object with nothing but data, as global symbols that are hidden outside the library.
///
/// # Errors
/// E009 where the object writer refuses.
pub fn constants(arch: Arch, data: &[mcompc_kernel::Data]) -> Result<Vec<u8>> {
    let mut w = Writer::new(arch)?;
    for d in data {
        w.data(&d.name, &d.bytes, u64::from(d.align), &[])?;
    }
    w.finish()
}
