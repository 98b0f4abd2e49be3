//! Products of two computed matrices: the right one is packed as weights are, in scratch, and the inner product is that of layers.
//!
//! With a' and b' as the machine's row takes them, and their zero points z, a sum is
//! `sum a' b' - z_b sum a' - z_a sum b' + K z_a z_b`: what depends on the column is computed once a matrix and stands where layers have
//! biases, what depends on the row once a block of rows.

use crate::copy::{CopyMode, copy_run, fill_run, unit_of};
use crate::emit::{Arg, Call, Operand, overlapped};
use crate::gemm::Gemm;
use crate::nest::{Dim, broadcast, merged, nest, scaled};
use crate::pack::{Steps, blocks};
use crate::rhs::Rhs;
use crate::zero::{less_zero_point, repeated};
use mcompc_ir::{Code, Error, Result, ValueId};
use mcompc_kernel::{Bin, Builder, Elem, Form, Machine, MemElem, Rescale, Role, Row, Ty, Val};
use mcompc_ops::Product;

/// How codes of the left matrix reach the row.
struct Lhs {
    /// What is added to a stored code.
    offset: i32,
    mode: CopyMode,
    /// Element that the inner product reads.
    mem: MemElem,
    /// Whether it reads them where they are.
    direct: bool,
}

fn lhs(row: &Row, mem: MemElem, k: usize) -> Lhs {
    let whole = k.is_multiple_of(Steps::of(row).step);
    let unsigned = mem == MemElem::U8;
    let bytes = |flip: bool| CopyMode::Bytes { flip };
    match (row.form, row.a, unsigned) {
        _ if mem == MemElem::S16 => Lhs { offset: 0, mode: CopyMode::Halves, mem, direct: whole && row.form != Form::Packed },
        (Form::Scalar, ..) => Lhs { offset: 0, mode: bytes(false), mem, direct: true },
        (Form::Packed, _, flip) => {
            Lhs { offset: if flip { -128 } else { 0 }, mode: CopyMode::Packed { flip }, mem: MemElem::S16, direct: false }
        }
        (_, Elem::I16, _) => Lhs { offset: 0, mode: CopyMode::Wide { signed: !unsigned }, mem: MemElem::S16, direct: false },
        (_, Elem::I8, true) => Lhs { offset: -128, mode: bytes(true), mem: MemElem::S8, direct: false },
        (_, Elem::U8, false) => Lhs { offset: 128, mode: bytes(true), mem: MemElem::S8, direct: false },
        _ => Lhs { offset: 0, mode: bytes(false), mem: MemElem::S8, direct: whole },
    }
}

/// What the body of the kernel is made of.
struct Matmul<'a> {
    m: &'a Machine,
    p: Product,
    l: Lhs,
    rhs: Rhs<'a>,
    gemm: Gemm<'a>,
    /// Zero points of what the row multiplies.
    zeros: [i32; 2],
    mult: i32,
    /// Bytes of an element of the left matrix and of the result.
    sizes: [usize; 2],
    /// Offsets in scratch: parameters, staged rows.
    params: usize,
    staged: usize,
}

