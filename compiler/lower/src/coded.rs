//! Which layers have coded weights, and what their calls become.

use crate::emit::{Arg, Call};
use crate::unpack;
use mcompc_coding::{Archive, Coded, Layer};
use std::collections::BTreeMap;

/// Bytes of code of a decoded layer's call, about, on a small core.
const CALL: usize = 24;
/// Bytes of code that decoding takes once, about, on a small core.
pub const DECODER_BYTES: usize = 600;

/// A layer whose weights are coded.
#[derive(Clone, Debug)]
pub(crate) struct Unpacked {
    /// Where they are in the archive.
    pub layer: Layer,
    /// Bytes of table, stream and descriptor.
    pub stored: usize,
    /// Bytes that all its constants would take otherwise.
    pub plain: usize,
}

/// What is coded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The archive's bytes; none where nothing is coded.
    pub archive: Option<Vec<u8>>,
    /// Calls with coded weights, by number.
    pub layers: BTreeMap<usize, Unpacked>,
}

impl Plan {
    /// Blocks of the largest layer.
    pub(crate) fn most(&self) -> usize {
        self.layers.values().map(|u| u.layer.blocks.into()).max().unwrap_or(0)
    }
}

/// The packed weights among the arguments: the last data that go to the weights' section.
fn weights(call: &Call) -> Option<(usize, &[u8])> {
    call.args.iter().enumerate().rev().find_map(|(i, a)| match a {
        Arg::Data { bytes, weights: true, .. } => Some((i, bytes.as_slice())),
        _ => None,
    })
}

fn data(call: &Call) -> usize {
    call.args.iter().map(|a| if let Arg::Data { bytes, .. } = a { bytes.len() } else { 0 }).sum()
}

/// Replaces calls by those of the same layers with weights as bytes, `variants`, where coding these saves flash, or everywhere.
pub(crate) fn plan(calls: &mut [Call], variants: Vec<Option<Call>>, everywhere: bool) -> Plan {
    let mut archive = Archive::default();
    let mut chosen = Vec::new();
    let mut saved = 0;
    for (i, (call, variant)) in calls.iter().zip(variants).enumerate() {
        let Some(variant) = variant else { continue };
        let Some((at, bytes)) = weights(&variant) else { continue };
        let codes: Vec<i8> = bytes.iter().map(|&b| b as i8).collect();
        let (plain, coded) = (data(call), data(&variant) - codes.len() + mcompc_coding::bytes(&codes));
        // A layer of more blocks than its descriptor counts stays as it is.
        if (everywhere || coded + CALL < plain) && mcompc_coding::takes(codes.len()) {
            archive.add(&codes);
            saved += plain.saturating_sub(coded + CALL);
            chosen.push((i, at, codes.len(), plain, variant));
        }
    }
    let Some(Coded { bytes, layers, sizes }) =
        (everywhere && !archive.is_empty() || saved > DECODER_BYTES).then(|| archive.finish()).flatten()
    else {
        return Plan::default();
    };
    let mut plan = Plan { archive: Some(bytes), layers: BTreeMap::new() };
    for ((i, at, codes, plain, mut call), (layer, stored)) in chosen.into_iter().zip(layers.iter().zip(sizes)) {
        call.args[at] = Arg::Decoded(unpack::room(codes));
        // Nothing of an operand may be gone before the weights are there.
        call.in_place.clear();
        plan.layers.insert(i, Unpacked { layer: *layer, stored, plain });
        calls[i] = call;
    }
    plan
}
