//! Text form of modules: [`print()`] and [`parse`] are inverse on every module that passes [`crate::structure`].
//!
//! ```text
//! row sdot dot a i8 w i8 mem i8 k 4 n 4 m 1 tile 4 8 fc 8 unroll 1 llvm "tree" cranelift "tree" mnemonic "sdot"
//! data weights @w0 align 16 = { "00ff7f80" }
//! func export @f(%0 "x": ptr in align 4 bytes 100, %1 "n": i32 scalar) {
//!   %2: i32x4 = load s8 %0 + 16 align 4
//!   %6: i32x4 = for %3 = 0 to 64 step 4 carry (%4: i32x4 = %2) {
//!     %5: i32x4 = add %4, %4
//!     yield %5
//!   }
//! }
//! ```

mod lex;
mod ops;
mod parse;
mod print;

pub use parse::parse;
pub(crate) use print::mnemonic;
pub use print::print;

use crate::{Bin, Cmp, Elem, Form, Lane, MemElem, Role, Ty};

/// The names of a closed set of values, for both directions.
type Names<T> = &'static [(&'static str, T)];

const BINS: Names<Bin> = &[
    ("add", Bin::Add),
    ("sub", Bin::Sub),
    ("mul", Bin::Mul),
    ("and", Bin::And),
    ("or", Bin::Or),
    ("xor", Bin::Xor),
    ("shl", Bin::Shl),
    ("sra", Bin::Sra),
    ("srl", Bin::Srl),
    ("smin", Bin::Smin),
    ("smax", Bin::Smax),
    ("mulhi", Bin::MulHi),
];
const CMPS: Names<Cmp> = &[("cmp.eq", Cmp::Eq), ("cmp.ne", Cmp::Ne), ("cmp.slt", Cmp::Slt), ("cmp.sle", Cmp::Sle), ("cmp.ult", Cmp::Ult)];
const MEMS: Names<MemElem> =
    &[("s8", MemElem::S8), ("u8", MemElem::U8), ("s16", MemElem::S16), ("u16", MemElem::U16), ("w32", MemElem::W32)];
const ROLES: Names<Role> =
    &[("in", Role::In), ("out", Role::Out), ("const", Role::Const), ("scratch", Role::Scratch), ("scalar", Role::Scalar)];
const FORMS: Names<Form> =
    &[("dot", Form::Dot), ("lane", Form::Lane), ("packed", Form::Packed), ("scalar", Form::Scalar), ("matrix", Form::Matrix)];
const ELEMS: Names<Elem> = &[("i8", Elem::I8), ("u8", Elem::U8), ("i16", Elem::I16)];

fn name<T: PartialEq>(names: Names<T>, v: &T) -> &'static str {
    names.iter().find(|(_, x)| x == v).map_or("?", |(n, _)| n)
}

fn value<T: Copy>(names: Names<T>, s: &str) -> Option<T> {
    names.iter().find(|(n, _)| *n == s).map(|(_, v)| *v)
}

fn ty(s: &str) -> Option<Ty> {
    match s {
        "i32" => Some(Ty::I32),
        "ptr" => Some(Ty::Ptr),
        _ => {
            let (l, n) = s.split_once('x')?;
            let lane = match l {
                "i8" => Lane::I8,
                "i16" => Lane::I16,
                "i32" => Lane::I32,
                _ => return None,
            };
            Some(Ty::Vec(lane, n.parse().ok().filter(|_| !n.starts_with(['0', '+']))?))
        }
    }
}

/// Whether a name needs no quotes.
fn plain(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && s.chars().all(lex::word_char)
}
