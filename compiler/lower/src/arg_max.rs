//! Places of extremes along an axis: code and place are one number, of which the largest is sought.

use crate::emit::{Arg, Call, Operand};
use crate::gemm::store_codes;
use crate::nest::{Dim, merged, nest, scaled, strides};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, MemElem, Role, Ty};

/// Bits of a place; a code of 16 bits above them fits 32.
const PLACE: i32 = 15;

/// Which place is sought along which axis.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    /// The axis.
    pub axis: usize,
    /// Of the largest code, or of the smallest.
    pub largest: bool,
    /// Of equal codes the last, or the first.
    pub last: bool,
    /// Added to the place.
    pub zp: i32,
}

/// Kernel and call of the places of extremes in codes of this shape.
pub fn arg_max_kernel(s: Sought, shape: &[usize], x: Operand, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let sizes = [x.mem.bytes(), out.bytes()];
    let (n, all) = (shape[s.axis], shape.iter().product::<usize>());
    let steps = strides(shape);
    let kept = || (0..shape.len()).filter(|&d| d != s.axis);
    let to = strides(&kept().map(|d| shape[d]).collect::<Vec<_>>());
    let dims = merged(2, scaled(kept().zip(to).map(|(d, to)| Dim { size: shape[d], steps: vec![steps[d], to] }).collect(), &sizes));
    let along = steps[s.axis] * sizes[0] as i32;
    let mut b = Builder::new("argmax");
    let px = b.ptr("x", Role::In, all * sizes[0], sizes[0] as u8);
    let py = b.ptr("y", Role::Out, all / n * sizes[1], sizes[1] as u8);
    nest(&mut b, &dims, &[px, py], &mut |b, d, at| {
        let ends = b.for_loop(0, d.size as i32, 1, at, |b, _, p| {
            let least = b.iconst(i32::MIN);
            let found = b.for_loop(0, n as i32, 1, &[p[0], least], |b, i, c| {
                let mut v = b.load_aligned(Ty::I32, x.mem, c[0], 0, sizes[0] as u8);
                if !s.largest {
                    let ones = b.iconst(-1);
                    v = b.bin(Bin::Xor, v, ones);
                }
                let bits = b.iconst(PLACE);
                let high = b.bin(Bin::Shl, v, bits);
                let mut place = i;
                if !s.last {
                    let most = b.iconst((1 << PLACE) - 1);
                    place = b.bin(Bin::Sub, most, i);
                }
                let key = b.add(high, place);
                vec![b.ptr_imm(c[0], along), b.bin(Bin::Smax, c[1], key)]
            });
            let mask = b.iconst((1 << PLACE) - 1);
            let low = b.bin(Bin::And, found[1], mask);
            let place = if s.last {
                let zp = b.iconst(s.zp);
                b.add(low, zp)
            } else {
                let most = b.iconst((1 << PLACE) - 1 + s.zp);
                b.bin(Bin::Sub, most, low)
            };
            store_codes(b, out, &[place], p[1], 0, 1);
            vec![b.ptr_imm(p[0], d.steps[0]), b.ptr_imm(p[1], d.steps[1])]
        });
        ends.into_iter().map(Some).collect()
    });
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x.value), Arg::Value(y)], macs: all as u64, in_place: vec![] })
}
