//! What the integers shall be: codes of every value, bits and method of every layer. Everything that is chosen is chosen here, and said in the
//! [`Scheme`].

mod acts;
mod bits;
mod classes;
mod energies;
mod floor;
mod masks;
mod measured;
mod quants;
mod raw;
mod warnings;

pub use acts::ActBits;
pub use bits::{WeightBits, pinned};
pub(crate) use quants::saturated;
pub(crate) use raw::raw_values;

use crate::allocate::Form;
use crate::methods;
use crate::range::RangeMethod;
use crate::scheme::{LayerScheme, Scheme, layer_names, value_names};
use crate::{Stats, datafree};
use mcompc_data::Input;
use mcompc_ir::{Code, Codes, DType, Error, Graph, NodeId, Quant, Result, ValueId};
use std::collections::BTreeMap;

/// Choices; the default is what `-O int8` means.
#[derive(Clone, Debug)]
pub struct Options {
    /// How ranges are taken from calibration data (made-up statistics are always taken whole).
    pub method: RangeMethod,
    /// Whether the mean error of rounded weights is taken out of the bias.
    pub bias_correction: bool,
    /// Bits of the weights.
    pub weights: WeightBits,
    /// Bits of the activations.
    pub acts: ActBits,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: RangeMethod::Mse, bias_correction: true, weights: WeightBits::default(), acts: ActBits::default() }
    }
}

impl Options {
    /// What can be done with statistics that were made up.
    fn with(&self, stats: &Stats) -> Self {
        let mut o = self.clone();
        if stats.synthetic {
            o.method = datafree::METHOD;
            o.bias_correction = false;
        }
        o
    }
}

/// Refuses, before any data are read, options that do not fit the graph.
///
/// # Errors
/// `Usage` for a pattern that fits no layer or no value.
pub fn check(g: &Graph, opts: &Options) -> Result<()> {
    acts::choose(g, &opts.acts)?;
    bits::choose(g, &opts.weights).map(drop)
}

/// The scheme for a canonical float graph. `stats` are of this very graph; `inputs` say in which codes the caller gives its inputs: u8 and i8 are
/// taken as they are, everything else becomes i8 by the calibrated range.
///
/// # Errors
/// Those of [`check`].
pub fn decide(g: &Graph, stats: &Stats, inputs: &[Input], opts: &Options) -> Result<Scheme> {
    let mut opts = opts.with(stats);
    let raw = raw_values(g, inputs)?;
    let names = value_names(g)?;
    let energies = energies::of(g)?;
    let mut wide = measured::wide(g, stats, inputs, &raw, &opts, &names)?;
    opts.acts.wide = wide.iter().map(|(name, _)| name.clone()).collect();
    let mut quants = quants::assign(g, stats, inputs, &raw, &opts)?;
    for (v, name) in &names {
        let codes = quants.get(v).filter(|_| energies.contains_key(v)).map(|q| q.codes);
        if let Some(why) = codes.and_then(energies::why).filter(|_| wide.iter().all(|(n, _)| n != name)) {
            wide.push((name.clone(), why.into()));
        }
    }
    let values = names.into_iter().filter_map(|(v, name)| Some((name, quants.remove(&v)?))).collect();
    let layers = layer_names(g)?;
    let mut layer_schemes = Vec::new();
    let choices = bits::choose(g, &opts.weights)?;
    for (id, name) in layers {
        if let Some(choice) = choices.get(&id).cloned() {
            layer_schemes.push(layer(g, id, name, choice, opts.weights.block, stats.can_observe())?);
        }
    }
    Ok(Scheme { bias_correction: opts.bias_correction, values, layers: layer_schemes, wide })
}

/// The method for layers of eight bits whose results are outputs.
const CORRECTED: &str = "ridge";

