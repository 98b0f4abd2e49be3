//! Inner products: the trees that instruction selection folds.
//!
//! | row | tree | x86-64 | aarch64 |
//! |---|---|---|---|
//! | dot i8 k4 | `acc + pair(pair(lo), pair(hi))` over i16 products | `vpdpbusd` (u8 x i8, VNNI) | `sdot`, `usdot` |
//! | dot i16 k2 | `acc + pair(imul(low, low), imul(high, high))` | `pmaddwd`, `paddd` | `smull`, `smull2`, `addp`, `add` |
//! | dot i8 k2 | `acc + pair(i16 products)` | | `smull`, `saddlp`, `add` |
//! | scalar | `acc + a * w` | `imul`, `add` | `madd` |
//!
//! A miss is silent and slow, so tests disassemble. Operand order counts: x86 folds imul(signed, unsigned), aarch64 imul(unsigned, signed).

use crate::layout::{REG, element, per_piece, piece};
use crate::translate::Translator;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Elem, Form, Lane, Row, Ty, Val};

impl Translator<'_, '_, '_> {
    pub(crate) fn contract(&mut self, dst: Val, row: u16, lane: u8, args: &[Val]) -> Result<()> {
        let module = self.module;
        let Some(r) = module.rows.get(row as usize) else { return Err(self.refuse(format!("contract: there is no row {row}"))) };
        let unsupported =
            |t: &Self| t.refuse(format!("contract.{}: {:?} of {:?} x {:?}, k = {}, n = {}", r.name, r.form, r.a, r.w, r.k, r.n));
        if r.cranelift != "tree" {
            return Err(unsupported(self));
        }
        let (acc, a, w) = (self.pieces(args[0]), self.pieces(args[1]), self.pieces(args[2]));
        let out = match r.form {
            Form::Scalar if r.n == 1 => {
                let p = self.b.ins().imul(a[0], w[0]);
                vec![self.b.ins().iadd(acc[0], p)]
            }
            // The scalar is splat into lanes of the weights' width, where an unsigned byte would change its sign.
            Form::Scalar if r.a.signed() || r.w.lane() != Lane::I8 => {
                let l = r.w.lane();
                let x = self.b.ins().ireduce(element(l), a[0]);
                let x = self.b.ins().splat(piece(l), x);
                let small = l == Lane::I8;
                self.mac_pieces(&acc, &vec![x; w.len()], &w, l, r.n as usize, small)
            }
            Form::Dot if r.n == 1 && a.len() == 1 => {
                let sum = match self.products(r, a[0], w[0]) {
                    Some(p) => self.sum_lanes(&p, Lane::I32, 4),
                    None => return Err(unsupported(self)),
                };
                vec![self.b.ins().iadd(acc[0], sum)]
            }
            Form::Dot | Form::Lane => {
                if r.acc_ty().bytes() > REG || r.w_ty().bytes() > REG {
                    return Err(unsupported(self));
                }
                let a = if r.form == Form::Lane { self.group(r, a[0], lane) } else { a[0] };
                match self.dot(r, acc[0], a, w[0]) {
                    Some(v) => vec![v],
                    None => return Err(unsupported(self)),
                }
            }
            Form::Scalar | Form::Packed | Form::Matrix => return Err(unsupported(self)),
        };
        self.set(dst, out);
        Ok(())
    }

    /// Group `lane` of `k` elements repeated over the register.
    fn group(&mut self, r: &Row, a: Value, lane: u8) -> Value {
        let bytes = r.k as usize * r.a.lane().bytes();
        let first = lane as usize * bytes;
        let mask = std::array::from_fn(|i| ((first + i % bytes) % 16) as u8);
        let v = self.shuffle_bytes(a, a, mask);
        self.cast(v, piece(r.a.lane()))
    }

    /// acc + inner products, for the shapes that have a tree.
    fn dot(&mut self, r: &Row, acc: Value, a: Value, w: Value) -> Option<Value> {
        let sum = match (r.a.lane(), r.w.lane(), r.k) {
            (Lane::I8, Lane::I8, 4) if r.a.signed() || r.w.signed() => {
                let (lo, hi) = (self.product(r, a, w, false), self.product(r, a, w, true));
                let (lo, hi) = (self.pair_up(lo), self.pair_up(hi));
                self.b.ins().iadd_pairwise(lo, hi)
            }
            (Lane::I16, Lane::I16, 2) => {
                let (lo, hi) = (self.product(r, a, w, false), self.product(r, a, w, true));
                self.b.ins().iadd_pairwise(lo, hi)
            }
            (Lane::I8, Lane::I8, 2) if r.a.signed() || r.w.signed() => {
                let p = self.product(r, a, w, false);
                self.pair_up(p)
            }
            _ => return None,
        };
        // The sum first: the folding rule looks for it on this side.
        Some(self.b.ins().iadd(sum, acc))
    }

    /// i16 lanes widened to i32 and added in pairs.
    fn pair_up(&mut self, v: Value) -> Value {
        let (lo, hi) = (self.b.ins().swiden_low(v), self.b.ins().swiden_high(v));
        self.b.ins().iadd_pairwise(lo, hi)
    }

    /// Products of the low or high halves in lanes of twice the width: exact, as one side at least is signed.
    fn product(&mut self, r: &Row, a: Value, w: Value, high: bool) -> Value {
        let mut widen = |v: Value, e: Elem| match (e.signed(), high) {
            (true, false) => self.b.ins().swiden_low(v),
            (true, true) => self.b.ins().swiden_high(v),
            (false, false) => self.b.ins().uwiden_low(v),
            (false, true) => self.b.ins().uwiden_high(v),
        };
        let (x, y) = (widen(a, r.a), widen(w, r.w));
        let a_first = match (r.a.signed(), r.w.signed()) {
            (true, false) => self.writer.is_x86(),
            (false, true) => !self.writer.is_x86(),
            _ => true,
        };
        if a_first { self.b.ins().imul(x, y) } else { self.b.ins().imul(y, x) }
    }

    /// All products of one register, in i32 lanes already added in pairs where both elements are bytes.
    fn products(&mut self, r: &Row, a: Value, w: Value) -> Option<Vec<Value>> {
        let full = r.k as usize * r.a.lane().bytes() == REG;
        match (r.a.lane(), r.w.lane(), full) {
            (Lane::I8, Lane::I8, true) if r.a.signed() || r.w.signed() => {
                let (lo, hi) = (self.product(r, a, w, false), self.product(r, a, w, true));
                Some(vec![self.pair_up(lo), self.pair_up(hi)])
            }
            (Lane::I16, Lane::I16, true) => Some(vec![self.product(r, a, w, false), self.product(r, a, w, true)]),
            _ => None,
        }
    }

    pub(crate) fn mac(&mut self, dst: Val, acc: Val, a: Val, w: Val) -> Result<()> {
        let Ty::Vec(lane, n) = self.ty(a) else { return Err(self.refuse("mac on scalars")) };
        if lane == Lane::I32 {
            return Err(self.refuse("mac on i32 lanes"));
        }
        let fits = match (self.get(a).range, self.get(w).range) {
            (Some(x), Some(y)) => x.0.abs().max(x.1.abs()) * y.0.abs().max(y.1.abs()) < 1 << 15,
            _ => false,
        };
        let small = lane == Lane::I8 || (fits && self.writer.is_x86());
        let (acc, a, w) = (self.pieces(acc), self.pieces(a), self.pieces(w));
        let out = self.mac_pieces(&acc, &a, &w, lane, n as usize, small);
        self.set(dst, out);
        Ok(())
    }

    /// acc + a * w lane by lane. `small`: the products fit i16, so they are computed there and widened after; on aarch64
    /// `smull` of i16 is as cheap as the narrow product, on x86 it takes three instructions.
    fn mac_pieces(&mut self, acc: &[Value], a: &[Value], w: &[Value], lane: Lane, n: usize, small: bool) -> Vec<Value> {
        let mut products = vec![];
        for (i, (&a, &w)) in a.iter().zip(w).enumerate() {
            let lanes = (n - i * per_piece(lane)).min(per_piece(lane));
            let mut narrow = vec![];
            match (lane, small) {
                (Lane::I8, _) => {
                    let (x, y) = (self.b.ins().swiden_low(a), self.b.ins().swiden_low(w));
                    narrow.push((self.b.ins().imul(x, y), lanes.min(8)));
                    if lanes > 8 {
                        let (x, y) = (self.b.ins().swiden_high(a), self.b.ins().swiden_high(w));
                        narrow.push((self.b.ins().imul(x, y), 8));
                    }
                }
                (_, true) => narrow.push((self.b.ins().imul(a, w), lanes)),
                (_, false) => {
                    let (x, y) = (self.b.ins().swiden_low(a), self.b.ins().swiden_low(w));
                    products.push(self.b.ins().imul(x, y));
                    if lanes > 4 {
                        let (x, y) = (self.b.ins().swiden_high(a), self.b.ins().swiden_high(w));
                        products.push(self.b.ins().imul(x, y));
                    }
                }
            }
            for (p, lanes) in narrow {
                products.push(self.b.ins().swiden_low(p));
                if lanes > 4 {
                    products.push(self.b.ins().swiden_high(p));
                }
            }
        }
        debug_assert!(products.iter().all(|&p| self.b.func.dfg.value_type(p) == types::I32X4));
        acc.iter().zip(products).map(|(&s, p)| self.b.ins().iadd(s, p)).collect()
    }
}
