//! Files as byte slices: the model itself and the external data beside it.

use crate::limits::Limits;
use crate::proto::TensorProto;
use bytes::Bytes;
use mcompc_ir::{Code, Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

fn io(path: &Path, e: &std::io::Error) -> Error {
    Error::new(Code::Io, format!("{}: {e}", path.display())).hint("check that the path is right and readable")
}

/// Maps a regular file of at most `limits.file_bytes` bytes; nothing is copied.
///
/// `E001` when it cannot be read or is not a regular file, `E003` when it is too large.
pub(crate) fn map_file(path: &Path, limits: &Limits) -> Result<Bytes> {
    // Before opening: to open a FIFO would wait for its writer for ever.
    let meta = std::fs::metadata(path).map_err(|e| io(path, &e))?;
    if !meta.is_file() {
        return Err(Error::new(Code::Io, format!("{}: not a regular file", path.display())).hint("give the path of an .onnx file"));
    }
    Limits::check("bytes of the file", meta.len(), limits.file_bytes, "file_bytes")?;
    if meta.len() == 0 {
        return Ok(Bytes::new());
    }
    let file = File::open(path).map_err(|e| io(path, &e))?;
    let map = map_pages(&file).map_err(|e| io(path, &e))?;
    // The file may have grown between the two looks at it.
    Limits::check("bytes of the file", map.len() as u64, limits.file_bytes, "file_bytes")?;
    Ok(Bytes::from_owner(map))
}

#[allow(unsafe_code)]
fn map_pages(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the mapping is private and read-only, and no Rust reference outside the returned owner aliases it. What the operating
    // system leaves to the caller is that nobody shortens or rewrites the file while the compiler runs; that is a documented condition
    // of `import` (a linker or any other compiler that maps its inputs has the same one). `import_bytes` is without it.
    unsafe { memmap2::MmapOptions::new().map(file) }
}

/// The directory from which external data may come, and the files opened so far.
pub(crate) struct SideFiles<'a> {
    dir: Option<PathBuf>,
    limits: &'a Limits,
    open: BTreeMap<String, Bytes>,
}

impl<'a> SideFiles<'a> {
    /// External data beside `model`; `None` (a model given as bytes) has none.
    pub(crate) fn new(model: Option<&Path>, limits: &'a Limits) -> Self {
        let dir = model.map(|p| match p.parent() {
            Some(d) if !d.as_os_str().is_empty() => d.to_path_buf(),
            _ => PathBuf::from("."),
        });
        Self { dir, limits, open: BTreeMap::new() }
    }

    /// The `need` bytes of a tensor whose `data_location` is EXTERNAL.
    ///
    /// `E103` unless `location` is one plain file name in the model's own directory that is no link to elsewhere, and `offset` and
    /// `length` lie inside that file and agree with the tensor's type and dimensions.
    pub(crate) fn slice(&mut self, t: &TensorProto, need: usize) -> Result<Bytes> {
        let bad = |m: String| {
            Error::new(Code::ExternalData, m)
                .hint("external data must be one file beside the model; save the model again with its data inside or in the same directory")
        };
        let (mut location, mut offset, mut length) = (None, None, None);
        for e in &t.external_data {
            let (key, value) = (e.key.as_deref().unwrap_or(""), e.value.as_deref().unwrap_or(""));
            let number = || value.parse::<u64>().map_err(|_| bad(format!("external data: {key} `{value}` is not a number")));
            let twice = match key {
                "location" => location.replace(value).is_some(),
                "offset" => offset.replace(number()?).is_some(),
                "length" => length.replace(number()?).is_some(),
                _ => return Err(bad(format!("external data: key `{key}` is not supported"))),
            };
            if twice {
                return Err(bad(format!("external data: key `{key}` is given twice")));
            }
        }
        let location = location.ok_or_else(|| bad("external data without a location".into()))?;
        let file = self.file(location, &bad)?;
        let offset = offset.unwrap_or(0);
        let length = length.unwrap_or(need as u64);
        if length != need as u64 {
            return Err(bad(format!("external data: length {length}, but type and dimensions need {need} bytes")));
        }
        match offset.checked_add(length) {
            Some(end) if end <= file.len() as u64 => Ok(file.slice(offset as usize..end as usize)),
            _ => Err(bad(format!("external data: bytes {offset} and {length} more are outside `{location}` ({} bytes)", file.len()))),
        }
    }

    fn file(&mut self, location: &str, bad: &dyn Fn(String) -> Error) -> Result<Bytes> {
        if let Some(b) = self.open.get(location) {
            return Ok(b.clone());
        }
        let dir = self.dir.as_ref().ok_or_else(|| bad(format!("external data `{location}` of a model that was given as bytes")))?;
        let mut parts = Path::new(location).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(n)), None) if n == location);
        if !plain || location.contains(['\\', '\0', ':']) {
            return Err(bad(format!("external data location `{location}` is not a plain file name")));
        }
        let path = dir.join(location);
        let inside = |p: &Path| -> std::io::Result<bool> { Ok(p.canonicalize()?.parent() == Some(dir.canonicalize()?.as_path())) };
        match inside(&path) {
            Ok(true) => {}
            Ok(false) => return Err(bad(format!("external data `{location}` is a link out of the model's directory"))),
            Err(e) => return Err(bad(format!("external data `{location}`: {e}"))),
        }
        let bytes = map_file(&path, self.limits)?;
        self.open.insert(location.to_string(), bytes.clone());
        Ok(bytes)
    }
}