/// A layer that takes the bits chosen; `block` weights in a row share a multiplier where that can be, `seen` says whether it can be observed.
fn layer(g: &Graph, id: NodeId, name: String, choice: bits::Choice, block: Option<usize>, seen: bool) -> Result<LayerScheme> {
    let bits::Choice { bits, why, shown } = choice;
    let w = &g.value(g.inputs_of(id)[1]).shape;
    let k = w.iter().skip(1).product::<usize>();
    // Runs of a grouped convolution would mix groups where it runs as a full one.
    let whole = g.node(id).attrs.int_or("group", 1)? == 1;
    let group = block.filter(|&len| bits < Codes::I8.bits && whole && len < k);
    // Nothing behind takes out what rounding them to nearest loses.
    if bits == Codes::I8.bits
        && shown
        && seen
        && let Some(method) = methods::named(CORRECTED).filter(|m| k <= m.most && (m.fits)(bits, group.is_some()))
        && methods::loses(&mcompc_ops::reals(g, g.inputs_of(id)[1])?, k)
    {
        let why = why.or_else(|| Some("the result is an output".into()));
        return Ok(LayerScheme { layer: name, method: method.name.into(), bits, group, step: None, why });
    }
    let method = methods::fitting(bits, group.is_some(), k, seen)
        .ok_or_else(|| Error::new(Code::UnsupportedLevel, format!("no method makes weights of {bits} bits")).at(&g.node(id).name))?;
    Ok(LayerScheme { layer: name, method: method.name.into(), bits, group, step: None, why })
}

/// The scheme with other forms for the layers named, and why. The default method rounds them: one that observes where `stats` are given and tell
/// enough, else a quick one.
///
/// # Errors
/// `UnsupportedLevel` for a width that no method makes.
pub fn with_forms(
    g: &Graph,
    scheme: &Scheme,
    forms: &BTreeMap<String, (Form, Option<String>)>,
    block: Option<usize>,
    stats: Option<&Stats>,
) -> Result<Scheme> {
    let (mut new, seen) = (scheme.clone(), stats.is_some_and(Stats::can_observe));
    for (id, name) in layer_names(g)? {
        let (Some(l), Some((form, why))) = (new.layers.iter_mut().find(|l| l.layer == name), forms.get(&name).cloned()) else { continue };
        let Form { bits, step } = form;
        if step.is_some() {
            let w = &g.value(g.inputs_of(id)[1]).shape;
            let method = methods::stepped(w.iter().skip(1).product(), seen).into();
            *l = LayerScheme { layer: name, method, bits, group: None, step, why };
        } else if bits == Codes::I8.bits && l.bits >= bits {
            // Eight bits are what the scheme has of eight or, of a file's codes less their zero point, nine.
            l.why = why;
        } else {
            *l = layer(g, id, name, bits::Choice { bits, why, shown: false }, block, seen)?;
        }
    }
    Ok(new)
}

/// What the user should know of a scheme and of the data behind it; `opts` are those of [`decide`].
///
/// # Errors
/// Those of [`Scheme::resolve`].
pub fn warnings(g: &Graph, stats: &Stats, inputs: &[Input], scheme: &Scheme, opts: &Options) -> Result<Vec<String>> {
    let (opts, raw) = (opts.with(stats), raw_values(g, inputs)?);
    let quants = scheme.resolve(g)?.values;
    let mut said = Vec::new();
    if stats.synthetic && !warnings::all_by_file(g)? {
        said.push("no calibration data: ranges come from made-up inputs, the loss of accuracy is not bounded; give --calib".into());
    }
    said.extend(scheme.widened());
    said.extend(warnings::of(&Ctx { g, stats, specs: inputs, opts, raw, quants })?);
    Ok(said)
}

/// What warnings look at.
struct Ctx<'a> {
    g: &'a Graph,
    stats: &'a Stats,
    specs: &'a [Input],
    opts: Options,
    /// Values that hold the caller's codes.
    raw: BTreeMap<ValueId, Quant>,
    /// Codes of every computed value.
    quants: BTreeMap<ValueId, Quant>,
}

/// Elements of an f32 constant; none of anything else.
fn reals_of(g: &Graph, v: ValueId) -> Result<Vec<f64>> {
    Ok(match g.const_of(v) {
        Some(t) if t.dtype == DType::F32 => t.as_f32()?.iter().map(|&x| x.into()).collect(),
        _ => Vec::new(),
    })
}
