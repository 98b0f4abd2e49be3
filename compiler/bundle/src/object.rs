//! ELF relocatable objects with data, and with code that is assembled already.

use crate::{Arch, Stub, internal};
use mcompc_ir::Result;
use object::write::{Object, Relocation, Symbol, SymbolId, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope, elf};
use std::collections::BTreeMap;

/// A distance that a datum holds, 32 bits: where it stands, and the symbol it leads to.
pub(crate) type Distance = (u64, String);

/// An object under construction.
pub(crate) struct Writer {
    object: Object<'static>,
    symbols: BTreeMap<String, SymbolId>,
    distance: elf::RelocationType,
}

impl Writer {
    /// For an ELF ABI.
    ///
    /// # Errors
    /// E009 for Mach-O.
    pub(crate) fn new(arch: Arch) -> Result<Self> {
        let (architecture, distance) = match arch {
            Arch::X86_64 => (Architecture::X86_64, elf::R_X86_64_PC32),
            Arch::Aarch64 => (Architecture::Aarch64, elf::R_AARCH64_PREL32),
            Arch::Arm => (Architecture::Arm, elf::R_ARM_REL32),
            Arch::MachO => return Err(internal("no object of this crate is Mach-O")),
        };
        let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        if arch == Arch::Arm {
            // Linkers refuse to mix versions of the ABI, and none is one too.
            object.flags = FileFlags::Elf { os_abi: elf::ELFOSABI_NONE, abi_version: 0, e_flags: elf::EF_ARM_EABI_VER5 };
        }
        // Without it linkers take the stack to be executable.
        object.add_section(vec![], b".note.GNU-stack".to_vec(), SectionKind::Linker);
        Ok(Self { object, symbols: BTreeMap::new(), distance })
    }

    /// The symbol of a name, undefined as long as nothing defines it. An undefined one says nothing of its visibility: it would hide the
    /// definition in another object.
    fn symbol(&mut self, name: &str) -> SymbolId {
        let object = &mut self.object;
        *self.symbols.entry(name.to_owned()).or_insert_with(|| {
            object.add_symbol(Symbol {
                name: name.into(),
                value: 0,
                size: 0,
                kind: SymbolKind::Unknown,
                scope: SymbolScope::Unknown,
                weak: false,
                section: SymbolSection::Undefined,
                flags: SymbolFlags::None,
            })
        })
    }

    /// The symbol of a definition, hidden outside the library that the object becomes part of unless it is exported.
    fn defined(&mut self, name: &str, kind: SymbolKind) -> SymbolId {
        let id = self.symbol(name);
        let symbol = self.object.symbol_mut(id);
        symbol.kind = kind;
        if symbol.scope == SymbolScope::Unknown {
            symbol.scope = SymbolScope::Linkage;
        }
        id
    }

    /// Makes a symbol visible outside the library that the object becomes part of.
    pub(crate) fn export(&mut self, name: &str) {
        let id = self.symbol(name);
        self.object.symbol_mut(id).scope = SymbolScope::Dynamic;
    }

    /// Read-only data in a section of their own.
    pub(crate) fn data(&mut self, name: &str, bytes: &[u8], align: u64, distances: &[Distance]) -> Result<()> {
        let section = self.object.add_section(vec![], format!(".rodata.{name}").into_bytes(), SectionKind::ReadOnlyData);
        let id = self.defined(name, SymbolKind::Data);
        self.object.add_symbol_data(id, section, bytes, align.max(1));
        for (offset, to) in distances {
            let symbol = self.symbol(to);
            let flags = RelocationFlags::Elf { r_type: self.distance };
            self.object.add_relocation(section, Relocation { offset: *offset, symbol, addend: 0, flags }).map_err(internal)?;
        }
        Ok(())
    }

    /// Memory that is zero at first.
    pub(crate) fn zeros(&mut self, name: &str, size: u64) {
        let section = self.object.add_section(vec![], format!(".bss.{name}").into_bytes(), SectionKind::UninitializedData);
        let id = self.defined(name, SymbolKind::Data);
        self.object.add_symbol_bss(id, section, size, size);
    }

    /// Assembled code, its symbols under other names.
    pub(crate) fn stub(&mut self, section: &str, stub: &Stub, name: &dyn Fn(&str) -> String) -> Result<()> {
        let section = self.object.add_section(vec![], format!(".text.{section}").into_bytes(), SectionKind::Text);
        self.object.append_section_data(section, &stub.code, 16);
        for (i, (s, at)) in stub.symbols.iter().enumerate() {
            let id = self.defined(&name(s), SymbolKind::Text);
            let end = stub.symbols.get(i + 1).map_or(stub.code.len() as u64, |n| n.1);
            let symbol = self.object.symbol_mut(id);
            symbol.section = SymbolSection::Section(section);
            (symbol.value, symbol.size) = (*at, end - at);
        }
        for (offset, r_type, to, addend) in &stub.relocations {
            let symbol = self.symbol(&name(to));
            let flags = RelocationFlags::Elf { r_type: elf::RelocationType(*r_type) };
            let relocation = Relocation { offset: *offset, symbol, addend: *addend, flags };
            self.object.add_relocation(section, relocation).map_err(internal)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.object.write().map_err(internal)
    }
}
