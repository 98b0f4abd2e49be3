//! Instructions over virtual registers, in blocks with parameters.

use mcompc_kernel::MemElem;

/// A virtual register; after allocation the number of a machine register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Reg(pub u32);

/// Two-operand arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Alu {
    Add,
    Sub,
    /// Second operand minus first.
    Rsb,
    And,
    Orr,
    Eor,
    /// First operand without the bits of the second.
    Bic,
    Lsl,
    Lsr,
    Asr,
    Mul,
}

impl Alu {
    pub fn commutes(self) -> bool {
        matches!(self, Alu::Add | Alu::And | Alu::Orr | Alu::Eor | Alu::Mul)
    }
    pub fn is_shift(self) -> bool {
        matches!(self, Alu::Lsl | Alu::Lsr | Alu::Asr)
    }
}

/// Conditions on two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cond {
    Eq,
    Ne,
    Lt,
    Ge,
    Le,
    Gt,
    /// Unsigned.
    Lo,
    /// Unsigned.
    Hs,
    /// Unsigned.
    Ls,
    /// Unsigned.
    Hi,
}

impl Cond {
    pub fn not(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lt => Cond::Ge,
            Cond::Ge => Cond::Lt,
            Cond::Le => Cond::Gt,
            Cond::Gt => Cond::Le,
            Cond::Lo => Cond::Hs,
            Cond::Hs => Cond::Lo,
            Cond::Ls => Cond::Hi,
            Cond::Hi => Cond::Ls,
        }
    }
    /// The condition with the operands exchanged.
    pub fn swapped(self) -> Cond {
        match self {
            Cond::Eq | Cond::Ne => self,
            Cond::Lt => Cond::Gt,
            Cond::Gt => Cond::Lt,
            Cond::Le => Cond::Ge,
            Cond::Ge => Cond::Le,
            Cond::Lo => Cond::Hi,
            Cond::Hi => Cond::Lo,
            Cond::Ls => Cond::Hs,
            Cond::Hs => Cond::Ls,
        }
    }
}

/// Operations. Operands in the comments are `defs = uses, imm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// d = a, b
    Alu(Alu),
    /// d = a, imm
    AluImm(Alu),
    /// d = a, b shifted
    AluSh(Alu, Alu, u8),
    /// d = a
    Mov,
    /// d = imm
    Imm,
    /// d = address of data number n, plus imm
    Addr(u32),
    /// d = a, extended from that element
    Ext(MemElem),
    /// d = so many bits of a from bit `low` on
    Field { signed: bool, low: u8, bits: u8 },
    /// d = a
    Sxtb16(bool),
    /// d, low = a, b: high half of the signed product (and the low one where the core gives it)
    MulHi,
    /// d = a, b, acc
    Mla,
    /// d = a, b, acc: acc - a * b
    Mls,
    /// d = a, b, acc
    Smlad,
    /// d = a, b, acc: acc + high half of the product
    Smmla,
    /// d = a shifted right, saturated to signed bits
    Ssat { bits: u8, asr: u8 },
    /// d = a shifted right, saturated to unsigned bits
    Usat { bits: u8, asr: u8 },
    /// d = [a + imm]
    Load(MemElem),
    /// [b + imm] = a
    Store(MemElem),
    /// d = [a + (b << n)]
    LoadX(MemElem, u8),
    /// [b + (c << n)] = a
    StoreX(MemElem, u8),
    /// d, p = [a], p = a + imm
    LoadPost(MemElem),
    /// p = a, b: [b] = a, p = b + imm
    StorePost(MemElem),
    /// d, e = [a + imm], [a + imm + 4]
    LoadPair,
    /// d = incoming argument imm on the stack
    LoadArg,
    /// outgoing argument imm on the stack = a
    StoreArg,
    /// d = c if a cond b, else e
    Select(Cond),
    /// d = c if a cond imm, else e
    SelectImm(Cond),
    /// d = imm if a cond imm, else a
    Clip(Cond),
    /// d = a cond b
    Set(Cond),
    /// d = a cond imm
    SetImm(Cond),
    /// d = what [`Op::Keep`] number imm stored
    KeptLoad,
    /// On the stack, number imm = a
    Keep,
    /// d = spill slot imm
    SlotLoad,
    /// spill slot imm = a
    SlotStore,
    /// Function number n of the module; uses in argument registers
    Call(u32),
    /// defs: arguments in argument registers
    Entry,
    /// d = a - 1, and Thumb's flags
    Count,
    /// To the only successor
    Jump,
    /// To the first successor if a cond b
    Branch(Cond),
    /// To the first successor if a cond imm
    BranchImm(Cond),
    /// To the first successor if the counter of [`Op::Count`] is not 0; RISC-V reads it
    BranchCount,
    /// Uses: the status, if any
    Ret,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ins {
    pub op: Op,
    pub defs: Vec<Reg>,
    pub uses: Vec<Reg>,
    pub imm: i32,
    /// Guaranteed alignment of an access.
    pub align: u8,
    /// A load that gives the same whenever it is done.
    pub again: bool,
}

impl Ins {
    pub fn new(op: Op, defs: &[Reg], uses: &[Reg], imm: i32) -> Self {
        Self { op, defs: defs.into(), uses: uses.into(), imm, align: 1, again: false }
    }
    pub fn is_branch(&self) -> bool {
        matches!(self.op, Op::Jump | Op::Branch(_) | Op::BranchImm(_) | Op::BranchCount)
    }
    pub fn is_load(&self) -> bool {
        matches!(self.op, Op::Load(_) | Op::LoadX(..) | Op::LoadPost(_) | Op::LoadPair | Op::LoadArg | Op::KeptLoad | Op::SlotLoad)
    }
    pub fn is_store(&self) -> bool {
        matches!(self.op, Op::Store(_) | Op::StoreX(..) | Op::StorePost(_) | Op::StoreArg | Op::Keep | Op::SlotStore)
    }
}

/// Where a block goes, and what it passes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    pub to: usize,
    pub args: Vec<Reg>,
}

/// A block; the last instruction is its only branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub params: Vec<Reg>,
    pub ins: Vec<Ins>,
    pub succs: Vec<Edge>,
    /// Loops around it.
    pub depth: u32,
}

/// A function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub blocks: Vec<Block>,
    pub regs: u32,
    /// Bytes of arguments that calls pass on the stack.
    pub outgoing: u32,
    pub calls: bool,
    /// Values that [`Op::Keep`] stores.
    pub kept: u32,
}

impl Code {
    pub fn fresh(&mut self) -> Reg {
        self.regs += 1;
        Reg(self.regs - 1)
    }
}
