//! Objects for Apple's systems, as their linkers read them. Nothing here runs them: their kernels are those of `aarch64-dotprod`.

use crate::ops::all;
use crate::support::object;
use mcompc_target::Target;
use object::macho::{MH_OBJECT, MH_SUBSECTIONS_VIA_SYMBOLS, PLATFORM_IOS, PLATFORM_MACOS};
use object::read::macho::{MachHeader, MachOFile64};
use object::{Architecture, LittleEndian, Object, ObjectSection, ObjectSymbol};
use std::process::Command;

#[test]
fn objects_for_apple_systems() {
    for (name, platform, oldest) in [("aarch64-apple-ios", PLATFORM_IOS, 15), ("aarch64-apple-darwin", PLATFORM_MACOS, 12)] {
        let bytes = object(&all(name).finished(), name);
        let file = MachOFile64::<LittleEndian>::parse(&*bytes).unwrap();
        assert_eq!(file.architecture(), Architecture::Aarch64);
        let header = file.macho_header();
        assert_eq!(header.filetype(LittleEndian), MH_OBJECT);
        // Linkers drop what nobody uses symbol by symbol.
        assert_ne!(header.flags(LittleEndian).0 & MH_SUBSECTIONS_VIA_SYMBOLS.0, 0);
        let mut commands = header.load_commands(LittleEndian, &*bytes, 0).unwrap();
        let mut versions = vec![];
        while let Some(c) = commands.next().unwrap() {
            if let Some(v) = c.build_version(LittleEndian).unwrap() {
                versions.push((v.0.platform.get(LittleEndian), v.0.minos.get(LittleEndian).0 >> 16));
            }
        }
        assert_eq!(versions, [(platform, oldest)], "{name}");
        let code = file.section_by_name("__text").unwrap();
        assert!(code.segment_name().unwrap() == Some("__TEXT") && code.size() > 2000);
        let table: Vec<u8> = (0..99).collect();
        assert!(file.section_by_name("__const").unwrap().data().unwrap().windows(99).any(|w| w == table));
        let entry = file.symbols().find(|s| s.name() == Ok("_all")).unwrap();
        assert!(entry.is_global() && entry.is_definition());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.o");
        std::fs::write(&path, &bytes).unwrap();
        let out = Command::new("llvm-objdump-22").args(["-d", "--mattr=+dotprod"]).arg(&path).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let row = Target::by_name(name).unwrap().machine(mcompc_target::Backend::Mlir).unwrap().row().clone();
        assert!(text.contains("<_all>:") && text.contains(&row.mnemonic), "{text}");
    }
}
