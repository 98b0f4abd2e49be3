//! What has no integer form, asked before any data are read: the conversion itself, on made-up ranges and without weights.

use super::{Ctx, Options, no_integer};
use crate::range::RangeMethod;
use crate::{Stats, ValueStats};
use mcompc_data::InputSpec;
use mcompc_ir::{Code, Codes, DType, Error, Graph, NodeId, Quant, Result, Value};

/// Problems that are named one by one.
const NAMED: usize = 8;

/// Everything that [`super::integerize`] would refuse whatever the data: operators, axes, shapes, operands that must be constants, weights
/// that are not finite. Ranges and accumulators are no matter of structure.
///
/// # Errors
/// `Usage` for specs that fit no input and for patterns that fit no layer.
pub fn problems(g: &Graph, specs: &[InputSpec], opts: &Options) -> Result<Vec<Error>> {
    let mut stats = Stats::default();
    for v in g.ids().into_iter().map(|id| g.out(id)).filter(|&v| g.const_of(v).is_none()) {
        let mut s = ValueStats::new(1);
        s.add(&[-1.0, 1.0]);
        stats.values.insert(v, s);
    }
    let opts = Options { method: RangeMethod::MinMax, ..opts.clone() };
    let mut ctx = Ctx::new(g, &stats, specs, opts)?;
    ctx.dry = true;
    ctx.inputs()?;
    let mut found = Vec::new();
    for id in g.topo()? {
        if let Err(e) = ctx.step(id) {
            ctx.stand_in(id);
            found.push(e);
        }
    }
    for i in 0..g.outputs.len() {
        if let Err(e) = ctx.output(i) {
            found.push(e);
        }
    }
    // Made-up ranges say nothing about accumulators.
    found.retain(|e| e.code != Code::Overflow);
    Ok(found)
}

/// The first of [`problems`] as an error, which names the nodes of the others.
///
/// # Errors
/// `NoInteger`, or what the first problem is.
pub fn supported(g: &Graph, specs: &[InputSpec], opts: &Options) -> Result<()> {
    let mut found = problems(g, specs, opts)?.into_iter();
    let Some(mut first) = found.next() else { return Ok(()) };
    let more: Vec<String> = found.map(|e| format!("`{}`", e.node.unwrap_or_default())).collect();
    if !more.is_empty() {
        let rest = if more.len() > NAMED { ", .." } else { "" };
        let named = more[..more.len().min(NAMED)].join(", ");
        first.message = format!("{}; refused too ({}): {named}{rest}", first.message, more.len());
    }
    Err(first)
}

/// The refusal of an operator that has no form at all for computed operands.
pub(super) fn refused<T>(op: &str) -> Result<T> {
    let (what, hint) = match op {
        "MatMul" => ("a product of two computed matrices", "MatMul and Gemm with constant weights have one"),
        "Div" => ("a division by a computed tensor", "divisions by a constant, and of one constant number by a tensor, have one"),
        _ => {
            return Err(
                Error::new(Code::NoInteger, format!("{op} has no integer form")).hint("docs/status.md lists what is refused, and why")
            );
        }
    };
    no_integer(format!("{what} has no integer form")).map_err(|e| e.hint(hint))
}

impl Ctx<'_> {
    /// A value without data in the place of a result that cannot be computed, so that what reads it is judged too.
    fn stand_in(&mut self, id: NodeId) {
        let v = self.g.out(id);
        let value = self.g.value(v);
        let quant = Some(self.quants.get(&v).cloned().unwrap_or(Quant::new(Codes::I8, 1.0, 0)));
        let new = self.out.add_input(Value { quant, ..Value::new(value.name.clone(), DType::I8, value.shape.clone()) });
        self.map.insert(v, new);
    }
}
