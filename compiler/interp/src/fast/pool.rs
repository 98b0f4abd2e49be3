//! Pools. Channel planes are images of one channel, so that one loop does both layouts.

use super::geometry::Geometry;
use super::{Kernel, Site};
use mcompc_ir::Result;

struct Pool {
    g: Geometry,
    max: bool,
    count_pad: bool,
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let k = s.node.attrs.usizes("kernel")?;
    let mut g = Geometry::of(s, [k[0], k[1]])?;
    if !g.nhwc {
        (g.n, g.c, g.oc) = (g.n * g.c, 1, 1);
    }
    Ok(Box::new(Pool { g, max: s.node.op == "MaxPool", count_pad: s.node.attrs.int_or("count_include_pad", 0)? == 1 }))
}

impl Kernel for Pool {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let g = &self.g;
        for (x, y) in ins[0].chunks_exact(g.h * g.w * g.c).zip(out.chunks_exact_mut(g.oh * g.ow * g.c)) {
            for (p, px) in y.chunks_exact_mut(g.c).enumerate() {
                let (oy, ox) = (p / g.ow, p % g.ow);
                let mut n = 0usize;
                px.fill(if self.max { f32::NEG_INFINITY } else { 0.0 });
                for iy in g.covers(0, oy) {
                    for ix in g.covers(1, ox) {
                        n += 1;
                        let x = &x[(iy * g.w + ix) * g.c..][..g.c];
                        if self.max {
                            px.iter_mut().zip(x).for_each(|(y, x)| *y = y.max(*x));
                        } else {
                            px.iter_mut().zip(x).for_each(|(y, x)| *y += x);
                        }
                    }
                }
                if !self.max {
                    let n = if self.count_pad { g.k[0] * g.k[1] } else { n } as f32;
                    px.iter_mut().for_each(|y| *y /= n);
                }
            }
        }
        Ok(())
    }
}
