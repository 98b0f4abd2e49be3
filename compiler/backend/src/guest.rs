//! Calls of generated code: what to call with which buffers, and what to keep of them.

use mcompc_exec::{Arg, Buffer, Loaded, Need};
use mcompc_ir::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// An argument of a call. Buffers are named by their place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passed {
    /// Pointer to a buffer that is read.
    In {
        /// Which.
        buffer: usize,
        /// Bytes touched.
        bytes: usize,
        /// Alignment asked for.
        align: usize,
    },
    /// Pointer to a buffer that is read and written.
    Out {
        /// Which.
        buffer: usize,
        /// Bytes touched.
        bytes: usize,
        /// Alignment asked for.
        align: usize,
    },
    /// A number.
    Int(i32),
}

/// One call: `int32_t symbol(args...)`. A buffer is passed at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Exported function.
    pub symbol: String,
    /// Its arguments in order.
    pub args: Vec<Passed>,
    /// What to bring back after the call: a buffer, and bytes of it.
    pub keep: Vec<(usize, Range<usize>)>,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The function's result.
    pub status: i32,
    /// What [`Call::keep`] asked for, in its order.
    pub kept: Vec<Vec<u8>>,
}

/// Bytes before and after each buffer that must keep their value.
const GUARD: usize = 64;
const MARK: u8 = 0xC3;

struct Guarded {
    all: Buffer,
    len: usize,
}

impl Guarded {
    fn new(contents: &[u8]) -> Self {
        let mut all = Buffer::new(contents.len() + 2 * GUARD);
        all.bytes_mut().fill(MARK);
        let mut it = Self { all, len: contents.len() };
        it.bytes_mut().copy_from_slice(contents);
        it
    }
    fn bytes(&self) -> &[u8] {
        &self.all.bytes()[GUARD..GUARD + self.len]
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.all.bytes_mut()[GUARD..GUARD + self.len]
    }
    fn is_whole(&self) -> bool {
        let (before, after) = (&self.all.bytes()[..GUARD], &self.all.bytes()[GUARD + self.len..]);
        before.iter().chain(after).all(|&b| b == MARK)
    }
}

pub(crate) fn run(object: &[u8], buffers: &[Vec<u8>], calls: &[Call]) -> Result<Vec<Returned>> {
    let loaded = Loaded::new(object)?;
    let mut buffers: Vec<Guarded> = buffers.iter().map(|b| Guarded::new(b)).collect();
    calls.iter().map(|c| call(&loaded, &mut buffers, c)).collect()
}

fn call(loaded: &Loaded, buffers: &mut [Guarded], c: &Call) -> Result<Returned> {
    let wrong = |m: String| Error::new(Code::Usage, m).at(&c.symbol);
    let mut free: Vec<Option<&mut [u8]>> = buffers.iter_mut().map(|b| Some(b.bytes_mut())).collect();
    let mut take =
        |i: usize| free.get_mut(i).and_then(Option::take).ok_or_else(|| wrong(format!("buffer {i} is not there or passed twice")));
    let (mut args, mut needs) = (Vec::new(), Vec::new());
    for &a in &c.args {
        let (arg, bytes, align) = match a {
            Passed::In { buffer, bytes, align } => (Arg::In(take(buffer)?), bytes, align),
            Passed::Out { buffer, bytes, align } => (Arg::Out(take(buffer)?), bytes, align),
            Passed::Int(v) => (Arg::Int(v), 0, 0),
        };
        args.push(arg);
        needs.push(Need { bytes, align });
    }
    let status = loaded.call(&c.symbol, &needs, &mut args)?;
    if let Some(i) = buffers.iter().position(|b| !b.is_whole()) {
        return Err(Error::new(Code::Mismatch, format!("the code wrote outside buffer {i}")).at(&c.symbol).hint(crate::end::REPORT));
    }
    let kept = c.keep.iter().map(|(i, range)| {
        let bytes = buffers.get(*i).and_then(|b| b.bytes().get(range.clone()));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| wrong(format!("buffer {i} has no bytes {range:?}")))
    });
    Ok(Returned { status, kept: kept.collect::<Result<_>>()? })
}