/// Kernel and call of a q.matmul of operands with their shapes; the right matrices may be transposed.
pub fn matmul_kernel(
    m: &Machine,
    (mult, rescale): (i32, Rescale),
    ins: [(Operand, &[usize]); 2],
    transposed: bool,
    (y, out): (ValueId, MemElem),
) -> Result<Call> {
    let [from, right, to] = [ins[0].0.mem, ins[1].0.mem, out].map(MemElem::bytes);
    let [(a, sa), (bb, sb)] = ins;
    let mut p = if transposed { Product::of_transposed(sa, sb)? } else { Product::of(sa, sb)? };
    let (sizes, elems) = ([p.m * p.k, p.k * p.n, p.m * p.n], |s: &[usize]| s.iter().product::<usize>());
    let bytes = [sizes[0] * from, sizes[1] * right, sizes[2] * to];
    let mut dims = batches(&p.lead, bytes);
    // Matrices that share their right side are one.
    if dims.len() == 1 && dims[0].steps[1] == 0 && dims[0].steps[0] == bytes[0] as i32 {
        p.m *= dims[0].size;
        dims = merged(3, vec![]);
    }
    let wide = from + right > 2;
    let mut row = if wide { m.wide_row()? } else { m.row_for(p.n) }.clone();
    if wide && row.w != Elem::I16 {
        // A product of scalars takes any.
        if row.n > 1 {
            return Err(Error::new(Code::Backend, format!("row `{}` does not multiply two operands of 16 bits", row.name)));
        }
        row.w = Elem::I16;
    }
    if row.form == Form::Matrix {
        return Err(Error::new(Code::Backend, format!("row `{}`: the matrix form has no generator yet", row.name)));
    }
    // Scratch holds what the row takes, whatever memory holds of layers' weights.
    if row.w_mem != row.w {
        row = Row { name: format!("{}.packed", row.name), w_mem: row.w, ..row };
    }
    let (mr, nr) = if p.m == 1 { (1, row.tile_fc as usize) } else { ((row.tile[0] as usize).min(p.m), row.tile[1] as usize) };
    let rhs = Rhs {
        row: &row,
        k: p.k,
        n: p.n,
        nr,
        mem: bb.mem,
        zp: bb.zp,
        swapped: row.form == Form::Packed && from == 1,
        steps: if transposed { [1, p.k] } else { [p.n, 1] },
    };
    crate::spec::indexable(&[rhs.kpad(), p.n.saturating_add(256)], "right matrix")?;
    let l = lhs(&row, a.mem, p.k);
    let zeros = [a.zp + l.offset, rhs.packed_zero()];
    let a_stride = if l.direct { p.k * from } else { rhs.kpad() * l.mode.growth() * from };
    let lanes = row.n as usize;
    let params = rhs.bytes().next_multiple_of(16);
    let corrections = params + blocks(p.n, nr).map(|(_, n)| n.div_ceil(lanes) * lanes * 8).sum::<usize>();
    let staged = (corrections + if zeros[1] == 0 { 0 } else { mr * lanes * 4 }).next_multiple_of(16);
    let scratch = staged + if l.direct { 0 } else { mr * a_stride };

    let mut b = Builder::new("matmul");
    let pa = b.ptr("a", Role::In, elems(sa) * from, from as u8);
    let pb = b.ptr("b", Role::In, elems(sb) * right, right as u8);
    let py = b.ptr("y", Role::Out, elems(&p.shape) * to, to as u8);
    let ps = b.ptr("s", Role::Scratch, scratch, 16);
    let gemm = Gemm {
        row: &row,
        row_id: 0,
        a_mem: l.mem,
        unpack: None,
        kpad: rhs.kpad(),
        runs: (1, 0),
        mr,
        nr,
        o: p.n,
        a_stride,
        rescale,
        a_align: from as u8,
        y: out,
        from: (zeros[1] != 0).then(|| b.ptr_imm(ps, corrections as i32)),
    };
    let macs = (elems(&p.shape) * p.k) as u64;
    let k = Matmul { m, p, l, rhs, gemm, zeros, mult, params, staged, sizes: [from, to] };
    k.clear(&mut b, ps);
    nest(&mut b, &dims, &[pa, pb, py], &mut |b, d, at| {
        if d.size == 1 {
            k.one(b, at, ps);
            return vec![None; 3];
        }
        let moving: Vec<usize> = (0..3).filter(|&j| d.steps[j] != 0).collect();
        let begin: Vec<Val> = moving.iter().map(|&j| at[j]).collect();
        let ends = b.for_loop(0, d.size as i32, 1, &begin, |b, _, c| {
            let mut here = at.to_vec();
            moving.iter().zip(c).for_each(|(&j, &p)| here[j] = p);
            k.one(b, &here, ps);
            moving.iter().map(|&j| b.ptr_imm(here[j], d.steps[j])).collect()
        });
        let mut out = vec![None; 3];
        moving.iter().zip(ends).for_each(|(&j, p)| out[j] = Some(p));
        out
    });
    let args = vec![Arg::Value(a.value), Arg::Value(bb.value), Arg::Value(y), Arg::Scratch(scratch)];
    Ok(Call { func: b.finish(), rows: vec![row.clone()], args, macs, in_place: vec![] })
}

/// The leading dimensions, with the bytes from one matrix to the next in both operands and in the result.
fn batches([a, b, to]: &[Vec<usize>; 3], sizes: [usize; 3]) -> Vec<Dim> {
    merged(3, scaled(broadcast(to, &[a, b]), &sizes))
}

