//! Typed views of integer nodes: geometry and rescaling read once from attributes and values.

use crate::narrow::{Blocks, Narrow};
use mcompc_ir::{Code, DType, Error, Graph, NodeId, Quant, Result, Tensor, Value};
use mcompc_kernel::{Elem, MacForm, Machine, MemElem, Rescale};

/// Sizes of a sliding window over an NHWC tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Geometry {
    /// Images.
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub oh: usize,
    pub ow: usize,
    pub kh: usize,
    pub kw: usize,
    pub sh: usize,
    pub sw: usize,
    pub dh: usize,
    pub dw: usize,
    /// Rows and columns of padding above and to the left.
    pub pt: usize,
    pub pl: usize,
}

impl Geometry {
    /// Output pixels of an image.
    pub fn pixels(&self) -> usize {
        self.oh * self.ow
    }
    /// Elements of an input image.
    pub fn image(&self) -> usize {
        self.h * self.w * self.c
    }
    /// Checks that kernels can index inputs, outputs of `o` channels and padding between them in 32 bits, as elements of four bytes.
    ///
    /// # Errors
    /// [`Code::Limit`] for sizes that pass that.
    pub fn indexable(&self, o: usize) -> Result<()> {
        let places = |size: usize, out: usize, k: usize, s: usize, d: usize, before: usize| {
            size.saturating_add(before).max((out - 1).saturating_mul(s).saturating_add((k - 1).saturating_mul(d)).saturating_add(1))
        };
        let h = places(self.h, self.oh, self.kh, self.sh, self.dh, self.pt);
        let w = places(self.w, self.ow, self.kw, self.sw, self.dw, self.pl);
        indexable(&[self.n, h, w, self.c], "padded input")?;
        indexable(&[self.n, self.oh, self.ow, o], "output")
    }
    /// Whether some window reaches outside the image.
    pub fn padded(&self) -> bool {
        self.rows().padded() || self.columns().padded()
    }
    /// Whether output pixel p of an image reads exactly input pixel p.
    pub fn pointwise(&self) -> bool {
        // One output may have one of several columns for itself, and then all of one row.
        let all = self.ow == self.w || self.oh == 1;
        self.kh == 1 && self.kw == 1 && self.sh == 1 && self.sw == 1 && !self.padded() && all
    }
}

/// A convolution or dense layer with its constants.
#[derive(Clone, Debug)]
pub struct ConvSpec {
    /// Window; a dense layer of N rows is N pixels of a 1x1 window.
    pub geo: Geometry,
    /// Output channels.
    pub o: usize,
    /// Elements of the input tensor and of the result in memory.
    pub mem: [MemElem; 2],
    /// Guaranteed alignment of the input tensor's address; a caller's buffer has none.
    pub x_align: u8,
    /// Zero point of the input tensor.
    pub zp_x: i32,
    /// Weights: O, kh, kw, C for a full convolution; C, kh, kw, 1 for a depthwise one.
    pub weights: Vec<i16>,
    /// Bias at scale sx * sw.
    pub bias: Vec<i32>,
    /// Multiplier of each output channel.
    pub mult: Vec<i32>,
    /// Rescaling.
    pub rescale: Rescale,
    /// The codes of fewer than eight bits that the weights are made of.
    pub narrow: Option<Narrow>,
    /// How many channels of a depthwise layer read the same one of the input; 1 for all other layers. The channels of `geo` are those of
    /// the result.
    pub repeat: usize,
    /// Whether weights lie one in a byte, to be coded.
    pub bytes: bool,
}

impl ConvSpec {
    /// The same layer with its weights one in a byte.
    pub fn in_bytes(self) -> Self {
        Self { narrow: None, bytes: true, ..self }
    }
    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.geo.c / self.repeat
    }
    /// Bytes of an element of the input and of the result.
    pub fn sizes(&self) -> [usize; 2] {
        self.mem.map(MemElem::bytes)
    }
    /// Whether the weights are bytes, not codes less a zero point.
    pub fn bytes_hold_weights(&self) -> bool {
        self.weights.iter().all(|&w| i8::try_from(w).is_ok())
    }
    /// What the weights are more than the bytes they can be stored as; 0 where they are bytes.
    ///
    /// # Errors
    /// [`Code::Backend`] for weights that do not lie within 256 numbers.
    pub fn above_bytes(&self) -> Result<i16> {
        let (lo, hi) = self.weights.iter().fold((0, 0), |(lo, hi), &w| (w.min(lo), w.max(hi)));
        let (least, most) = (i16::from(i8::MIN), i16::from(i8::MAX));
        let above = if hi > most { hi - most } else { (lo - least).min(0) };
        if lo - above < least {
            return Err(
                Error::new(Code::Backend, format!("weights from {lo} to {hi} have no kernel")).hint("quantize them with one zero point")
            );
        }
        Ok(above)
    }
    /// Whether the input tensor is u8.
    pub fn x_u8(&self) -> bool {
        self.mem[0] == MemElem::U8
    }
    /// Whether the input has 16 bits.
    pub fn wide(&self) -> bool {
        self.mem[0] == MemElem::S16
    }
}

