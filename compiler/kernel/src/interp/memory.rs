//! What a caller hands to a program.

/// A buffer of a [`Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buf(pub(super) usize);

/// An argument of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A pointer to this byte of a buffer.
    Ptr(Buf, usize),
    /// A scalar.
    Int(i32),
}

impl From<Buf> for Arg {
    fn from(b: Buf) -> Self {
        Arg::Ptr(b, 0)
    }
}

/// The caller's memory: buffers that do not overlap, each aligned to 64 bytes as far as kernels can tell.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub(super) bufs: Vec<Vec<u8>>,
}

impl Memory {
    /// No buffers.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a buffer.
    pub fn add(&mut self, bytes: impl Into<Vec<u8>>) -> Buf {
        self.bufs.push(bytes.into());
        Buf(self.bufs.len() - 1)
    }
    /// Contents of a buffer of this memory.
    pub fn bytes(&self, b: Buf) -> &[u8] {
        &self.bufs[b.0]
    }
    /// Contents of a buffer of this memory, to change.
    pub fn bytes_mut(&mut self, b: Buf) -> &mut [u8] {
        &mut self.bufs[b.0]
    }
}
