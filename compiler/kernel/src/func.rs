//! Modules, functions, blocks and the instructions with regions or side effects.

use crate::{MemElem, Op, Row, Ty, Val};

/// What a pointer parameter stands for; decides what the verifier and the interpreter let a kernel do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Read only, changes from call to call.
    In,
    /// Written, may be read back.
    Out,
    /// Read only, constant data.
    Const,
    /// Written and read, contents undefined before and after.
    Scratch,
    /// A scalar `i32`.
    Scalar,
}

/// A parameter of a function. Pointer parameters of one call do not overlap, except `In` with `Out` where `inplace` says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// Name in text forms.
    pub name: String,
    /// The SSA value.
    pub val: Val,
    /// What it is.
    pub role: Role,
    /// Guaranteed alignment in bytes of a pointer.
    pub align: u8,
    /// Bytes that may be touched behind a pointer; 0 for scalars. Includes declared over-read.
    pub bytes: u32,
}

/// A straight list of instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Block {
    /// In order of execution.
    pub insts: Vec<Inst>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Inst {
    /// `dst = op(args)`.
    Op {
        /// Result.
        dst: Val,
        /// Operation.
        op: Op,
        /// Operands.
        args: Vec<Val>,
    },
    /// Stores `val` at ptr + off: a scalar i32 truncated to `mem`, or a vector whose lanes are truncated to `mem` (same width or narrower).
    Store {
        /// Value stored.
        val: Val,
        /// Address.
        ptr: Val,
        /// Byte offset.
        off: i32,
        /// Memory element; signedness is without meaning here.
        mem: MemElem,
        /// Guaranteed alignment in bytes.
        align: u8,
    },
    /// `for iv in (lo..hi).step_by(step)` with loop-carried values; `hi - lo` is a multiple of `step`, and the loop runs at least once.
    For {
        /// Induction variable, i32.
        iv: Val,
        /// First value.
        lo: i32,
        /// Bound, not reached.
        hi: i32,
        /// Positive step.
        step: i32,
        /// Loop-carried arguments inside the body.
        args: Vec<Val>,
        /// Their values on entry.
        inits: Vec<Val>,
        /// Body.
        body: Block,
        /// Their values for the next round, computed in the body.
        yields: Vec<Val>,
        /// Their values after the last round.
        results: Vec<Val>,
        /// Whether a back end may unroll it (code size against speed).
        unroll: bool,
    },
    /// Runs one of two blocks.
    If {
        /// Scalar, 0 is false.
        cond: Val,
        /// Taken when not 0.
        then: Block,
        /// Results when taken.
        then_yields: Vec<Val>,
        /// Taken when 0.
        els: Block,
        /// Results when not taken.
        else_yields: Vec<Val>,
        /// Results.
        results: Vec<Val>,
    },
    /// Calls another function of the module.
    Call {
        /// Its name.
        func: String,
        /// Arguments, as its parameters.
        args: Vec<Val>,
    },
}

/// A function. Kernels return nothing; an exported function returns a status (the C interface's `int32_t`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Func {
    /// Symbol.
    pub name: String,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Type of each SSA value, indexed by [`Val`].
    pub tys: Vec<Ty>,
    /// Body.
    pub body: Block,
    /// Global symbol that returns an `i32`; the others are local.
    pub export: bool,
    /// What an exported function returns, a scalar of the outermost block; 0 when absent.
    pub status: Option<Val>,
}

impl Func {
    /// Type of a value of this function.
    pub fn ty(&self, v: Val) -> Ty {
        self.tys[v.0 as usize]
    }
}

/// Constant data of the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Data {
    /// Symbol, local to the object unless `export`.
    pub name: String,
    /// Contents.
    pub bytes: Vec<u8>,
    /// Alignment in bytes.
    pub align: u32,
    /// Weights go to the section the user names; tables and strings to read-only data.
    pub weights: bool,
    /// Global symbol.
    pub export: bool,
}

/// Everything that goes into one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// Functions; callees before callers.
    pub funcs: Vec<Func>,
    /// Constant data.
    pub data: Vec<Data>,
    /// Inner products that `contract` operations refer to.
    pub rows: Vec<Row>,
}

impl Module {
    /// Looks a function up by name.
    pub fn func(&self, name: &str) -> Option<&Func> {
        self.funcs.iter().find(|f| f.name == name)
    }
    /// Index of the row called `row.name`, added when absent.
    pub fn row(&mut self, row: &Row) -> u16 {
        if let Some(i) = self.rows.iter().position(|r| r.name == row.name) {
            return i as u16;
        }
        self.rows.push(row.clone());
        (self.rows.len() - 1) as u16
    }
}