impl Matmul<'_> {
    /// Zeros behind rows and columns of whole steps, once.
    fn clear(&self, b: &mut Builder, scratch: Val) {
        self.rhs.clear(b, self.m, scratch);
        if !self.l.direct && self.rhs.kpad() != self.p.k {
            let to = b.ptr_imm(scratch, self.staged as i32);
            fill_run(b, unit_of(self.m), CopyMode::Bytes { flip: false }, to, self.gemm.mr * self.gemm.a_stride, 0);
        }
    }

    /// One product: `at` are both matrices and the result.
    fn one(&self, b: &mut Builder, at: &[Val], scratch: Val) {
        self.rhs.pack(b, self.m, at[1], scratch);
        let params = b.ptr_imm(scratch, self.params as i32);
        self.columns(b, scratch, params);
        let (rows, mr) = (self.p.m, self.gemm.mr);
        b.for_loop(0, rows.next_multiple_of(mr) as i32, mr as i32, &[], |b, iv, _| {
            let first = overlapped(b, iv, rows, mr);
            let src = b.ptr_add(at[0], first, (self.p.k * self.sizes[0]) as i32, 0);
            let a = if self.l.direct { src } else { self.stage(b, src, scratch) };
            if let Some(to) = self.gemm.from {
                less_zero_point(b, &self.gemm, self.zeros[1], a, to);
            }
            let out = b.ptr_add(at[2], first, (self.p.n * self.sizes[1]) as i32, 0);
            self.gemm.emit(b, a, scratch, params, out);
            vec![]
        });
    }

    /// A block of rows as the row of the machine takes them.
    fn stage(&self, b: &mut Builder, src: Val, scratch: Val) -> Val {
        let (u, mode, k) = (unit_of(self.m), self.l.mode, self.p.k * self.sizes[0]);
        let to = b.ptr_imm(scratch, self.staged as i32);
        let (whole, rest) = if let CopyMode::Packed { .. } = mode { (k / 4 * 4, k % 4) } else { (k, 0) };
        if rest == 0 && self.rhs.kpad() == self.p.k {
            copy_run(b, u, mode, src, to, self.gemm.mr * k, false);
            return to;
        }
        b.for_loop(0, self.gemm.mr as i32, 1, &[src, to], |b, _, c| {
            if whole > 0 {
                copy_run(b, u, mode, c[0], c[1], whole, false);
            }
            for t in 0..rest {
                let unsigned = mode == (CopyMode::Packed { flip: true });
                let mut v = b.load(Ty::I32, if unsigned { MemElem::U8 } else { MemElem::S8 }, c[0], (whole + t) as i32);
                if unsigned {
                    v = b.add_imm(v, -128);
                }
                // The order of a packed copy: (b0, b2), (b1, b3).
                b.store_aligned(v, MemElem::S16, c[1], (2 * (whole + [0, 2, 1][t])) as i32, 2);
            }
            vec![b.ptr_imm(c[0], k as i32), b.ptr_imm(c[1], self.gemm.a_stride as i32)]
        });
        to
    }

    /// What the sums of each column begin with, and the multipliers, where layers have theirs.
    fn columns(&self, b: &mut Builder, packed: Val, params: Val) {
        let (g, (full, rest)) = (&self.gemm, (self.p.n / self.gemm.nr, self.p.n % self.gemm.nr));
        let mut c = vec![packed, params];
        if full > 0 {
            c = b.for_loop(0, full as i32, 1, &c, |b, _, c| self.column_block(b, c, g.nr));
        }
        if rest > 0 {
            self.column_block(b, &c, rest);
        }
    }

    fn column_block(&self, b: &mut Builder, c: &[Val], count: usize) -> Vec<Val> {
        let (g, [za, zb]) = (&self.gemm, self.zeros);
        let (row, n, ty) = (g.row, g.row.n as usize, g.row.acc_ty());
        let nv = count.div_ceil(n);
        let steps = g.kpad / Steps::of(row).step;
        let bytes = Steps::of(row).step * nv * n * row.w_mem.lane().bytes();
        let begin = b.vconst((self.p.k as i32).wrapping_mul(za).wrapping_mul(zb), ty);
        let mult = b.vconst(self.mult, ty);
        let mut bias = vec![begin; nv];
        if za != 0 {
            let zero = b.vconst(0, ty);
            let mut carried = vec![zero; nv];
            carried.push(c[0]);
            let every = repeated(b, row, row.a_ty(), za);
            let ends = b.for_loop(0, steps as i32, 1, &carried, |b, _, v| {
                let mut v = v.to_vec();
                let mut word = None;
                for u in 0..g.units(nv) {
                    let w = g.weights(b, v[nv], 0, u, &mut word);
                    let j = if row.form == Form::Packed { u / 2 } else { u % nv };
                    v[j] = b.contract(g.row_id, row, 0, v[j], every, w);
                }
                v[nv] = b.ptr_imm(v[nv], bytes as i32);
                v
            });
            bias = ends[..nv].iter().map(|&s| b.bin(Bin::Sub, begin, s)).collect();
        }
        for (j, &v) in bias.iter().enumerate() {
            b.store_aligned(v, MemElem::W32, c[1], (j * n * 4) as i32, 4);
            b.store_aligned(mult, MemElem::W32, c[1], ((nv + j) * n * 4) as i32, 4);
        }
        vec![b.ptr_imm(c[0], (steps * bytes) as i32), b.ptr_imm(c[1], (nv * n * 8) as i32)]
    }
}
