//! A scheme: what is decided of a model's integers, as data that a person can read, edit and commit.

mod text;

use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Quant, Result, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Of one layer with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerScheme {
    /// Its name in the model.
    pub layer: String,
    /// A row of [`crate::METHODS`].
    pub method: String,
    /// Width of a weight's code.
    pub bits: u8,
    /// Weights of a channel in a row that share a multiplier.
    pub group: Option<usize>,
    /// One step for all channels, for the methods that take it as given.
    pub step: Option<f64>,
    /// Why so, where that is not simply what was asked for.
    pub why: Option<String>,
}

/// Everything that is decided. The same scheme on the same model and calibration data gives the same integers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scheme {
    /// Whether the mean error of rounded weights is taken out of the bias.
    pub bias_correction: bool,
    /// Codes of every computed value, by name, in the order of execution.
    pub values: Vec<(String, Quant)>,
    /// Every layer with weights, in the order of execution.
    pub layers: Vec<LayerScheme>,
    /// Values that were given sixteen bits without being asked for, and why; said in the text as comments.
    pub wide: Vec<(String, String)>,
}

/// A scheme whose names are those of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub values: BTreeMap<ValueId, Quant>,
    pub layers: BTreeMap<NodeId, LayerScheme>,
}

/// Names that tell things apart: the second of one name is `name#2`.
fn unique<'a, T>(all: impl Iterator<Item = (T, &'a str)>) -> Vec<(T, String)> {
    let mut taken = BTreeSet::new();
    let mut named = Vec::new();
    for (t, name) in all {
        let numbered = |i: usize| if i == 1 { name.to_string() } else { format!("{name}#{i}") };
        let free = (1..).map(numbered).find(|n| !taken.contains(n)).unwrap_or_default();
        taken.insert(free.clone());
        named.push((t, free));
    }
    named
}

/// Names of all computed values that have codes (indices have none), in the order of execution.
///
/// # Errors
/// A cycle.
pub(crate) fn value_names(g: &Graph) -> Result<Vec<(ValueId, String)>> {
    let computed = g.topo()?.into_iter().map(|id| g.out(id)).filter(|&v| g.const_of(v).is_none() && g.value(v).dtype == DType::F32);
    Ok(unique(computed.map(|v| (v, g.value(v).name.as_str()))))
}

/// Whether a node is a layer with weights.
pub(crate) fn weighted(n: &Node) -> bool {
    matches!(n.op.as_str(), "Conv" | "Dense")
}

/// Names of all layers with weights, as schemes have them, in the order of execution.
///
/// # Errors
/// A cycle.
pub fn layer_names(g: &Graph) -> Result<Vec<(NodeId, String)>> {
    let layers = g.topo()?.into_iter().filter(|&id| weighted(g.node(id)));
    Ok(unique(layers.map(|id| (id, g.node(id).name.as_str()))))
}

fn usage(what: String) -> Error {
    Error::new(Code::Usage, what).hint("--scheme-out writes a scheme that fits; change that")
}

impl Scheme {
    /// Refuses, before any data are read, a scheme that does not fit the graph.
    ///
    /// # Errors
    /// `Usage` where it names what the graph does not have, names nothing for what it has, or asks for what cannot be.
    pub fn check(&self, g: &Graph) -> Result<()> {
        self.resolve(g).map(drop)
    }

    /// Bits of the narrowest weights, 8 where there are none.
    pub fn bits(&self) -> u8 {
        self.layers.iter().map(|l| l.bits).min().unwrap_or(mcompc_ir::Codes::I8.bits)
    }

    /// Bits of the activations: those that most values take.
    pub fn act_bits(&self) -> u8 {
        let wide = self.values.iter().filter(|(_, q)| q.codes.bits > mcompc_ir::Codes::I8.bits).count();
        if 2 * wide > self.values.len() { mcompc_ir::Codes::I16.bits } else { mcompc_ir::Codes::I8.bits }
    }

    /// The scheme by the graph's values and layers.
    ///
    /// # Errors
    /// `Usage` where it names what the graph does not have, names nothing for what it has, or asks for what cannot be.
    pub(crate) fn resolve(&self, g: &Graph) -> Result<Resolved> {
        let mut values: BTreeMap<&str, &Quant> = BTreeMap::new();
        for (name, q) in &self.values {
            if values.insert(name, q).is_some() {
                return Err(usage(format!("the scheme has value `{name}` twice")));
            }
            let known = q.is_result() && matches!(q.codes.bits, 8 | 16) || q.is_wide();
            if !(known && q.step().is_finite() && q.step() > 0.0) {
                return Err(usage(format!(
                    "the scheme gives value `{name}` codes that are not i8, i16 or i17 to i30 around 0 under a positive step"
                )));
            }
        }
        let mut layers: BTreeMap<&str, &LayerScheme> = BTreeMap::new();
        for l in &self.layers {
            if layers.insert(&l.layer, l).is_some() {
                return Err(usage(format!("the scheme has layer `{}` twice", l.layer)));
            }
            let Some(method) = crate::methods::named(&l.method) else {
                let known: Vec<&str> = crate::METHODS.iter().map(|m| m.name).collect();
                return Err(usage(format!("the scheme rounds layer `{}` by `{}`; there are {}", l.layer, l.method, known.join(", "))));
            };
            if crate::methods::is_stepped(&l.method) != l.step.is_some() {
                let what = if l.step.is_some() { "takes no step" } else { "needs a step" };
                return Err(usage(format!("layer `{}`: method `{}` {what}", l.layer, l.method)));
            }
            if !(method.fits)(l.bits, l.group.is_some()) || l.group == Some(0) {
                let groups = l.group.map_or(String::new(), |n| format!(" in groups of {n}"));
                return Err(usage(format!("layer `{}`: method `{}` makes no weights of {} bits{groups}", l.layer, l.method, l.bits)));
            }
        }
        let mut found = Resolved { values: BTreeMap::new(), layers: BTreeMap::new() };
        for (v, name) in value_names(g)? {
            let Some(q) = values.remove(name.as_str()) else { return Err(usage(format!("the scheme says nothing of value `{name}`"))) };
            found.values.insert(v, q.clone());
        }
        for (id, name) in layer_names(g)? {
            let Some(l) = layers.remove(name.as_str()) else { return Err(usage(format!("the scheme says nothing of layer `{name}`"))) };
            let grouped = g.node(id).attrs.int_or("group", 1)? != 1;
            if l.group.is_some() && grouped {
                return Err(usage(format!("layer `{name}` is a grouped convolution, whose weights have no groups of their own")));
            }
            let w = &g.value(g.inputs_of(id)[1]).shape;
            let k = w.iter().skip(1).product::<usize>();
            if crate::methods::named(&l.method).is_some_and(|m| k > m.most) {
                return Err(usage(format!("layer `{name}`: method `{}` does not take {k} weights a channel", l.method)));
            }
            found.layers.insert(id, l.clone());
        }
        for s in &g.states {
            let (input, output) = (g.out(g.inputs[s.input]), g.outputs[s.output].value);
            if found.values.get(&input) != found.values.get(&output) {
                let (a, b) = (&g.value(input).name, &g.value(output).name);
                return Err(usage(format!("the scheme gives the two ends of a state, `{a}` and `{b}`, different codes")));
            }
        }
        match (values.keys().next(), layers.keys().next()) {
            (Some(name), _) => Err(usage(format!("the scheme has value `{name}`, which this model does not have"))),
            (_, Some(name)) => Err(usage(format!("the scheme has layer `{name}`, which this model does not have"))),
            _ => Ok(found),
        }
    }
}
