//! What the sections of an object add up to.

use mcompc_ir::{Code, Error, Result};
use object::{Object, ObjectSection, SectionKind};

/// Bytes of machine code and of constant data that end up in flash. E009 if the object does not parse.
pub(crate) fn of_object(bytes: &[u8]) -> Result<(u64, u64)> {
    let file = object::File::parse(bytes).map_err(|e| Error::new(Code::Internal, format!("the object does not parse: {e}")))?;
    let (mut code, mut data) = (0, 0);
    for s in file.sections() {
        match s.kind() {
            SectionKind::Text => code += s.size(),
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString | SectionKind::ReadOnlyDataWithRel | SectionKind::Data => {
                data += s.size()
            }
            _ => {}
        }
    }
    Ok((code, data))
}
