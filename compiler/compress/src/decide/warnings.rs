//! What calibration says about itself: data that say nothing, and values for which 256 codes are too few.

use super::Ctx;
use super::masks::Masks;
use super::quants::{const_range, value_range};
use crate::range::noise;
use mcompc_ir::{Graph, NodeId, Quant, Result, ValueId};
use mcompc_ops::{is_join, is_move};
use std::collections::BTreeSet;

/// Names in one warning; the others are counted.
const NAMED: usize = 4;
/// Codes of a part below which its concatenation ruins it: four bits.
const FEW_CODES: f64 = 16.0;
/// Squared rounding error over variance above which a value is named: four times the worst value of the public models that int8 serves
/// well (0.0011, the softmax of MobileNetV1; all activations but it are below 0.001).
const NOISE: f64 = 0.004;
/// As [`NOISE`], averaged over the slices of an input along one axis, each over its own variance. Keyword spotting on cepstral features in
/// one tensor has 0.0148 and is the model of the public ones that is known to be sensitive to it; all others are below 0.001.
const SLICE_NOISE: f64 = 0.015;

/// Warnings from real calibration data; made-up ones warn by themselves.
pub(super) fn of(c: &Ctx<'_>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    if !c.stats.synthetic {
        all.extend(blank(c));
        all.extend(coarse_inputs(c));
    }
    let (ruined, scales) = ruined_parts(c)?;
    all.extend(ruined);
    if !c.stats.synthetic {
        all.extend(coarse_values(c, &scales));
    }
    Ok(all)
}

/// Whether the model's file says in which codes a value is.
fn by_file(g: &Graph, v: ValueId) -> bool {
    let rounds = |n: NodeId| g.node(n).op == "Quantize";
    rounds(v.node) || g.users(v).iter().any(|&(n, _)| rounds(n))
}

/// Whether nothing is left to decide from data: every value's codes are the file's, fixed, or those of what it moves.
pub(super) fn all_by_file(g: &Graph) -> Result<bool> {
    let fixed = |id: NodeId| {
        let moves = matches!(g.node(id).op.as_str(), "Reshape" | "Transpose" | "Slice" | "MaxPool" | "ReduceMax" | "ReduceMin" | "Softmax");
        g.node(id).op == "const" || moves && !g.inputs_of(id).iter().any(|v| g.inputs.contains(&v.node)) || by_file(g, g.out(id))
    };
    Ok(g.topo()?.into_iter().all(fixed))
}

fn names(values: &[&str]) -> String {
    let first: Vec<String> = values.iter().take(NAMED).map(|n| format!("`{n}`")).collect();
    let more = if values.len() > NAMED { format!(" and {} more", values.len() - NAMED) } else { String::new() };
    format!("{}{more}", first.join(", "))
}

/// Inputs, outputs and activations that do not vary.
fn blank(c: &Ctx<'_>) -> Option<String> {
    let g = c.g;
    let inputs: BTreeSet<ValueId> = g.inputs.iter().map(|&id| g.out(id)).collect();
    let constant = |v: ValueId| {
        c.stats.values.get(&v).is_some_and(|s| s.count > 1 && (s.min == s.max || inputs.contains(&v) && s.flat == c.stats.samples as u64))
    };
    let name = |v: ValueId| g.value(v).name.as_str();
    let blank_inputs: Vec<&str> = inputs.iter().copied().filter(|&v| constant(v)).map(name).collect();
    let outputs: Vec<&str> =
        g.outputs.iter().filter(|o| !inputs.contains(&o.value) && constant(o.value)).map(|o| o.name.as_str()).collect();
    let computed: Vec<ValueId> = c.stats.values.keys().copied().filter(|v| !inputs.contains(v) && !g.is_output(*v)).collect();
    let still: Vec<&str> = computed.iter().copied().filter(|&v| constant(v)).map(name).collect();
    let mut said = Vec::new();
    for (what, list, of) in
        [("inputs", blank_inputs, inputs.len()), ("outputs", outputs, g.outputs.len()), ("activations", still, computed.len())]
    {
        if !list.is_empty() {
            said.push(format!("{} of {of} {what} ({})", list.len(), names(&list)));
        }
    }
    (!said.is_empty()).then(|| {
        format!(
            "no variance on the calibration data: {}; their ranges, and the loss measured on these data, say nothing of real inputs: \
             calibrate with typical samples",
            said.join(", ")
        )
    })
}