// Whether a depthwise layer with a channel multiplier runs as one: as a full convolution each product is made for all `c` input channels,
// but rows that multiply bytes make some ten of them at the price of one of a depthwise kernel, others two or three (docs/kernels.md).
fn stays_depthwise(m: &Machine, c: usize) -> bool {
    let lanes = m.mac_lanes > 1 && m.mac != MacForm::Planes;
    let bytes = m.contract.iter().any(|r| matches!(r.a, Elem::I8 | Elem::U8) && r.k * r.n >= 16);
    c > if !lanes {
        1
    } else if bytes {
        12
    } else {
        3
    }
}

// Whether a core has room for the addresses of all taps of a window, which a depthwise kernel holds: one whose registers make a tile of one
// pixel spills them, and reaches few spilled values. A full convolution goes over its window in a loop.
fn holds(m: &Machine, taps: usize) -> bool {
    const FEW: usize = 32;
    taps <= FEW || m.mac_lanes > 1 || m.row().tile[0] > 1
}

/// Zero point of a tensor of codes.
pub fn zp(v: &Value) -> Result<i32> {
    v.quant.as_ref().map(Quant::zero_point).ok_or_else(|| Error::new(Code::Internal, format!("value `{}` has no quantization", v.name)))
}

/// The rescaling of a node: the operator's own reading of its attributes.
pub fn rescale_of(g: &Graph, n: NodeId) -> Result<Rescale> {
    let ins: Vec<&Value> = g.inputs_of(n).into_iter().map(|v| g.value(v)).collect();
    let r = mcompc_ops::Rescale::of(&mcompc_ops::Ctx { node: g.node(n), ins: &ins })?;
    Ok(Rescale { pre: r.pre as u8, shift: r.shift as u8, zp: r.zero_point as i32, lo: r.lo as i32, hi: r.hi as i32 })
}

/// An input that a kernel has built in: weights, biases, multipliers, tables.
pub fn constant(g: &Graph, n: NodeId, i: usize) -> Result<&Tensor> {
    g.inputs_of(n).get(i).and_then(|&v| g.const_of(v)).ok_or_else(|| {
        Error::new(Code::NoInteger, format!("input {i} of `{}` is not constant", g.node(n).name))
            .hint("weights, biases, multipliers and tables are constants of the integer graph")
    })
}

/// Checks that kernels can index so many elements: what they compute offsets of is at most four bytes an element.
pub fn indexable(sizes: &[usize], what: &str) -> Result<()> {
    let elems = sizes.iter().fold(1usize, |a, &b| a.saturating_mul(b));
    if elems > i32::MAX as usize / 4 {
        return Err(Error::new(
            Code::Limit,
            format!("{sizes:?} elements of the {what} are more than a kernel can index ({})", i32::MAX / 4),
        )
        .hint("shrink the image, the padding or the batch, or split the layer"));
    }
    Ok(())
}

fn images(shape: &[usize]) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(shape).map_err(|_| Error::new(Code::Internal, format!("expected NHWC images, found shape {shape:?}")))
}

/// Reads strides, pads and dilations of a window operator whose window is `kh` x `kw`.
pub fn geometry(g: &Graph, n: NodeId, kh: usize, kw: usize) -> Result<Geometry> {
    let node = g.node(n);
    let [images, h, w, c] = self::images(&g.value(g.inputs_of(n)[0]).shape)?;
    let [_, oh, ow, o] = self::images(&g.value(g.out(n)).shape)?;
    let window = mcompc_ops::Window::of(&node.attrs, &[kh, kw], &[h, w])?;
    let [r, q] = window.axes[..] else { return Err(Error::new(Code::Internal, "a window of other than two dimensions")) };
    let (sh, sw, dh, dw) = (r.stride, q.stride, r.dilation, q.dilation);
    let geo = Geometry { n: images, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, pt: r.before, pl: q.before };
    geo.indexable(o)?;
    Ok(geo)
}

/// Memory element of a tensor's codes.
pub fn mem_of(v: &Value) -> Result<MemElem> {
    match v.dtype {
        DType::I8 => Ok(MemElem::S8),
        DType::U8 => Ok(MemElem::U8),
        DType::I16 => Ok(MemElem::S16),
        DType::I32 if v.quant.is_some() => Ok(MemElem::W32),
        d => Err(Error::new(Code::UnsupportedType, format!("no kernel takes {d} activations"))),
    }
}

