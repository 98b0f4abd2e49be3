//! Byte shuffles, and the masks instruction selection knows by heart.

use crate::translate::Translator;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Lane, Ty, Val};

/// Where a byte comes from: register in a list, byte in it; `None` where nobody looks.
pub(crate) type Source = Option<(usize, usize)>;

impl Translator<'_, '_, '_> {
    pub(crate) fn shuffle(&mut self, dst: Val, a: Val, b: Val, mask: &[u16]) -> Result<()> {
        let Ty::Vec(lane, n) = self.ty(a) else { return Err(self.refuse("a shuffle of scalars")) };
        let (lb, half) = (lane.bytes(), self.get(a).vals.len());
        let regs: Vec<Value> = self.pieces(a).into_iter().chain(self.pieces(b)).collect();
        let t = crate::layout::piece(lane);
        let out = (0..half)
            .map(|p| {
                let from: [Source; 16] = std::array::from_fn(|i| {
                    let m = *mask.get((16 * p + i) / lb)? as usize;
                    let (first, m) = if m < n as usize { (0, m) } else { (half, m - n as usize) };
                    let byte = m * lb + i % lb;
                    Some((first + byte / 16, byte % 16))
                });
                self.gather(&regs, t, from)
            })
            .collect();
        let range = match (self.get(a).range, self.get(b).range) {
            (Some((al, ah)), Some((bl, bh))) => Some((al.min(bl), ah.max(bh))),
            _ => None,
        };
        self.set_ranged(dst, out, range);
        Ok(())
    }

    /// One register put together from bytes of others, two registers at a time.
    pub(crate) fn gather(&mut self, regs: &[Value], t: Type, from: [Source; 16]) -> Value {
        let mut used: Vec<usize> = from.iter().flatten().map(|s| s.0).collect();
        used.sort_unstable();
        used.dedup();
        let first = used.first().copied().unwrap_or(0);
        let second = used.get(1).copied().unwrap_or(first);
        let mask = from.map(|s| match s {
            Some((r, b)) if r == first => Some(b as u8),
            Some((r, b)) if r == second => Some(16 + b as u8),
            _ => None,
        });
        let mut v = self.shuffle_bytes(regs[first], regs[second], complete(mask));
        for &r in used.iter().skip(2) {
            let blend = std::array::from_fn(|i| match from[i] {
                Some((s, b)) if s == r => 16 + b as u8,
                _ => i as u8,
            });
            v = self.shuffle_bytes(v, regs[r], blend);
        }
        self.cast(v, t)
    }

    /// Even lanes of width `from` cut to their lower half: those of x, then those of y.
    pub(crate) fn even_lanes(&mut self, from: Lane, x: Value, y: Value) -> Value {
        let (lb, h) = (from.bytes(), from.bytes() / 2);
        let mask = std::array::from_fn(|i| (i / h * lb + i % h) as u8);
        let v = self.shuffle_bytes(x, y, mask);
        self.cast(v, if from == Lane::I32 { types::I16X8 } else { types::I8X16 })
    }

    /// The register moved down by `bytes`; what comes in at the top is unspecified.
    pub(crate) fn shift_down(&mut self, x: Value, bytes: usize) -> Value {
        let t = self.b.func.dfg.value_type(x);
        let v = self.shuffle_bytes(x, x, std::array::from_fn(|i| ((i + bytes) % 16) as u8));
        self.cast(v, t)
    }

    pub(crate) fn shuffle_bytes(&mut self, x: Value, y: Value, mask: [u8; 16]) -> Value {
        if mask.iter().enumerate().all(|(i, &m)| m as usize == i) {
            return self.cast(x, types::I8X16);
        }
        // One register is cheaper to shuffle than two, and instruction selection compares values, not their origin.
        let a = self.cast(x, types::I8X16);
        let (x, y) = (a, if x == y { a } else { self.cast(y, types::I8X16) });
        let m = self.b.func.dfg.immediates.push(mask.to_vec().into());
        self.b.ins().shuffle(x, y, m)
    }
}

/// Fills the bytes nobody looks at so that a one-instruction mask appears where there is one.
fn complete(mask: [Option<u8>; 16]) -> [u8; 16] {
    let fits = |m: &[u8; 16]| mask.iter().zip(m).all(|(want, have)| want.is_none_or(|w| w == *have));
    let zip = |width: usize, high: usize| {
        std::array::from_fn(|i| {
            let lane = i / width;
            (lane % 2 * 16 + (lane / 2 * width) + high + i % width) as u8
        })
    };
    let unzip = |width: usize, odd: usize| std::array::from_fn(|i| (i / width * 2 * width + odd * width + i % width) as u8);
    let mut candidates: Vec<[u8; 16]> = vec![std::array::from_fn(|i| i as u8)];
    for width in [1, 2, 4, 8] {
        candidates.extend([zip(width, 0), zip(width, 8), unzip(width, 0), unzip(width, 1)]);
    }
    candidates.extend((1..16).map(|s| std::array::from_fn(|i| (s + i) as u8)));
    candidates.into_iter().find(fits).unwrap_or(mask.map(|m| m.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn free_bytes_follow_a_known_pattern() {
        let half: [Option<u8>; 16] =
            [0, 16, 1, 17, 2, 18, 3, 19].map(Some).into_iter().chain([None; 8]).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(complete(half), [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23]);
        let mut odd = [None; 16];
        odd[0] = Some(9);
        odd[1] = Some(3);
        assert_eq!(complete(odd)[..3], [9, 3, 0]);
    }
}
