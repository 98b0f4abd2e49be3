//! A whole network: its model, its data, the levels it is quantized at.

use crate::build::{Builder, Origin, declare};
use crate::ops::ROWS;
use crate::patterns::PARTS;
use crate::samples::{Column, column};
use crate::source::Source;
use mcompc_ir::Result;
use mcompc_onnx::proto::{GraphProto, ModelProto, OperatorSetIdProto};
use prost::Message;

/// What networks to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether forms are made, too, that docs/status.md says are refused.
    pub beyond: bool,
}

/// Bits of the weights, and of the activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Eight.
    Int8,
    /// Four, first and last layers too where `ends`.
    Int4 {
        /// Whether first and last layers take four, too.
        ends: bool,
    },
    /// Four, with a multiplier for every 32 weights.
    Groups,
    /// Eight and four by layer.
    Mixed,
    /// Eight, beside activations of sixteen.
    Int16,
    /// Eight, entropy-coded in every layer.
    Coded,
}

impl Level {
    /// Every level.
    pub const ALL: [Level; 7] =
        [Level::Int8, Level::Int4 { ends: true }, Level::Int4 { ends: false }, Level::Groups, Level::Mixed, Level::Int16, Level::Coded];
    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Level::Int8 => "int8",
            Level::Int4 { ends: true } => "int4-all",
            Level::Int4 { ends: false } => "int4",
            Level::Groups => "int4-group",
            Level::Mixed => "mixed",
            Level::Int16 => "int16",
            Level::Coded => "coded",
        }
    }
    /// The level of a name.
    pub fn by_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|l| l.name() == name)
    }
}

/// A network with everything that is needed to run it.
#[derive(Clone, Debug)]
pub struct Network {
    /// The model.
    pub model: ModelProto,
    /// Its inputs' raw form and data, in the order of the graph's inputs.
    pub columns: Vec<Column>,
    /// A level beside `int8` to try it at.
    pub level: Level,
    /// The choices it was made by.
    pub choices: Vec<u32>,
    /// Stretches of choices that make one part each.
    pub parts: Vec<(usize, usize)>,
}

/// Most nodes or parts.
const MOST: usize = 12;

/// Makes a network. Any choices give a valid one.
///
/// # Errors
/// None that is not a fault of the generator.
pub fn generate(mut source: Source, o: &Options) -> Result<Network> {
    let s = &mut source;
    let level = s.pick(&[Level::Int4 { ends: true }, Level::Groups, Level::Mixed, Level::Int4 { ends: false }, Level::Int16]);
    let opset = 22 - s.below(16) as i64;
    let rank = s.pick(&[4, 4, 4, 4, 4, 4, 2, 2, 3, 1, 5]);
    let mut b = Builder::new(s, opset, o.beyond);
    let shape = b.shape_of_rank(rank);
    b.input(shape);
    let mut parts = Vec::new();
    for _ in 0..MOST {
        let start = b.s.position();
        if b.s.below(10) == 0 {
            break;
        }
        step(&mut b);
        parts.push((start, b.s.position()));
    }
    let outputs = outputs(&mut b);
    let inputs: Vec<(String, Vec<usize>)> =
        b.values.iter().filter(|v| v.origin == Origin::Input).map(|v| (v.name.clone(), v.shape.clone())).collect();
    let declared = b.s.chance(75);
    let (nodes, tensors, values) = (std::mem::take(&mut b.nodes), std::mem::take(&mut b.tensors), std::mem::take(&mut b.values));
    let shape_of = |name: &str| values.iter().find(|v| v.name == name).map(|v| v.shape.as_slice());
    let output = outputs.iter().map(|n| declare(n, shape_of(n).filter(|_| declared))).collect();
    // A reader of an old version lists its initializers as inputs.
    let ir = if opset >= 21 { 10 } else { 8 };
    let graph = GraphProto {
        name: Some("net".into()),
        node: nodes,
        initializer: tensors,
        input: inputs.iter().map(|(n, s)| declare(n, Some(s))).collect(),
        output,
        ..Default::default()
    };
    let columns = inputs.iter().map(|(n, shape)| column(s, n, shape)).collect::<Result<_>>()?;
    let model = ModelProto {
        ir_version: Some(ir),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(opset) }],
        graph: Some(graph),
        ..Default::default()
    };
    let (choices, _) = source.into_choices();
    Ok(Network { model, columns, level, choices, parts })
}

impl Network {
    /// The model's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.model.encode_to_vec()
    }
    /// The operators in order, for messages.
    pub fn operators(&self) -> String {
        let nodes = self.model.graph.iter().flat_map(|g| &g.node);
        nodes.filter_map(|n| n.op_type.as_deref()).collect::<Vec<_>>().join(", ")
    }
    /// Names of the graph's inputs.
    pub fn input_names(&self) -> Vec<String> {
        self.model.graph.iter().flat_map(|g| &g.input).filter_map(|i| i.name.clone()).collect()
    }
}

/// Adds an operator or a part; one that cannot be had becomes a Relu.
fn step(b: &mut Builder<'_>) {
    let made = if b.s.chance(22) {
        let part = b.s.pick(PARTS);
        part(b)
    } else {
        let total: usize = ROWS.iter().map(|r| r.weight).sum();
        let mut at = b.s.below(total);
        let row = ROWS.iter().find(|r| {
            let here = at < r.weight;
            at = at.saturating_sub(r.weight);
            here
        });
        row.filter(|r| r.since <= b.opset).and_then(|r| (r.make)(b))
    };
    if made.is_none() {
        let x = b.find(|_| true).unwrap_or(0);
        let shape = b.shape(x);
        b.apply("Relu", &[x], vec![], shape);
    }
}

/// The graph's outputs: the latest value, most of those that nobody reads, and rarely one that is read, an input, a constant, or a second
/// name of another output.
fn outputs(b: &mut Builder<'_>) -> Vec<String> {
    let mut list: Vec<usize> = Vec::new();
    let last = (0..b.values.len()).rev().find(|&i| b.values[i].origin == Origin::Computed);
    list.extend(last);
    for i in (0..b.values.len()).rev() {
        let v = &b.values[i];
        let percent = match v.origin {
            _ if Some(i) == last => 0,
            Origin::Computed if v.readers == 0 => 75,
            Origin::Computed => 6,
            Origin::Constant => 5,
            Origin::Input => 3,
        };
        if percent > 0 && b.s.chance(percent) {
            list.push(i);
        }
    }
    if list.is_empty() {
        list.push(0);
    }
    if b.s.chance(5) {
        let v = b.s.pick(&list);
        let shape = b.shape(v);
        list.push(b.apply("Identity", &[v], vec![], shape));
    }
    if b.s.chance(3) {
        let shape = b.shape_of_rank(2);
        let c = b.constant_value(shape);
        list.push(c);
    }
    if b.s.chance(30) {
        list.reverse();
    }
    list.truncate(8);
    list.into_iter().map(|v| b.name(v)).collect()
}
