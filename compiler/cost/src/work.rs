//! How often a kernel runs each class of operation.

use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Bin, Block, Cmp, Func, Inst, Module, Op, Ty, Val};
use std::collections::HashMap;

/// Names of the classes, in the order of [`Work`].
///
/// `call` is a call of the kernel, `round` a round of a loop, `branch` an `if`; the others are operations. Vectors count by registers:
/// one of 512 bits on a machine with 128 counts four.
pub const CLASSES: [&str; 10] = ["call", "round", "branch", "scalar", "vector", "load", "store", "contract", "mac", "rescale"];

const CALL: usize = 0;
const ROUND: usize = 1;
const BRANCH: usize = 2;
const SCALAR: usize = 3;
const VECTOR: usize = 4;
const LOAD: usize = 5;
const STORE: usize = 6;
const CONTRACT: usize = 7;
const MAC: usize = 8;
const RESCALE: usize = 9;

/// Executions of each class of [`CLASSES`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work(pub [f64; CLASSES.len()]);

impl Work {
    /// Adds other work, done so many times.
    pub fn add(&mut self, other: &Work, times: f64) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += times * b;
        }
    }
}

/// The work of one call of `func`. Loops whose rounds differ (an `if` inside) are walked round by round with the integers that
/// conditions depend on; an `if` whose condition is not such an integer counts both ways by half.
///
/// # Errors
/// E009 where there is no such function.
pub fn work(module: &Module, func: &str, vector_bytes: usize) -> Result<Work> {
    let f = module.func(func).ok_or_else(|| Error::new(Code::Internal, format!("no function is called `{func}`")))?;
    let mut walk = Walk { module, func: f, unit: if vector_bytes == 0 { 4 } else { vector_bytes }, plain: HashMap::new() };
    let mut total = Work::default();
    let mut known = vec![None; f.tys.len()];
    walk.block(&f.body, &mut known, &mut total, 1.0)?;
    total.0[CALL] += 1.0;
    Ok(total)
}

struct Walk<'a> {
    module: &'a Module,
    func: &'a Func,
    /// Bytes of a register.
    unit: usize,
    /// Work of a block without an `if`, by its address; `None` for one with.
    plain: HashMap<*const Block, Option<Work>>,
}

impl<'a> Walk<'a> {
    /// The block's work where it is the same in every execution.
    fn plain(&mut self, b: &'a Block) -> Result<Option<Work>> {
        let key: *const Block = b;
        if let Some(w) = self.plain.get(&key) {
            return Ok(*w);
        }
        let mut sum = Some(Work::default());
        for i in &b.insts {
            let Some(total) = sum.as_mut() else { break };
            match i {
                Inst::If { .. } => sum = None,
                Inst::For { lo, hi, step, body, unroll, .. } => match self.plain(body)? {
                    Some(w) => total.add(&rounds(w, *unroll), f64::from((hi - lo) / step)),
                    None => sum = None,
                },
                _ => self.single(i, total, 1.0)?,
            }
        }
        self.plain.insert(key, sum);
        Ok(sum)
    }

