//! Runs compiled functions.

use super::code::{Code, Entry, Move, Routine, Slot};
use super::compile::{fit, writes};
use super::lanes;
use super::memory::Buf;
use crate::{MemElem, Role};

/// Calls nest at most this deep.
const MAX_CALLS: usize = 200;

pub(super) enum Bytes<'a> {
    Fixed(&'a [u8]),
    Free(&'a mut [u8]),
}

/// Sees every call that the function given to [`super::Program::watch`] makes, in order.
pub trait Watch {
    /// Before call `number`, from 0 on: may change memory, and says how many instructions the call may take, about.
    fn before(&mut self, number: usize, memory: &mut View<'_, '_>) -> u64;
    /// After it; `whole` is false where it was ended for taking more. The run goes on behind the call either way.
    ///
    /// # Errors
    /// End the run with this message.
    fn after(&mut self, number: usize, whole: bool, memory: &mut View<'_, '_>) -> Result<(), String>;
}

/// The caller's buffers between two calls.
pub struct View<'v, 'a> {
    bufs: &'v mut [Bytes<'a>],
}

impl View<'_, '_> {
    /// Contents of a buffer.
    pub fn bytes(&self, b: Buf) -> &[u8] {
        match &self.bufs[b.0] {
            Bytes::Fixed(b) => b,
            Bytes::Free(b) => b,
        }
    }
    /// Contents of a buffer, to change.
    pub fn bytes_mut(&mut self, b: Buf) -> &mut [u8] {
        match &mut self.bufs[b.0] {
            // The caller's are all free.
            Bytes::Fixed(_) => &mut [],
            Bytes::Free(b) => b,
        }
    }
}

/// What a pointer may reach: part of a buffer.
#[derive(Clone, Copy)]
pub(super) struct Region {
    pub buf: u32,
    pub base: u32,
    pub len: u32,
    pub align: u32,
    pub write: bool,
}

pub(super) struct Exec<'a> {
    pub routines: &'a [Routine],
    pub bufs: Vec<Bytes<'a>>,
    /// Data objects of the module first, then the parameters of the active calls.
    pub regions: Vec<Region>,
    pub regs: Vec<i32>,
    pub fuel: u64,
    /// Whether the run ended because the fuel did.
    pub spent: bool,
    /// Sees the calls of the function that was started.
    pub watch: Option<&'a mut dyn Watch>,
    /// Where the caller's buffers begin in `bufs`.
    pub first: usize,
}

/// An argument of a call: a scalar, or offset and region.
#[derive(Clone, Copy)]
pub(super) enum Actual {
    Int(i32),
    Ptr(i32, u32),
}

