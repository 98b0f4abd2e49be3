//! Data files as the compiler reads them.

use crate::samples::Column;
use mcompc_ir::{Code, DType, Error, Result};
use npyz::WriterBuilder;
use std::path::Path;

/// Writes the samples of every input under its name.
///
/// # Errors
/// `Io`.
pub fn write(path: &Path, names: &[String], columns: &[Column]) -> Result<()> {
    let io = |e: std::io::Error| Error::new(Code::Io, format!("{}: {e}", path.display()));
    let mut npz = npyz::npz::NpzWriter::create(path).map_err(io)?;
    for (name, column) in names.iter().zip(columns) {
        let Some(first) = column.data.first() else { continue };
        let mut shape = vec![column.data.len() as u64];
        shape.extend(first.shape.iter().map(|&d| d as u64));
        macro_rules! array {
            ($t:ty, $as:ident) => {{
                let array = npz.array::<$t>(name, Default::default()).map_err(io)?;
                let mut writer = array.default_dtype().shape(&shape).begin_nd().map_err(io)?;
                for t in &column.data {
                    writer.extend(t.$as()?.iter().copied()).map_err(io)?;
                }
                writer.finish().map_err(io)?;
            }};
        }
        match first.dtype {
            DType::U8 => array!(u8, as_u8),
            DType::I8 => array!(i8, as_i8),
            _ => array!(f32, as_f32),
        }
    }
    Ok(())
}
