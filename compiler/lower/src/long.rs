//! Dense layers over values of 32 bits: upper and lower bits of each are multiplied on their own, in sums of 32 bits (docs/numerics.md, section 14).

use crate::elementwise::Source;
use crate::emit::{Call, layer_args};
use crate::gemm::store_codes;
use crate::norm::shift;
use crate::spec::ConvSpec;
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Machine, MemElem, Role, Val};
use mcompc_ops::LIMB;

/// Output channels that scalars make together.
const SCALARS: usize = 4;

/// What a block of output channels is made with.
struct Block<'a> {
    s: &'a ConvSpec,
    m: &'a Machine,
    drop: u32,
    /// Channels of a block, padding included.
    width: usize,
}

/// Kernel and call. Weights lie by blocks of output channels, K times a block; biases and multipliers of a block follow each other.
pub fn long_kernel(s: &ConvSpec, drop: u32, m: &Machine, x: ValueId, y: ValueId) -> Result<Call> {
    let lanes = m.mac_lanes as usize;
    let (rows, k, o, to) = (s.geo.w, s.geo.c, s.o, s.sizes()[1]);
    let width = if lanes > 1 && 2 * o >= lanes { lanes } else { SCALARS.min(o) };
    let block = Block { s, m, drop, width };
    let blocks = o.div_ceil(width);
    let mut weights = vec![0u8; blocks * k * width];
    let mut params = vec![0u8; blocks * width * 8];
    for c in 0..o {
        let (b, lane) = (c / width, c % width);
        for i in 0..k {
            weights[(b * k + i) * width + lane] = s.weights[c * k + i] as u8;
        }
        for (part, v) in [s.bias[c], s.mult[c]].into_iter().enumerate() {
            params[((b * 2 + part) * width + lane) * 4..][..4].copy_from_slice(&v.to_le_bytes());
        }
    }
    let mut b = Builder::new("dense_long");
    let px = b.ptr("x", Role::In, rows * k * 4, 4);
    let py = b.ptr("y", Role::Out, rows * o * to, to as u8);
    let pw = b.ptr("w", Role::Const, weights.len(), 16);
    let pp = b.ptr("p", Role::Const, params.len(), 4);
    let row = |b: &mut Builder, px: Val, py: Val| {
        let (full, rest) = (o / width, o % width);
        let mut at = vec![pw, pp, py];
        if full > 0 {
            at = b.for_loop(0, full as i32, 1, &at, |b, _, p| {
                block.emit(b, px, [p[0], p[1], p[2]], width);
                vec![b.ptr_imm(p[0], (k * width) as i32), b.ptr_imm(p[1], (8 * width) as i32), b.ptr_imm(p[2], (width * to) as i32)]
            });
        }
        if rest > 0 {
            block.emit(b, px, [at[0], at[1], at[2]], rest);
        }
    };
    b.for_loop(0, rows as i32, 1, &[px, py], |b, _, p| {
        row(b, p[0], p[1]);
        vec![b.ptr_imm(p[0], (k * 4) as i32), b.ptr_imm(p[1], (o * to) as i32)]
    });
    let macs = (rows * k * o) as u64;
    Ok(Call { func: b.finish(), rows: vec![], args: layer_args(x, y, weights, params), macs, in_place: vec![] })
}

impl Block<'_> {
    /// The parts of a block's numbers at an address: vectors, or one scalar a channel.
    fn parts(&self, b: &mut Builder, mem: MemElem, p: Val, off: usize) -> Vec<Val> {
        let p = b.ptr_imm(p, off as i32);
        if self.width == self.m.mac_lanes as usize && self.width > 1 {
            return Source::Each(p).codes(b, self.m, self.width, mem);
        }
        let size = mem.bytes();
        (0..self.width).map(|i| b.load_aligned(mcompc_kernel::Ty::I32, mem, p, (i * size) as i32, size as u8)).collect()
    }

    /// `count` output channels of one row.
    fn emit(&self, b: &mut Builder, px: Val, [pw, pp, py]: [Val; 3], count: usize) {
        let bias = self.parts(b, MemElem::W32, pp, 0);
        let n = bias.len();
        let zeros: Vec<Val> = bias
            .iter()
            .map(|&v| {
                let ty = b.ty(v);
                b.vconst(0, ty)
            })
            .collect();
        let begin = [vec![px, pw], zeros.clone(), zeros].concat();
        let sums = b.for_loop(0, self.s.geo.c as i32, 1, &begin, |b, _, c| {
            let x = b.load_aligned(mcompc_kernel::Ty::I32, MemElem::W32, c[0], 0, 4);
            let high = shift(b, Bin::Sra, x, LIMB as i32);
            let mask = b.iconst((1 << LIMB) - 1);
            let low = b.bin(Bin::And, x, mask);
            let w = self.parts(b, MemElem::S8, c[1], 0);
            let mut next = vec![b.ptr_imm(c[0], 4), b.ptr_imm(c[1], self.width as i32)];
            for (i, limb) in [high, low].into_iter().enumerate() {
                for (j, &w) in w.iter().enumerate() {
                    let ty = b.ty(w);
                    let limb = if ty == mcompc_kernel::Ty::I32 { limb } else { b.splat(limb, ty) };
                    let product = b.bin(Bin::Mul, w, limb);
                    next.push(b.add(c[2 + i * n + j], product));
                }
            }
            next
        });
        let mult = self.parts(b, MemElem::W32, pp, 4 * self.width);
        let mut q = Vec::with_capacity(n);
        for j in 0..n {
            let ty = b.ty(bias[j]);
            let (up, down) = (b.vconst((LIMB - self.drop) as i32, ty), b.vconst(self.drop as i32, ty));
            let high = b.bin(Bin::Shl, sums[2 + j], up);
            let low = b.bin(Bin::Sra, sums[2 + n + j], down);
            let sum = b.add(high, low);
            let sum = b.add(sum, bias[j]);
            q.push(b.rescale(self.s.rescale, sum, mult[j]));
        }
        store_codes(b, self.s.mem[1], &q, py, 0, count);
    }
}
