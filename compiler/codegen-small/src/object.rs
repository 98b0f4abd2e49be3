//! The ELF object: a section for each function and each datum, so that a linker drops what nobody uses.

use crate::asm::{Symbol, Text};
use crate::isa::Isa;
use crate::{Options, backend};
use mcompc_ir::Result;
use mcompc_kernel::Module;
use object::write::{Object, Relocation, SectionId, Symbol as Sym, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
    elf,
};
use std::collections::BTreeMap;

fn symbol(name: &str, kind: SymbolKind, export: bool, section: SymbolSection, value: u64, size: u64) -> Sym {
    let scope = if export { SymbolScope::Linkage } else { SymbolScope::Compilation };
    Sym { name: name.into(), value, size, kind, scope, weak: false, section, flags: SymbolFlags::None }
}

/// The bytes of the object.
pub(crate) fn write(module: &Module, isa: &Isa, texts: Vec<Text>, options: &Options) -> Result<Vec<u8>> {
    let arch = if isa.is_thumb() { Architecture::Arm } else { Architecture::Riscv32 };
    let mut o = Object::new(BinaryFormat::Elf, arch, Endianness::Little);
    let e_flags = if isa.is_thumb() { elf::EF_ARM_EABI_VER5 } else { elf::EF_RISCV_RVC };
    o.flags = FileFlags::Elf { os_abi: elf::ELFOSABI_NONE, abi_version: 0, e_flags };
    let mut data: Vec<SymbolId> = vec![];
    let mut sections: BTreeMap<String, SectionId> = BTreeMap::new();
    for d in &module.data {
        let name = match &options.weights_section {
            Some(s) if d.weights => s.clone(),
            _ => format!(".rodata.{}", d.name),
        };
        let section = *sections.entry(name.clone()).or_insert_with(|| o.add_section(vec![], name.into_bytes(), SectionKind::ReadOnlyData));
        let at = o.append_section_data(section, &d.bytes, d.align.max(1).into());
        data.push(o.add_symbol(symbol(&d.name, SymbolKind::Data, d.export, SymbolSection::Section(section), at, d.bytes.len() as u64)));
    }
    let align = if isa.is_thumb() { 4 } else { 2 };
    let mut funcs: Vec<(SectionId, SymbolId)> = vec![];
    for (f, text) in module.funcs.iter().zip(&texts) {
        let section = o.add_section(vec![], format!(".text.{}", f.name).into_bytes(), SectionKind::Text);
        o.append_section_data(section, &text.bytes, align);
        // Bit 0 of an Arm function's address says Thumb.
        let value = u64::from(isa.is_thumb());
        let here = SymbolSection::Section(section);
        let id = o.add_symbol(symbol(&f.name, SymbolKind::Text, f.export, here, value, text.bytes.len() as u64));
        funcs.push((section, id));
        if isa.is_thumb() {
            map(&mut o, section, text);
        }
    }
    for ((section, _), text) in funcs.iter().zip(&texts) {
        let mut places: BTreeMap<u32, SymbolId> = BTreeMap::new();
        for r in &text.relocs {
            let target = match r.symbol {
                Symbol::Func(n) => funcs[n as usize].1,
                Symbol::Data(n) => data[n as usize],
                Symbol::Here(at) => *places.entry(at).or_insert_with(|| {
                    o.add_symbol(symbol(".Lpcrel", SymbolKind::Label, false, SymbolSection::Section(*section), at.into(), 0))
                }),
            };
            // Arm's relocations find the addend in the instruction or word.
            let addend = if isa.is_thumb() { 0 } else { r.addend };
            let flags = RelocationFlags::Elf { r_type: elf::RelocationType(r.kind) };
            o.add_relocation(*section, Relocation { offset: r.at.into(), symbol: target, addend, flags }).map_err(|e| backend("-", e))?;
        }
    }
    let (name, kind, bytes) = if isa.is_thumb() { arm_attributes(isa) } else { riscv_attributes() };
    let section = o.add_section(vec![], name.into(), SectionKind::Metadata);
    o.section_mut(section).flags = SectionFlags::Elf { sh_type: kind, sh_flags: elf::SectionFlags(0) };
    o.append_section_data(section, &bytes, 1);
    // No part of the code wants an executable stack.
    let note = o.add_section(vec![], b".note.GNU-stack".to_vec(), SectionKind::Metadata);
    o.section_mut(note).flags = SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SectionFlags(0) };
    o.write().map_err(|e| backend("-", e))
}

/// Mapping symbols: where instructions and where constants begin (ELF for the Arm Architecture, 5.5.5).
fn map(o: &mut Object, section: SectionId, text: &Text) {
    let mut mark = |name: &str, at: u32| {
        let s = symbol(name, SymbolKind::Unknown, false, SymbolSection::Section(section), at.into(), 0);
        o.add_symbol(Sym { flags: SymbolFlags::Elf { st_info: elf::STB_LOCAL | elf::STT_NOTYPE, st_other: elf::SymbolOther(0) }, ..s });
    };
    mark("$t", 0);
    for (from, to) in &text.pools {
        mark("$d", *from);
        if (*to as usize) < text.bytes.len() {
            mark("$t", *to);
        }
    }
}

/// A subsection of attributes for the whole file.
fn attributes(vendor: &str, body: &[u8]) -> Vec<u8> {
    let file = 5 + body.len() as u32;
    let all = 4 + vendor.len() as u32 + 1 + file;
    let mut out = vec![b'A'];
    out.extend(all.to_le_bytes());
    out.extend(vendor.as_bytes());
    out.extend([0, 1]);
    out.extend(file.to_le_bytes());
    out.extend(body);
    out
}

/// Build attributes (Addenda to, and errata in, the ABI for the Arm Architecture, 3.3).
fn arm_attributes(isa: &Isa) -> (&'static str, elf::SectionType, Vec<u8>) {
    let thumb = match isa.arm_arch {
        12 => 1,
        17 => 3,
        _ => 2,
    };
    // Tags: CPU_arch, CPU_arch_profile, THUMB_ISA_use, ABI_align_needed, ABI_align_preserved, ABI_VFP_args (no function takes or
    // returns a floating-point number: compatible with both), CPU_unaligned_access, DSP_extension.
    let mut body = vec![6, isa.arm_arch, 7, b'M', 9, thumb, 24, 1, 25, 1, 28, 3, 34, isa.unaligned.into()];
    if isa.arm_arch == 17 && isa.dsp {
        body.extend([46, 1]);
    }
    (".ARM.attributes", elf::SHT_ARM_ATTRIBUTES, attributes("aeabi", &body))
}

/// Attributes of the RISC-V ELF psABI: stack_align, arch.
fn riscv_attributes() -> (&'static str, elf::SectionType, Vec<u8>) {
    let mut body = vec![4, 16, 5];
    body.extend(b"rv32i2p1_m2p0_c2p0\0");
    (".riscv.attributes", elf::SHT_RISCV_ATTRIBUTES, attributes("riscv", &body))
}
