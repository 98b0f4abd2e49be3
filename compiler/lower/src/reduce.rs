//! Reductions over any axes: where the last dimension stays, its elements lie in lanes; where it goes, lanes are folded at the end.

use crate::emit::{Arg, Call, Operand, lanes_for, overlapped};
use crate::gemm::{add_codes, i32s, store_codes};
use crate::nest::{Dim, fold, merged, nest, scaled, strides};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Lane, Machine, MemElem, Rescale, Role, Ty, Val};

/// What becomes of the elements.
#[derive(Clone, Copy, Debug)]
pub enum Reduction {
    /// Sum of (x - zp), rescaled by `mult`.
    Sum { zp_x: i32, mult: i32, rescale: Rescale },
    /// Largest code.
    Max,
    /// Smallest code.
    Min,
}

struct Reduce<'a> {
    m: &'a Machine,
    kind: Reduction,
    /// Elements of the operand and of the result in memory.
    mem: MemElem,
    out: MemElem,
    /// Elements that make one.
    count: usize,
}

/// Kernel and call of a reduction of codes of this shape over `axes`.
pub fn reduce_kernel(
    m: &Machine,
    kind: Reduction,
    shape: &[usize],
    axes: &[usize],
    x: Operand,
    (y, out): (ValueId, MemElem),
) -> Result<Call> {
    let (mem, x) = (x.mem, x.value);
    let sizes = [mem.bytes(), out.bytes()];
    let n: usize = shape.iter().product();
    let count: usize = axes.iter().map(|&a| shape[a]).product();
    let steps = strides(shape);
    let dims = |reduced: bool| (0..shape.len()).filter(move |d| axes.contains(d) == reduced);
    let kept: Vec<usize> = dims(false).map(|d| shape[d]).collect();
    let kept = dims(false).zip(strides(&kept)).map(|(d, to)| Dim { size: shape[d], steps: vec![steps[d], to] }).collect();
    let kept = merged(2, scaled(kept, &sizes));
    let gone = merged(1, scaled(dims(true).map(|d| Dim { size: shape[d], steps: vec![steps[d]] }).collect(), &sizes));
    let r = Reduce { m, kind, mem, out, count };
    let unit = r.unit();
    let mut b = Builder::new(match kind {
        Reduction::Sum { .. } => "sum",
        Reduction::Max => "max",
        Reduction::Min => "min",
    });
    let px = b.ptr("x", Role::In, n * sizes[0], sizes[0] as u8);
    let py = b.ptr("y", Role::Out, n / count * sizes[1], sizes[1] as u8);
    nest(&mut b, &kept, &[px, py], &mut |b, d, at| {
        if gone.last().is_some_and(|g| g.size > 1 && g.steps == [unit]) || d.size == 1 {
            return r.rows(b, d, &gone, at);
        }
        r.columns(b, d.size, &gone, at);
        vec![None; 2]
    });
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: n as u64, in_place: vec![] })
}