impl<'a> Exec<'a> {
    /// The bytes `len` at pointer slot `p` + `off`: buffer and start.
    #[inline(always)]
    fn reach(&self, p: usize, off: i32, len: usize, align: u8, write: bool) -> Result<(usize, usize), String> {
        let r = &self.regions[self.regs[p + 1] as usize];
        let at = i64::from(self.regs[p]) + i64::from(off);
        if at < 0 || at + len as i64 > i64::from(r.len) || (write && !r.write) {
            return Err(denied(r, at, len, write));
        }
        if align > 1 && (u32::from(align) > r.align || at & (i64::from(align) - 1) != 0) {
            return Err(format!("access at {at} claims an alignment of {align} on memory aligned to {}", r.align));
        }
        Ok((r.buf as usize, r.base as usize + at as usize))
    }
    fn step(v: i64) -> Result<i32, String> {
        i32::try_from(v).map_err(|_| format!("pointer arithmetic leaves 32 bits: {v}"))
    }
    fn moves(&mut self, base: usize, ms: &[Move]) {
        for m in ms {
            let (d, s) = (base + m.dst as usize, base + m.src as usize);
            if m.n == 1 {
                self.regs[d] = self.regs[s];
            } else {
                self.regs.copy_within(s..s + m.n as usize, d);
            }
        }
    }
    fn spend(&mut self, cost: u32) -> Result<(), String> {
        let Some(left) = self.fuel.checked_sub(cost.into()) else {
            self.spent = true;
            return Err("the step limit is reached".into());
        };
        self.fuel = left;
        Ok(())
    }
    /// A call of the function that was started, which `watch` sees: it may end for want of fuel.
    fn watched(&mut self, watch: &mut dyn Watch, number: usize, f: usize, base: usize, args: &[Actual]) -> Result<(), String> {
        let routines = self.routines;
        let name = routines[f].name.as_str();
        self.fuel = watch.before(number, &mut View { bufs: &mut self.bufs[self.first..] });
        let done = self.call(f, base, args, 1);
        let whole = match done {
            Err(_) if self.spent => false,
            Err(e) => return Err(format!("in {name}: {e}")),
            Ok(()) => true,
        };
        (self.spent, self.fuel) = (false, u64::MAX);
        watch.after(number, whole, &mut View { bufs: &mut self.bufs[self.first..] })
    }
    /// Narrows a pointer to what the parameter declares.
    fn pass(&self, e: &Entry, off: i32, region: u32) -> Result<Region, String> {
        let r = &self.regions[region as usize];
        let write = writes(e.role);
        if off < 0 || i64::from(off) + i64::from(e.bytes) > r.len.into() || (write && !r.write) {
            return Err(format!("`{}`: {}", e.name, denied(r, off.into(), e.bytes as usize, write)));
        }
        if e.align > 1 && (u32::from(e.align) > r.align || off % i32::from(e.align) != 0) {
            return Err(format!("`{}`: offset {off} of memory aligned to {} is not aligned to {}", e.name, r.align, e.align));
        }
        Ok(Region { buf: r.buf, base: r.base + off as u32, len: e.bytes, align: e.align.into(), write })
    }
    /// Runs routine `f` in the file from slot `base`.
    pub(super) fn call(&mut self, f: usize, base: usize, args: &[Actual], depth: usize) -> Result<(), String> {
        let r = &self.routines[f];
        if depth > MAX_CALLS {
            return Err(format!("calls nest deeper than {MAX_CALLS}"));
        }
        self.spend(1)?;
        if self.regs.len() < base + r.slots {
            self.regs.resize(base + r.slots, 0);
        }
        self.regs[base..base + r.consts.len()].copy_from_slice(&r.consts);
        let mark = self.regions.len();
        for (e, a) in r.params.iter().zip(args) {
            let s = base + e.slot as usize;
            match *a {
                Actual::Int(v) => self.regs[s] = v,
                Actual::Ptr(off, region) => {
                    let new = self.pass(e, off, region)?;
                    let clash = self.regions[mark..].iter().zip(r.params.iter().filter(|p| p.role != Role::Scalar)).find(|(o, p)| {
                        let disjoint = o.buf != new.buf || o.base + o.len <= new.base || new.base + new.len <= o.base;
                        !disjoint && (o.write || new.write) && p.role != Role::In && e.role != Role::In
                    });
                    if let Some((_, p)) = clash {
                        return Err(format!("`{}` overlaps `{}`", e.name, p.name));
                    }
                    self.regs[s] = 0;
                    self.regs[s + 1] = self.regions.len() as i32;
                    self.regions.push(new);
                }
            }
        }
        let done = self.body(r, base, depth);
        self.regions.truncate(mark);
        done
    }
    fn body(&mut self, r: &Routine, base: usize, depth: usize) -> Result<(), String> {
        let (mut pc, mut calls) = (0, 0);
        while let Some(c) = r.code.get(pc) {
            pc += 1;
            match c {
                Code::Jump { to } => pc = *to as usize,
                Code::JumpIfZero { c, to } => {
                    if self.regs[base + *c as usize] == 0 {
                        pc = *to as usize;
                    }
                }
                Code::Next { cost, iv, step, hi, top, back } => {
                    let s = base + *iv as usize;
                    let v = self.regs[s].wrapping_add(*step);
                    if v != *hi {
                        self.spend(*cost)?;
                        self.regs[s] = v;
                        self.moves(base, back);
                        pc = *top as usize;
                    }
                }
                Code::Moves(ms) => self.moves(base, ms),
                Code::Call { func, args } => {
                    let callee = &self.routines[*func as usize];
                    let actual = |(e, &s): (&Entry, &Slot)| {
                        let s = base + s as usize;
                        if e.role == Role::Scalar { Actual::Int(self.regs[s]) } else { Actual::Ptr(self.regs[s], self.regs[s + 1] as u32) }
                    };
                    let actuals: Vec<Actual> = callee.params.iter().zip(args).map(actual).collect();
                    match self.watch.take().filter(|_| depth == 0) {
                        Some(watch) => {
                            let done = self.watched(watch, calls, *func as usize, base + r.slots, &actuals);
                            self.watch = Some(watch);
                            done?;
                        }
                        None => self
                            .call(*func as usize, base + r.slots, &actuals, depth + 1)
                            .map_err(|e| format!("in {}: {e}", callee.name))?,
                    }
                    calls += 1;
                }
                c => {
                    if let Err(e) = self.plain(c, base) {
                        return Err(format!("%{}: {e}", r.place[pc - 1]));
                    }
                }
            }
        }
        Ok(())
    }
    fn load(&mut self, mem: MemElem, (buf, at): (usize, usize), d: usize, n: usize) {
        let all = match &self.bufs[buf] {
            Bytes::Fixed(b) => b,
            Bytes::Free(b) => &**b,
        };
        let src = &all[at..at + n * mem.bytes()];
        let dst = self.regs[d..d + n].iter_mut();
        match mem {
            MemElem::S8 => dst.zip(src).for_each(|(d, &b)| *d = (b as i8).into()),
            MemElem::U8 => dst.zip(src).for_each(|(d, &b)| *d = b.into()),
            MemElem::S16 => dst.zip(src.as_chunks().0).for_each(|(d, &b)| *d = i16::from_le_bytes(b).into()),
            MemElem::U16 => dst.zip(src.as_chunks().0).for_each(|(d, &b)| *d = u16::from_le_bytes(b).into()),
            MemElem::W32 => dst.zip(src.as_chunks().0).for_each(|(d, &b)| *d = i32::from_le_bytes(b)),
        }
    }
    fn store(&mut self, mem: MemElem, (buf, at): (usize, usize), v: usize, n: usize) -> Result<(), String> {
        let Bytes::Free(all) = &mut self.bufs[buf] else { return Err("the memory is constant".into()) };
        let dst = &mut all[at..at + n * mem.bytes()];
        let src = self.regs[v..v + n].iter();
        match mem.bytes() {
            1 => dst.iter_mut().zip(src).for_each(|(d, &v)| *d = v as u8),
            2 => dst.as_chunks_mut().0.iter_mut().zip(src).for_each(|(d, &v)| *d = (v as i16).to_le_bytes()),
            _ => dst.as_chunks_mut().0.iter_mut().zip(src).for_each(|(d, &v)| *d = v.to_le_bytes()),
        }
        Ok(())
    }
    /// Everything that does not change the flow.
    #[inline(always)]
    fn plain(&mut self, c: &Code, base: usize) -> Result<(), String> {
        let at = |s: &Slot| base + *s as usize;
        // Splits the file at a result: operands before it, the result's slots after.
        macro_rules! split {
            ($d:expr, $n:expr) => {{
                let (lo, hi) = self.regs.split_at_mut(base + *$d as usize);
                (&lo[base..], &mut hi[..$n as usize])
            }};
        }
        macro_rules! src {
            ($lo:expr, $s:expr, $n:expr) => {
                &$lo[*$s as usize..*$s as usize + $n as usize]
            };
        }
        match c {
            Code::Bin { op, lane, n, d, a, b } => {
                let (lo, d) = split!(d, *n);
                lanes::bin(*op, *lane, d, src!(lo, a, *n), src!(lo, b, *n))?;
            }
            Code::Cmp { op, d, a, b } => self.regs[at(d)] = lanes::cmp(*op, self.regs[at(a)], self.regs[at(b)]),
            Code::Select { n, d, c, a, b } => {
                let s = at(if self.regs[at(c)] != 0 { a } else { b });
                self.regs.copy_within(s..s + *n as usize, at(d));
            }
            Code::PtrImm { d, p, imm } => {
                self.regs[at(d)] = Self::step(i64::from(self.regs[at(p)]) + i64::from(*imm))?;
                self.regs[at(d) + 1] = self.regs[at(p) + 1];
            }
            Code::PtrAdd { d, p, i, scale, imm } => {
                let by = i64::from(self.regs[at(i)]) * i64::from(*scale) + i64::from(*imm);
                // The product of two i32 and two more i32 stays within i64.
                self.regs[at(d)] = Self::step(i64::from(self.regs[at(p)]) + by)?;
                self.regs[at(d) + 1] = self.regs[at(p) + 1];
            }
            Code::Load { mem, n, align, d, p, off } => {
                let place = self.reach(at(p), *off, *n as usize * mem.bytes(), *align, false)?;
                self.load(*mem, place, at(d), *n as usize);
            }
            Code::LoadBcast { lane, n, bytes, align, d, p, off } => {
                let (buf, from) = self.reach(at(p), *off, (*bytes).into(), *align, false)?;
                let all = match &self.bufs[buf] {
                    Bytes::Fixed(b) => b,
                    Bytes::Free(b) => &**b,
                };
                let d = at(d);
                lanes::repeat(*lane, &mut self.regs[d..d + *n as usize], &all[from..from + usize::from(*bytes)]);
            }
            Code::Store { mem, n, align, v, p, off } => {
                let place = self.reach(at(p), *off, *n as usize * mem.bytes(), *align, true)?;
                self.store(*mem, place, at(v), *n as usize)?;
            }
            Code::Splat { lane, n, d, x } => {
                let v = fit(*lane, self.regs[at(x)]);
                self.regs[at(d)..][..*n as usize].fill(v);
            }
            Code::SplatBits { lane, n, d, x } => {
                let pat = self.regs[at(x)].to_le_bytes();
                lanes::repeat(*lane, &mut self.regs[at(d)..][..*n as usize], &pat);
            }
            Code::Widen { mask, n, d, a } => {
                let (lo, d) = split!(d, *n);
                d.iter_mut().zip(src!(lo, a, *n)).for_each(|(d, &a)| *d = a & mask);
            }
            Code::NarrowSat { lo: min, hi: max, n, d, a, b } => {
                let (lo, d) = split!(d, 2 * *n);
                lanes::narrow(*min, *max, d, src!(lo, a, *n), src!(lo, b, *n));
            }
            Code::Trunc { to, n, d, a } => {
                let (lo, d) = split!(d, *n);
                lanes::trunc(*to, d, src!(lo, a, *n));
            }
            Code::Copy { n, d, a } => self.regs.copy_within(at(a)..at(a) + *n as usize, at(d)),
            Code::Insert { lane, n, at: l, d, v, x } => {
                self.regs.copy_within(at(v)..at(v) + *n as usize, at(d));
                self.regs[at(d) + *l as usize] = fit(*lane, self.regs[at(x)]);
            }
            Code::Shuffle { n, d, a, b, mask } => {
                let (lo, d) = split!(d, *n);
                let (a, b) = (src!(lo, a, *n), src!(lo, b, *n));
                for (d, &m) in d.iter_mut().zip(mask.iter()) {
                    let m = usize::from(m);
                    *d = if m < a.len() { a[m] } else { b[m - a.len()] };
                }
            }
            Code::ReduceAdd { n, d, a } => {
                let sum = self.regs[at(a)..][..*n as usize].iter().fold(0i32, |s, &v| s.wrapping_add(v));
                self.regs[at(d)] = sum;
            }
            Code::Contract { p, d, acc, a, w } => {
                let (lo, d) = split!(d, p.acc_n);
                lanes::contract(p, d, src!(lo, acc, p.acc_n), src!(lo, a, p.a_n), src!(lo, w, p.w_n))?;
            }
            Code::Mac { n, d, acc, a, w } => {
                let (lo, d) = split!(d, *n);
                lanes::mac(d, src!(lo, acc, *n), src!(lo, a, *n), src!(lo, w, *n));
            }
            Code::Rescale { r, n, d, acc, m } => {
                let (lo, d) = split!(d, *n);
                lanes::rescale(r, d, src!(lo, acc, *n), src!(lo, m, *n))?;
            }
            Code::Sxtb16 { by, d, x } => {
                let [b0, _, b2, _] = self.regs[at(x)].rotate_right(*by).to_le_bytes();
                let [l, h] = [b0, b2].map(|b| i16::from(b as i8).to_le_bytes());
                self.regs[at(d)] = i32::from_le_bytes([l[0], l[1], h[0], h[1]]);
            }
            Code::Set { d, v } => self.regs[at(d)] = *v,
            // Handled by `body`.
            Code::Moves(_) | Code::Next { .. } | Code::JumpIfZero { .. } | Code::Jump { .. } | Code::Call { .. } => {}
        }
        Ok(())
    }
}

#[cold]
fn denied(r: &Region, at: i64, len: usize, write: bool) -> String {
    let what = if write { "write" } else { "read" };
    if write && !r.write {
        format!("{what} of {len} bytes at {at} of read-only memory")
    } else {
        format!("{what} of {len} bytes at {at} of {} bytes", r.len)
    }
}
