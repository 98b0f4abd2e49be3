//! Integer softmax.

use super::Constants;
use crate::def::{Ctx, Kind, OpDef, attr_error, req};
use mcompc_ir::{Code, Codes, DType, Error, Quant, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "q.softmax",
    doc: "Softmax over the last axis, of n elements. `x` is i8 or u8, `table` i32 [256] with table[d] = round(exp(-d * scale_x) * 2^bits) for \
          d in 0..=255, where bits = min(20, 30 - ceil(log2 n)). With qmax the largest code of the row and e_i = table[qmax - q_i]:\n\n\
          - S = sum of e_i, between 2^bits and 2^30\n\
          - R = floor(2^(30+bits) / S), the one division a row\n\
          - hi_i = ((e_i << (30-bits)) * R) >> 32, which is p_i * 2^28\n\
          - y_i = clamp(-128, 127, ((hi_i + 2^19) >> 20) - 128)\n\n\
          The result is i8 with scale 1/256 and zero point -128.\n\n\
          `x` i16: `table` is i32 [512], table[i] = round(exp(-256 i * scale_x) * 2^30) and table[256 + j] = round(exp(-j * scale_x) * \
          2^(bits+2)), e_i = (table[d >> 8] * table[256 + (d & 255)]) >> 32 with d = qmax - q_i, and y_i = min(32767, (hi_i + 2^12) >> 13), \
          i16 with scale 2^-15 and zero point 0.",
    inputs: &["x", "table"],
    attrs: &[req("axis", Kind::Int, "the last one"), req("bits", Kind::Int, "fraction bits of the table")],
    infer: |c| {
        c.codes(0)?;
        bits(c)?;
        let codes = if wide(c) { Codes::I16 } else { Codes::I8 };
        c.exactly(1, DType::I32, &[parts(c) * Codes::I8.count()])?;
        c.out(codes.dtype(), c.ins[0].shape.clone(), Some(Quant::probability(codes)))
    },
    eval: |c, t| {
        let (n, bits) = bits(c)?;
        let (x, table) = (t[0].to_i64_vec()?, t[1].to_i64_vec()?);
        entries(&table, bits)?;
        let (wide, out) = (wide(c), if wide(c) { Codes::I16 } else { Codes::I8 });
        // A difference of codes of the type is an index, or two.
        let fine = Codes::I8.count();
        let exponential = |d: usize| if wide { (table[d / fine] * table[fine + d % fine]) >> 32 } else { table[d] };
        // p * 2^28 to steps, from the code of 0 on.
        let (shift, zero) = if wide { (13, 0) } else { (20, i128::from(out.min())) };
        let mut y = Vec::with_capacity(x.len());
        for row in x.chunks_exact(n) {
            let qmax = row.iter().copied().fold(i64::MIN, i64::max);
            let e: Vec<i64> = row.iter().map(|q| exponential((qmax - q) as usize)).collect();
            let s: i64 = e.iter().sum();
            let r = (1i128 << (30 + bits)) / i128::from(s);
            for e in e {
                let hi = ((i128::from(e) << (30 - bits)) * r) >> 32;
                y.push((((hi + (1 << (shift - 1))) >> shift) + zero).clamp(out.min().into(), out.max().into()) as i64);
            }
        }
        Ok(vec![Tensor::from_ints(out.dtype(), t[0].shape.clone(), &y)?])
    },
};

fn wide(c: &Ctx<'_>) -> bool {
    c.ins[0].dtype == DType::I16
}

/// Tables of 256 entries.
fn parts(c: &Ctx<'_>) -> usize {
    if wide(c) { 2 } else { 1 }
}

/// The first entry of each table is 1, so that a row's sum is at least that; no entry is more.
fn entries(table: &[i64], bits: u32) -> Result<()> {
    match table.split_at_checked(Codes::I8.count()) {
        Some((coarse, fine)) if !fine.is_empty() => {
            part(coarse, 30)?;
            part(fine, bits + 2)
        }
        _ => part(table, bits),
    }
}

fn part(table: &[i64], bits: u32) -> Result<()> {
    let one = 1i64 << bits;
    let first = table.first().copied().unwrap_or_default();
    if first != one {
        return Err(Error::new(Code::BadTensor, format!("table[0] is {first}, not {one}: 1 with {bits} fraction bits")));
    }
    match table.iter().find(|e| !(0..=one).contains(*e)) {
        Some(e) => Err(Error::new(Code::BadTensor, format!("a table entry of {e} with {bits} fraction bits"))),
        None => Ok(()),
    }
}

pub(crate) fn constants(c: &Ctx<'_>, t: &Constants<'_>) -> Result<()> {
    let (_, bits) = bits(c)?;
    t.get(1).copied().flatten().map_or(Ok(()), |t| entries(&t.to_i64_vec()?, bits))
}

/// n and bits, checked against each other.
fn bits(c: &Ctx<'_>) -> Result<(usize, u32)> {
    let shape = &c.ins[0].shape;
    let Some(&n) = shape.last().filter(|&&n| (1..=1 << 29).contains(&n)) else {
        return crate::def::shape_error(format!("softmax over the last axis of {shape:?}"));
    };
    if c.axis(shape.len())? != shape.len() - 1 {
        return attr_error("axis", "is not the last one");
    }
    let want = 20.min(30 - n.next_power_of_two().trailing_zeros());
    if c.node.attrs.int("bits")? != i64::from(want) {
        return attr_error("bits", format_args!("must be {want} for {n} elements"));
    }
    Ok((n, want))
}
