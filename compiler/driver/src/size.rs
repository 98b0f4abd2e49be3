//! What the sections of an object add up to.

use mcompc_ir::{Code, Error, Result};
use object::elf::SHF_ALLOC;
use object::{Object, ObjectSection, SectionFlags, SectionKind};

/// Bytes of machine code and of constant data that end up in flash. E009 if the object does not parse.
pub(crate) fn of_object(bytes: &[u8]) -> Result<(u64, u64)> {
    let file = object::File::parse(bytes).map_err(|e| Error::new(Code::Internal, format!("the object does not parse: {e}")))?;
    let (mut code, mut data) = (0, 0);
    for s in file.sections() {
        match s.kind() {
            SectionKind::Text => code += s.size(),
            SectionKind::UninitializedData => {}
            // Unwinding tables too: whatever the linker gives an address.
            _ if allocated(&s) => data += s.size(),
            _ => {}
        }
    }
    Ok((code, data))
}

/// Whether a section takes memory in the linked program.
fn allocated<'a>(s: &impl ObjectSection<'a>) -> bool {
    match s.flags() {
        SectionFlags::Elf { sh_flags, .. } => sh_flags.0 & SHF_ALLOC.0 != 0,
        _ => matches!(
            s.kind(),
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString | SectionKind::ReadOnlyDataWithRel | SectionKind::Data
        ),
    }
}
