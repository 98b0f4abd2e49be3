//! Broadcasts loaded one round ahead.
//!
//! AVX2 broadcasts from memory for free, from a register for a shuffle. Instruction selection puts the load into the broadcast only
//! where the broadcast is used once, and an inner product uses it many times; a value carried into the next round is used once. The
//! last round has no next one: it loads its own again, so that nothing outside is read.

use crate::layout::layout;
use crate::translate::Translator;
use cranelift_codegen::ir::{InstBuilder, Value};
use mcompc_ir::Result;
use mcompc_kernel::{Block, Inst, Op, Ty, Val};

/// The broadcasts of a loop that are loaded ahead through one carried pointer.
pub(crate) struct Ahead {
    /// Index of the pointer among the carried values.
    pub arg: usize,
    /// Bytes it moves a round.
    step: i64,
    loads: Vec<Load>,
}

struct Load {
    dst: Val,
    ty: Ty,
    bytes: u8,
    off: i32,
    align: u8,
}

/// Vector registers of x86 that Cranelift uses.
const REGISTERS: usize = 16;

impl Translator<'_, '_, '_> {
    /// What can be loaded ahead in a loop body: broadcasts straight from a carried pointer that moves by a constant, where nothing is
    /// stored and registers suffice.
    pub(crate) fn ahead(&self, body: &Block, args: &[Val], yields: &[Val]) -> Option<Ahead> {
        if !self.writer.broadcasts_from_memory() || !body.insts.iter().all(|i| matches!(i, Inst::Op { .. })) {
            return None;
        }
        let (arg, step) = args.iter().zip(yields).enumerate().find_map(|(i, (&a, &y))| {
            body.insts
                .iter()
                .find_map(|inst| match inst {
                    Inst::Op { dst, op: Op::PtrAdd { scale: 0, imm }, args } if *dst == y && args[..] == [a] => Some((i, i64::from(*imm))),
                    _ => None,
                })
                .filter(|_| !self.broadcasts(body, a).is_empty())
        })?;
        let loads = self.broadcasts(body, args[arg]);
        let carried: usize = args.iter().map(|&a| self.ty(a)).filter(|t| matches!(t, Ty::Vec(..))).map(|t| layout(t).0).sum();
        // Two weights and a product besides.
        (carried + loads.len() + 3 <= REGISTERS).then_some(Ahead { arg, step, loads })
    }

    fn broadcasts(&self, body: &Block, pointer: Val) -> Vec<Load> {
        let used = |v: Val| body.insts.iter().filter(|i| matches!(i, Inst::Op { args, .. } if args.contains(&v))).count();
        body.insts
            .iter()
            .filter_map(|i| match i {
                Inst::Op { dst, op: Op::LoadBcast { ty, bytes, off, align }, args }
                    if args[..] == [pointer] && layout(*ty).0 == 1 && *bytes >= 4 && used(*dst) > 1 =>
                {
                    Some(Load { dst: *dst, ty: *ty, bytes: *bytes, off: *off, align: *align })
                }
                _ => None,
            })
            .collect()
    }

    /// Loads the broadcasts of a round whose pointer is `p` bytes `off`.
    pub(crate) fn load_ahead(&mut self, a: &Ahead, p: Value, off: i64) -> Result<Vec<Value>> {
        a.loads.iter().map(|l| self.broadcast(l.ty, l.bytes, p, off + i64::from(l.off), l.align)).collect()
    }

    /// Gives the body its broadcasts, from block parameters.
    pub(crate) fn set_ahead(&mut self, a: &Ahead, vals: &[Value]) {
        for (l, &v) in a.loads.iter().zip(vals) {
            self.set(l.dst, vec![v]);
            self.preset[l.dst.0 as usize] = true;
        }
    }

    /// Number of broadcasts and the type of each.
    pub(crate) fn ahead_types(&self, a: &Ahead) -> Vec<Ty> {
        a.loads.iter().map(|l| l.ty).collect()
    }

    /// The next round's pointer and broadcasts; in the last round, where `more` is 0, its own.
    pub(crate) fn load_next(&mut self, a: &Ahead, pointer: Val, more: Value) -> Result<(Value, Vec<Value>)> {
        let (p, off) = (self.get(pointer).vals[0], self.get(pointer).off);
        let next = self.b.ins().iadd_imm_s(p, a.step);
        let p = self.b.ins().select(more, next, p);
        Ok((p, self.load_ahead(a, p, off)?))
    }
}
