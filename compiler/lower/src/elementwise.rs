//! Element-wise kernels: residual add, product, table look-up, plain rescale.

use crate::emit::{Arg, Call, Operand};
use crate::gemm::{i32s, store_codes};
use crate::nest::{broadcast, merged, nest, scaled};
use crate::rows::pair_row;
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Lane, MacForm, Machine, MemElem, Op, Rescale, Role, Row, Ty, Val};

/// Constants of a q.add: `clamp((qa*a + qb*b + c) >> shift)`.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct LinComb {
    pub a: i32,
    pub b: i32,
    pub c: i32,
    pub shift: i32,
    pub lo: i32,
    pub hi: i32,
}

/// What a block of elements reads of an operand.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The codes from an address on.
    Each(Val),
    /// One code for all of them.
    All(Val),
}

impl Source {
    fn load(self, b: &mut Builder, ty: Ty, mem: MemElem) -> Val {
        match self {
            Source::Each(p) => b.load_aligned(ty, mem, p, 0, mem.bytes() as u8),
            Source::All(v) if ty == Ty::I32 => v,
            Source::All(v) => b.splat(v, ty),
        }
    }
    /// The codes as i32 vectors: one, or two halves on split machines.
    pub(crate) fn codes(self, b: &mut Builder, m: &Machine, lanes: usize, mem: MemElem) -> Vec<Val> {
        match self {
            _ if lanes == 1 => vec![self.load(b, Ty::I32, mem)],
            Source::All(v) if m.split => vec![b.splat(v, i32s(lanes / 2)); 2],
            Source::All(v) => vec![b.splat(v, i32s(lanes))],
            Source::Each(p) if mem == MemElem::W32 => {
                let each = if m.split { lanes / 2 } else { lanes };
                (0..lanes).step_by(each).map(|i| b.load_aligned(i32s(each), mem, p, (4 * i) as i32, 4)).collect()
            }
            Source::Each(_) => {
                let v = self.load(b, Ty::Vec(Lane::I16, lanes as u16), mem);
                if m.split { vec![b.widen(v, true, false), b.widen(v, true, true)] } else { vec![b.widen_all(v, Lane::I32, true)] }
            }
        }
    }
}

// Walks n elements in blocks of lanes with a scalar rest: outputs may overlap inputs, so blocks must not. `ptrs` have elements of so many
// bytes.
fn walk(b: &mut Builder, m: &Machine, n: usize, ptrs: &[(Val, usize)], body: &dyn Fn(&mut Builder, usize, &[Val])) -> Vec<Val> {
    let l = (m.mac_lanes as usize).max(1);
    let full = n / l;
    let (ptrs, sizes): (Vec<Val>, Vec<usize>) = ptrs.iter().copied().unzip();
    let on = |b: &mut Builder, p: &[Val], n: usize| p.iter().zip(&sizes).map(|(&p, size)| b.ptr_imm(p, (n * size) as i32)).collect();
    let mut at = ptrs.clone();
    if full > 0 {
        at = b.for_loop(0, full as i32, 1, &ptrs, |b, _, p| {
            body(b, l, p);
            on(b, p, l)
        });
    }
    if !n.is_multiple_of(l) {
        at = b.for_loop(0, (n % l) as i32, 1, &at, |b, _, p| {
            body(b, 1, p);
            on(b, p, 1)
        });
    }
    at
}

