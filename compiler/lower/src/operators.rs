//! The integer operators that have a kernel: one row each, from a node to a kernel call.

use crate::arg_max::{Sought, arg_max_kernel};
use crate::conv::{conv_kernel, dense_kernel};
use crate::curve::curve_kernel;
use crate::depthwise::depthwise_kernel;
use crate::elementwise::{LinComb, add_kernel, lut_kernel, mul_kernel, rescale_kernel};
use crate::emit::{Call, Operand};
use crate::gather::{Table, gather_kernel};
use crate::hypot::hypot_kernel;
use crate::long::long_kernel;
use crate::matmul::matmul_kernel;
use crate::movement::{Padding, concat_kernel, copy_kernel, pad_kernel, slice_kernel, transpose_kernel};
use crate::norm::{Params, norm_kernel};
use crate::pool::{PoolKind, pool_kernel};
use crate::reduce::{Reduction, reduce_kernel};
use crate::softmax::softmax_kernel;
use crate::spec::{ConvSpec, conv_spec, geometry, mem_of, rescale_of, zp};
use mcompc_ir::{Code, Error, Graph, Node, NodeId, Result, Tensor, Value, ValueId};
use mcompc_kernel::{Machine, MemElem};
use mcompc_ops::{Ctx, Curve, Hypot, Norm, PadMode};

/// A node and what its kernel is made for.
struct Site<'a> {
    g: &'a Graph,
    n: NodeId,
    m: &'a Machine,
    /// Guaranteed alignment of the first input.
    x_align: u8,
    /// Whether weights lie one in a byte, to be coded.
    bytes: bool,
    ins: Vec<ValueId>,
    y: ValueId,
}

type Generate = fn(&Site<'_>) -> Result<Call>;

/// Operators by name. A node that moves nothing is a view and needs no call.
static OPERATORS: &[(&str, Generate)] = &[
    ("q.conv", conv),
    ("q.dense", dense),
    ("q.matmul", matmul),
    ("q.add", add),
    ("q.mul", mul),
    ("q.rescale", |s| rescale_kernel(s.m, s.elems(), s.int("m")?, rescale_of(s.g, s.n)?, s.operand(0)?, s.out()?)),
    ("q.lut", |s| lut_kernel(s.elems(), s.constant(1)?.bytes().to_vec(), s.operand(0)?, s.out()?)),
    ("q.curve", curve),
    ("q.hypot", hypot),
    ("q.sum", |s| reduce(s, Reduction::Sum { zp_x: s.operand(0)?.zp, mult: s.int("m")?, rescale: rescale_of(s.g, s.n)? })),
    ("q.softmax", softmax),
    ("q.norm", norm),
    ("q.avgpool", |s| pool(s, PoolKind::Average { zp_x: s.operand(0)?.zp, mult: multipliers(s)?, rescale: rescale_of(s.g, s.n)? })),
    ("q.maxpool", |s| pool(s, PoolKind::Max)),
    ("Reshape", |s| copy_kernel(s.m, s.elems() * s.size(), s.ins[0], s.y)),
    ("Transpose", |s| transpose_kernel(s.m, s.shape(0), &s.node().attrs.usizes("perm")?, s.size(), [s.ins[0], s.y])),
    ("q.argmax", arg_max),
    ("ReduceMax", |s| reduce(s, Reduction::Max)),
    ("ReduceMin", |s| reduce(s, Reduction::Min)),
    ("Slice", slice),
    ("Gather", gather),
    ("Concat", concat),
    ("Pad", pad),
];

/// Names of the operators that have a kernel.
pub fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// The kernel call of a node; `bytes`: with weights one in a byte, whatever their width and the machine's liking.
pub fn call_of(g: &Graph, n: NodeId, m: &Machine, x_align: u8, bytes: bool) -> Result<Call> {
    let op = &g.node(n).op;
    let Some((_, generate)) = OPERATORS.iter().find(|(name, _)| name == op) else {
        return Err(Error::new(Code::NoInteger, format!("operator `{op}` has no kernel")));
    };
    generate(&Site { g, n, m, x_align, bytes, ins: g.inputs_of(n), y: g.out(n) })
}

impl Site<'_> {
    fn node(&self) -> &Node {
        self.g.node(self.n)
    }
    fn value(&self, i: usize) -> &Value {
        self.g.value(self.ins[i])
    }
    fn shape(&self, i: usize) -> &[usize] {
        &self.value(i).shape
    }
    /// A layer with weights, and whether it is depthwise.
    fn layer(&self) -> Result<(ConvSpec, bool)> {
        let (spec, depthwise) = conv_spec(self.g, self.n, self.m, self.x_align)?;
        Ok((if self.bytes && spec.bytes_hold_weights() { spec.in_bytes() } else { spec }, depthwise))
    }
    /// Elements of the result.
    fn elems(&self) -> usize {
        self.g.value(self.y).elems()
    }
    /// Bytes of an element of the result.
    fn size(&self) -> usize {
        self.g.value(self.y).dtype.size()
    }
    /// The result, and its memory element.
    fn out(&self) -> Result<(ValueId, MemElem)> {
        Ok((self.y, mem_of(self.g.value(self.y))?))
    }
    fn operand(&self, i: usize) -> Result<Operand> {
        let v = self.value(i);
        Ok(Operand { value: self.ins[i], mem: mem_of(v)?, zp: zp(v)? })
    }
    /// The first two inputs with their shapes.
    fn pair(&self) -> Result<[(Operand, &[usize]); 2]> {
        Ok([(self.operand(0)?, self.shape(0)), (self.operand(1)?, self.shape(1))])
    }
    fn int(&self, name: &str) -> Result<i32> {
        i32::try_from(self.node().attrs.int(name)?).map_err(|_| Error::new(Code::Internal, format!("attribute `{name}` passes 32 bits")))
    }
    fn constant(&self, i: usize) -> Result<&Tensor> {
        crate::spec::constant(self.g, self.n, i)
    }
}

