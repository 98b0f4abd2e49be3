//! Magnitude of complex numbers.

use crate::broadcast;
use crate::def::{OpDef, shape_error};

pub(crate) const OP: OpDef = OpDef {
    name: "Hypot",
    doc: "sqrt(a^2 + b^2): the magnitude of a spectrum of real parts a and imaginary parts b, of one shape. What a pass makes of it spelt out.",
    inputs: &["a", "b"],
    attrs: &[],
    infer: |c| {
        if c.ins[0].shape != c.ins[1].shape {
            return shape_error(format!("real parts {:?} and imaginary parts {:?}", c.ins[0].shape, c.ins[1].shape));
        }
        broadcast::infer(c)
    },
    eval: |_, t| broadcast::eval(t, |a, b| libm::sqrt(a * a + b * b)),
};
