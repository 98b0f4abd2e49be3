//! Steps of coded weights for a number of bits a weight.

use mcompc_compress::{Coded, Rates, Scheme, Stats};
use mcompc_data::Input;
use mcompc_ir::{Code, DType, Error, Graph, Result};

/// Roundings of the whole network at most.
const ROUNDS: usize = 4;
/// How much of what is asked for must be used.
const ENOUGH: f64 = 0.985;

/// The scheme whose weights take at most `rate` bits each, coded, and near to it; and the network under it. What a rounding gives takes
/// somewhat more than weights to nearest, by which steps are found: the difference of one round is taken off in the next.
///
/// # Errors
/// E401 without calibration data, E002 for fewer bits than there can be; those of rounding.
pub(crate) fn steps(g: &Graph, stats: &Stats, inputs: &[Input], scheme: &Scheme, rate: f64) -> Result<(Scheme, Coded)> {
    let rates = Rates::new(g, stats)?;
    let most = rate * rates.weights() as f64 / 8.0;
    let (mut wanted, mut best): (f64, Option<(f64, Scheme, Coded)>) = (most, None);
    for _ in 0..ROUNDS {
        let scheme = rates.scheme(scheme, rates.tau(wanted as usize));
        let coded = mcompc_compress::apply(g, stats, inputs, &scheme)?;
        let have = bytes(&coded.graph)? as f64;
        // The fullest that fits, else the smallest.
        let better = match &best {
            Some((b, ..)) if *b <= most => have <= most && have > *b,
            Some((b, ..)) => have < *b,
            None => true,
        };
        if better {
            best = Some((have, scheme, coded));
        }
        if have <= most && have >= ENOUGH * most {
            break;
        }
        wanted *= 0.995 * most / have.max(1.0);
    }
    match best {
        Some((have, ..)) if have > most => {
            let least = 8.0 * have / rates.weights().max(1) as f64;
            let what = format!("--rate {rate}: coded weights take at least {least:.2} bits each here, with their tables");
            Err(Error::new(Code::Usage, what).hint(format!("--rate {:.1} can be kept", least * 1.02 + 0.05)))
        }
        Some((_, scheme, coded)) => Ok((scheme, coded)),
        None => Ok((scheme.clone(), mcompc_compress::apply(g, stats, inputs, scheme)?)),
    }
}

/// Bytes of the coded weights of all layers.
fn bytes(g: &Graph) -> Result<usize> {
    let mut sum = 0;
    for id in g.ids().into_iter().filter(|&id| matches!(g.node(id).op.as_str(), "Conv" | "Dense")) {
        if let Some(w) = g.inputs_of(id).get(1).and_then(|&w| g.const_of(w)) {
            // Weights beyond bytes are stored as they are.
            sum += if w.dtype == DType::I8 { mcompc_coding::bytes(&w.as_i8()?) } else { w.bytes().len() };
        }
    }
    Ok(sum)
}
