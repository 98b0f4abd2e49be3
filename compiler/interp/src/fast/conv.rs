//! Convolution as matrix products: patches are gathered for a block of output rows at a time (im2col), so that they stay in the cache;
//! 1x1 convolutions of stride 1 need no gathering. Depthwise ones go elsewhere.

use super::gemm::{finish, product};
use super::geometry::{Geometry, act};
use super::{Kernel, Site, depthwise};
use mcompc_ir::Result;

/// Elements of gathered patches at a time: 256 KiB.
const BLOCK: usize = 1 << 16;

struct Conv {
    g: Geometry,
    groups: usize,
    act: (f32, f32),
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let w = &s.ins[1].shape;
    let nhwc = s.node.attrs.str("layout")? == "NHWC";
    let (k, ci) = if nhwc { ([w[1], w[2]], w[3]) } else { ([w[2], w[3]], w[1]) };
    let g = Geometry::of(s, k)?;
    let act = act(s)?;
    if ci == 1 && g.c > 1 {
        return Ok(depthwise::plan(g, act));
    }
    Ok(Box::new(Conv { g, groups: g.c / ci, act }))
}

impl Conv {
    fn pointwise(&self) -> bool {
        self.g.k == [1, 1] && self.g.stride == [1, 1] && self.g.unpadded
    }
    /// Patches of output rows `rows` of one image and group, [rows * ow, kh * kw * ci].
    fn gather_nhwc(&self, x: &[f32], c0: usize, ci: usize, rows: std::ops::Range<usize>, col: &mut [f32]) {
        let g = &self.g;
        let pixels = rows.flat_map(|oy| (0..g.ow).map(move |ox| (oy, ox)));
        for ((oy, ox), patch) in pixels.zip(col.chunks_exact_mut(g.k[0] * g.k[1] * ci)) {
            for (ky, line) in patch.chunks_exact_mut(g.k[1] * ci).enumerate() {
                let Some(iy) = g.at(0, oy, ky) else {
                    line.fill(0.0);
                    continue;
                };
                for (kx, tap) in line.chunks_exact_mut(ci).enumerate() {
                    match g.at(1, ox, kx) {
                        Some(ix) => {
                            let a = (iy * g.w + ix) * g.c + c0;
                            tap.copy_from_slice(&x[a..a + ci]);
                        }
                        None => tap.fill(0.0),
                    }
                }
            }
        }
    }
    /// The same for channel planes, [ci * kh * kw, rows * ow].
    fn gather_nchw(&self, x: &[f32], ci: usize, rows: std::ops::Range<usize>, col: &mut [f32]) {
        let g = &self.g;
        let taps = (0..ci).flat_map(|c| (0..g.k[0]).flat_map(move |ky| (0..g.k[1]).map(move |kx| (c, ky, kx))));
        for ((c, ky, kx), line) in taps.zip(col.chunks_exact_mut(rows.len() * g.ow)) {
            let xs = g.inside(1, kx);
            for (oy, y) in rows.clone().zip(line.chunks_exact_mut(g.ow)) {
                y.fill(0.0);
                let Some(iy) = g.at(0, oy, ky) else { continue };
                let first = xs.start * g.stride[1] + kx * g.dil[1];
                if xs.is_empty() {
                    continue;
                }
                let from = &x[(c * g.h + iy) * g.w + first - g.pad[1]..(c * g.h + iy + 1) * g.w];
                for (o, v) in y[xs.clone()].iter_mut().zip(from.iter().step_by(g.stride[1])) {
                    *o = *v;
                }
            }
        }
    }
    fn image_nhwc(&self, x: &[f32], w: &[f32], y: &mut [f32], work: &mut Vec<f32>) -> Result<()> {
        let g = &self.g;
        let (ci, co) = (g.c / self.groups, g.oc / self.groups);
        let k = g.k[0] * g.k[1] * ci;
        let rows = if self.pointwise() { g.oh } else { (BLOCK / (k * g.ow)).clamp(1, g.oh) };
        for gr in 0..self.groups {
            let wg = (&w[gr * co * k..(gr + 1) * co * k], [k, co, 1, k]);
            for oy in (0..g.oh).step_by(rows) {
                let r = oy..(oy + rows).min(g.oh);
                let p = r.len() * g.ow;
                // Group gr's columns of these rows; the last row ends with its own channels.
                let y = &mut y[oy * g.ow * g.oc + gr * co..r.end * g.ow * g.oc - (g.oc - (gr + 1) * co)];
                let yv = (y, [p, co, g.oc, 1]);
                if self.pointwise() {
                    let last = g.c - (gr + 1) * ci;
                    product((&x[gr * ci..p * g.c - last], [p, ci, g.c, 1]), wg, yv)?;
                } else {
                    work.resize(p * k, 0.0);
                    self.gather_nhwc(x, gr * ci, ci, r, work);
                    product((work, [p, k, k, 1]), wg, yv)?;
                }
            }
        }
        Ok(())
    }
    fn image_nchw(&self, x: &[f32], w: &[f32], y: &mut [f32], work: &mut Vec<f32>) -> Result<()> {
        let g = &self.g;
        let (ci, co) = (g.c / self.groups, g.oc / self.groups);
        let (k, plane, oplane) = (g.k[0] * g.k[1] * ci, g.h * g.w, g.oh * g.ow);
        let rows = if self.pointwise() { g.oh } else { (BLOCK / (k * g.ow)).clamp(1, g.oh) };
        for gr in 0..self.groups {
            let wg = (&w[gr * co * k..(gr + 1) * co * k], [co, k, k, 1]);
            let xg = &x[gr * ci * plane..(gr + 1) * ci * plane];
            for oy in (0..g.oh).step_by(rows) {
                let r = oy..(oy + rows).min(g.oh);
                let p = r.len() * g.ow;
                let first = gr * co * oplane + oy * g.ow;
                let y = &mut y[first..first + (co - 1) * oplane + p];
                let yv = (y, [co, p, oplane, 1]);
                if self.pointwise() {
                    product(wg, (xg, [ci, plane, plane, 1]), yv)?;
                } else {
                    work.resize(p * k, 0.0);
                    self.gather_nchw(xg, ci, r, work);
                    product(wg, (work, [k, p, p, 1]), yv)?;
                }
            }
        }
        Ok(())
    }
}

impl Kernel for Conv {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], work: &mut Vec<f32>) -> Result<()> {
        let (g, (lo, hi)) = (&self.g, self.act);
        let bias = ins.get(2).copied();
        for (x, y) in ins[0].chunks_exact(g.h * g.w * g.c).zip(out.chunks_exact_mut(g.oh * g.ow * g.oc)) {
            if g.nhwc {
                self.image_nhwc(x, ins[1], y, work)?;
                y.chunks_exact_mut(g.oc).for_each(|px| finish(px, bias, lo, hi));
            } else {
                self.image_nchw(x, ins[1], y, work)?;
                for (o, plane) in y.chunks_exact_mut(g.oh * g.ow).enumerate() {
                    let b = bias.map_or(0.0, |b| b[o]);
                    plane.iter_mut().for_each(|y| *y = (*y + b).max(lo).min(hi));
                }
            }
        }
        Ok(())
    }
}
