//! One array as a stream of bytes: a whole `.npy` file or an entry of an archive, whose checksum is verified at its end.

use crate::npy::{Header, bad, read_header};
use crate::zip::Entry;
use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use mcompc_ir::{Code, Error, Result};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

/// Where an array lies.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub entry: Option<Entry>,
}

enum Inner {
    Plain(BufReader<File>),
    Stored(CrcReader<Take<BufReader<File>>>),
    Deflated(Box<CrcReader<DeflateDecoder<Take<BufReader<File>>>>>),
}

/// An open array, positioned at its first element.
pub(crate) struct Stream {
    inner: Inner,
    entry: Option<Entry>,
    pub header: Header,
}

/// Opens a regular file; a folder is opened too, and said to be one when it is read. A pipe has no beginning to come back to, and opening
/// one may wait for ever.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let hint = "check the path given with --calib or --data";
    let io = |e: std::io::Error| Error::new(Code::Io, format!("{} cannot be opened: {e}", path.display())).hint(hint);
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let e = Error::new(Code::Io, format!("{} is neither a file nor a folder", path.display()));
        return Err(e.hint("data are read several times: write them to a file first"));
    }
    File::open(path).map_err(io)
}

impl Read for Inner {
    fn read(&mut self, b: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Inner::Plain(r) => r.read(b),
            Inner::Stored(r) => r.read(b),
            Inner::Deflated(r) => r.read(b),
        }
    }
}

impl Stream {
    pub(crate) fn open(s: &Source) -> Result<Self> {
        let file = open_file(&s.path)?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut inner = match &s.entry {
            None => Inner::Plain(file),
            Some(e) => {
                file.seek(SeekFrom::Start(e.start)).map_err(|e| bad(format!("the archive cannot be read: {e}")))?;
                let part = file.take(e.compressed);
                if e.deflated {
                    Inner::Deflated(Box::new(CrcReader::new(DeflateDecoder::new(part))))
                } else {
                    Inner::Stored(CrcReader::new(part))
                }
            }
        };
        let header = read_header(&mut inner)?;
        Ok(Self { inner, entry: s.entry.clone(), header })
    }

    /// Fills `b` with the next elements.
    pub(crate) fn fill(&mut self, b: &mut [u8]) -> Result<()> {
        self.inner.read_exact(b).map_err(|e| {
            bad(format!("the array's data end early or are damaged ({e})")).hint("the file is cut off or damaged; copy or write it again")
        })
    }

    /// To be called after the last element: nothing may follow, and the checksum must be right.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let more = self.inner.read(&mut [0u8; 1]).map_err(|e| bad(format!("the array's data are damaged ({e})")))?;
        if more != 0 {
            return Err(bad("the array's data go on after its last element").hint("the file is damaged; copy or write it again"));
        }
        let crc = match &self.inner {
            Inner::Plain(_) => return Ok(()),
            Inner::Stored(r) => r.crc(),
            Inner::Deflated(r) => r.crc(),
        };
        match &self.entry {
            Some(e) if e.crc != crc.sum() || e.size != u64::from(crc.amount()) && e.size <= u64::from(u32::MAX) => {
                Err(bad("the array's checksum is wrong").hint("the file is damaged; copy or write it again"))
            }
            _ => Ok(()),
        }
    }
}
