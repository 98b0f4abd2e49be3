//! Arithmetic on slots, by the definitions of docs/kernels.md.

use super::code::Product;
use super::compile::fit;
use crate::{Bin, Cmp, Form, Lane, Rescale};

fn zip(lane: Lane, d: &mut [i32], a: &[i32], b: &[i32], f: impl Fn(i32, i32) -> i32 + Copy) {
    let each = d.iter_mut().zip(a).zip(b);
    match lane {
        Lane::I8 => each.for_each(|((d, &a), &b)| *d = f(a, b) as i8 as i32),
        Lane::I16 => each.for_each(|((d, &a), &b)| *d = f(a, b) as i16 as i32),
        Lane::I32 => each.for_each(|((d, &a), &b)| *d = f(a, b)),
    }
}

/// Lane-wise arithmetic; a shift amount outside the lane is an error.
pub(super) fn bin(op: Bin, lane: Lane, d: &mut [i32], a: &[i32], b: &[i32]) -> Result<(), String> {
    let bits = lane.bits();
    if matches!(op, Bin::Shl | Bin::Sra | Bin::Srl)
        && let Some(&s) = b.iter().find(|&&s| s < 0 || s as u32 >= bits)
    {
        return Err(format!("shift of {bits} bits by {s}"));
    }
    match op {
        Bin::Add => zip(lane, d, a, b, i32::wrapping_add),
        Bin::Sub => zip(lane, d, a, b, i32::wrapping_sub),
        Bin::Mul => zip(lane, d, a, b, i32::wrapping_mul),
        Bin::And => zip(lane, d, a, b, |x, y| x & y),
        Bin::Or => zip(lane, d, a, b, |x, y| x | y),
        Bin::Xor => zip(lane, d, a, b, |x, y| x ^ y),
        Bin::Shl => zip(lane, d, a, b, |x, y| x << (y & 31)),
        Bin::Sra => zip(lane, d, a, b, |x, y| x >> (y & 31)),
        Bin::Srl => {
            let m = u32::MAX >> (32 - bits);
            zip(lane, d, a, b, |x, y| ((x as u32 & m) >> (y & 31)) as i32);
        }
        Bin::Smin => zip(lane, d, a, b, i32::min),
        Bin::Smax => zip(lane, d, a, b, i32::max),
        Bin::MulHi => zip(lane, d, a, b, |x, y| ((i64::from(x) * i64::from(y)) >> 32) as i32),
    }
    Ok(())
}

pub(super) fn cmp(op: Cmp, a: i32, b: i32) -> i32 {
    i32::from(match op {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::Slt => a < b,
        Cmp::Sle => a <= b,
        Cmp::Ult => (a as u32) < b as u32,
    })
}

/// Lanes from consecutive little-endian bytes that repeat with period `pat.len()`.
pub(super) fn repeat(lane: Lane, d: &mut [i32], pat: &[u8]) {
    let at = |i: usize| pat[i % pat.len()];
    match lane {
        Lane::I8 => {
            for c in d.chunks_mut(pat.len()) {
                c.iter_mut().zip(pat).for_each(|(d, &b)| *d = b as i8 as i32);
            }
        }
        Lane::I16 => d.iter_mut().enumerate().for_each(|(i, d)| *d = i16::from_le_bytes([at(2 * i), at(2 * i + 1)]).into()),
        Lane::I32 => {
            d.iter_mut().enumerate().for_each(|(i, d)| *d = i32::from_le_bytes([at(4 * i), at(4 * i + 1), at(4 * i + 2), at(4 * i + 3)]));
        }
    }
}

pub(super) fn trunc(to: Lane, d: &mut [i32], a: &[i32]) {
    d.iter_mut().zip(a).for_each(|(d, &a)| *d = fit(to, a));
}

pub(super) fn narrow(lo: i32, hi: i32, d: &mut [i32], a: &[i32], b: &[i32]) {
    d.iter_mut().zip(a.iter().chain(b)).for_each(|(d, &v)| *d = v.clamp(lo, hi));
}

