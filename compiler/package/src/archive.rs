//! The static library: one object, a symbol table, no time stamps.

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use mcompc_ir::{Code, Error, Result};
use std::io::Cursor;

/// `lib<name>.a` in GNU format with the member `<name>.o`; owner, group and time are 0. E009 if the object does not parse.
pub fn archive(name: &str, object: &[u8]) -> Result<Vec<u8>> {
    let member = NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, format!("{name}.o"));
    let mut out = Cursor::new(Vec::new());
    write_archive_to_stream(&mut out, &[member], ArchiveKind::Gnu, false, None)
        .map_err(|e| Error::new(Code::Internal, format!("the archive cannot be written: {e}")))?;
    Ok(out.into_inner())
}
