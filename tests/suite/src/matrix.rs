//! Filetests of integer operators, as graphs that every executor takes: activations are inputs, the rest stays constant.

#![allow(clippy::panic)]

use mcompc_filetest::{File, GRAPHS, files};
use mcompc_ir::{DType, Graph, NodeId, Output, Result, Tensor, Value, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// One graph with data and the results that the file wants.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of the file, and which of its activations stay constants.
    pub name: String,
    /// The graph.
    pub graph: Graph,
    /// Sets of inputs: the file's data, then codes of other patterns.
    pub inputs: Vec<Vec<Tensor>>,
    /// What the file wants for its own data, one tensor an output.
    pub want: Vec<Tensor>,
    /// Why the outputs do not use the range of their type, where they do not.
    pub narrow: Option<String>,
    /// Why some machines refuse it, where they may.
    pub refused: Option<String>,
}

impl Case {
    /// Operators in it.
    pub fn ops(&self) -> BTreeSet<String> {
        self.graph.ids().into_iter().map(|i| self.graph.node(i).op.clone()).collect()
    }
}

/// Every file of `tests/filetests/int`, all activations inputs.
///
/// # Panics
/// Where a file is not a verified graph whose outputs come in pairs.
pub fn cases() -> Vec<Case> {
    read().iter().map(|(f, g)| case(f, g, "", |_, _| true)).collect()
}

/// [`cases`], and for files of several activations those where only the first, or only the last, is an input.
///
/// # Panics
/// As [`cases`].
pub fn variants() -> Vec<Case> {
    let mut all = Vec::new();
    for (f, g) in read() {
        all.push(case(&f, &g, "", |_, _| true));
        if activations(&g).len() > 1 {
            all.push(case(&f, &g, " (first)", |i, _| i == 0));
            all.push(case(&f, &g, " (last)", |i, n| i + 1 == n));
        }
    }
    all
}

fn read() -> Vec<(File, Graph)> {
    let parse = |f: File| {
        let g = mcompc_ir::parse(&f.text).unwrap_or_else(|e| panic!("{}: {e}", f.name()));
        mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{}: {e}", f.name()));
        (f, g)
    };
    files("int", GRAPHS, 100).into_iter().map(parse).collect()
}

// Constants that are codes of reals or indices, and that some operator reads: weights and tables have no quantization, wanted values no reader.
fn activations(g: &Graph) -> Vec<NodeId> {
    let index = |v: ValueId| g.users(v).iter().any(|&(n, port)| g.node(n).op == "Gather" && port == 1);
    let codes = |&id: &NodeId| {
        let v = g.out(id);
        g.node(id).op == "const" && (g.value(v).quant.is_some() || index(v)) && !g.users(v).is_empty()
    };
    g.ids().into_iter().filter(codes).collect()
}

fn case(f: &File, g: &Graph, which: &str, input: impl Fn(usize, usize) -> bool) -> Case {
    let mut graph = g.clone();
    let (mut want, mut outputs) = (Vec::new(), Vec::new());
    for pair in g.outputs.chunks(2) {
        outputs.push(pair[0].clone());
        want.extend(pair.get(1).and_then(|o| g.const_of(o.value)).cloned());
    }
    graph.outputs = outputs;
    assert_eq!(want.len(), graph.outputs.len(), "{}: outputs come in pairs, computed and wanted", f.name());
    let all = activations(g);
    let mut own = Vec::new();
    for (i, &id) in all.iter().enumerate().filter(|(i, _)| input(*i, all.len())) {
        let node = graph.node_mut(id);
        node.op = "input".into();
        let Some(t) = node.tensor.take() else { panic!("{}: constant {i} has no data", f.name()) };
        graph.inputs.push(id);
        own.push(t);
    }
    graph.remove_dead();
    mcompc_ops::verify(&graph).unwrap_or_else(|e| panic!("{}{which}: {e}", f.name()));
    let mut inputs = vec![own];
    let random = crate::inputs_for(&graph, 17).unwrap_or_else(|e| panic!("{}: {e}", f.name()));
    for fill in [None, Some(0x00), Some(0x7f), Some(0x80), Some(0xff)] {
        inputs.push(random.iter().map(|t| filled(t, fill)).collect());
    }
    Case {
        name: format!("{}{which}", f.name()),
        graph,
        inputs,
        want,
        narrow: f.note("narrow").map(str::to_string),
        refused: f.note("refused").map(str::to_string),
    }
}