// Weights of a grouped convolution as those of a full one: zero where a channel belongs to another group. Costs work, not exactness.
fn ungroup(w: &[i16], o: usize, taps: usize, c: usize, group: usize) -> Vec<i16> {
    let (per, outs) = (c / group, o / group);
    let mut full = vec![0; o * taps * c];
    for (row, src) in w.chunks_exact(per).enumerate() {
        let first = row / taps / outs * per;
        full[row * c + first..][..per].copy_from_slice(src);
    }
    full
}

// The width of the codes and their multipliers, [o, runs of K].
fn narrow_of(g: &Graph, n: NodeId) -> Result<Option<Narrow>> {
    let attrs = &g.node(n).attrs;
    let bits = attrs.int_or("bits", 8)?;
    let blocks = if g.inputs_of(n).len() > 4 {
        let r = constant(g, n, 4)?.as_i8()?.iter().map(|&r| r as u8).collect();
        Some(Blocks { len: attrs.int("block")? as usize, r })
    } else {
        None
    };
    match bits {
        2..8 => Ok(Some(Narrow { bits: bits as u8, blocks })),
        // Codes of eight bits are stored as the weights they make, whatever multiplies them.
        _ => Ok(None),
    }
}

/// Reads a q.conv (with `depthwise` telling which form) or q.dense node.
pub fn conv_spec(g: &Graph, n: NodeId, m: &Machine, x_align: u8) -> Result<(ConvSpec, bool)> {
    let ins = g.inputs_of(n);
    let x = g.value(ins[0]);
    let (w, bias, mult) = (constant(g, n, 1)?, constant(g, n, 2)?, constant(g, n, 3)?);
    let mut weights: Vec<i16> = w.to_i64_vec()?.into_iter().map(|w| w as i16).collect();
    let mut repeat = 1;
    let (geo, o, depthwise) = if g.node(n).op == "q.dense" {
        let (rows, k) = match x.shape[..] {
            [k] => (1, k),
            [r, k] => (r, k),
            _ => return Err(Error::new(Code::BadShape, format!("q.dense takes [N,K], found {:?}", x.shape))),
        };
        let geo = Geometry { n: 1, h: 1, w: rows, c: k, oh: 1, ow: rows, kh: 1, kw: 1, sh: 1, sw: 1, dh: 1, dw: 1, pt: 0, pl: 0 };
        geo.indexable(w.shape[0])?;
        indexable(&[k.saturating_add(256), w.shape[0].saturating_add(256)], "weights")?;
        (geo, w.shape[0], false)
    } else {
        let mut geo = geometry(g, n, w.shape[1], w.shape[2])?;
        let group = g.node(n).attrs.int("group")? as usize;
        let (c, o) = (geo.c, w.shape[0]);
        let depthwise = group > 1 && group == c && (o == c || stays_depthwise(m, c)) && holds(m, geo.kh.saturating_mul(geo.kw));
        // Rows of taps and blocks of channels are padded to what a row of the machine takes.
        let (inner, outer) = if depthwise { (1, o) } else { (geo.kw.saturating_mul(c).saturating_add(256), o.saturating_add(256)) };
        indexable(&[geo.kh, if depthwise { geo.kw } else { 1 }, inner, outer], "weights")?;
        if depthwise {
            (repeat, geo.c) = (o / c, o);
            indexable(&[geo.n, geo.h, geo.w, o], "repeated input")?;
        }
        if group > 1 && !depthwise {
            weights = ungroup(&weights, o, geo.kh * geo.kw, c, group);
        }
        (geo, o, depthwise)
    };
    let mem = [mem_of(x)?, mem_of(g.value(g.out(n)))?];
    // Beside activations of more than eight bits weights are stored as they are, whatever codes they are made of.
    let narrow = narrow_of(g, n)?.filter(|_| mem[0].bytes() == 1);
    if narrow.as_ref().is_some_and(|n| n.blocks.is_some()) && (depthwise || weights.len() != w.elems()) {
        return Err(
            Error::new(Code::Backend, "groups of channels with multipliers of runs of weights have no kernel").hint("leave --group away")
        );
    }
    let spec = ConvSpec {
        geo,
        o,
        mem,
        x_align,
        zp_x: zp(x)?,
        weights,
        bias: bias.to_i32_vec()?,
        mult: mult.to_i32_vec()?,
        rescale: rescale_of(g, n)?,
        narrow,
        repeat,
        bytes: false,
    };
    Ok((spec, depthwise))
}

/// Name of a kernel, with the bits of its weights where they are packed.
pub fn kernel_name(name: &str, s: &ConvSpec) -> String {
    s.narrow.as_ref().map_or(name.into(), |n| format!("{name}_w{}", n.bits))
}
