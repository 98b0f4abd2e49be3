//! Depthwise convolution, directly: every output channel reads one input channel.

use super::Kernel;
use super::geometry::Geometry;
use mcompc_ir::Result;

/// Channels at a time in channels-last: their sums stay in registers over the taps.
const LANES: usize = 16;

struct Depthwise {
    g: Geometry,
    act: (f32, f32),
}

pub(super) fn plan(g: Geometry, act: (f32, f32)) -> Box<dyn Kernel> {
    Box::new(Depthwise { g, act })
}

impl Depthwise {
    /// `w` as [taps, oc]. Output channel o reads input channel o / (oc / c).
    fn nhwc(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let (g, (lo, hi)) = (&self.g, self.act);
        let mult = g.oc / g.c;
        let mut taps = Vec::with_capacity(g.k[0] * g.k[1]);
        for (p, px) in y.chunks_exact_mut(g.oc).enumerate() {
            let (oy, ox) = (p / g.ow, p % g.ow);
            taps.clear();
            for ky in 0..g.k[0] {
                let Some(iy) = g.at(0, oy, ky) else { continue };
                for kx in 0..g.k[1] {
                    if let Some(ix) = g.at(1, ox, kx) {
                        taps.push((&x[(iy * g.w + ix) * g.c..][..g.c], &w[(ky * g.k[1] + kx) * g.oc..][..g.oc]));
                    }
                }
            }
            for (block, out) in px.chunks_mut(LANES).enumerate() {
                let o = block * LANES;
                let mut acc = [0f32; LANES];
                if let Some(b) = bias {
                    acc[..out.len()].copy_from_slice(&b[o..o + out.len()]);
                }
                if mult == 1 && out.len() == LANES {
                    for (x, w) in &taps {
                        let (x, w) = (&x[o..o + LANES], &w[o..o + LANES]);
                        for i in 0..LANES {
                            acc[i] += x[i] * w[i];
                        }
                    }
                } else {
                    for (x, w) in &taps {
                        for (i, a) in acc[..out.len()].iter_mut().enumerate() {
                            *a += x[(o + i) / mult] * w[o + i];
                        }
                    }
                }
                for (y, a) in out.iter_mut().zip(acc) {
                    *y = a.max(lo).min(hi);
                }
            }
        }
    }
    fn plane(&self, x: &[f32], w: &[f32], bias: f32, y: &mut [f32]) {
        let (g, (lo, hi)) = (&self.g, self.act);
        for (oy, row) in y.chunks_exact_mut(g.ow).enumerate() {
            row.fill(bias);
            for ky in 0..g.k[0] {
                let Some(iy) = g.at(0, oy, ky) else { continue };
                for kx in 0..g.k[1] {
                    let (wv, r) = (w[ky * g.k[1] + kx], g.inside(1, kx));
                    if r.is_empty() {
                        continue;
                    }
                    let from = &x[iy * g.w + r.start * g.stride[1] + kx * g.dil[1] - g.pad[1]..(iy + 1) * g.w];
                    if g.stride[1] == 1 {
                        row[r].iter_mut().zip(from).for_each(|(y, x)| *y += wv * x);
                    } else {
                        row[r].iter_mut().zip(from.iter().step_by(g.stride[1])).for_each(|(y, x)| *y += wv * x);
                    }
                }
            }
            row.iter_mut().for_each(|y| *y = y.max(lo).min(hi));
        }
    }
}

impl Kernel for Depthwise {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], work: &mut Vec<f32>) -> Result<()> {
        let g = &self.g;
        let taps = g.k[0] * g.k[1];
        let bias = ins.get(2).copied();
        let (image, result) = (g.h * g.w * g.c, g.oh * g.ow * g.oc);
        if g.nhwc {
            // [oc, kh, kw] to [kh, kw, oc]: small beside the work, so done at each run.
            work.clear();
            work.extend((0..taps).flat_map(|t| (0..g.oc).map(move |o| ins[1][o * taps + t])));
            for (x, y) in ins[0].chunks_exact(image).zip(out.chunks_exact_mut(result)) {
                self.nhwc(x, work, bias, y);
            }
            return Ok(());
        }
        for (x, y) in ins[0].chunks_exact(image).zip(out.chunks_exact_mut(result)) {
            for (o, y) in y.chunks_exact_mut(g.oh * g.ow).enumerate() {
                let c = o / (g.oc / g.c);
                self.plane(&x[c * g.h * g.w..][..g.h * g.w], &ins[1][o * taps..][..taps], bias.map_or(0.0, |b| b[o]), y);
            }
        }
        Ok(())
    }
}
