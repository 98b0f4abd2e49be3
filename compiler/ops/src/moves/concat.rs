//! Concatenation.

use crate::def::{Kind, OpDef, req, shape_error};
use mcompc_ir::{Code, Error, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Concat",
    doc: "Joins along one axis. All inputs agree in type, quantization and the other dimensions.",
    inputs: &["xs.."],
    attrs: &[req("axis", Kind::Int, "non-negative")],
    infer: |c| {
        let x = c.ins[0];
        let axis = c.axis(x.shape.len())?;
        let mut shape = x.shape.clone();
        for v in &c.ins[1..] {
            if (v.dtype, &v.quant) != (x.dtype, &x.quant) {
                return Err(Error::new(Code::UnsupportedType, format!("`{}` and `{}` differ in type or quantization", x.name, v.name)));
            }
            let same = v.shape.len() == shape.len() && (0..shape.len()).all(|i| i == axis || v.shape[i] == shape[i]);
            match v.shape.get(axis).and_then(|d| shape[axis].checked_add(*d)) {
                Some(d) if same => shape[axis] = d,
                _ => return shape_error(format!("{:?} and {:?} do not join along axis {axis}", x.shape, v.shape)),
            }
        }
        c.out(x.dtype, shape, x.quant.clone())
    },
    eval: |c, t| {
        let axis = c.axis(t[0].shape.len())?;
        let mut shape = t[0].shape.clone();
        shape[axis] = t.iter().map(|x| x.shape[axis]).sum();
        let outer: usize = shape[..axis].iter().product();
        let mut out = Vec::new();
        for o in 0..outer {
            for x in t {
                let block = x.bytes().len() / outer;
                out.extend_from_slice(&x.bytes()[o * block..(o + 1) * block]);
            }
        }
        Ok(vec![Tensor::new(t[0].dtype, shape, out.into())?])
    },
};
