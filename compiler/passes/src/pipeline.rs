//! The ordered list of passes. Where order matters a comment says why.

use mcompc_ir::{Graph, Result};

/// A pass: returns how many places it changed.
pub struct Pass {
    /// Name, as the file.
    pub name: &'static str,
    /// One line for documentation and reports.
    pub doc: &'static str,
    /// The rewrite.
    pub run: fn(&mut Graph) -> Result<usize>,
}

/// What a pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// Name of the pass.
    pub name: &'static str,
    /// Places changed.
    pub changes: usize,
}

macro_rules! passes {
    ($($name:ident $doc:literal;)*) => {
        &[$(Pass { name: stringify!($name), doc: $doc, run: crate::$name::run },)*]
    };
}

/// Every pass, in order of execution; the list runs until a round changes nothing.
pub static PASSES: &[Pass] = passes! {
    constants "Evaluates nodes whose inputs are all constant.";
    reshapes "Merges chains of reshapes and drops those that change nothing.";
    // Before means become pools, quotients products and runs of nodes one function.
    norms "Spelt-out normalizations become one operator.";
    magnitudes "The root of a sum of two squares becomes one operator.";
    global_pool "Means become average pools.";
    dense "MatMul with a constant matrix becomes Dense.";
    // Ranks first: folds compare shapes.
    broadcasts "Add, Sub, Mul and Div on tensors of one rank.";
    batch_norm "Folds BatchNormalization into the convolution or dense layer before it, else makes it a 1x1 depthwise convolution.";
    biases "Folds constant per-channel Add, Sub, Mul and Div into the layer before.";
    pads "Folds zero padding into the convolution after it.";
    // Activations go last of the folds: a clamp between a layer and its scale would hide the scale.
    activations "Fuses Relu and Clip into the layer before.";
    divisions "A quotient of computed tensors becomes a product with a reciprocal.";
    // Behind the folds into layers, which want single operators.
    functions "Runs of element-wise nodes on one value become one function.";
    softmax_axis "Softmax works on the last axis.";
    channels_last "Convolutions and pools work on NHWC.";
    transposes "Moves transposes down through operators until they cancel.";
    dead_channels "Removes channels that are constantly 0 or never read.";
};

const MAX_ROUNDS: usize = 64;

/// Runs all passes to a fixed point, the graph's verifier and shape inference after each one that changed something.
///
/// # Errors
/// Those of inference, which would be a bug of a pass; `Internal` when no fixed point is reached.
pub fn run_pipeline(g: &mut Graph) -> Result<Vec<PassReport>> {
    run_pipeline_seen(g, &mut |_, _, _| {})
}

/// As [`run_pipeline`]; `seen` is told of every run of a pass: the places it changed, and the graph behind it.
///
/// # Errors
/// As [`run_pipeline`].
pub fn run_pipeline_seen(g: &mut Graph, seen: &mut dyn FnMut(&'static Pass, usize, &Graph)) -> Result<Vec<PassReport>> {
    let mut total: Vec<PassReport> = PASSES.iter().map(|p| PassReport { name: p.name, changes: 0 }).collect();
    for _ in 0..MAX_ROUNDS {
        let mut changed = 0;
        for (p, t) in PASSES.iter().zip(&mut total) {
            let n = (p.run)(g)?;
            if n > 0 {
                g.remove_dead();
                mcompc_ops::verify(g)?;
            }
            seen(p, n, g);
            t.changes += n;
            changed += n;
        }
        if changed == 0 {
            return Ok(total);
        }
    }
    Err(mcompc_ir::Error::new(mcompc_ir::Code::Internal, "the passes do not reach a fixed point"))
}
