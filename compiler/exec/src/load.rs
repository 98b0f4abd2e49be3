//! Sections into one map, symbols to addresses.

use crate::members::members;
use crate::reloc::{self, Patch};
use mcompc_ir::{Code, Error, Result};
use memmap2::{Mmap, MmapMut};
use object::read::elf::ElfFile64;
use object::{Architecture, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SectionKind};
use std::collections::BTreeMap;

/// An object in executable memory.
#[derive(Debug)]
pub struct Loaded {
    map: Mmap,
    /// Exported functions: offsets in the map.
    functions: BTreeMap<String, usize>,
}

/// A section or symbol: number of the object, and its index there.
type Id = (usize, usize);

/// Where things are going to be.
struct Layout {
    /// Offsets of loaded sections.
    sections: BTreeMap<Id, usize>,
    /// Slots of addresses for code that reads them from a table, by symbol.
    table: BTreeMap<Id, usize>,
    /// Global symbols that are defined.
    globals: BTreeMap<String, Id>,
    len: usize,
}

impl Loaded {
    /// Maps an ELF64 relocatable object, or all objects of a static library, whose global symbols find each other.
    ///
    /// # Errors
    /// [`Code::Backend`]: not such an object, another architecture, an undefined symbol, writable data, an unknown relocation;
    /// [`Code::Io`] where the system refuses memory.
    pub fn new(object: &[u8]) -> Result<Loaded> {
        let wrong = |m: String| Error::new(Code::Backend, format!("loading the object: {m}"));
        let parse = |b| ElfFile64::parse(b).map_err(|e| wrong(e.to_string()));
        let files: Vec<ElfFile64<'_>> = members(object).map_err(wrong)?.into_iter().map(parse).collect::<Result<_>>()?;
        let arch = match std::env::consts::ARCH {
            "x86_64" => Architecture::X86_64,
            "aarch64" => Architecture::Aarch64,
            "riscv64" => Architecture::Riscv64,
            a => return Err(wrong(format!("this computer ({a}) has no loader"))),
        };
        if let Some(file) = files.iter().find(|f| f.architecture() != arch) {
            return Err(wrong(format!("it is for {:?}, this computer is {arch:?}", file.architecture())).hint("run it under qemu-user"));
        }
        let layout = lay_out(&files).map_err(wrong)?;
        let io = |e: std::io::Error| Error::new(Code::Io, format!("mapping {} bytes of code: {e}", layout.len));
        let mut map = MmapMut::map_anon(layout.len.max(1)).map_err(io)?;
        for (f, file) in files.iter().enumerate() {
            for s in file.sections() {
                if let Some(&at) = layout.sections.get(&(f, s.index().0)) {
                    let data = s.data().map_err(|e| wrong(e.to_string()))?;
                    map[at..at + data.len()].copy_from_slice(data);
                }
            }
        }
        let base = map.as_ptr() as u64;
        for (&symbol, &slot) in &layout.table {
            let to = base + place(&files, &layout, symbol).map_err(wrong)? as u64;
            map[slot..slot + 8].copy_from_slice(&to.to_le_bytes());
        }
        for f in 0..files.len() {
            relocate(&files, f, &layout, &mut map, arch).map_err(wrong)?;
        }
        let at = |(name, &id): (&String, &Id)| Some((name.clone(), place(&files, &layout, id).ok()?));
        let functions = layout.globals.iter().filter_map(at).collect();
        let map = map.make_exec().map_err(io)?;
        Ok(Loaded { map, functions })
    }

    /// Names of the global symbols, in order.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Contents of the map from a global symbol on, for data.
    pub fn data(&self, symbol: &str) -> Option<&[u8]> {
        self.map.get(*self.functions.get(symbol)?..)
    }

    pub(crate) fn function(&self, symbol: &str) -> Option<*const u8> {
        self.data(symbol).map(<[u8]>::as_ptr)
    }
}

