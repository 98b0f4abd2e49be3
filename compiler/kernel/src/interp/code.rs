//! The interpreter's instructions: one function becomes one flat list over a dense file of 32-bit slots.
//!
//! A vector of n lanes takes n slots, each holding its lane sign-extended; a pointer takes two (offset, region). Slots are numbered in
//! order of definition, so an instruction's result always lies behind its operands: the file splits into a read and a write half.

use crate::{Bin, Cmp, Form, Lane, MemElem, Rescale, Role};

/// First slot of a value.
pub(super) type Slot = u32;

/// One move between slots; lists of them run in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub dst: Slot,
    pub src: Slot,
    pub n: u32,
}

/// Operand arrangement of a contraction, with the bits that turn a slot into the element (`-1` signed, `0xff` for u8).
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub form: Form,
    pub k: u32,
    pub a_mask: i32,
    pub w_mask: i32,
    /// First element of the group that a `lane` row takes.
    pub first: u32,
    /// Range of the scalar activation of a `scalar` row.
    pub range: (i32, i32),
    pub acc_n: u32,
    pub a_n: u32,
    pub w_n: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Code {
    Bin {
        op: Bin,
        lane: Lane,
        n: u32,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    Cmp {
        op: Cmp,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    Select {
        n: u32,
        d: Slot,
        c: Slot,
        a: Slot,
        b: Slot,
    },
    PtrImm {
        d: Slot,
        p: Slot,
        imm: i32,
    },
    PtrAdd {
        d: Slot,
        p: Slot,
        i: Slot,
        scale: i32,
        imm: i32,
    },
    Load {
        mem: MemElem,
        n: u32,
        align: u8,
        d: Slot,
        p: Slot,
        off: i32,
    },
    LoadBcast {
        lane: Lane,
        n: u32,
        bytes: u8,
        align: u8,
        d: Slot,
        p: Slot,
        off: i32,
    },
    Store {
        mem: MemElem,
        n: u32,
        align: u8,
        v: Slot,
        p: Slot,
        off: i32,
    },
    Splat {
        lane: Lane,
        n: u32,
        d: Slot,
        x: Slot,
    },
    SplatBits {
        lane: Lane,
        n: u32,
        d: Slot,
        x: Slot,
    },
    /// Lanes `a..a+n` masked: a sign-extension copies, a zero-extension masks.
    Widen {
        mask: i32,
        n: u32,
        d: Slot,
        a: Slot,
    },
    NarrowSat {
        lo: i32,
        hi: i32,
        n: u32,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    Trunc {
        to: Lane,
        n: u32,
        d: Slot,
        a: Slot,
    },
    Copy {
        n: u32,
        d: Slot,
        a: Slot,
    },
    Insert {
        lane: Lane,
        n: u32,
        at: u32,
        d: Slot,
        v: Slot,
        x: Slot,
    },
    Shuffle {
        n: u32,
        d: Slot,
        a: Slot,
        b: Slot,
        mask: Box<[u16]>,
    },
    ReduceAdd {
        n: u32,
        d: Slot,
        a: Slot,
    },
    Contract {
        p: Box<Product>,
        d: Slot,
        acc: Slot,
        a: Slot,
        w: Slot,
    },
    Mac {
        n: u32,
        d: Slot,
        acc: Slot,
        a: Slot,
        w: Slot,
    },
    Rescale {
        r: Rescale,
        n: u32,
        d: Slot,
        acc: Slot,
        m: Slot,
    },
    Sxtb16 {
        by: u32,
        d: Slot,
        x: Slot,
    },
    Set {
        d: Slot,
        v: i32,
    },
    Moves(Box<[Move]>),
    /// End of a loop's body: another round (moves, then back to `top`) unless the induction variable reached `hi`.
    Next {
        /// What a round costs, in instructions; inner loops spend their own.
        cost: u32,
        iv: Slot,
        step: i32,
        hi: i32,
        top: u32,
        back: Box<[Move]>,
    },
    JumpIfZero {
        c: Slot,
        to: u32,
    },
    Jump {
        to: u32,
    },
    Call {
        func: u32,
        args: Box<[Slot]>,
    },
}

impl Code {
    /// Instructions that this one stands for: interpreting a wide vector takes as long as several scalars.
    pub(super) fn cost(&self) -> u32 {
        let lanes = match self {
            Code::Bin { n, .. } | Code::Load { n, .. } | Code::Store { n, .. } | Code::Widen { n, .. } | Code::Mac { n, .. } => *n,
            Code::Shuffle { n, .. } | Code::Rescale { n, .. } | Code::NarrowSat { n, .. } => *n,
            Code::Contract { p, .. } => p.acc_n * p.k,
            _ => 1,
        };
        1 + lanes / 8
    }
}

/// A parameter as the interpreter sees it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub role: Role,
    pub slot: Slot,
    pub bytes: u32,
    pub align: u8,
}

/// A compiled function.
#[derive(Clone, Debug)]
pub(super) struct Routine {
    pub name: String,
    pub params: Vec<Entry>,
    pub code: Vec<Code>,
    /// The SSA value an instruction belongs to, for messages.
    pub place: Vec<u32>,
    /// Contents of the first slots: constants, and addresses of data.
    pub consts: Vec<i32>,
    pub slots: usize,
    /// Where the value lies that the function returns.
    pub status: Option<Slot>,
}
