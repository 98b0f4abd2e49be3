//! Calls of loaded code: the one place that trusts it.

use crate::Loaded;
use mcompc_ir::{Code, Error, Result};

/// An argument.
#[derive(Debug)]
pub enum Arg<'a> {
    /// Pointer to bytes the function reads.
    In(&'a [u8]),
    /// Pointer to bytes the function writes or reads.
    Out(&'a mut [u8]),
    /// A scalar `int32_t`.
    Int(i32),
}

/// What the function may touch behind a pointer argument: declared by the kernel's parameter, checked before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Bytes from the pointer on; 0 for scalars.
    pub bytes: usize,
    /// Alignment of the pointer in bytes, a power of two; 0 or 1 for none.
    pub align: usize,
}

/// Most arguments of a call.
const MOST: usize = 24;

impl Loaded {
    /// Calls `int32_t symbol(args...)` and returns its result (meaningless where the function returns nothing).
    ///
    /// `needs` has one entry an argument. The code itself is trusted to be what this compiler emitted for this CPU, to touch no more
    /// than `needs` declares and to write only behind [`Arg::Out`]; that is what the kernel verifier and the bit-equality tests are for.
    ///
    /// # Errors
    /// [`Code::Usage`] where there is no such function, or an argument is shorter or less aligned than declared.
    pub fn call(&self, symbol: &str, needs: &[Need], args: &mut [Arg<'_>]) -> Result<i32> {
        let wrong = |m: String| Error::new(Code::Usage, m).at(symbol);
        let address = self.function(symbol).ok_or_else(|| wrong("the object has no such function".into()))?;
        if needs.len() != args.len() || args.len() > MOST {
            return Err(wrong(format!("{} arguments, {} declared, at most {MOST}", args.len(), needs.len())));
        }
        let mut words = [0u64; MOST];
        for (i, (arg, need)) in args.iter_mut().zip(needs).enumerate() {
            let (at, len) = match arg {
                Arg::In(b) => (b.as_ptr() as usize, b.len()),
                Arg::Out(b) => (b.as_mut_ptr() as usize, b.len()),
                Arg::Int(v) => {
                    words[i] = *v as i64 as u64;
                    continue;
                }
            };
            if len < need.bytes {
                return Err(wrong(format!("argument {i} has {len} bytes where {} are touched", need.bytes)));
            }
            if need.align > 1 && at % need.align != 0 {
                return Err(wrong(format!("argument {i} is not aligned to {} bytes", need.align)));
            }
            words[i] = at as u64;
        }
        Ok(invoke(address, &words[..args.len()]))
    }
}

/// Every argument is one word: on x86-64, aarch64 and riscv64 pointers and 32-bit integers take one register or stack slot each.
#[allow(unsafe_code)]
fn invoke(address: *const u8, words: &[u64]) -> i32 {
    macro_rules! with {
        ($($n:literal: $($i:literal)*;)*) => {
            match words.len() {
                $($n => {
                    type F = extern "C" fn($(with!(@u $i)),*) -> i32;
                    // SAFETY: `address` is an exported function in the executable map that `Loaded` keeps alive, written for this
                    // architecture and the C calling convention; `call` has checked the buffers against what it declares to touch.
                    let f: F = unsafe { std::mem::transmute::<*const u8, F>(address) };
                    f($(words[$i]),*)
                })*
                _ => -1,
            }
        };
        (@u $i:literal) => { u64 };
    }
    with! {
        0: ;
        1: 0;
        2: 0 1;
        3: 0 1 2;
        4: 0 1 2 3;
        5: 0 1 2 3 4;
        6: 0 1 2 3 4 5;
        7: 0 1 2 3 4 5 6;
        8: 0 1 2 3 4 5 6 7;
        9: 0 1 2 3 4 5 6 7 8;
        10: 0 1 2 3 4 5 6 7 8 9;
        11: 0 1 2 3 4 5 6 7 8 9 10;
        12: 0 1 2 3 4 5 6 7 8 9 10 11;
        13: 0 1 2 3 4 5 6 7 8 9 10 11 12;
        14: 0 1 2 3 4 5 6 7 8 9 10 11 12 13;
        15: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        16: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15;
        17: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
        18: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17;
        19: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18;
        20: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19;
        21: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20;
        22: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21;
        23: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22;
        24: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23;
    }
}