fn lay_out(files: &[ElfFile64<'_>]) -> std::result::Result<Layout, String> {
    let mut l = Layout { sections: BTreeMap::new(), table: BTreeMap::new(), globals: BTreeMap::new(), len: 0 };
    for (f, s) in files.iter().enumerate().flat_map(|(f, file)| file.sections().map(move |s| (f, s))) {
        match s.kind() {
            SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString | SectionKind::ReadOnlyDataWithRel => {
                l.len = l.len.next_multiple_of((s.align() as usize).clamp(64, 4096));
                l.sections.insert((f, s.index().0), l.len);
                l.len += s.size() as usize;
            }
            SectionKind::Data | SectionKind::UninitializedData | SectionKind::Tls if s.size() > 0 => {
                return Err(format!("section `{}` is writable", s.name().unwrap_or("?")));
            }
            _ => {}
        }
    }
    l.len = l.len.next_multiple_of(8);
    for (f, file) in files.iter().enumerate() {
        for s in file.symbols().filter(|s| s.is_global() && s.is_definition()) {
            let name = s.name().map_err(|e| e.to_string())?;
            if l.globals.insert(name.to_string(), (f, s.index().0)).is_some() {
                return Err(format!("symbol `{name}` is defined twice"));
            }
        }
        for s in file.sections().filter(|s| l.sections.contains_key(&(f, s.index().0))) {
            for (_, r) in s.relocations() {
                if let (RelocationTarget::Symbol(i), RelocationFlags::Elf { r_type }) = (r.target(), r.flags())
                    && reloc::through_table(file.architecture(), r_type)
                    && !l.table.contains_key(&(f, i.0))
                {
                    l.table.insert((f, i.0), l.len);
                    l.len += 8;
                }
            }
        }
    }
    Ok(l)
}

/// Offset of a symbol in the map.
fn place(files: &[ElfFile64<'_>], l: &Layout, id: Id) -> std::result::Result<usize, String> {
    let symbol = |(f, i): Id| files[f].symbol_by_index(object::SymbolIndex(i)).map_err(|e| e.to_string());
    let (mut id, mut s) = (id, symbol(id)?);
    let name = s.name().unwrap_or("?").to_string();
    if let (true, Some(&other)) = (s.is_undefined(), l.globals.get(&name)) {
        (id, s) = (other, symbol(other)?);
    }
    let section = s.section_index().ok_or_else(|| format!("symbol `{name}` is undefined"))?;
    let at = l.sections.get(&(id.0, section.0)).ok_or_else(|| format!("symbol `{name}` is in a section that is not loaded"))?;
    Ok(at + s.address() as usize)
}

fn relocate(files: &[ElfFile64<'_>], f: usize, l: &Layout, map: &mut [u8], arch: Architecture) -> std::result::Result<(), String> {
    let file = &files[f];
    let base = map.as_ptr() as u64;
    // RISC-V splits an address over two instructions, and the second names the first: distances by place of the first.
    let mut high = BTreeMap::new();
    for round in 0..2 {
        for s in file.sections() {
            let Some(&at) = l.sections.get(&(f, s.index().0)) else { continue };
            for (offset, r) in s.relocations() {
                let RelocationFlags::Elf { r_type } = r.flags() else { return Err("a relocation that is not ELF's".into()) };
                if (round == 1) != reloc::names_another(arch, r_type) {
                    continue;
                }
                let RelocationTarget::Symbol(i) = r.target() else {
                    if reloc::ignored(arch, r_type) {
                        continue;
                    }
                    return Err(format!("relocation {r_type} has no symbol"));
                };
                let target = if reloc::through_table(arch, r_type) { l.table[&(f, i.0)] } else { place(files, l, (f, i.0))? };
                let p = at + offset as usize;
                let mut to = (base + target as u64).wrapping_add_signed(r.addend());
                if round == 1 {
                    to = *high.get(&target).ok_or("a low half without its high half")?;
                } else {
                    high.insert(p, to.wrapping_sub(base + p as u64));
                }
                let patch = Patch { arch, r_type, place: base + p as u64, to };
                reloc::apply(&patch, map.get_mut(p..).ok_or("a relocation outside its section")?)?;
            }
        }
    }
    Ok(())
}