/// Kernel and call of a function of the codes of `ins`, which repeat by numpy's rule in the shape `to`. `f` gives the codes of a block of so
/// many lanes: as one vector, two halves, or a scalar where it is one.
fn zip(
    (name, m): (&str, &Machine),
    to: &[usize],
    ins: &[(Operand, &[usize])],
    (y, out): (ValueId, MemElem),
    f: impl Fn(&mut Builder, usize, &[Source]) -> Vec<Val>,
) -> Call {
    let elems = |s: &[usize]| s.iter().product::<usize>();
    let mut b = Builder::new(name);
    let params = ["a", "b"].into_iter().zip(ins);
    let sizes: Vec<usize> = ins.iter().map(|(o, _)| o.mem.bytes()).chain([out.bytes()]).collect();
    let mut at: Vec<Val> = params
        .zip(&sizes)
        .map(|((p, (_, s)), size)| b.ptr(if ins.len() == 1 { "x" } else { p }, Role::In, elems(s) * size, *size as u8))
        .collect();
    at.push(b.ptr("y", Role::Out, elems(to) * out.bytes(), out.bytes() as u8));
    let shapes: Vec<&[usize]> = ins.iter().map(|(_, s)| *s).collect();
    nest(&mut b, &merged(at.len(), scaled(broadcast(to, &shapes), &sizes)), &at, &mut |b, d, at| {
        // What stands still is read once.
        let fixed: Vec<Option<Val>> = ins
            .iter()
            .enumerate()
            .map(|(j, (o, _))| (d.steps[j] == 0).then(|| b.load_aligned(Ty::I32, o.mem, at[j], 0, o.mem.bytes() as u8)))
            .collect();
        let moving: Vec<usize> = (0..at.len()).filter(|&j| d.steps[j] != 0).collect();
        let begin: Vec<(Val, usize)> = moving.iter().map(|&j| (at[j], sizes[j])).collect();
        let ends = walk(b, m, d.size, &begin, &|b, l, p| {
            let mut p = p.iter().copied();
            let mut sources = Vec::new();
            for v in &fixed {
                sources.extend(v.map(Source::All).or_else(|| p.next().map(Source::Each)));
            }
            let q = f(b, l, &sources);
            p.for_each(|to| store_codes(b, out, &q, to, 0, l));
        });
        let mut out = vec![None; at.len()];
        moving.iter().zip(ends).for_each(|(&j, p)| out[j] = Some(p));
        out
    });
    let whole = ins.iter().filter(|(_, s)| elems(s) == elems(to));
    Call {
        func: b.finish(),
        rows: vec![],
        args: ins.iter().map(|(o, _)| o.value).chain([y]).map(Arg::Value).collect(),
        macs: elems(to) as u64,
        in_place: whole.map(|(o, _)| o.value).collect(),
    }
}

/// Kernel and call of a q.add with a result of shape `to`.
pub fn add_kernel(m: &Machine, to: &[usize], k: LinComb, ins: [(Operand, &[usize]); 2], y: (ValueId, MemElem)) -> Result<Call> {
    let short = [k.a, k.b].iter().all(|&f| i16::try_from(f).is_ok());
    let row = pair_row(m).filter(|_| m.mac == MacForm::Pairs && short);
    let [a, bb] = ins.map(|(o, _)| o.mem);
    let call = zip(("add", m), to, &ins, y, |b, l, s| {
        if let Some(row) = row.filter(|_| l > 1) {
            return pairs(b, row, k, l, [(a, s[0]), (bb, s[1])]);
        }
        let (x, z) = (s[0].codes(b, m, l, a), s[1].codes(b, m, l, bb));
        let sum = |(x, z): (Val, Val)| {
            let ty = b.ty(x);
            let xa = b.mul_imm(x, k.a);
            let zb = b.mul_imm(z, k.b);
            let s = b.add(xa, zb);
            let s = b.add_imm(s, k.c);
            let sh = b.vconst(k.shift, ty);
            let s = b.bin(Bin::Sra, s, sh);
            clamp(b, s, k.lo, k.hi)
        };
        x.into_iter().zip(z).map(sum).collect()
    });
    Ok(Call { rows: row.map(|r| vec![r.clone()]).unwrap_or_default(), macs: 2 * call.macs, ..call })
}

// Codes interleaved, so that one inner product of pairs gives qa*a + qb*b.
fn pairs(b: &mut Builder, row: &Row, k: LinComb, lanes: usize, [x, z]: [(MemElem, Source); 2]) -> Vec<Val> {
    let ty = Ty::Vec(Lane::I16, lanes as u16);
    let (x, z) = (x.1.load(b, ty, x.0), z.1.load(b, ty, z.0));
    let both = b.iconst(k.a & 0xffff | k.b << 16);
    let w = b.op(ty, Op::SplatBits(ty), &[both]);
    let half = (lanes / 2) as u16;
    [0, half]
        .into_iter()
        .map(|first| {
            let mask = (first..first + half).flat_map(|i| [i, lanes as u16 + i]).collect();
            let v = b.shuffle(x, z, mask);
            let c = b.vconst(k.c, row.acc_ty());
            let s = b.contract(0, row, 0, c, v, w);
            let sh = b.vconst(k.shift, row.acc_ty());
            let s = b.bin(Bin::Sra, s, sh);
            clamp(b, s, k.lo, k.hi)
        })
        .collect()
}

