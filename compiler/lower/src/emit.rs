//! What a generator hands back: a kernel function and how to call it.

use mcompc_ir::ValueId;
use mcompc_kernel::{Bin, Builder, Func, Machine, MemElem, Row, Val};

/// A pointer argument of a kernel call.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// A tensor.
    Value(ValueId),
    /// Constant data; `weights` goes to the weights section.
    Data {
        /// Contents.
        bytes: Vec<u8>,
        /// Alignment.
        align: u32,
        /// Weights or table.
        weights: bool,
    },
    /// Working memory for the time of the call.
    Scratch(usize),
    /// Weights of so many bytes that are decoded right before the call.
    Decoded(usize),
}

/// Lanes of a block of `n` neighbours: half the machine's where they do not fill all of them, down to eight; else one.
pub fn lanes_for(m: &Machine, n: usize) -> usize {
    let full = m.mac_lanes as usize;
    [full, full / 2].into_iter().find(|&l| l <= n && (l == full || l >= 8)).unwrap_or(1).max(1)
}

/// Arguments of a layer with weights: input, output, packed weights, biases with multipliers.
pub fn layer_args(x: ValueId, y: ValueId, weights: Vec<u8>, params: Vec<u8>) -> Vec<Arg> {
    vec![
        Arg::Value(x),
        Arg::Value(y),
        Arg::Data { bytes: weights, align: 16, weights: true },
        Arg::Data { bytes: params, align: 16, weights: false },
    ]
}

/// One kernel call. `rows` are the contraction rows its operations refer to by index.
#[derive(Clone, Debug)]
pub struct Call {
    /// The kernel, under a provisional name; equal bodies are emitted once.
    pub func: Func,
    /// Contraction rows, by index.
    pub rows: Vec<Row>,
    /// Arguments, as the function's parameters.
    pub args: Vec<Arg>,
    /// Multiply-accumulates it does, for reports.
    pub macs: u64,
    /// Inputs whose memory the output may take over: the kernel reads each element before it writes the same one.
    pub in_place: Vec<ValueId>,
}

/// Splits `total` steps into a rolled loop of `unroll` steps a round and a straight remainder: (rounds, remainder).
pub fn rounds(total: usize, unroll: usize) -> (usize, usize) {
    let u = unroll.max(1);
    if total <= u { (0, total) } else { (total / u, total % u) }
}

/// The start of a block of `n` out of `total`: the last one overlaps its predecessor.
pub fn overlapped(b: &mut Builder, at: Val, total: usize, n: usize) -> Val {
    if total.is_multiple_of(n) {
        return at;
    }
    let last = b.iconst((total - n) as i32);
    b.bin(Bin::Smin, at, last)
}

/// `body` for each of `images` images: pointers move on by the bytes beside them. One image needs no loop.
pub fn each_image(b: &mut Builder, images: usize, [x, y]: [(Val, usize); 2], body: impl FnOnce(&mut Builder, Val, Val)) {
    if images == 1 {
        return body(b, x.0, y.0);
    }
    b.for_loop(0, images as i32, 1, &[x.0, y.0], |b, _, p| {
        body(b, p[0], p[1]);
        vec![b.ptr_imm(p[0], x.1 as i32), b.ptr_imm(p[1], y.1 as i32)]
    });
}

/// An input tensor of an element-wise kernel.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Operand {
    pub value: ValueId,
    pub mem: MemElem,
    pub zp: i32,
}
