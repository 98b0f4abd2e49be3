//! Both stages in one: what the driver makes of a canonical float graph.

use mcompc_compress::{Options, Stats, apply, decide, warnings};
use mcompc_data::{Input, InputSpec};
use mcompc_integerize::Accumulator;
use mcompc_ir::{Graph, Result, ValueId};
use std::collections::BTreeMap;

/// An integer graph with what led to it.
#[derive(Debug)]
pub struct Int {
    pub coded: Graph,
    pub graph: Graph,
    pub layers: Vec<Accumulator>,
    pub notes: Vec<mcompc_compress::LayerNote>,
    pub warnings: Vec<String>,
    pub scheme: mcompc_compress::Scheme,
    /// Integer value -> float value.
    pub origin: BTreeMap<ValueId, ValueId>,
}

/// What is refused before any data are read.
pub fn supported(g: &Graph, opts: &Options) -> Result<()> {
    mcompc_compress::check(g, opts)?;
    mcompc_integerize::supported(g)
}

pub fn integerize(g: &Graph, stats: &Stats, specs: &[InputSpec], opts: &Options) -> Result<Int> {
    let inputs = Input::of_graph(g, specs)?;
    let scheme = decide(g, stats, &inputs, opts)?;
    let coded = apply(g, stats, &inputs, &scheme)?;
    let warnings = warnings(g, stats, &inputs, &scheme, opts)?;
    let int = mcompc_integerize::integerize(&coded.graph)?;
    let origin = int.origin.iter().filter_map(|(v, c)| Some((*v, *coded.origin.get(c)?))).collect();
    Ok(Int { coded: coded.graph, graph: int.graph, layers: int.layers, notes: coded.layers, warnings, scheme, origin })
}