    fn block(&mut self, b: &'a Block, known: &mut [Option<i32>], total: &mut Work, times: f64) -> Result<()> {
        for i in &b.insts {
            match i {
                Inst::For { iv, lo, hi, step, args, inits, body, yields, results, unroll } => {
                    let round = rounds(Work::default(), *unroll);
                    if let Some(w) = self.plain(body)? {
                        let mut w = w;
                        w.add(&round, 1.0);
                        total.add(&w, times * f64::from((hi - lo) / step));
                        results.iter().for_each(|r| known[r.0 as usize] = None);
                        continue;
                    }
                    let mut carried: Vec<Option<i32>> = inits.iter().map(|v| known[v.0 as usize]).collect();
                    let mut at = *lo;
                    while at < *hi {
                        known[iv.0 as usize] = Some(at);
                        args.iter().zip(&carried).for_each(|(a, c)| known[a.0 as usize] = *c);
                        self.block(body, known, total, times)?;
                        total.add(&round, times);
                        carried = yields.iter().map(|v| known[v.0 as usize]).collect();
                        at += step;
                    }
                    results.iter().zip(&carried).for_each(|(r, c)| known[r.0 as usize] = *c);
                }
                Inst::If { cond, then, then_yields, els, else_yields, results } => {
                    total.0[BRANCH] += times;
                    let taken = known[cond.0 as usize];
                    let half = if taken.is_some() { 1.0 } else { 0.5 };
                    let mut ends = None;
                    for (way, block, yields) in [(true, then, then_yields), (false, els, else_yields)] {
                        if taken.is_none_or(|c| (c != 0) == way) {
                            self.block(block, known, total, times * half)?;
                            let these: Vec<Option<i32>> = yields.iter().map(|v| known[v.0 as usize]).collect();
                            ends = Some(if taken.is_some() { these } else { vec![None; these.len()] });
                        }
                    }
                    results.iter().zip(ends.unwrap_or_default()).for_each(|(r, c)| known[r.0 as usize] = c);
                }
                _ => {
                    self.single(i, total, times)?;
                    if let Inst::Op { dst, op, args } = i {
                        known[dst.0 as usize] = value(op, args, known);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds one operation, store or call.
    fn single(&mut self, i: &Inst, total: &mut Work, times: f64) -> Result<()> {
        let (class, count) = match i {
            Inst::Op { dst, op, args } => self.op(op, *dst, args),
            Inst::Store { val, .. } => (STORE, self.registers(*val)),
            Inst::Call { func, .. } => {
                total.add(&work(self.module, func, self.unit)?, times);
                return Ok(());
            }
            Inst::For { .. } | Inst::If { .. } => return Ok(()),
        };
        total.0[class] += times * count;
        Ok(())
    }

    fn op(&self, op: &Op, dst: Val, args: &[Val]) -> (usize, f64) {
        let wide = self.registers(dst);
        match op {
            // Part of the instruction that uses it, or computed once outside of the loops.
            Op::Const(..) | Op::DataAddr { .. } => (SCALAR, 0.0),
            Op::PtrAdd { .. } if args.len() == 1 => (SCALAR, 0.0),
            Op::Load { .. } | Op::LoadBcast { .. } => (LOAD, wide),
            Op::Contract { .. } => (CONTRACT, wide),
            Op::Mac => (MAC, wide),
            Op::Rescale(_) => (RESCALE, wide),
            _ => {
                let wide = args.iter().map(|a| self.registers(*a)).fold(wide, f64::max);
                let vector = |v: &Val| matches!(self.func.ty(*v), Ty::Vec(..));
                (if vector(&dst) || args.iter().any(vector) { VECTOR } else { SCALAR }, wide)
            }
        }
    }

    fn registers(&self, v: Val) -> f64 {
        match self.func.ty(v) {
            Ty::Vec(..) => self.func.ty(v).bytes().div_ceil(self.unit) as f64,
            Ty::I32 | Ty::Ptr => 1.0,
        }
    }
}

/// Work of one round: the body and the loop's own. A loop that may be unrolled costs nothing itself.
fn rounds(mut body: Work, unroll: bool) -> Work {
    body.0[ROUND] += if unroll { 0.0 } else { 1.0 };
    body
}

/// A scalar that is known: what conditions are computed from.
fn value(op: &Op, args: &[Val], known: &[Option<i32>]) -> Option<i32> {
    let arg = |i: usize| args.get(i).and_then(|v: &Val| known[v.0 as usize]);
    match op {
        Op::Const(v, Ty::I32) => Some(*v),
        Op::Bin(b, ..) => {
            let (x, y) = (arg(0)?, arg(1)?);
            match b {
                Bin::Add => Some(x.wrapping_add(y)),
                Bin::Sub => Some(x.wrapping_sub(y)),
                Bin::Mul => Some(x.wrapping_mul(y)),
                Bin::And => Some(x & y),
                Bin::Or => Some(x | y),
                Bin::Xor => Some(x ^ y),
                Bin::Shl => x.checked_shl(y as u32),
                Bin::Sra => x.checked_shr(y as u32),
                Bin::Srl => (x as u32).checked_shr(y as u32).map(|v| v as i32),
                Bin::Smin => Some(x.min(y)),
                Bin::Smax => Some(x.max(y)),
                Bin::MulHi => Some(((i64::from(x) * i64::from(y)) >> 32) as i32),
            }
        }
        Op::Cmp(c) => {
            let (x, y) = (arg(0)?, arg(1)?);
            Some(i32::from(match c {
                Cmp::Eq => x == y,
                Cmp::Ne => x != y,
                Cmp::Slt => x < y,
                Cmp::Sle => x <= y,
                Cmp::Ult => (x as u32) < (y as u32),
            }))
        }
        Op::Select => arg(if arg(0)? != 0 { 1 } else { 2 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> [f64; CLASSES.len()] {
        work(&mcompc_kernel::parse(text).unwrap(), "f", 16).unwrap().0
    }

    #[test]
    fn loops_multiply_and_wide_vectors_count_by_registers() {
        let w = of("func @f(%0 \"x\": ptr out align 16 bytes 4096) {
  %1: i32x8 = const 0
  for %2 = 0 to 64 step 4 {
    %3: ptr = ptr_add %0, %2 * 4 + 0
    %4: i32x8 = load w32 %3 + 0 align 16
    %5: i32x8 = add %4, %1
    store w32 %5, %3 + 0 align 16
  }
}");
        assert_eq!((w[CALL], w[ROUND], w[SCALAR], w[VECTOR]), (1.0, 16.0, 16.0, 32.0));
        assert_eq!((w[LOAD], w[STORE], w[BRANCH]), (32.0, 32.0, 0.0));
    }

    #[test]
    fn conditions_on_the_round_are_decided() {
        let w = of("func @f(%0 \"x\": ptr out align 4 bytes 64) {
  %1: i32 = const 3
  for %2 = 0 to 10 step 1 {
    %3: i32 = cmp.slt %2, %1
    if %3 {
      store s8 %2, %0 + 0
    } else {
      for %4 = 0 to 2 step 1 {
        store s8 %2, %0 + 1
      }
    }
  }
}");
        assert_eq!((w[BRANCH], w[STORE], w[ROUND]), (10.0, 3.0 + 14.0, 10.0 + 14.0));
        let unknown = of("func @f(%0 \"x\": ptr out align 4 bytes 64) {
  %1: i32 = load s8 %0 + 0
  if %1 {
    store s8 %1, %0 + 0
  } else {
  }
}");
        assert_eq!((unknown[STORE], unknown[LOAD]), (0.5, 1.0));
    }
}