fn filled(t: &Tensor, byte: Option<u8>) -> Tensor {
    let bytes = byte.map(|b| vec![b; t.bytes().len()]);
    bytes.and_then(|b| Tensor::new(t.dtype, t.shape.clone(), b.into()).ok()).unwrap_or_else(|| t.clone())
}

/// Distinct codes of a tensor, and largest less smallest.
pub fn spread(t: &Tensor) -> Result<(usize, i64)> {
    let v: BTreeSet<i64> = t.to_i64_vec()?.into_iter().collect();
    Ok((v.len(), v.last().copied().unwrap_or(0) - v.first().copied().unwrap_or(0)))
}

/// Several cases as one graph, so that they are compiled, linked and started once. Inputs and outputs keep the cases' order.
///
/// # Errors
/// None but those of cases that are no graphs.
pub fn join(cases: &[Case]) -> Result<Case> {
    let mut all = Case { name: String::new(), graph: Graph::new("joined"), inputs: vec![], want: vec![], narrow: None, refused: None };
    let sets = cases.iter().map(|c| c.inputs.len()).min().unwrap_or(0);
    all.inputs = vec![vec![]; sets];
    for (k, c) in cases.iter().enumerate() {
        let mut new: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for id in c.graph.topo()? {
            let n = c.graph.node(id).clone();
            let inputs: Vec<ValueId> =
                c.graph.inputs_of(id).into_iter().filter_map(|v| new.get(&v.node).map(|&node| ValueId { node, port: v.port })).collect();
            let mut outs = n.outs;
            outs.iter_mut().for_each(|v| v.name = format!("{k}.{}", v.name));
            let copy = all.graph.add_node(format!("{k}.{}", n.name), &n.op, n.attrs, &inputs, outs);
            all.graph.node_mut(copy).tensor = n.tensor;
            new.insert(id, copy);
        }
        all.graph.inputs.extend(c.graph.inputs.iter().filter_map(|n| new.get(n)));
        for o in &c.graph.outputs {
            if let Some(&node) = new.get(&o.value.node) {
                all.graph.outputs.push(Output { name: format!("{k}.{}", o.name), value: ValueId { node, port: o.value.port } });
            }
        }
        all.inputs.iter_mut().zip(&c.inputs).for_each(|(a, b)| a.extend(b.iter().cloned()));
        all.want.extend(c.want.iter().cloned());
        all.name = format!("{}{} ", all.name, c.name);
    }
    mcompc_ops::verify(&all.graph)?;
    Ok(all)
}

/// Cases in groups of at most `most` inputs and outputs together.
pub fn groups(cases: &[Case], most: usize) -> Vec<&[Case]> {
    let mut all = Vec::new();
    let mut rest = cases;
    while !rest.is_empty() {
        let mut buffers = 0;
        let fits = |c: &&Case| {
            buffers += c.graph.inputs.len() + c.graph.outputs.len();
            buffers <= most
        };
        let n = rest.iter().take_while(fits).count().max(1);
        let (group, tail) = rest.split_at(n);
        all.push(group);
        rest = tail;
    }
    all
}

/// Whether the graph takes and gives codes alone, and indices, as everything at the integer level does.
pub fn of_codes(g: &Graph) -> bool {
    let io = g.inputs.iter().map(|&n| g.value(g.out(n))).chain(g.outputs.iter().map(|o| g.value(o.value)));
    let codes = |v: &Value| matches!(v.dtype, DType::I8 | DType::U8 | DType::I16) && v.quant.is_some();
    io.into_iter().all(|v| codes(v) || v.dtype == DType::I32 && v.quant.is_none())
}
