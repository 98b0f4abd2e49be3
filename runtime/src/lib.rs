//! What every generated Rust crate shares: working memory with an alignment, and the error type.
//!
//! Inference itself needs nothing from here: the object holds all of its code. The package writer copies this file into each
//! generated crate (`src/runtime.rs`), so that a crate has no dependency and two models never disagree about a version.
//! Nothing here allocates, panics or needs `std`.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;
use core::num::NonZeroI32;

macro_rules! markers {
    ($($name:ident $n:literal)*) => {$(
        #[doc = concat!("Aligns an [`Arena`] to ", stringify!($n), " bytes; has no size.")]
        #[repr(align($n))]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;
    )*};
}
markers! { Align1 1 Align2 2 Align4 4 Align8 8 Align16 16 Align32 32 Align64 64 Align128 128 }

/// `N` bytes of working memory at the alignment of the marker `A`. Its contents mean nothing between two calls, so one
/// arena may serve several models in turn where it is large enough; concurrent calls need one each.
///
/// `new` is `const` and all zeros: a `static` arena costs RAM but no flash.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Arena<A, const N: usize> {
    align: [A; 0],
    bytes: [u8; N],
}

impl<A, const N: usize> Arena<A, N> {
    /// Zeroed memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { align: [], bytes: [0; N] }
    }
    /// Start of the memory, aligned as `A`; valid for `N` bytes.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }
    /// The `len` bytes from byte `at` on; nothing where there are not so many.
    #[must_use]
    pub fn part(&self, at: usize, len: usize) -> &[u8] {
        at.checked_add(len).and_then(|end| self.bytes.get(at..end)).unwrap_or(&[])
    }
    /// Size in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        N
    }
    /// Whether the model needs no working memory at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        N == 0
    }
}

impl<A, const N: usize> Default for Arena<A, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// A model's entry function returned something else than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    code: NonZeroI32,
}

impl Error {
    /// The entry function's return value; never 0.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.code.get()
    }
    /// 0 is success, everything else the error of that code.
    ///
    /// # Errors
    /// Every status but 0.
    pub const fn check(status: i32) -> Result<(), Self> {
        match NonZeroI32::new(status) {
            None => Ok(()),
            Some(code) => Err(Self { code }),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model's entry function reported a failure")
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arena_has_the_size_and_alignment_asked_for() {
        let mut a = Arena::<Align64, 100>::new();
        assert_eq!(a.as_mut_ptr() as usize % 64, 0);
        assert_eq!(core::mem::align_of_val(&a), 64);
        assert_eq!(a.len(), 100);
        assert_eq!((a.part(98, 2), a.part(98, 3), a.part(usize::MAX, 2)), (&[0, 0][..], &[][..], &[][..]));
        let b = Arena::<Align4, 100>::new();
        assert_eq!((core::mem::size_of_val(&b), core::mem::align_of_val(&b)), (100, 4));
        assert!(Arena::<Align1, 0>::new().is_empty());
    }

    #[test]
    fn only_zero_is_success() {
        assert_eq!(Error::check(0), Ok(()));
        assert_eq!(Error::check(-3).map_err(Error::code), Err(-3));
    }
}