fn conv(s: &Site<'_>) -> Result<Call> {
    let (spec, depthwise) = s.layer()?;
    if depthwise { depthwise_kernel(&spec, s.m, s.ins[0], s.y) } else { conv_kernel(&spec, s.m, s.ins[0], s.y) }
}

fn dense(s: &Site<'_>) -> Result<Call> {
    let (spec, _) = s.layer()?;
    if spec.mem[0] != MemElem::W32 {
        return dense_kernel(&spec, s.m, s.ins[0], s.y);
    }
    long_kernel(&spec, s.node().attrs.int_or("drop", 0)? as u32, s.m, s.ins[0], s.y)
}

fn context<T>(s: &Site<'_>, of: impl FnOnce(&Ctx<'_>) -> Result<T>) -> Result<T> {
    let ins: Vec<&Value> = s.ins.iter().map(|&v| s.g.value(v)).collect();
    of(&Ctx { node: s.node(), ins: &ins })
}

fn curve(s: &Site<'_>) -> Result<Call> {
    curve_kernel(s.elems(), context(s, Curve::of)?, s.constant(1)?.bytes().to_vec(), s.operand(0)?, s.out()?)
}

fn hypot(s: &Site<'_>) -> Result<Call> {
    hypot_kernel(s.elems(), context(s, Hypot::of)?, [s.operand(0)?, s.operand(1)?], s.out()?)
}

fn add(s: &Site<'_>) -> Result<Call> {
    let k = LinComb { a: s.int("a")?, b: s.int("b")?, c: s.int("c")?, shift: s.int("shift")?, lo: s.int("lo")?, hi: s.int("hi")? };
    add_kernel(s.m, &s.g.value(s.y).shape, k, s.pair()?, s.out()?)
}

fn mul(s: &Site<'_>) -> Result<Call> {
    mul_kernel(s.m, &s.g.value(s.y).shape, s.int("m")?, rescale_of(s.g, s.n)?, s.pair()?, s.out()?)
}

