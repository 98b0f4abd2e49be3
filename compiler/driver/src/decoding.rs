//! Which layers' weights are worth decoding: by the bytes that coding saves and the time that decoding takes, of the target's prices.

use mcompc_cost::Work;
use mcompc_ir::{Code, Error, Graph, Result, ValueId};
use mcompc_lower::{Lowered, Options, UNPACK, Weights};
use mcompc_target::{Backend, Target};
use std::collections::{BTreeMap, BTreeSet};

/// The work of every layer's kernel.
pub(crate) fn kernels(l: &Lowered, vector_bytes: usize) -> Result<Vec<Work>> {
    let mut known: BTreeMap<&str, Work> = BTreeMap::new();
    let mut all = Vec::with_capacity(l.layers.len());
    for layer in &l.layers {
        let one = match known.get(layer.kernel.as_str()) {
            Some(one) => *one,
            None => mcompc_cost::work(&l.module, &layer.kernel, vector_bytes)?,
        };
        known.insert(&layer.kernel, one);
        all.push(one);
    }
    Ok(all)
}

/// The work of every layer, and of decoding its weights.
pub(crate) fn work(l: &Lowered, vector_bytes: usize) -> Result<Vec<Work>> {
    let mut all = kernels(l, vector_bytes)?;
    if l.decoder.is_some() {
        let [table, block] = [UNPACK[0], UNPACK[1]].map(|f| mcompc_cost::work(&l.module, f, vector_bytes));
        let (table, block) = (table?, block?);
        for (work, coded) in all.iter_mut().zip(&l.layers).filter_map(|(w, l)| Some((w, l.coded?))) {
            work.add(&table, 1.0);
            work.add(&block, coded.blocks as f64);
        }
    }
    Ok(all)
}

/// Forecasts of all layers.
fn costs(l: &Lowered, (target, backend): (&Target, Backend)) -> Result<Vec<f64>> {
    let none = || {
        Error::new(Code::Usage, format!("target `{}` has no cost table, by which layers to code are chosen", target.name))
            .hint("--weights coded codes every layer that gets smaller")
    };
    let prices = mcompc_cost::prices(target, backend)?.ok_or_else(none)?;
    let vector = usize::from(target.machine(backend)?.vector_bytes);
    Ok(work(l, vector)?.iter().map(|w| prices.of(w)).collect())
}

/// Results of the layers that are not to be coded: those that save the fewest bytes for the time, so that the others together take at most
/// `share` of the time of an inference without any.
///
/// # Errors
/// E002 for a target without a cost table; those of lowering.
pub(crate) fn spared(g: &Graph, on: (&Target, Backend), options: &Options, share: f64) -> Result<BTreeSet<ValueId>> {
    let machine = on.0.machine(on.1)?;
    let stored = mcompc_lower::lower(g, &machine, &Options { weights: Weights::Stored, ..options.clone() })?;
    let coded = mcompc_lower::lower(g, &machine, options)?;
    let (before, after) = (costs(&stored, on)?, costs(&coded, on)?);
    let mut left = share * before.iter().sum::<f64>();
    let mut layers: Vec<(f64, f64, ValueId)> = Vec::new();
    for ((l, a), b) in coded.layers.iter().zip(&after).zip(&before) {
        if let Some(c) = l.coded {
            layers.push((c.plain as f64 - l.const_bytes as f64, (a - b).max(1.0), l.value));
        }
    }
    layers.sort_by(|a, b| (b.0 / b.1).total_cmp(&(a.0 / a.1)));
    let mut spared = BTreeSet::new();
    for (_, time, value) in layers {
        if time <= left {
            left -= time;
        } else {
            spared.insert(value);
        }
    }
    Ok(spared)
}