impl Reduce<'_> {
    /// The step from an element to its neighbour.
    fn unit(&self) -> i32 {
        self.mem.bytes() as i32
    }
    /// Accumulators of so many lanes at their start.
    fn start(&self, b: &mut Builder, lanes: usize) -> Vec<Val> {
        let sum = matches!(self.kind, Reduction::Sum { .. });
        let ty = match lanes {
            1 => Ty::I32,
            _ if sum => i32s(if self.m.split { lanes / 2 } else { lanes }),
            _ => Ty::Vec(Lane::I16, lanes as u16),
        };
        let from = match self.kind {
            Reduction::Sum { .. } => 0,
            Reduction::Max => i16::MIN.into(),
            Reduction::Min => i16::MAX.into(),
        };
        let parts = if sum && lanes > 1 && self.m.split { 2 } else { 1 };
        (0..parts).map(|_| b.vconst(from, ty)).collect()
    }
    fn pick(&self, b: &mut Builder, x: Val, y: Val) -> Val {
        match self.kind {
            Reduction::Sum { .. } => b.add(x, y),
            Reduction::Max => b.bin(Bin::Smax, x, y),
            Reduction::Min => b.bin(Bin::Smin, x, y),
        }
    }
    /// The codes at `p`, taken into the accumulators.
    fn take(&self, b: &mut Builder, acc: &mut [Val], lanes: usize, p: Val) {
        if matches!(self.kind, Reduction::Sum { .. }) {
            return add_codes(b, acc, self.mem, lanes, p);
        }
        let ty = if lanes == 1 { Ty::I32 } else { Ty::Vec(Lane::I16, lanes as u16) };
        let v = b.load_aligned(ty, self.mem, p, 0, self.mem.bytes() as u8);
        acc[0] = self.pick(b, acc[0], v);
    }
    /// Accumulators as codes, stored.
    fn finish(&self, b: &mut Builder, acc: &[Val], lanes: usize, p: Val) {
        let Reduction::Sum { zp_x, mult, rescale } = self.kind else { return store_codes(b, self.out, acc, p, 0, lanes) };
        let code = |&a: &Val| {
            let ty = b.ty(a);
            let off = b.vconst((self.count as i32).wrapping_mul(-zp_x), ty);
            let a = b.add(a, off);
            let mv = b.vconst(mult, ty);
            b.rescale(rescale, a, mv)
        };
        let q: Vec<Val> = acc.iter().map(code).collect();
        store_codes(b, self.out, &q, p, 0, lanes);
    }
    /// `n` neighbours stay, side by side in lanes; the last block overlaps its predecessor.
    fn columns(&self, b: &mut Builder, n: usize, gone: &[Dim], at: &[Val]) {
        let lanes = lanes_for(self.m, n);
        let block = |b: &mut Builder, x: Val, y: Val| {
            let start = self.start(b, lanes);
            let acc = fold(b, gone, x, &start, &mut |b, d, p, acc| {
                let begin = [&[p], acc].concat();
                let ends = b.for_loop(0, d.size as i32, 1, &begin, |b, _, c| {
                    let mut acc = c[1..].to_vec();
                    self.take(b, &mut acc, lanes, c[0]);
                    [vec![b.ptr_imm(c[0], d.steps[0])], acc].concat()
                });
                ends[1..].to_vec()
            });
            self.finish(b, &acc, lanes, y);
        };
        b.for_loop(0, (n.div_ceil(lanes) * lanes) as i32, lanes as i32, &[], |b, iv, _| {
            let i = overlapped(b, iv, n, lanes);
            let (x, y) = (b.ptr_add(at[0], i, self.unit(), 0), b.ptr_add(at[1], i, self.out.bytes() as i32, 0));
            block(b, x, y);
            vec![]
        });
    }
    /// Each element of the result is made of rows of neighbours.
    fn rows(&self, b: &mut Builder, d: &Dim, gone: &[Dim], at: &[Val]) -> Vec<Option<Val>> {
        if d.size == 1 {
            self.row(b, gone, at[0], at[1]);
            return vec![None; 2];
        }
        let ends = b.for_loop(0, d.size as i32, 1, at, |b, _, p| {
            self.row(b, gone, p[0], p[1]);
            vec![b.ptr_imm(p[0], d.steps[0]), b.ptr_imm(p[1], d.steps[1])]
        });
        ends.into_iter().map(Some).collect()
    }
    fn row(&self, b: &mut Builder, gone: &[Dim], x: Val, y: Val) {
        let last = gone.last().map_or(1, |d| d.size);
        let unit = gone.last().is_some_and(|d| d.steps == [self.unit()]);
        let l = self.m.mac_lanes as usize;
        let lanes = if unit && l > 1 && last >= l { l } else { 1 };
        let mut start = self.start(b, lanes);
        let (wide, rest) = (start.len(), if lanes > 1 && !last.is_multiple_of(lanes) { last % lanes } else { 0 });
        if rest > 0 {
            start.extend(self.start(b, 1));
        }
        let acc = fold(b, gone, x, &start, &mut |b, d, p, acc| {
            let mut acc = acc.to_vec();
            let mut at = p;
            for (n, lanes, range) in [(d.size / lanes, lanes, 0..wide), (rest, 1, wide..acc.len())] {
                if n == 0 {
                    continue;
                }
                let begin = [&[at], &acc[range.clone()]].concat();
                let ends = b.for_loop(0, n as i32, 1, &begin, |b, _, c| {
                    let mut acc = c[1..].to_vec();
                    self.take(b, &mut acc, lanes, c[0]);
                    [vec![b.ptr_imm(c[0], d.steps[0] * lanes as i32)], acc].concat()
                });
                at = ends[0];
                acc[range].copy_from_slice(&ends[1..]);
            }
            acc
        });
        let all: Vec<Val> = acc.iter().map(|&v| self.across(b, v)).collect();
        let one = all[1..].iter().fold(all[0], |x, &y| self.pick(b, x, y));
        self.finish(b, &[one], 1, y);
    }
    /// One element of all lanes.
    fn across(&self, b: &mut Builder, v: Val) -> Val {
        let Ty::Vec(_, n) = b.ty(v) else { return v };
        if matches!(self.kind, Reduction::Sum { .. }) {
            return b.reduce_add(v);
        }
        let (mut v, mut half) = (v, n / 2);
        while half > 0 {
            let moved = b.shuffle(v, v, (0..n).map(|i| (i + half) % n).collect());
            v = self.pick(b, v, moved);
            half /= 2;
        }
        b.extract(v, 0)
    }
}
