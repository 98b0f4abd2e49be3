//! One function: values, parameters and the dispatch over operations.

use crate::layout::layout;
use crate::writer::Writer;
use crate::{backend, layout};
use cranelift_codegen::ir::{Block as ClifBlock, Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use cranelift_module::Module as _;
use mcompc_ir::Result;
use mcompc_kernel::constant_pointers;
use mcompc_kernel::{Func, Inst, Module, Op, Ty, Val};
use std::collections::BTreeMap;

/// What is known of a kernel value besides its registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Registers: one for scalars and pointers, one for each 16 bytes of a vector.
    pub vals: Vec<Value>,
    /// Pointers: bytes to add to the register.
    pub off: i64,
    /// Smallest and largest value of scalar or lanes, where known.
    pub range: Option<(i64, i64)>,
    /// Scalars: the same number in 64 bits; exact because its range fits 32.
    pub wide: Option<Value>,
    /// Comparisons: the flag before it became a number.
    pub flag: Option<Value>,
    /// Registers before the clamp to `range`: saturating narrowing may clamp after it, on fewer registers.
    pub raw: Option<Vec<Value>>,
}

/// Translates one function.
pub(crate) struct Translator<'t, 'm, 'b> {
    pub b: FunctionBuilder<'b>,
    pub module: &'m Module,
    pub func: &'t Func,
    pub writer: &'t mut Writer<'m>,
    /// Indexed by [`Val`].
    pub held: Vec<Held>,
    /// Pointers to memory that no store changes.
    pub constant: Vec<bool>,
    /// What this Cranelift block has already computed.
    pub done: Done,
    /// Values defined before their operation comes: broadcasts loaded a round ahead.
    pub preset: Vec<bool>,
}

/// Constants and loads of unchanging memory by what they are. Forgotten at the end of a block: registers are scarcer than loads.
#[derive(Default)]
pub(crate) struct Done {
    consts: BTreeMap<(usize, [u8; layout::REG]), Value>,
    /// By register, offset, result type and memory element.
    pub loads: BTreeMap<(Value, i64, Ty, u8), Held>,
}

impl<'t, 'm, 'b> Translator<'t, 'm, 'b> {
    pub fn new(b: FunctionBuilder<'b>, module: &'m Module, func: &'t Func, writer: &'t mut Writer<'m>) -> Self {
        let (held, constant) = (vec![Held::default(); func.tys.len()], constant_pointers(func));
        let preset = vec![false; func.tys.len()];
        Self { b, module, func, writer, held, constant, done: Done::default(), preset }
    }

    /// Translates the body; the builder is finished.
    pub fn run(mut self) -> Result<()> {
        if !self.writer.has_vectors()
            && let Some(t) = self.func.tys.iter().find(|t| matches!(t, Ty::Vec(..)))
        {
            return Err(self.refuse(format!("vectors ({t}) on a machine without them")));
        }
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.enter(entry);
        self.b.seal_block(entry);
        for (p, v) in self.func.params.iter().zip(self.b.block_params(entry).to_vec()) {
            self.set(p.val, vec![v]);
        }
        self.insts(&self.func.body.insts)?;
        if self.func.export {
            let status = match self.func.status {
                Some(v) => self.one(v),
                None => self.b.ins().iconst(types::I32, 0),
            };
            self.b.ins().return_(&[status]);
        } else {
            self.b.ins().return_(&[]);
        }
        let config = self.writer.out.isa().frontend_config();
        self.b.finalize(config);
        Ok(())
    }

    pub fn insts(&mut self, insts: &[Inst]) -> Result<()> {
        insts.iter().try_for_each(|i| match i {
            Inst::Op { dst, op, args } => self.op(*dst, op, args),
            Inst::Store { val, ptr, off, mem, align } => self.store(*val, *ptr, *off, *mem, *align),
            Inst::For { .. } => self.for_loop(i),
            Inst::If { .. } => self.if_else(i),
            Inst::Call { func, args } => self.call(func, args),
        })
    }