pub(super) fn mac(d: &mut [i32], acc: &[i32], a: &[i32], w: &[i32]) {
    for (((d, &s), &a), &w) in d.iter_mut().zip(acc).zip(a).zip(w) {
        *d = s.wrapping_add(a * w);
    }
}

fn inner(a: &[i32], w: &[i32], am: i32, wm: i32) -> i32 {
    a.iter().zip(w).fold(0i32, |s, (&a, &w)| s.wrapping_add((a & am).wrapping_mul(w & wm)))
}

/// Inner products of depth `K`, known to the optimiser; `same` makes every accumulator meet the first group of `a`.
fn groups<const K: usize>(p: &Product, d: &mut [i32], acc: &[i32], a: &[i32], w: &[i32], same: bool) {
    let (am, wm) = (p.a_mask, p.w_mask);
    for (j, ((d, &s), w)) in d.iter_mut().zip(acc).zip(w.as_chunks::<K>().0).enumerate() {
        let from = if same { 0 } else { j * K };
        let mut t = s;
        for (x, y) in a[from..from + K].iter().zip(w) {
            t = t.wrapping_add((x & am).wrapping_mul(y & wm));
        }
        *d = t;
    }
}

/// `acc` plus the inner products of a row.
pub(super) fn contract(p: &Product, d: &mut [i32], acc: &[i32], a: &[i32], w: &[i32]) -> Result<(), String> {
    let k = p.k as usize;
    let (am, wm) = (p.a_mask, p.w_mask);
    match p.form {
        Form::Dot | Form::Lane => {
            let same = p.form == Form::Lane;
            let a = &a[p.first as usize..];
            match k {
                1 => groups::<1>(p, d, acc, a, w, same),
                2 => groups::<2>(p, d, acc, a, w, same),
                4 => groups::<4>(p, d, acc, a, w, same),
                8 => groups::<8>(p, d, acc, a, w, same),
                16 => groups::<16>(p, d, acc, a, w, same),
                _ => {
                    for (j, (d, &s)) in d.iter_mut().zip(acc).enumerate() {
                        let from = if same { 0 } else { j * k };
                        *d = s.wrapping_add(inner(&a[from..from + k], &w[j * k..(j + 1) * k], am, wm));
                    }
                }
            }
        }
        Form::Packed => {
            let (x, y) = (a[0], w[0]);
            let low = (x as i16 as i32) * (y as i16 as i32);
            d[0] = acc[0].wrapping_add(low).wrapping_add((x >> 16) * (y >> 16));
        }
        Form::Scalar => {
            let x = a[0];
            if x < p.range.0 || x > p.range.1 {
                return Err(format!("scalar activation {x} is outside its element's {}..={}", p.range.0, p.range.1));
            }
            d.iter_mut().zip(acc).zip(w).for_each(|((d, &s), &y)| *d = s.wrapping_add(x.wrapping_mul(y & wm)));
        }
        Form::Matrix => {
            for (o, (d, &s)) in d.iter_mut().zip(acc).enumerate() {
                let (i, j) = (o / 2, o % 2);
                *d = s.wrapping_add(inner(&a[i * k..(i + 1) * k], &w[j * k..(j + 1) * k], am, wm));
            }
        }
    }
    Ok(())
}

/// The rescaling rule; an error where its preconditions do not hold. A multiplier of 0 (padding lanes) is let through.
pub(super) fn rescale(r: &Rescale, d: &mut [i32], acc: &[i32], m: &[i32]) -> Result<(), String> {
    let c = (i64::from(r.zp) << r.shift) + (1i64 << (r.shift - 1));
    for ((d, &acc), &m) in d.iter_mut().zip(acc).zip(m) {
        let x = i64::from(acc) << r.pre;
        if m < 0 || i32::try_from(x).is_err() {
            return Err(format!("rescale of {acc} << {} by {m}", r.pre));
        }
        let q = (((x * i64::from(m)) >> 32) + c) >> r.shift;
        *d = q.clamp(r.lo.into(), r.hi.into()) as i32;
    }
    Ok(())
}
