//! Table look-up.

use crate::def::{Ctx, OpDef, shape_error};
use mcompc_ir::{Codes, DType, Result};

/// Entries of a table for 16 bits: one for every 128 codes, and one behind the last.
pub const KNOTS: usize = (Codes::I16.count() >> FINE) + 1;
/// Bits of a 16-bit code between two entries.
pub const FINE: u32 = 7;

pub(crate) const OP: OpDef = OpDef {
    name: "q.lut",
    doc: "Any function of one value. `x` of 8 bits: table[x - min], where min is the smallest value of x's type (-128 for i8, 0 for u8), and \
          `table` [256] has the type of the result, i8 or i16. `x` i16: `table` is i16 [513], and between its entries, one for every 128 \
          codes, the result is linear: with u = x + 32768, i = floor(u / 128), f = u mod 128 it is \
          table[i] + floor(((table[i+1] - table[i]) * f + 64) / 128), i16.",
    inputs: &["x", "table"],
    attrs: &[],
    infer: |c| {
        let wide = wide(c)?;
        let out = c.out_quant()?.codes.dtype();
        if wide && out != DType::I16 {
            return shape_error(format!("a table of i16 codes makes i16, not {out}"));
        }
        c.exactly(1, out, &[if wide { KNOTS } else { Codes::I8.count() }])?;
        c.out_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let (table, wide) = (t[1].to_i64_vec()?, wide(c)?);
        let least = Codes::of(c.ins[0].dtype).map_or(0, Codes::min);
        let one = |x: i64| {
            let u = x - i64::from(least);
            if !wide {
                return table[u as usize];
            }
            let (i, f) = ((u >> FINE) as usize, u & ((1 << FINE) - 1));
            table[i] + (((table[i + 1] - table[i]) * f + (1 << (FINE - 1))) >> FINE)
        };
        let y: Vec<i64> = t[0].to_i64_vec()?.into_iter().map(one).collect();
        c.tensor(t[0].shape.clone(), &y)
    },
};

fn wide(c: &Ctx<'_>) -> Result<bool> {
    c.codes(0)?;
    Ok(c.ins[0].dtype == DType::I16)
}
