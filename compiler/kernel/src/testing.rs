//! Random well-formed modules, for differential tests of back ends, text form and verifier.
//!
//! Everything is derived from a seed. The functions use no operation whose result the vocabulary leaves open: accesses stay in bounds,
//! shift amounts below the lane's width, rescales within their preconditions.

mod suite;

pub use suite::{BINS, LANES, Suite, is_shift, lane_of, load, operands, own, store};

use crate::{Bin, Builder, Cmp, Data, Elem, Form, Lane, MemElem, Module, Op, Rescale, Role, Row, Ty, Val};

/// Bytes behind the parameter `x`.
pub const IN_BYTES: usize = 512;
/// Bytes behind the parameter `y`: every value that is alive at the end is stored there.
pub const OUT_BYTES: usize = 4096;

/// A 64-bit generator (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, `splitmix64`).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
    /// An element; `v` is not empty.
    pub fn pick<T: Clone>(&mut self, v: &[T]) -> T {
        v[self.below(v.len())].clone()
    }
    /// An i32 with edge values often.
    pub fn int(&mut self) -> i32 {
        match self.below(4) {
            0 => self.pick(&[0, 1, -1, 127, -128, 255, 32767, -32768, i32::MAX, i32::MIN]),
            1 => self.below(512) as i32 - 256,
            _ => self.bits() as i32,
        }
    }
    /// Random bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.bits() as u8).collect()
    }
    /// Random bytes, half of them extremes.
    pub fn extremes(&mut self, n: usize) -> Vec<u8> {
        let mut one = || self.pick(&[Some(0x80), Some(0x7f), Some(0xff), None, None, None]).unwrap_or_else(|| self.bits() as u8);
        (0..n).map(|_| one()).collect()
    }
}

/// What random modules may contain.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Vector types.
    pub vectors: Vec<Ty>,
    /// Inner products; their operand types need not be in `vectors`.
    pub rows: Vec<Row>,
}

impl Vocabulary {
    /// All vectors from 8 to `bytes` bytes, and these rows.
    pub fn up_to(bytes: usize, rows: &[Row]) -> Self {
        let mut vectors = vec![];
        for l in [Lane::I8, Lane::I16, Lane::I32] {
            let all = (1..8).map(|s| Ty::Vec(l, 1 << s));
            vectors.extend(all.filter(|t| (8..=bytes).contains(&t.bytes())));
        }
        Self { vectors, rows: rows.to_vec() }
    }
}

struct Gen<'v> {
    rng: Rng,
    voc: &'v Vocabulary,
    rows: Vec<(u16, Row)>,
    b: Builder,
    /// Values that can be used here.
    pool: Vec<Val>,
    x: Val,
    y: Val,
}

/// A module with functions `g` (a helper) and `f`, both of (`x`: [`IN_BYTES`] in, `y`: [`OUT_BYTES`] out, `n`: scalar); `f` calls `g`.
pub fn random_module(seed: u64, voc: &Vocabulary, size: usize) -> Module {
    let mut m = Module::default();
    let mut rng = Rng(seed);
    m.data.push(Data { name: "table".into(), bytes: rng.bytes(IN_BYTES), align: 16, weights: false, export: false });
    let rows: Vec<(u16, Row)> = voc.rows.iter().map(|r| (m.row(r), r.clone())).collect();
    for (name, export) in [("g", false), ("f", true)] {
        let mut b = Builder::new(name);
        let x = b.ptr("x", Role::In, IN_BYTES, 16);
        let y = b.ptr("y", Role::Out, OUT_BYTES, 16);
        let n = b.scalar("n");
        if export {
            b.export();
            b.call("g", &[x, y, n]);
        }
        let mut g = Gen { rng: rng.clone(), voc, rows: rows.clone(), b, pool: vec![n], x, y };
        for _ in 0..size {
            g.inst(0, None);
        }
        g.results();
        rng = g.rng;
        m.funcs.push(g.b.finish());
    }
    m
}