    fn op(&mut self, dst: Val, op: &Op, args: &[Val]) -> Result<()> {
        if self.preset[dst.0 as usize] {
            return Ok(());
        }
        match op {
            Op::Const(v, ty) => self.constant(dst, *v, *ty),
            Op::Bin(o) => self.bin(dst, *o, args[0], args[1]),
            Op::Cmp(c) => self.cmp(dst, *c, args[0], args[1]),
            Op::Select => self.select(dst, args),
            Op::PtrAdd { scale, imm } => self.ptr_add(dst, args, *scale, *imm),
            Op::DataAddr { data, imm } => self.data_addr(dst, data, *imm),
            Op::Load { ty, mem, off, align } => self.load(dst, *ty, *mem, args[0], *off, *align),
            Op::LoadBcast { ty, bytes, off, align } => self.load_bcast(dst, *ty, *bytes, args[0], *off, *align),
            Op::Splat(ty) => self.splat(dst, args[0], *ty),
            Op::SplatBits(ty) => self.splat_bits(dst, args[0], *ty),
            Op::Widen { signed, high } => self.widen(dst, args[0], *signed, *high),
            Op::WidenAll { to, signed } => self.widen_all(dst, args[0], *to, *signed),
            Op::NarrowSat => self.narrow_sat(dst, args[0], args[1]),
            Op::Trunc { to } => self.trunc(dst, args[0], *to),
            Op::Extract { lane } => self.extract(dst, args[0], *lane),
            Op::Insert { lane } => self.insert(dst, args[0], args[1], *lane),
            Op::Shuffle(mask) => self.shuffle(dst, args[0], args[1], mask),
            Op::ReduceAdd => self.reduce_add(dst, args[0]),
            Op::Contract { row, lane } => self.contract(dst, *row, *lane, args),
            Op::Mac => self.mac(dst, args[0], args[1], args[2]),
            Op::Rescale(r) => self.rescale(dst, *r, args[0], args[1]),
            Op::Sxtb16 { ror } => self.sxtb16(dst, args[0], *ror),
        }
    }

    /// Registers of a value.
    pub fn get(&self, v: Val) -> &Held {
        &self.held[v.0 as usize]
    }
    /// Registers of a vector.
    pub fn pieces(&self, v: Val) -> Vec<Value> {
        self.get(v).vals.clone()
    }
    /// Register of a scalar.
    pub fn one(&self, v: Val) -> Value {
        self.get(v).vals[0]
    }
    /// The number a scalar or every lane is known to be.
    pub fn known(&self, v: Val) -> Option<i64> {
        self.get(v).range.and_then(|(lo, hi)| (lo == hi).then_some(lo))
    }
    /// Defines a value.
    pub fn set(&mut self, v: Val, vals: Vec<Value>) {
        self.held[v.0 as usize] = Held { vals, ..Held::default() };
    }
    /// Defines a value whose numbers lie in a range.
    pub fn set_ranged(&mut self, v: Val, vals: Vec<Value>, range: Option<(i64, i64)>) {
        self.held[v.0 as usize] = Held { vals, range, ..Held::default() };
    }
    /// Type of a kernel value.
    pub fn ty(&self, v: Val) -> Ty {
        self.func.ty(v)
    }

    /// Register of any value, a pointer's offset added: what passes through block parameters and calls.
    pub fn flat(&mut self, v: Val) -> Vec<Value> {
        let h = self.get(v).clone();
        if h.off == 0 { h.vals } else { vec![self.b.ins().iadd_imm_s(h.vals[0], h.off)] }
    }
    /// Continues in another block.
    pub fn enter(&mut self, block: ClifBlock) {
        self.done = Done::default();
        self.b.switch_to_block(block);
    }
    /// Adds the parameters that carry a value of type `ty` into a block.
    pub fn params(&mut self, block: ClifBlock, ty: Ty) -> Vec<Value> {
        let (n, t) = layout(ty);
        (0..n).map(|_| self.b.append_block_param(block, t)).collect()
    }
    /// The same bits as another vector type.
    pub fn cast(&mut self, v: Value, to: Type) -> Value {
        if self.b.func.dfg.value_type(v) == to {
            return v;
        }
        self.b.ins().bitcast(to, MemFlagsData::new().with_endianness(Endianness::Little), v)
    }
    /// A vector constant from its bytes.
    pub fn vconst(&mut self, ty: Type, bytes: [u8; layout::REG]) -> Value {
        let key = (ty.index(), bytes);
        if let Some(&v) = self.done.consts.get(&key) {
            return v;
        }
        let c = self.b.func.dfg.constants.insert(bytes.to_vec().into());
        let v = self.b.ins().vconst(ty, c);
        self.done.consts.insert(key, v);
        v
    }
    /// An error naming this function.
    pub fn refuse(&self, what: impl std::fmt::Display) -> mcompc_ir::Error {
        backend(&self.func.name, what).hint("the kernel needs another machine description; report it with the model")
    }
}
