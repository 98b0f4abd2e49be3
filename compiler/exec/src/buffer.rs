//! Byte buffers at a 64-byte boundary, the strictest alignment an arena asks for.

/// A zeroed byte buffer that begins at a multiple of 64.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    first: usize,
    len: usize,
}

impl Buffer {
    /// `len` zero bytes.
    pub fn new(len: usize) -> Self {
        let bytes = vec![0u8; len + 63];
        // A vector that is never grown stays where it is.
        let first = bytes.as_ptr().align_offset(64).min(63);
        Self { bytes, first, len }
    }
    /// A copy of `data`.
    pub fn from_bytes(data: &[u8]) -> Self {
        let mut b = Self::new(data.len());
        b.bytes_mut().copy_from_slice(data);
        b
    }
    /// Contents.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.first..self.first + self.len]
    }
    /// Contents, to change.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.first..self.first + self.len]
    }
}
