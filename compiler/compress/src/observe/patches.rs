//! The rows of a layer: what it multiplies with its weights for one element of each output channel.

use mcompc_ir::{Graph, NodeId, Result};

/// How rows are read from a layer's operand.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    /// Height, width and channels of the operand.
    size: [usize; 3],
    /// Of the window.
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    dilation: [usize; 2],
    /// Width of the result.
    across: usize,
    /// Rows that a sample has.
    pub count: usize,
    /// Weights of an output channel.
    pub k: usize,
    /// Output channels.
    pub outs: usize,
    /// Groups of channels, which share no weights.
    pub groups: usize,
}

impl Patches {
    /// Of a convolution over images, channels last, or of a dense layer; `None` for any other.
    ///
    /// # Errors
    /// Missing attributes.
    pub(super) fn of(g: &Graph, id: NodeId) -> Result<Option<Self>> {
        let (node, ins) = (g.node(id), g.inputs_of(id));
        let (x, w, y) = (&g.value(ins[0]).shape, &g.value(ins[1]).shape, &g.value(g.out(id)).shape);
        if node.op == "Dense" {
            let (count, k) = (x[0], x[1]);
            let size = [count, 1, k];
            let one = [1, 1];
            return Ok(Some(Self {
                size,
                kernel: one,
                stride: one,
                pad: [0, 0],
                dilation: one,
                across: 1,
                count,
                k,
                outs: w[0],
                groups: 1,
            }));
        }
        if x.len() != 4 || x[0] != 1 || node.attrs.str("layout")? != "NHWC" {
            return Ok(None);
        }
        let two = |name: &str| node.attrs.usizes(name).map(|a| [a[0], a[1]]);
        let groups = node.attrs.int_or("group", 1)? as usize;
        Ok(Some(Self {
            size: [x[1], x[2], x[3]],
            kernel: [w[1], w[2]],
            stride: two("strides")?,
            pad: two("pads")?,
            dilation: if node.attrs.get("dilations").is_some() { two("dilations")? } else { [1, 1] },
            across: y[2],
            count: y[1] * y[2],
            k: w[1] * w[2] * w[3],
            outs: w[0],
            groups,
        }))
    }
    /// Elements of a row, of all groups.
    pub(super) fn width(&self) -> usize {
        self.taps() * self.size[2]
    }
    /// Places of the window.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
    /// Writes row `at` of the operand `x`: window by window line, channels innermost.
    pub(super) fn row(&self, x: &[f32], at: usize, row: &mut [f32]) {
        let [h, w, c] = self.size;
        let (oy, ox) = (at / self.across, at % self.across);
        let inside = |o: usize, tap: usize, d: usize, size: usize| {
            (o * self.stride[d] + tap * self.dilation[d]).checked_sub(self.pad[d]).filter(|&i| i < size)
        };
        for (t, to) in row.chunks_exact_mut(c).enumerate() {
            match (inside(oy, t / self.kernel[1], 0, h), inside(ox, t % self.kernel[1], 1, w)) {
                (Some(iy), Some(ix)) => to.copy_from_slice(&x[(iy * w + ix) * c..][..c]),
                _ => to.fill(0.0),
            }
        }
    }
}

/// `want` of `count` rows, ascending, one at random in each of as many equal parts; all where there are no more. The same `seed` gives the same.
pub(super) fn picks(count: usize, want: usize, seed: usize) -> Vec<usize> {
    if count <= want {
        return (0..count).collect();
    }
    let one = |j: usize| {
        let (from, to) = (j * count / want, (j + 1) * count / want);
        let mut h = ((seed as u64) << 32 | j as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        h = (h ^ h >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        h = (h ^ h >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + ((h ^ h >> 31) % (to - from) as u64) as usize
    };
    (0..want).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_spread_and_stay() {
        assert_eq!(picks(5, 8, 1), [0, 1, 2, 3, 4]);
        let p = picks(1000, 30, 3);
        assert!(p.len() == 30 && p.windows(2).all(|w| w[0] < w[1]) && p[29] < 1000);
        assert_eq!(p, picks(1000, 30, 3));
        assert_ne!(p, picks(1000, 30, 4));
    }

    #[test]
    fn rows_follow_the_window() {
        let p = Patches {
            size: [2, 3, 1],
            kernel: [2, 2],
            stride: [1, 2],
            pad: [1, 0],
            dilation: [1, 1],
            across: 1,
            count: 2,
            k: 4,
            outs: 1,
            groups: 1,
        };
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut row = [9.0; 4];
        p.row(&x, 0, &mut row);
        assert_eq!(row, [0.0, 0.0, 1.0, 2.0]);
        p.row(&x, 1, &mut row);
        assert_eq!(row, [1.0, 2.0, 4.0, 5.0]);
    }
}