impl Gen<'_> {
    fn any_vector(&mut self) -> Option<Ty> {
        if self.voc.vectors.is_empty() { None } else { Some(self.rng.pick(&self.voc.vectors)) }
    }
    fn allowed(&self, t: Ty) -> bool {
        self.voc.vectors.contains(&t)
    }
    fn put(&mut self, v: Val) {
        self.pool.push(v);
    }
    /// A value of this type: one there is, a constant, or a load.
    fn get(&mut self, t: Ty) -> Val {
        let have: Vec<Val> = self.pool.iter().copied().filter(|&v| self.b.ty(v) == t).collect();
        if !have.is_empty() && self.rng.below(4) != 0 {
            // Recent values rather than old ones, so that chains grow.
            let n = have.len();
            return have[n - 1 - self.rng.below(n.min(6))];
        }
        if t == Ty::I32 && self.rng.below(2) == 0 {
            let c = self.rng.int();
            return self.b.iconst(c);
        }
        self.load(t, None)
    }
    fn load(&mut self, t: Ty, iv: Option<(Val, i32)>) -> Val {
        let (lanes, lane) = match t {
            Ty::Vec(l, n) => (n as usize, l.bytes()),
            _ => (1, 4),
        };
        let elems = [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32];
        let fits: Vec<MemElem> = elems.into_iter().filter(|e| e.bytes() <= lane).collect();
        let mem = self.rng.pick(&fits);
        let base = if self.rng.below(3) == 0 { self.b.data("table", 0) } else { self.x };
        let room = IN_BYTES - lanes * mem.bytes();
        match iv {
            Some((iv, top)) if top > 0 && room >= top as usize => {
                let scale = 1 + self.rng.below((room / top as usize).min(8)) as i32;
                let imm = self.rng.below(room - (scale * top) as usize + 1) as i32;
                let p = self.b.ptr_add(base, iv, scale, 0);
                self.b.load(t, mem, p, imm)
            }
            _ => {
                let at = self.rng.below(room + 1);
                let align = 1 << at.trailing_zeros().min(4).min(mem.bytes().trailing_zeros());
                self.b.load_aligned(t, mem, base, at as i32, align)
            }
        }
    }
    fn bin(&mut self, t: Ty) -> Val {
        let lane = match t {
            Ty::Vec(l, _) => l,
            _ => Lane::I32,
        };
        use Bin::*;
        let op = self.rng.pick(&[Add, Sub, Mul, And, Or, Xor, Shl, Sra, Srl, Smin, Smax, MulHi]);
        let op = if op == MulHi && lane != Lane::I32 { Mul } else { op };
        let a = self.get(t);
        let c = match op {
            Shl | Sra | Srl => {
                let by = self.rng.below(lane.bits() as usize) as i32;
                self.b.vconst(by, t)
            }
            _ => self.get(t),
        };
        self.b.bin(op, a, c)
    }
    fn rescale(&mut self, t: Ty) -> Val {
        let acc = self.get(t);
        let m = self.get(t);
        let mask = self.b.vconst(i32::MAX, t);
        let m = self.b.bin(Bin::And, m, mask);
        let one = self.b.vconst(1, t);
        let m = self.b.bin(Bin::Or, m, one);
        let (lo, hi) = self.rng.pick(&[(-128, 127), (0, 255), (-100, 20), (-32768, 32767)]);
        let shift = 1 + self.rng.below(15) as u8;
        let pre = self.rng.below(4) as u8;
        // Within a quarter of the range, no left shift of at most 3 overflows after a shift right by as much.
        let by = self.b.vconst(pre.into(), t);
        let acc = self.b.bin(Bin::Sra, acc, by);
        let zp = self.rng.below(256) as i32 - 128;
        self.b.rescale(Rescale { pre, shift, zp, lo, hi }, acc, m)
    }
    fn contract(&mut self) -> Option<Val> {
        if self.rows.is_empty() {
            return None;
        }
        let (i, r) = self.rng.pick(&self.rows);
        let acc = self.get(r.acc_ty());
        let mut a = self.get(r.a_ty());
        let mut w = self.get(r.w_ty());
        if r.form == Form::Scalar {
            let (lo, hi) = if r.a == Elem::U8 { (0, 255) } else { (-128, 127) };
            for (v, scalar) in [(&mut a, true), (&mut w, r.n == 1)] {
                if scalar {
                    let (l, h) = (self.b.iconst(lo), self.b.iconst(hi));
                    let up = self.b.bin(Bin::Smax, *v, l);
                    *v = self.b.bin(Bin::Smin, up, h);
                }
            }
        }
        let groups = match r.a_ty() {
            Ty::Vec(_, n) if r.form == Form::Lane => (n / r.k) as usize,
            _ => 1,
        };
        let lane = self.rng.below(groups) as u8;
        Some(self.b.contract(i, &r, lane, acc, a, w))
    }
    fn reshape(&mut self, t: Ty) -> Option<Val> {
        let Ty::Vec(l, n) = t else { return None };
        let v = self.get(t);
        match self.rng.below(9) {
            0 | 1 => {
                let to = if l == Lane::I8 { Lane::I16 } else { Lane::I32 };
                let (signed, high) = (self.rng.below(2) == 0, self.rng.below(2) == 0);
                if l == Lane::I32 || n < 4 {
                    return None;
                }
                if self.allowed(Ty::Vec(to, n)) && self.rng.below(2) == 0 {
                    return Some(self.b.widen_all(v, to, signed));
                }
                self.allowed(Ty::Vec(to, n / 2)).then(|| self.b.widen(v, signed, high))
            }
            2 | 3 => {
                let to = if l == Lane::I32 { Lane::I16 } else { Lane::I8 };
                if l == Lane::I8 {
                    return None;
                }
                if self.allowed(Ty::Vec(to, n)) && self.rng.below(2) == 0 {
                    return Some(self.b.trunc(v, to));
                }
                let w = self.get(t);
                self.allowed(Ty::Vec(to, n * 2)).then(|| self.b.narrow_sat(v, w))
            }
            4 => {
                let lane = self.rng.below(n.into()) as u16;
                Some(self.b.extract(v, lane))
            }
            5 => {
                let (x, lane) = (self.get(Ty::I32), self.rng.below(n.into()) as u16);
                Some(self.b.op(t, Op::Insert { lane }, &[v, x]))
            }
            6 => {
                let w = self.get(t);
                let mask = match self.rng.below(3) {
                    0 => (0..n).map(|i| i / 2 + if i % 2 == 1 { n } else { 0 }).collect(),
                    1 => (0..n).map(|i| 2 * i).collect(),
                    _ => (0..n).map(|_| self.rng.below(2 * n as usize) as u16).collect(),
                };
                Some(self.b.shuffle(v, w, mask))
            }
            7 => Some(self.b.reduce_add(v)),
            _ => {
                let acc = Ty::Vec(Lane::I32, n);
                if l == Lane::I32 || !self.allowed(acc) {
                    return None;
                }
                let (s, w) = (self.get(acc), self.get(t));
                Some(self.b.mac(s, v, w))
            }
        }
    }
    fn scalar(&mut self) -> Val {
        let (a, c) = (self.get(Ty::I32), self.get(Ty::I32));
        match self.rng.below(4) {
            0 => {
                let cmp = self.rng.pick(&[Cmp::Eq, Cmp::Ne, Cmp::Slt, Cmp::Sle, Cmp::Ult]);
                self.b.cmp(cmp, a, c)
            }
            1 => {
                let k = self.get(Ty::I32);
                let cond = self.b.cmp(Cmp::Slt, k, c);
                self.b.select(cond, a, c)
            }
            2 => {
                let k = self.get(Ty::I32);
                let p = self.b.ptr_imm(self.x, 16);
                let p = self.b.select(k, p, self.x);
                self.b.load(Ty::I32, MemElem::W32, p, 4)
            }
            _ => {
                let ror = self.rng.below(2) == 0;
                self.b.op(Ty::I32, Op::Sxtb16 { ror }, &[a])
            }
        }
    }
    fn region(&mut self, depth: usize) {
        let mark = self.pool.len();
        let start = self.rng.below(3) as i32 - 1;
        let (trips, step) = (1 + self.rng.below(4) as i32, 1 + self.rng.below(3) as i32);
        let mut carried: Vec<Val> = vec![];
        for _ in 0..self.rng.below(4) {
            let t = if self.rng.below(2) == 0 { Ty::I32 } else { self.any_vector().unwrap_or(Ty::I32) };
            carried.push(self.get(t));
        }
        let tys: Vec<Ty> = carried.iter().map(|&v| self.b.ty(v)).collect();
        let (then, out) = if self.rng.below(3) == 0 {
            let c = self.get(Ty::I32);
            let one = self.b.iconst(1);
            let c = self.b.bin(Bin::And, c, one);
            let this = std::cell::RefCell::new(&mut *self);
            // Both closures need the generator, one after the other; its builder travels through the argument.
            let side = |b: &mut Builder| {
                let mut g = this.borrow_mut();
                std::mem::swap(&mut g.b, b);
                for _ in 0..3 {
                    g.inst(depth + 1, None);
                }
                let ys = tys.iter().map(|&t| g.get(t)).collect();
                g.pool.truncate(mark);
                std::mem::swap(&mut g.b, b);
                ys
            };
            let mut b = std::mem::replace(&mut this.borrow_mut().b, Builder::new(""));
            let rs = b.if_else(c, side, side);
            (b, rs)
        } else {
            let mut b = std::mem::replace(&mut self.b, Builder::new(""));
            let p = self.x;
            let mut inits = carried.clone();
            inits.push(p);
            let rs = b.for_loop(start, start + trips * step, step, &inits, |b, iv, c| {
                std::mem::swap(&mut self.b, b);
                let (&p, vals) = c.split_last().unwrap_or((&self.x, &[]));
                self.pool.extend(vals);
                let off = self.b.add_imm(iv, -start);
                for _ in 0..4 {
                    self.inst(depth + 1, Some((off, (trips - 1) * step)));
                }
                let v = self.b.load(Ty::I32, MemElem::S16, p, 3);
                self.pool.push(v);
                let mut ys: Vec<Val> = tys.iter().map(|&t| self.get(t)).collect();
                ys.push(self.b.ptr_imm(p, 8));
                self.pool.truncate(mark);
                std::mem::swap(&mut self.b, b);
                ys
            });
            (b, rs[..tys.len()].to_vec())
        };
        self.b = then;
        self.pool.extend(out);
    }
    fn inst(&mut self, depth: usize, iv: Option<(Val, i32)>) {
        let t = if self.rng.below(4) == 0 { Ty::I32 } else { self.any_vector().unwrap_or(Ty::I32) };
        let v = match self.rng.below(12) {
            0 if depth < 2 => {
                self.region(depth);
                None
            }
            0 | 1 => Some(self.load(t, iv)),
            2 | 3 => Some(self.bin(t)),
            4 => Some(self.scalar()),
            5 => match t {
                Ty::Vec(Lane::I32, _) | Ty::I32 => Some(self.rescale(t)),
                _ => None,
            },
            6 | 7 => self.contract(),
            8 if t != Ty::I32 => {
                let x = self.get(Ty::I32);
                let op = if self.rng.below(2) == 0 { Op::Splat(t) } else { Op::SplatBits(t) };
                Some(self.b.op(t, op, &[x]))
            }
            9 if t != Ty::I32 => {
                let bytes = self.rng.pick(&[1u8, 2, 4, 8]);
                let at = self.rng.below(IN_BYTES - 7) as i32;
                Some(self.b.load_bcast(t, bytes, self.x, at))
            }
            _ => self.reshape(t),
        };
        if let Some(v) = v {
            self.put(v);
        }
    }
    /// Stores what is alive: whole, and narrowed by the store.
    fn results(&mut self) {
        let mut at = 0;
        for v in self.pool.clone().into_iter().rev() {
            let (n, lane) = match self.b.ty(v) {
                Ty::Vec(l, n) => (n as usize, l.bytes()),
                _ => (1, 4),
            };
            for mem in [MemElem::S8, MemElem::S16, MemElem::W32] {
                let bytes = n * mem.bytes();
                if mem.bytes() > lane || at + bytes > OUT_BYTES || (mem.bytes() < lane && self.rng.below(4) != 0) {
                    continue;
                }
                self.b.store(v, mem, self.y, at as i32);
                at += bytes;
            }
        }
    }
}
