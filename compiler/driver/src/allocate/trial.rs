//! What layers cost in a form: lowered for the target, with codes that are found in a hurry.

use super::task::Task;
use crate::describe::costs;
use crate::firmware::Firmware;
use crate::stages::storage;
use mcompc_coding::BLOCK;
use mcompc_compress::{Attempt, Form, Price, Scheme};
use mcompc_ir::{Code, Codes, Error, Graph, Result};
use mcompc_lower::{Lowered, Weights};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A scheme whose weights are rounded in a hurry, lowered: sizes of stored weights and costs are those of any other codes.
pub(super) struct Trial {
    pub graph: Graph,
    pub lowered: Lowered,
    pub firmware: Firmware,
    /// What each layer with weights that is in the scheme costs, by its name there, and the codes that are decoded of it, padding included.
    pub prices: Vec<(String, Price, Option<usize>)>,
    /// What everything else costs.
    pub rest: f64,
    /// Bytes of inputs and outputs.
    pub io: f64,
}

impl Trial {
    /// Time of an inference.
    pub(super) fn cost(&self) -> f64 {
        self.rest + self.prices.iter().map(|p| p.1.cost).sum::<f64>()
    }
}

/// Prices of all forms of all layers.
pub(super) struct Prices {
    stored: BTreeMap<(String, u8), Price>,
    /// Of coded weights all but their bytes, and how many codes are decoded; what has none cannot be coded.
    coded: BTreeMap<String, (Price, usize)>,
}

impl Prices {
    /// Lowers every width, and coded weights where they may be; gives the library of eight bits, too.
    pub(super) fn new(t: &Task<'_>, eight: &Scheme, widths: &[u8]) -> Result<(Self, Trial)> {
        let all = |form: Form| eight.layers.iter().map(|l| (l.layer.clone(), form)).collect::<BTreeMap<_, _>>();
        let lowered: Vec<(u8, Result<Trial>)> = widths.par_iter().map(|&b| (b, trial(t, eight, &all(Form::stored(b))))).collect();
        let mut stored = BTreeMap::new();
        let mut whole = None;
        for (bits, made) in lowered {
            // A width that some layer's kernel does not take on this target is no offer.
            let made = match made {
                Err(e) if bits < Codes::I8.bits && matches!(e.code, Code::Backend | Code::NoInteger | Code::UnsupportedLevel) => continue,
                made => made?,
            };
            stored.extend(made.prices.iter().map(|(layer, p, _)| ((layer.clone(), bits), *p)));
            whole = (bits == Codes::I8.bits).then_some(made);
        }
        let whole = whole.ok_or_else(|| Error::new(Code::Internal, "no layer takes eight bits"))?;
        // A layer that became something else is priced by its weights, a bias and a multiplier a channel.
        let g = &t.front.canonical;
        let widths: Vec<u8> = widths.iter().copied().filter(|b| stored.keys().any(|(_, bits)| bits == b)).collect();
        for (id, layer) in mcompc_compress::layers(g)? {
            let w = g.value(g.inputs_of(id)[1]);
            for &bits in &widths {
                let weight_bytes = (w.elems() * usize::from(bits)).div_ceil(8) as u64;
                let bytes = weight_bytes + 8 * w.shape.first().map_or(0, |&o| o as u64);
                stored.entry((layer.clone(), bits)).or_insert(Price { bytes, weight_bytes, ..Price::default() });
            }
        }
        let mut coded = BTreeMap::new();
        if t.o.firmware.weights != Weights::Stored {
            let firmware = Firmware { weights: Weights::AllCoded, decoding: None, only: None, ..t.o.firmware.clone() };
            let made = lowered_as(t, eight, firmware)?;
            for (layer, p, codes) in made.prices {
                let before = stored.get(&(layer.clone(), Codes::I8.bits)).map_or(0.0, |p| p.cost);
                // Without a cost table nothing limits the time; with one decoding always takes some.
                let price = Price { bytes: p.bytes - p.weight_bytes, weight_bytes: 0, decoding: (p.cost - before).max(1.0), ..p };
                coded.extend(codes.map(|codes| (layer, (price, codes))));
            }
        }
        Ok((Self { stored, coded }, whole))
    }

