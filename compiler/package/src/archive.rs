//! The static library: one object, a symbol table, no time stamps.

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use mcompc_ir::{Code, Error, Result};
use std::io::Cursor;

/// `lib<name>.a` with the member `<name>.o`, in the format that the object's linkers expect: Darwin's for Mach-O, GNU's for ELF. Owner,
/// group and time are 0. E009 if the object does not parse.
pub fn archive(name: &str, object: &[u8]) -> Result<Vec<u8>> {
    // Magic numbers of 64-bit Mach-O, little-endian; no ELF file begins with them.
    let kind = if object.starts_with(&0xfeed_facf_u32.to_le_bytes()) { ArchiveKind::Darwin } else { ArchiveKind::Gnu };
    let member = NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, format!("{name}.o"));
    let mut out = Cursor::new(Vec::new());
    write_archive_to_stream(&mut out, &[member], kind, false, None)
        .map_err(|e| Error::new(Code::Internal, format!("the archive cannot be written: {e}")))?;
    Ok(out.into_inner())
}