/// Inputs that are rounded to one scale although their slices along an axis differ too much for it.
fn coarse_inputs(c: &Ctx<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for (input, &id) in c.specs.iter().zip(&c.g.inputs) {
        let v = c.g.out(id);
        let raw = matches!(input.spec.dtype, mcompc_ir::DType::I8 | mcompc_ir::DType::U8) || by_file(c.g, v);
        let (Some(s), Some(q), false) = (c.stats.values.get(&v), c.quants.get(&v), raw) else { continue };
        let step = q.step() * q.step() / 12.0;
        let worst = s.slice_variances().into_iter().map(|v| slice_noise(&v, step)).fold(0.0, f64::max);
        if worst > SLICE_NOISE {
            said.push(format!(
                "input `{}` spans {:.3} to {:.3} in steps of {:.3}: rounding it to 8 bits adds {:.1} % of the variance of its features on \
                 average, because some are much smaller than others; bring its features to one range before the model (and the inverse \
                 into its first layer), or declare it as raw 8-bit data with a scale per channel by --input",
                input.spec.name,
                s.min,
                s.max,
                q.step(),
                100.0 * worst
            ));
        }
    }
    said
}

/// Mean over the slices that vary of rounding noise over variance, each at most 1.
fn slice_noise(variances: &[f64], noise: f64) -> f64 {
    let ratios: Vec<f64> = variances.iter().filter(|&&v| v > 0.0).map(|&v| (noise / v).min(1.0)).collect();
    if ratios.is_empty() { 0.0 } else { ratios.iter().sum::<f64>() / ratios.len() as f64 }
}

/// Parts of a concatenation whose range is a small share of the whole's; and the quantizations that ruin them.
fn ruined_parts(c: &Ctx<'_>) -> Result<(Vec<String>, Vec<Quant>)> {
    let g = c.g;
    let (mut said, mut scales) = (Vec::new(), Vec::new());
    let masks = Masks::new(g, c.stats, &c.opts)?;
    for id in g.topo()?.into_iter().filter(|&id| g.node(id).op == "Concat") {
        let Some(q) = c.quants.get(&g.out(id)) else { continue };
        let mut few = Vec::new();
        for v in g.inputs_of(id) {
            let r = if g.const_of(v).is_some() { const_range(g, v) } else { value_range(g, c.stats, v, q.codes, &c.opts, &masks)? };
            let codes = r.width() / q.step();
            if !r.is_empty() && codes < FEW_CODES {
                few.push(format!("`{}` ({:.4} to {:.4}: {} codes)", g.value(v).name, r.lo, r.hi, codes.ceil()));
            }
        }
        if few.is_empty() {
            continue;
        }
        scales.push(q.clone());
        let what = match output_of(g, id) {
            Some(name) => format!("make each an output of its own instead of a part of output `{name}`"),
            None => "bring the parts to like ranges before they are joined".into(),
        };
        said.push(format!(
            "`{}` joins parts of very different ranges under one scale of {:.4}, which leaves {} too few of 256 codes: {what}",
            g.node(id).name,
            q.step(),
            few.join(", ")
        ));
    }
    Ok((said, scales))
}

/// The output that holds nothing but codes of this node's result, in whatever order.
fn output_of(g: &Graph, id: NodeId) -> Option<&str> {
    let follows = |n: &NodeId| {
        let op = g.node(*n).op.as_str();
        is_move(op) || is_join(op)
    };
    let (mut seen, mut list) = (BTreeSet::from([id]), vec![id]);
    while let Some(id) = list.pop() {
        let v = g.out(id);
        if let Some(o) = g.outputs.iter().find(|o| o.value == v) {
            return Some(&o.name);
        }
        list.extend(g.users(v).into_iter().map(|(n, _)| n).filter(follows).filter(|n| seen.insert(*n)));
    }
    None
}

/// Activations whose rounding error is a large share of their variance; `named` are the quantizations of which this has been said.
fn coarse_values(c: &Ctx<'_>, named: &[Quant]) -> Option<String> {
    let g = c.g;
    let mut found: Vec<(f64, &str)> = Vec::new();
    for (&v, s) in &c.stats.values {
        let Some(q) = c.quants.get(&v).filter(|q| !c.raw.contains_key(&v) && s.min < s.max && !named.contains(q)) else { continue };
        if by_file(g, v) {
            continue;
        }
        let (error, variance) = noise(s, q);
        if error > NOISE * variance {
            found.push((error / variance.max(f64::MIN_POSITIVE), &g.value(v).name));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list: Vec<&str> = found.iter().map(|f| f.1).collect();
    found.first().map(|worst| {
        format!(
            "8 bits are too coarse for {} of {} values ({}): rounding alone costs up to {:.1} % of their variance; either a few extreme values \
             set the range (clip inputs, look for a layer with outliers), or the values hardly differ on the calibration data",
            list.len(),
            c.stats.values.len(),
            names(&list),
            100.0 * worst.0
        )
    })
}
