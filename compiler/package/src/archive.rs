//! The static library: objects, a symbol table, no time stamps.

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use mcompc_ir::{Code, Error, Result};
use std::io::Cursor;

/// `lib<name>.a` with the member `<name>.o`: see [`archive_of`].
///
/// # Errors
/// E009 if the object does not parse.
pub fn archive(name: &str, object: &[u8]) -> Result<Vec<u8>> {
    archive_of(&[(&format!("{name}.o"), object)])
}

/// A static library of members by their names, in the format that the objects' linkers expect: Darwin's for Mach-O, GNU's for ELF. Owner,
/// group and time are 0.
///
/// # Errors
/// E009 if an object does not parse.
pub fn archive_of(members: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    // Magic numbers of 64-bit Mach-O, little-endian; no ELF file begins with them.
    let macho = members.iter().any(|(_, o)| o.starts_with(&0xfeed_facf_u32.to_le_bytes()));
    let kind = if macho { ArchiveKind::Darwin } else { ArchiveKind::Gnu };
    let members: Vec<NewArchiveMember<'_>> =
        members.iter().map(|&(name, object)| NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, name.to_owned())).collect();
    let mut out = Cursor::new(Vec::new());
    write_archive_to_stream(&mut out, &members, kind, false, None)
        .map_err(|e| Error::new(Code::Internal, format!("the archive cannot be written: {e}")))?;
    Ok(out.into_inner())
}
