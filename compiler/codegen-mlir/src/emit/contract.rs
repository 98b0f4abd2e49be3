//! Inner products: the intrinsic a row of the machine description names, or the tree of products and sums that defines the row.

use super::isa::Isa;
use super::{Emitter, refuse, ty, vec_ty};
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Elem, Form, Row, Ty};

/// How an intrinsic takes its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Convention {
    /// (a, w), the accumulator is added afterwards.
    Product,
    /// (acc, a, w).
    AccFirst,
    /// (a, w, acc).
    AccLast,
    /// (unsigned, subtract, exchange, acc, a, w).
    Vmldava,
}

fn convention(name: &str) -> Option<Convention> {
    Some(match name {
        n if n.starts_with("llvm.x86.") && n.contains(".pmadd") => Convention::Product,
        n if n.starts_with("llvm.x86.") && n.contains(".vpdp") => Convention::AccFirst,
        n if n.starts_with("llvm.aarch64.neon.") && (n.contains("dot") || n.contains("mmla")) => Convention::AccFirst,
        "llvm.arm.smlad" => Convention::AccLast,
        n if n.starts_with("llvm.arm.mve.vmldava") => Convention::Vmldava,
        _ => return None,
    })
}

impl Emitter<'_> {
    pub(super) fn contract(&mut self, d: &str, row: u16, lane: u8, args: &[String]) -> Result<()> {
        let Some(r) = self.module.rows.get(usize::from(row)) else {
            return Err(Error::new(Code::Backend, format!("the module has no contraction row {row}")));
        };
        let (acc, w) = (&args[0], &args[2]);
        let a = if r.form == Form::Lane { self.group(r, lane, &args[1])? } else { args[1].clone() };
        if r.llvm == "tree" {
            return self.tree(d, r, acc, &a, w);
        }
        let Some(c) = convention(&r.llvm) else {
            return Err(Error::new(Code::Backend, format!("row `{}` names the intrinsic `{}`, which is not known here", r.name, r.llvm)));
        };
        let name = &r.llvm;
        let acc_ty = ty(r.acc_ty());
        let a_ty = if r.form == Form::Lane { ty(r.w_ty()) } else { ty(r.a_ty()) };
        let w_ty = ty(r.w_ty());
        match c {
            Convention::Product => {
                let p = self.temp(format_args!("llvm.call_intrinsic \"{name}\"({a}, {w}) : ({a_ty}, {w_ty}) -> {acc_ty}"));
                self.line(format_args!("{d} = arith.addi {acc}, {p} : {acc_ty}"));
            }
            // The element that one lane of a register gives is the last operand of `sdot` and `udot`; the product does not mind.
            Convention::AccFirst if r.form == Form::Lane && r.a.signed() == r.w.signed() => {
                self.line(format_args!("{d} = llvm.call_intrinsic \"{name}\"({acc}, {w}, {a}) : ({acc_ty}, {w_ty}, {a_ty}) -> {acc_ty}"));
            }
            Convention::AccFirst => {
                self.line(format_args!("{d} = llvm.call_intrinsic \"{name}\"({acc}, {a}, {w}) : ({acc_ty}, {a_ty}, {w_ty}) -> {acc_ty}"));
            }
            Convention::AccLast => {
                self.line(format_args!("{d} = llvm.call_intrinsic \"{name}\"({a}, {w}, {acc}) : ({a_ty}, {w_ty}, {acc_ty}) -> {acc_ty}"));
            }
            Convention::Vmldava => {
                if r.a.signed() != r.w.signed() {
                    return refuse(format_args!("operands of different signs in `{name}`"));
                }
                let unsigned = self.iconst(i32::from(!r.a.signed()));
                let zero = self.iconst(0);
                self.line(format_args!(
                    "{d} = llvm.call_intrinsic \"{name}\"({unsigned}, {zero}, {zero}, {acc}, {a}, {w}) : \
                     (i32, i32, i32, i32, {a_ty}, {w_ty}) -> i32"
                ));
            }
        }
        Ok(())
    }

    /// Group `lane` of `a` opposite every group of `w`; LLVM folds this shuffle into the by-element form of the instruction.
    fn group(&mut self, r: &Row, lane: u8, a: &str) -> Result<String> {
        let lanes = match r.a_ty() {
            Ty::Vec(_, n) => n,
            t => return refuse(format_args!("a group of {t}")),
        };
        if (u16::from(lane) + 1) * r.k > lanes {
            return refuse(format_args!("group {lane} of {} elements out of {lanes}", r.k));
        }
        let mask: Vec<u16> = (0..r.n * r.k).map(|i| u16::from(lane) * r.k + i % r.k).collect();
        Ok(self.shuffle(&ty(r.a_ty()), a, a, &mask))
    }

    /// The definition of the row in plain arithmetic.
    fn tree(&mut self, d: &str, r: &Row, acc: &str, a: &str, w: &str) -> Result<()> {
        let acc_ty = ty(r.acc_ty());
        let sum = match r.form {
            Form::Packed => return self.packed(d, acc, a, w),
            Form::Scalar if r.n == 1 => self.temp(format_args!("arith.muli {a}, {w} : i32")),
            Form::Scalar => {
                // Both extended from one width, so that a widening multiply-accumulate by a scalar is selected.
                let lane = r.a.lane().max(r.w.lane());
                let x = self.cut(a, lane);
                let s = self.temp(format_args!("vector.broadcast {x} : i{} to {}", lane.bits(), vec_ty(lane.bits(), r.n)));
                let wide = vec_ty(32, r.n);
                let ext = if r.a.signed() || lane > r.a.lane() { "extsi" } else { "extui" };
                let s = self.temp(format_args!("arith.{ext} {s} : {} to {wide}", vec_ty(lane.bits(), r.n)));
                let w = self.extend(w, r.w, r.n);
                self.temp(format_args!("arith.muli {s}, {w} : {wide}"))
            }
            Form::Dot | Form::Lane if self.isa == &Isa::Aarch64 && r.k == 2 && r.n == 4 && r.a == Elem::I8 && r.w == Elem::I8 => {
                let p = self.temp(format_args!(
                    "llvm.call_intrinsic \"llvm.aarch64.neon.smull.v8i16\"({a}, {w}) : (vector<8xi8>, vector<8xi8>) -> vector<8xi16>"
                ));
                self.temp(format_args!(
                    "llvm.call_intrinsic \"llvm.aarch64.neon.saddlp.v4i32.v8i16\"({p}) : (vector<8xi16>) -> vector<4xi32>"
                ))
            }
            Form::Dot | Form::Lane if self.isa == &Isa::Neon && r.k == 2 && r.n == 4 && r.a == Elem::I8 && r.w == Elem::I8 => {
                let p = self.temp(format_args!(
                    "llvm.call_intrinsic \"llvm.arm.neon.vmulls.v8i16\"({a}, {w}) : (vector<8xi8>, vector<8xi8>) -> vector<8xi16>"
                ));
                self.line(format_args!(
                    "{d} = llvm.call_intrinsic \"llvm.arm.neon.vpadals.v4i32.v8i16\"({acc}, {p}) : (vector<4xi32>, vector<8xi16>) -> vector<4xi32>"
                ));
                return Ok(());
            }
            // Four products a channel: pairs of them as 32 bits, then pairs of pairs.
            Form::Dot | Form::Lane if self.isa == &Isa::Aarch64 && r.k == 4 && r.n == 4 && r.a == Elem::I8 && r.w == Elem::I8 => {
                let mut pairs = vec![];
                for half in [0, 8] {
                    let mask: Vec<u16> = (half..half + 8).collect();
                    let [x, y] = [a, w].map(|v| self.shuffle(&vec_ty(8, 16), v, v, &mask));
                    let p = self.temp(format_args!(
                        "llvm.call_intrinsic \"llvm.aarch64.neon.smull.v8i16\"({x}, {y}) : (vector<8xi8>, vector<8xi8>) -> vector<8xi16>"
                    ));
                    pairs.push(self.temp(format_args!(
                        "llvm.call_intrinsic \"llvm.aarch64.neon.saddlp.v4i32.v8i16\"({p}) : (vector<8xi16>) -> vector<4xi32>"
                    )));
                }
                self.temp(format_args!(
                    "llvm.call_intrinsic \"llvm.aarch64.neon.addp.v4i32\"({}, {}) : (vector<4xi32>, vector<4xi32>) -> vector<4xi32>",
                    pairs[0], pairs[1]
                ))
            }
            Form::Dot | Form::Lane => {
                let p = self.products(r, r.n * r.k, a, w);
                if r.n == 1 {
                    self.temp(format_args!("vector.reduction <add>, {p} : {} into i32", vec_ty(32, r.k)))
                } else {
                    self.sums(&p, r.n, r.k)
                }
            }
            Form::Matrix => {
                // Rows of both operands beside each other: 2i+j pairs row i of a with row j of w.
                let t = ty(r.a_ty());
                let pick = |row: fn(u16) -> u16| (0..4).flat_map(|o| (0..r.k).map(move |t| row(o) * r.k + t)).collect::<Vec<u16>>();
                let left = self.shuffle(&t, a, a, &pick(|o| o / 2));
                let right = self.shuffle(&ty(r.w_ty()), w, w, &pick(|o| o % 2));
                let p = self.products(r, 4 * r.k, &left, &right);
                self.sums(&p, 4, r.k)
            }
        };
        self.line(format_args!("{d} = arith.addi {acc}, {sum} : {acc_ty}"));
        Ok(())
    }

    /// `n` elements as i32.
    fn extend(&mut self, v: &str, e: Elem, n: u16) -> String {
        let ext = if e.signed() { "extsi" } else { "extui" };
        self.temp(format_args!("arith.{ext} {v} : {} to {}", vec_ty(e.lane().bits(), n), vec_ty(32, n)))
    }

    /// Lane-wise products of `n` elements as i32.
    fn products(&mut self, r: &Row, n: u16, a: &str, w: &str) -> String {
        let (a, w) = (self.extend(a, r.a, n), self.extend(w, r.w, n));
        self.temp(format_args!("arith.muli {a}, {w} : {}", vec_ty(32, n)))
    }

    /// Sums of `n` groups of `k` neighbours.
    fn sums(&mut self, p: &str, n: u16, k: u16) -> String {
        let (t, part) = (vec_ty(32, n * k), vec_ty(32, n));
        (0..k)
            .map(|i| (0..n).map(|j| j * k + i).collect::<Vec<u16>>())
            .fold(None, |sum: Option<String>, mask| {
                let v = self.shuffle(&t, p, p, &mask);
                Some(match sum {
                    None => v,
                    Some(s) => self.temp(format_args!("arith.addi {s}, {v} : {part}")),
                })
            })
            .unwrap_or_default()
    }

    fn packed(&mut self, d: &str, acc: &str, a: &str, w: &str) -> Result<()> {
        let c = self.iconst(16);
        let mut sum = acc.to_string();
        for high in [false, true] {
            let mut half = vec![];
            for v in [a, w] {
                let up = if high { v.to_string() } else { self.temp(format_args!("arith.shli {v}, {c} : i32")) };
                half.push(self.temp(format_args!("arith.shrsi {up}, {c} : i32")));
            }
            let p = self.temp(format_args!("arith.muli {}, {} : i32", half[0], half[1]));
            sum = self.temp(format_args!("arith.addi {sum}, {p} : i32"));
        }
        self.line(format_args!("{d} = llvm.bitcast {sum} : i32 to i32"));
        Ok(())
    }

    pub(super) fn mac(&mut self, d: &str, types: [Ty; 2], a: &[String]) -> Result<()> {
        let mut x = vec![];
        let mut wide = String::new();
        for (t, v) in types.into_iter().zip(&a[1..]) {
            let (l, n) = super::lanes(t, "a multiply-accumulate")?;
            wide = vec_ty(32, n);
            x.push(if l.bits() == 32 { v.clone() } else { self.temp(format_args!("arith.extsi {v} : {} to {wide}", ty(t))) });
        }
        let p = self.temp(format_args!("arith.muli {}, {} : {wide}", x[0], x[1]));
        self.line(format_args!("{d} = arith.addi {}, {p} : {wide}", a[0]));
        Ok(())
    }
}