fn clamp(b: &mut Builder, v: Val, lo: i32, hi: i32) -> Val {
    let ty = b.ty(v);
    let l = b.vconst(lo, ty);
    let h = b.vconst(hi, ty);
    let v = b.bin(Bin::Smax, v, l);
    b.bin(Bin::Smin, v, h)
}

/// Kernel and call of a q.mul with a result of shape `to`.
pub fn mul_kernel(m: &Machine, to: &[usize], mult: i32, r: Rescale, ins: [(Operand, &[usize]); 2], y: (ValueId, MemElem)) -> Result<Call> {
    let [a, bb] = ins.map(|(o, _)| o);
    Ok(zip(("mul", m), to, &ins, y, |b, l, s| {
        let (x, z) = (s[0].codes(b, m, l, a.mem), s[1].codes(b, m, l, bb.mem));
        let product = |(x, z): (Val, Val)| {
            let ty = b.ty(x);
            let (x, z) = (b.add_imm(x, -a.zp), b.add_imm(z, -bb.zp));
            let acc = b.bin(Bin::Mul, x, z);
            let mv = b.vconst(mult, ty);
            b.rescale(r, acc, mv)
        };
        x.into_iter().zip(z).map(product).collect()
    }))
}

/// Kernel and call of a q.rescale over `n` elements.
pub fn rescale_kernel(m: &Machine, n: usize, mult: i32, r: Rescale, x: Operand, y: (ValueId, MemElem)) -> Result<Call> {
    Ok(zip(("rescale", m), &[n], &[(x, &[n])], y, |b, l, s| {
        let codes = s[0].codes(b, m, l, x.mem);
        let scaled = |v: Val| {
            let ty = b.ty(v);
            let v = b.add_imm(v, -x.zp);
            let mv = b.vconst(mult, ty);
            b.rescale(r, v, mv)
        };
        codes.into_iter().map(scaled).collect()
    }))
}

/// Kernel and call of a q.lut: `table` holds the result for each of the 256 codes, smallest code first; of 16-bit codes for every 128th, with a
/// line between.
pub fn lut_kernel(n: usize, table: Vec<u8>, x: Operand, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let (from, to) = (x.mem.bytes(), out.bytes());
    let mut b = Builder::new("lut");
    let px = b.ptr("x", Role::In, n * from, from as u8);
    let py = b.ptr("y", Role::Out, n * to, to as u8);
    let pt = b.ptr("t", Role::Const, table.len(), to as u8);
    b.for_loop(0, n as i32, 1, &[px, py], |b, _, p| {
        let v = b.load_aligned(Ty::I32, x.mem, p[0], 0, from as u8);
        let entry = |b: &mut Builder, at: Val, off: usize| b.load_aligned(Ty::I32, out, at, (off * to) as i32, to as u8);
        let q = if x.mem == MemElem::S16 {
            let u = b.add_imm(v, 1 << 15);
            let (fine, ones) = (b.iconst(7), b.iconst(127));
            let at = b.bin(Bin::Srl, u, fine);
            let at = b.ptr_add(pt, at, to as i32, 0);
            let part = b.bin(Bin::And, u, ones);
            let (low, high) = (entry(b, at, 0), entry(b, at, 1));
            let d = b.bin(Bin::Sub, high, low);
            let d = b.bin(Bin::Mul, d, part);
            let d = b.add_imm(d, 64);
            let d = b.bin(Bin::Sra, d, fine);
            b.add(low, d)
        } else {
            let at = b.ptr_add(pt, v, to as i32, if x.mem == MemElem::S8 { (128 * to) as i32 } else { 0 });
            entry(b, at, 0)
        };
        b.store_aligned(q, out, p[1], 0, to as u8);
        vec![b.ptr_imm(p[0], from as i32), b.ptr_imm(p[1], to as i32)]
    });
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes: table, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: n as u64, in_place: vec![x.value] })
}
