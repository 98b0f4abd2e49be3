//! Integer graph to kernel module. Each operator is lowered once, by one generator, for whatever the machine description offers.
//!
//! Packing, staging and zero-point corrections are derived here from the machine's contraction row; no other place knows the layout.
#![forbid(unsafe_code)]

mod arg_max;
mod bands;
mod coded;
mod conv;
mod copy;
mod curve;
mod depthwise;
mod dwrows;
mod elementwise;
mod emit;
mod entry;
mod gather;
mod gemm;
mod hypot;
mod long;
mod matmul;
mod movement;
mod narrow;
mod nest;
mod norm;
mod operators;
mod pack;
mod planes;
mod pool;
mod reduce;
mod repeat;
mod rhs;
mod rows;
mod softmax;
mod spec;
mod stage;
mod steps;
mod unpack;
mod window;
mod zero;

pub use coded::DECODER_BYTES;
pub use conv::{conv_kernel, dense_kernel};
pub use depthwise::depthwise_kernel;
pub use emit::{Arg, Call};
pub use entry::{Coded, Layer, Located, Lowered, Options, UNPACK, Weights, lower};
pub use narrow::{Blocks, Narrow};
pub use operators::operators;
pub use spec::{ConvSpec, Geometry};
