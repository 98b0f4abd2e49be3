//! Place of the largest element along an axis.

use crate::def::{AttrDef, Ctx, Kind, OpDef, attr_error, req};
use mcompc_ir::{Codes, DType, Node, Quant, Result, Tensor, Value};

pub(crate) const ARG: &[AttrDef] = &[
    req("axis", Kind::Int, "non-negative; the dimension goes"),
    req("largest", Kind::Int, "1: of the largest element, 0: of the smallest"),
    req("last", Kind::Int, "1: of equal ones the last, 0: the first"),
];

pub(crate) const OP: OpDef = OpDef {
    name: "ArgMax",
    doc: "Index, counted from 0, of the largest element along one axis, or of the smallest.",
    inputs: &["x"],
    attrs: ARG,
    infer: |c| {
        c.floats()?;
        c.out(DType::F32, Along::of(c)?.shape, None)
    },
    eval: |c, t| {
        let a = Along::of(c)?;
        let y: Vec<f32> = a.places(&t[0].as_f32()?).into_iter().map(|i| i as f32).collect();
        Ok(vec![Tensor::from_f32(a.shape, &y)?])
    },
};

/// The codes of the places that a node finds in its operand.
///
/// # Errors
/// Attributes that do not fit the operand.
pub fn place_codes(node: &Node, x: &Value) -> Result<Quant> {
    Along::of(&Ctx { node, ins: &[x] }).map(|a| a.quant())
}

/// Elements along the axis at most: kernels hold a place in 16 bits, the codes of places reach as far.
const MOST: usize = 1 << 15;

/// What a node asks for.
pub(crate) struct Along {
    /// Elements along the axis, and those behind it.
    n: usize,
    inner: usize,
    largest: bool,
    last: bool,
    /// Shape of the result.
    pub(crate) shape: Vec<usize>,
}

impl Along {
    pub(crate) fn of(c: &Ctx<'_>) -> Result<Self> {
        let s = &c.ins[0].shape;
        let axis = c.axis(s.len())?;
        if s[axis] == 0 || s[axis] > MOST {
            return attr_error("axis", format_args!("is {axis}, of shape {s:?}"));
        }
        let (largest, last) = (c.int_in("largest", 0, 1)? == 1, c.int_in("last", 0, 1)? == 1);
        let shape = [&s[..axis], &s[axis + 1..]].concat();
        Ok(Self { n: s[axis], inner: s[axis + 1..].iter().product(), largest, last, shape })
    }
    /// The codes of places, which mean themselves: of eight bits where these hold all of them.
    pub(crate) fn quant(&self) -> Quant {
        match self.n {
            n if n <= Codes::I8.max() as usize + 1 => Quant::new(Codes::I8, 1.0, 0),
            n if n <= Codes::I8.count() => Quant::new(Codes::I8, 1.0, Codes::I8.min()),
            _ => Quant::new(Codes::I16, 1.0, 0),
        }
    }
    /// The places, in the order of the result.
    pub(crate) fn places<T: PartialOrd + Copy>(&self, x: &[T]) -> Vec<usize> {
        let block = self.n * self.inner;
        let of = |first: usize| {
            (1..self.n).fold(0, |best, k| {
                let (p, q) = (x[first + best * self.inner], x[first + k * self.inner]);
                let better = if self.largest { q > p } else { q < p };
                if better || self.last && q == p { k } else { best }
            })
        };
        (0..x.len() / block).flat_map(|b| (0..self.inner).map(move |j| b * block + j)).map(of).collect()
    }
}