    /// Of a layer in a form that was tried.
    pub(super) fn of(&self, layer: &str, a: &Attempt, weights: usize) -> Option<Price> {
        if a.form.step.is_none() {
            return self.stored.get(&(layer.to_string(), a.form.bits)).copied();
        }
        let (p, codes) = self.coded.get(layer)?;
        // What kernels want beyond the weights is zeros, none of which costs more than a weight does.
        let weight_bytes = (a.coded as f64 * (*codes as f64 / weights.max(1) as f64).max(1.0)).ceil() as u64;
        Some(Price { bytes: p.bytes + weight_bytes, weight_bytes, ..*p })
    }
}

/// Lowers the scheme with other forms, rounded by methods that do not look at data.
pub(super) fn trial(t: &Task<'_>, eight: &Scheme, forms: &BTreeMap<String, Form>) -> Result<Trial> {
    let forms = forms.iter().map(|(layer, form)| (layer.clone(), (*form, None))).collect();
    let scheme = mcompc_compress::with_forms(&t.front.canonical, eight, &forms, t.options.weights.block, None)?;
    lowered_as(t, &scheme, t.o.firmware.clone())
}

fn lowered_as(t: &Task<'_>, scheme: &Scheme, firmware: Firmware) -> Result<Trial> {
    let g = &t.front.canonical;
    let coded = mcompc_compress::apply(g, t.stats, &t.front.inputs, scheme)?;
    let integers = mcompc_integerize::integerize(&coded.graph)?;
    let firmware = match firmware.weights {
        Weights::AllCoded => firmware,
        _ => storage(&firmware, (g, &crate::stages::origin(&integers, &coded)), scheme, true)?,
    };
    let lowered =
        crate::stages::lowered(&t.o.name, &integers.graph, &t.o.target.machine(t.o.backend)?, (&t.o.target, t.o.backend), &firmware)?;
    let costs = costs(t.o, &lowered)?.map_or_else(|| vec![0.0; lowered.layers.len()], |(_, costs)| costs);
    let steps = lowered.buffers.iter().map(|b| b.last + 1).max().unwrap_or(0);
    let live: Vec<u64> = (0..steps.max(lowered.layers.len()))
        .map(|s| lowered.buffers.iter().filter(|b| b.first <= s && s <= b.last).map(|b| b.bytes as u64).sum())
        .collect();
    let mut rest: f64 = costs.iter().sum();
    let mut prices = Vec::new();
    for (name, at) in weighted(g, &lowered)? {
        let l = &lowered.layers[at];
        let price =
            Price { bytes: l.const_bytes as u64, weight_bytes: l.weight_bytes as u64, cost: costs[at], decoding: 0.0, ram: live[at] };
        rest -= costs[at];
        prices.push((name, price, l.coded.map(|c| BLOCK * c.blocks)));
    }
    Ok(Trial { io: interface(&integers.graph), graph: integers.graph, firmware, lowered, prices, rest })
}

/// Layers with weights that are in a scheme of `g`, by their names there, and which they are of those lowered.
pub(super) fn weighted(g: &Graph, lowered: &Lowered) -> Result<Vec<(String, usize)>> {
    // Layers of a name come in the order of the scheme; the scheme numbers them.
    let mut open = mcompc_compress::layers(g)?;
    let mut found = Vec::new();
    for (step, l) in lowered.layers.iter().enumerate().filter(|(_, l)| matches!(l.op.as_str(), "q.conv" | "q.dense")) {
        if let Some(at) = open.iter().position(|(id, _)| g.node(*id).name == l.name) {
            found.push((open.remove(at).1, step));
        }
    }
    Ok(found)
}

/// Bytes of inputs and outputs.
pub(super) fn interface(g: &Graph) -> f64 {
    let value = |v| g.value(v).bytes() as f64;
    g.inputs.iter().map(|&n| value(g.out(n))).sum::<f64>() + g.outputs.iter().map(|x| value(x.value)).sum::<f64>()
}
