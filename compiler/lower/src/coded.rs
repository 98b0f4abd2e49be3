//! Which layers have coded weights, and what their calls become.

use crate::emit::{Arg, Call};
use crate::unpack::{self, Special};
use mcompc_coding::{Archive, Coded, Layer};
use std::collections::BTreeMap;

/// Bytes of code that a decoded layer takes beside its kernel's, about, on a small core.
const WRAPPER: usize = 80;
/// Bytes of the decoder.
const DECODER: usize = 400;

/// A layer whose weights are coded.
#[derive(Clone, Debug)]
pub(crate) struct Unpacked {
    /// Its kernel's parameters that become others.
    pub special: Special,
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
        if everywhere || coded + WRAPPER < plain {
            archive.add(&codes);
            saved += plain.saturating_sub(coded + WRAPPER);
            chosen.push((i, at, codes.len(), plain, variant));
        }
    }
    let Some(Coded { bytes, layers, sizes }) = (everywhere && !archive.is_empty() || saved > DECODER).then(|| archive.finish()).flatten()
    else {
        return Plan::default();
    };
    let mut plan = Plan { archive: Some(bytes), layers: BTreeMap::new() };
    for ((i, at, codes, plain, mut call), (layer, stored)) in chosen.into_iter().zip(layers.iter().zip(sizes)) {
        let scratch = call.args.iter().position(|a| matches!(a, Arg::Scratch(_)));
        let own = scratch.map_or(0, |s| if let Arg::Scratch(b) = call.args[s] { b } else { 0 });
        call.args[at] = descriptor(*layer);
        let memory = Arg::Scratch(unpack::scratch(codes, own));
        match scratch {
            Some(s) => call.args[s] = memory,
            None => call.args.push(memory),
        }
        call.args.push(Arg::Status);
        // Its result takes nobody's place: the decoder writes before the kernel reads.
        plan.layers.insert(i, Unpacked { special: Special { weights: (at, codes), scratch }, stored, plain });
        calls[i] = call;
    }
    plan
}

fn descriptor(layer: Layer) -> Arg {
    Arg::Data { bytes: layer.bytes(), align: 4, weights: true }
}
