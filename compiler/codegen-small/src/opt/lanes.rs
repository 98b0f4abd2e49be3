//! Vectors taken apart: a vector is its lanes, each sign-extended in a scalar.

use super::expand::{Expand, lanes};
use crate::backend;
use mcompc_ir::Result;
use mcompc_kernel::{Bin, Elem, Form, Lane, MemElem, Op, Row, Val};

impl Expand<'_> {
    /// An operation with a vector among its operands or as its result.
    pub fn vector(&mut self, dst: Val, op: &Op, args: &[Val]) -> Result<()> {
        let (n, lane) = lanes(self.f.ty(dst));
        let a: Vec<Vec<Val>> = args.iter().map(|v| self.get(*v).to_vec()).collect();
        let from = args.first().map_or(Lane::I32, |v| lanes(self.f.ty(*v)).1);
        let out: Vec<Val> = match op {
            Op::Const(v, _) => {
                let v = match lane {
                    Lane::I8 => i32::from(*v as i8),
                    Lane::I16 => i32::from(*v as i16),
                    Lane::I32 => *v,
                };
                vec![self.b.iconst(v); n]
            }
            Op::Bin(o) => a[0].iter().zip(&a[1]).map(|(x, y)| self.lane_bin(*o, lane, *x, *y)).collect(),
            Op::Splat(_) => vec![self.sign(a[0][0], lane); n],
            Op::SplatBits(_) => (0..n).map(|k| self.bits_lane(a[0][0], k, lane)).collect(),
            Op::LoadBcast { bytes, off, align, .. } => {
                (0..n).map(|k| self.bcast_lane(a[0][0], k, lane, (*bytes).into(), *off, *align)).collect()
            }
            Op::Widen { signed, high } => {
                let half = if *high { &a[0][n..] } else { &a[0][..n] };
                half.iter().map(|x| self.widened(*x, from, *signed)).collect()
            }
            Op::WidenAll { signed, .. } => a[0].iter().map(|x| self.widened(*x, from, *signed)).collect(),
            Op::NarrowSat => {
                let top = if lane == Lane::I8 { 127 } else { 32767 };
                a.concat().into_iter().map(|x| self.clamp(x, !top, top)).collect()
            }
            Op::Trunc { to } => a[0].iter().map(|x| self.sign(*x, *to)).collect(),
            Op::Extract { lane } => vec![a[0][usize::from(*lane)]],
            Op::Insert { lane: at } => {
                let mut all = a[0].clone();
                all[usize::from(*at)] = self.sign(a[1][0], lane);
                all
            }
            Op::Shuffle(mask) => {
                let both = a.concat();
                mask.iter().map(|m| both[usize::from(*m)]).collect()
            }
            Op::ReduceAdd => {
                let sum = a[0][1..].iter().fold(a[0][0], |s, x| self.b.bin(Bin::Add, s, *x));
                vec![sum]
            }
            Op::Mac => (0..n).map(|k| self.product(a[0][k], a[1][k], a[2][k])).collect(),
            Op::Rescale(r) => (0..n).map(|k| self.rescale(r, a[0][k], a[1][k])).collect(),
            Op::Contract { row, lane } => {
                let Some(r) = self.module.rows.get(usize::from(*row)) else {
                    return Err(backend(&self.f.name, format!("the module has no contraction row {row}")));
                };
                self.contract(r, usize::from(*lane), &a)
            }
            _ => return Err(backend(&self.f.name, format!("{op:?} on vectors"))),
        };
        self.set(dst, out);
        Ok(())
    }
    fn lane_bin(&mut self, op: Bin, lane: Lane, x: Val, y: Val) -> Val {
        match (op, lane) {
            (Bin::MulHi, _) => self.mul_hi(x, y),
            (_, Lane::I32) | (Bin::And | Bin::Or | Bin::Xor | Bin::Smin | Bin::Smax | Bin::Sra, _) => self.b.bin(op, x, y),
            (Bin::Srl, l) => {
                let x = self.widened(x, l, false);
                let v = self.b.bin(op, x, y);
                self.sign(v, l)
            }
            (_, l) => {
                let v = self.b.bin(op, x, y);
                self.sign(v, l)
            }
        }
    }
    /// A lane's bits extended to 32.
    fn widened(&mut self, x: Val, from: Lane, signed: bool) -> Val {
        match from {
            Lane::I8 if !signed => self.b.bin_imm(Bin::And, x, 0xff),
            Lane::I16 if !signed => self.b.bin_imm(Bin::And, x, 0xffff),
            _ => x,
        }
    }
    /// Lane k of a word repeated.
    fn bits_lane(&mut self, x: Val, k: usize, lane: Lane) -> Val {
        let at = (k * lane.bits() as usize) % 32;
        let v = self.b.bin_imm(Bin::Srl, x, at as i32);
        if lane == Lane::I32 { v } else { self.sign(v, lane) }
    }
    /// Lane k of `bytes` bytes in memory, repeated.
    fn bcast_lane(&mut self, p: Val, k: usize, lane: Lane, bytes: usize, off: i32, align: u8) -> Val {
        let at = ((k * lane.bytes()) % bytes) as i32;
        let align = if at % i32::from(align) == 0 { align } else { 1 };
        if lane.bytes() <= bytes {
            let mem = match lane {
                Lane::I8 => MemElem::S8,
                Lane::I16 => MemElem::S16,
                Lane::I32 => MemElem::W32,
            };
            return self.load(mem, p, off.wrapping_add(at), align);
        }
        let (mem, copies) = match (bytes, lane) {
            (1, Lane::I16) => (MemElem::U8, 0x101),
            (1, _) => (MemElem::U8, 0x0101_0101),
            _ => (MemElem::U16, 0x1_0001),
        };
        let v = self.load(mem, p, off.wrapping_add(at), align);
        let v = self.b.bin_imm(Bin::Mul, v, copies);
        if lane == Lane::I32 { v } else { self.sign(v, lane) }
    }
    fn product(&mut self, acc: Val, x: Val, y: Val) -> Val {
        let p = self.b.bin(Bin::Mul, x, y);
        self.b.bin(Bin::Add, acc, p)
    }
    fn element(&mut self, x: Val, e: Elem) -> Val {
        if e == Elem::U8 { self.extend(x, e) } else { x }
    }
    /// The definition of a row, see [`Form`].
    fn contract(&mut self, r: &Row, lane: usize, a: &[Vec<Val>]) -> Vec<Val> {
        let scalar = r.form == Form::Scalar;
        let x: Vec<Val> = a[1].iter().map(|v| if scalar { *v } else { self.element(*v, r.a) }).collect();
        let w: Vec<Val> = a[2].iter().map(|v| self.element(*v, r.w)).collect();
        let k = usize::from(r.k);
        let pair = |j: usize, t: usize| match r.form {
            Form::Scalar => (0, j),
            Form::Lane => (lane * k + t, j * k + t),
            Form::Matrix => (j / 2 * k + t, j % 2 * k + t),
            _ => (j * k + t, j * k + t),
        };
        let sum = |j: usize, acc: Val| {
            (0..k).fold(acc, |acc, t| {
                let (i, o) = pair(j, t);
                self.product(acc, x[i], w[o])
            })
        };
        let mut sum = sum;
        a[0].iter().enumerate().map(|(j, acc)| sum(j, *acc)).collect()
    }
}