fn matmul(s: &Site<'_>) -> Result<Call> {
    let transposed = s.node().attrs.int_or("transposed", 0)? == 1;
    matmul_kernel(s.m, (s.int("m")?, rescale_of(s.g, s.n)?), s.pair()?, transposed, s.out()?)
}

fn softmax(s: &Site<'_>) -> Result<Call> {
    let last = s.shape(0).last().copied().unwrap_or(1);
    softmax_kernel(s.elems() / last.max(1), last, s.int("bits")? as u32, &s.constant(1)?.as_i32()?, s.operand(0)?, s.out()?)
}

fn norm(s: &Site<'_>) -> Result<Call> {
    let rule = context(s, Norm::of)?;
    let (gain, offset) = (s.constant(1)?.as_i32()?, s.constant(2)?.as_i32()?);
    let axis = s.int("axis")? as usize;
    norm_kernel((s.shape(0), axis), rule, Params { shape: s.shape(1), gain: &gain, offset: &offset }, s.operand(0)?, s.out()?)
}

fn multipliers(s: &Site<'_>) -> Result<Vec<i32>> {
    let too_large = |_| Error::new(Code::Internal, "attribute `m` passes 32 bits");
    s.node().attrs.ints("m")?.iter().map(|&v| i32::try_from(v).map_err(too_large)).collect()
}

fn pool(s: &Site<'_>, kind: PoolKind) -> Result<Call> {
    let k = s.node().attrs.usizes("kernel")?;
    let [kh, kw] = k[..] else { return Err(Error::new(Code::UnsupportedAttr, "attribute `kernel` needs 2 values")) };
    pool_kernel(&geometry(s.g, s.n, kh, kw)?, &kind, s.operand(0)?, s.m, s.out()?)
}

fn reduce(s: &Site<'_>, kind: Reduction) -> Result<Call> {
    reduce_kernel(s.m, kind, s.shape(0), &s.node().attrs.usizes("axes")?, s.operand(0)?, s.out()?)
}

fn arg_max(s: &Site<'_>) -> Result<Call> {
    let sought =
        Sought { axis: s.int("axis")? as usize, largest: s.int("largest")? == 1, last: s.int("last")? == 1, zp: zp(s.g.value(s.y))? };
    arg_max_kernel(sought, s.shape(0), s.operand(0)?, s.out()?)
}

fn slice(s: &Site<'_>) -> Result<Call> {
    let a = &s.node().attrs;
    let to = &s.g.value(s.y).shape;
    slice_kernel(s.m, s.shape(0), [&a.usizes("starts")?, to], a.ints("steps")?, s.size(), [s.ins[0], s.y])
}

fn gather(s: &Site<'_>) -> Result<Call> {
    let shape = s.shape(0);
    let table = Table { rows: shape[0], row: shape[1..].iter().product::<usize>() * s.size(), count: s.value(1).elems() };
    gather_kernel(s.m, table, [s.ins[0], s.ins[1], s.y])
}

fn concat(s: &Site<'_>) -> Result<Call> {
    let axis = s.int("axis")? as usize;
    let outer: usize = s.shape(0)[..axis].iter().product();
    let inner: Vec<usize> = (0..s.ins.len()).map(|i| s.shape(i)[axis..].iter().product()).collect();
    concat_kernel(s.m, outer, &inner, s.size(), &s.ins, s.y)
}

fn pad(s: &Site<'_>) -> Result<Call> {
    let pads = s.node().attrs.usizes("pads")?;
    let sides: [&[usize]; 2] = pads.split_at(s.shape(0).len()).into();
    // Codes are padded with `code`, else with the code of 0, whatever number `value` writes it as.
    let fill = if s.node().attrs.get("code").is_some() { s.int("code")? } else { s.operand(0)?.zp };
    let padding = match PadMode::of(&s.node().attrs)? {
        PadMode::Constant => Padding::Constant(fill),
        PadMode::Edge => Padding::Edge,
        PadMode::Reflect => Padding::Reflect,
        PadMode::Wrap => Padding::Wrap,
    };
    pad_kernel(s.m, s.shape(0), sides, padding, s.size(), [s.ins[0], s.y])
}
