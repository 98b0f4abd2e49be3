//! Fast float executor: the graph is planned once (kernels chosen, buffers shared by liveness) and then run on many samples.

mod conv;
mod depthwise;
mod elementwise;
mod gather;
mod gemm;
mod geometry;
mod moves;
mod pool;
mod rows;
mod single;

pub use single::FastNode;

use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Quant, Result, Tensor, Value, ValueId};
use mcompc_ops::coded;
use std::collections::{BTreeMap, BTreeSet};

/// One planned operator: inputs and output as flat slices of the sizes that planning saw; `work` is scratch to resize at will.
trait Kernel: Send + Sync {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], work: &mut Vec<f32>) -> Result<()>;
}

/// A node with the values it reads, while planning.
struct Site<'a> {
    node: &'a mcompc_ir::Node,
    ins: Vec<&'a Value>,
}

impl Site<'_> {
    fn out(&self) -> &Value {
        &self.node.outs[0]
    }
}

/// An operator by its reference semantics.
struct Book {
    node: Node,
    ins: Vec<Value>,
}

impl Book {
    fn of(s: &Site<'_>) -> Self {
        // Of a coded graph, what operators see: reals.
        let outs = s.node.outs.iter().map(mcompc_ops::real).collect();
        Self { node: Node { outs, ..s.node.clone() }, ins: s.ins.iter().map(|&v| mcompc_ops::real(v)).collect() }
    }
}

impl Kernel for Book {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let tensors = self.ins.iter().zip(ins).map(|(v, x)| Tensor::from_f32(v.shape.clone(), x)).collect::<Result<Vec<_>>>()?;
        let y = mcompc_ops::eval(&self.node, &self.ins.iter().collect::<Vec<_>>(), &tensors.iter().collect::<Vec<_>>())?;
        for y in &y {
            out.copy_from_slice(&y.as_f32()?);
        }
        Ok(())
    }
}

type Plan = fn(&Site<'_>) -> Result<Box<dyn Kernel>>;

/// Operators with a kernel of their own here. A Reshape is a view or a copy; functions of one value have one kernel.
static FAST: &[(&str, Plan)] = &[
    ("Conv", conv::plan),
    ("Dense", gemm::plan),
    ("MatMul", gemm::plan),
    ("AveragePool", pool::plan),
    ("MaxPool", pool::plan),
    ("Gather", gather::plan),
    ("Transpose", moves::plan),
    ("Slice", moves::plan),
    ("Pad", moves::plan),
    ("Concat", moves::plan),
    ("Softmax", rows::plan),
    ("Norm", rows::plan),
    ("BatchNormalization", rows::plan),
    ("ReduceMean", rows::plan),
    ("ReduceSum", rows::plan),
    ("ReduceMax", rows::plan),
    ("ReduceMin", rows::plan),
    // One pass of comparisons: the definition is as fast.
    ("ArgMax", |s| Ok(Box::new(Book::of(s)))),
    ("Add", elementwise::plan),
    ("Sub", elementwise::plan),
    ("Mul", elementwise::plan),
    ("Div", elementwise::plan),
    ("Hypot", elementwise::plan),
    ("Recode", elementwise::plan),
    ("Reshape", |_| Ok(Box::new(Copy))),
];

fn plan_of(op: &str) -> Option<Plan> {
    let row = FAST.iter().find(|(name, _)| *name == op).map(|(_, plan)| *plan);
    row.or_else(|| mcompc_ops::is_map(op).then_some(elementwise::plan as Plan))
}

/// Whether [`FastExec`] runs a float operator.
pub fn is_fast(op: &str) -> bool {
    plan_of(op).is_some()
}

fn kernel(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let op = s.node.op.as_str();
    match plan_of(op) {
        // The passes leave images of two dimensions only.
        Some(_) if matches!(op, "Conv" | "AveragePool" | "MaxPool") && s.ins[0].shape.len() != 4 => Ok(Box::new(Book::of(s))),
        Some(plan) => plan(s),
        None => Err(not_float(op)),
    }
}

fn not_float(op: &str) -> Error {
    Error::new(Code::UnsupportedOp, format!("`{op}` is not an operator of the float executor"))
        .hint("integer graphs run on FastInt, or by the book")
}

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Input(usize),
    Const(usize),
    Slot(usize),
}

struct Step {
    /// `None`: the output is its input under another shape.
    kernel: Option<Box<dyn Kernel>>,
    ins: Vec<(Place, usize)>,
    out: Place,
    len: usize,
    value: ValueId,
    name: String,
    /// Codes that the result is rounded to, and its shape.
    round: Option<(Quant, Vec<usize>)>,
}

/// The input of a coded graph, to be rounded.
struct Copy;

impl Kernel for Copy {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        out.copy_from_slice(ins[0]);
        Ok(())
    }
}

/// A planned float graph. Shared between threads; each has its own [`Scratch`].
pub struct FastExec {
    steps: Vec<Step>,
    /// With whether the observer sees them as they are given.
    inputs: Vec<(ValueId, String, usize, bool)>,
    outputs: Vec<(Place, usize)>,
    consts: Vec<Vec<f32>>,
    slots: Vec<usize>,
}

/// Buffers of one run at a time; see [`FastExec::scratch`].
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    slots: Vec<Vec<f32>>,
    work: Vec<f32>,
}

impl FastExec {
    /// Plans a float graph of either layout, or a coded one, whose values are rounded to their codes as soon as they are computed ("fake
    /// quantization"). Nodes that no output needs are left out.
    ///
    /// # Errors
    /// Those of [`mcompc_ops::verify`]; [`Code::UnsupportedType`] and [`Code::UnsupportedOp`] for graphs that are not float throughout.
    pub fn new(g: &Graph) -> Result<Self> {
        mcompc_ops::verify(g)?;
        Planner::new(g)?.plan()
    }
    /// A float graph some of whose values are rounded to codes, for what that costs.
    ///
    /// # Errors
    /// As [`FastExec::new`].
    pub fn rounded<'a>(g: &Graph, quants: impl Iterator<Item = (ValueId, &'a Quant)>) -> Result<Self> {
        mcompc_ops::verify(g)?;
        let mut g = g.clone();
        for (v, q) in quants {
            g.value_mut(v).quant = Some(q.clone());
        }
        Planner::new(&g)?.plan()
    }
    /// Buffers for one thread.
    pub fn scratch(&self) -> Scratch {
        Scratch { slots: self.slots.iter().map(|&n| vec![0.0; n]).collect(), work: Vec::new() }
    }
    /// Bytes of activations that one [`Scratch`] holds.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.slots.iter().sum::<usize>()
    }
    /// Runs one sample: one flat slice per graph input, in order, of its number of elements. `observer` sees the graph's inputs and the
    /// result of every live operator, as soon as it is known. Gives the graph's outputs.
    ///
    /// # Errors
    /// [`Code::BadShape`] with the input's name where its number of elements differs.
    pub fn run(&self, s: &mut Scratch, inputs: &[&[f32]], mut observer: impl FnMut(ValueId, &[f32])) -> Result<Vec<Vec<f32>>> {
        let hint = "give one slice per graph input, in order, of its number of elements";
        if inputs.len() != self.inputs.len() {
            return Err(Error::new(Code::BadShape, format!("{} inputs for a graph of {}", inputs.len(), self.inputs.len())).hint(hint));
        }
        for ((id, name, n, seen), x) in self.inputs.iter().zip(inputs) {
            if x.len() != *n {
                return Err(Error::new(Code::BadShape, format!("the input has {n} elements, given {}", x.len())).at(name).hint(hint));
            }
            if *seen {
                observer(*id, x);
            }
        }
        s.slots.resize_with(self.slots.len(), Vec::new);
        for (slot, &n) in s.slots.iter_mut().zip(&self.slots) {
            slot.resize(n, 0.0);
        }
        for st in &self.steps {
            if let (Some(k), Place::Slot(o)) = (&st.kernel, st.out) {
                // The output's slot is no input's, so that it may leave its place for the time of the call.
                let mut out = std::mem::take(&mut s.slots[o]);
                let mut work = std::mem::take(&mut s.work);
                let ins: Vec<&[f32]> = st.ins.iter().map(|&p| self.read(s, inputs, p)).collect();
                let done = k.run(&ins, &mut out[..st.len], &mut work);
                if let Some((q, shape)) = &st.round {
                    coded::round(q, shape, &mut out[..st.len]);
                }
                s.slots[o] = out;
                s.work = work;
                done.map_err(|e| e.at(&st.name))?;
            }
            observer(st.value, self.read(s, inputs, (st.out, st.len)));
        }
        Ok(self.outputs.iter().map(|&p| self.read(s, inputs, p).to_vec()).collect())
    }
    fn read<'a>(&'a self, s: &'a Scratch, inputs: &[&'a [f32]], (p, n): (Place, usize)) -> &'a [f32] {
        match p {
            Place::Input(i) => inputs[i],
            Place::Const(i) => &self.consts[i],
            Place::Slot(i) => &s.slots[i][..n],
        }
    }
}

struct Planner<'a> {
    g: &'a Graph,
    order: Vec<NodeId>,
    /// Position in `order` of the last reader of what each value's storage holds.
    last: BTreeMap<ValueId, usize>,
    place: BTreeMap<ValueId, Place>,
    consts: Vec<Vec<f32>>,
    slots: Vec<usize>,
    free: BTreeSet<usize>,
}

impl<'a> Planner<'a> {
    fn new(g: &'a Graph) -> Result<Self> {
        let mut live: BTreeSet<NodeId> = BTreeSet::new();
        let mut todo: Vec<NodeId> = g.outputs.iter().map(|o| o.value.node).collect();
        while let Some(n) = todo.pop() {
            if live.insert(n) {
                todo.extend(g.inputs_of(n).into_iter().map(|v| v.node));
            }
        }
        let order: Vec<NodeId> = g.topo()?.into_iter().filter(|n| live.contains(n)).collect();
        let mut p =
            Self { g, order, last: BTreeMap::new(), place: BTreeMap::new(), consts: Vec::new(), slots: Vec::new(), free: BTreeSet::new() };
        for (i, &id) in p.order.iter().enumerate() {
            for v in g.inputs_of(id) {
                p.last.insert(p.storage(v), i);
            }
        }
        for o in &g.outputs {
            p.last.insert(p.storage(o.value), usize::MAX);
        }
        Ok(p)
    }
    /// The value whose buffer this one shares: reshapes move nothing.
    fn storage(&self, v: ValueId) -> ValueId {
        let mut v = v;
        while self.is_view(v.node) {
            v = self.g.inputs_of(v.node)[0];
        }
        v
    }
    /// A reshape whose result has the codes of what it reads.
    fn is_view(&self, n: NodeId) -> bool {
        let same = |a: &Option<Quant>, b: &Option<Quant>| match (a, b) {
            (Some(a), Some(b)) => a.codes == b.codes && a.scale.all() == b.scale.all() && a.zero.all() == b.zero.all(),
            (a, b) => a.is_none() && b.is_none(),
        };
        let g = self.g;
        g.node(n).op == "Reshape" && same(&g.value(g.out(n)).quant, &g.value(g.inputs_of(n)[0]).quant)
    }
    /// A free buffer: the smallest that holds `n`, else the largest, grown; else a new one.
    fn allocate(&mut self, n: usize) -> usize {
        let fits = self.free.iter().copied().filter(|&s| self.slots[s] >= n).min_by_key(|&s| self.slots[s]);
        let slot = fits.or_else(|| self.free.iter().copied().max_by_key(|&s| self.slots[s])).unwrap_or_else(|| {
            self.slots.push(0);
            self.slots.len() - 1
        });
        self.free.remove(&slot);
        self.slots[slot] = self.slots[slot].max(n);
        slot
    }
    fn plan(mut self) -> Result<FastExec> {
        let g = self.g;
        let (mut inputs, mut steps) = (Vec::new(), Vec::new());
        for (i, &id) in g.inputs.iter().enumerate() {
            let v = g.value(g.out(id));
            // Indices come as reals.
            if v.dtype != DType::F32 && (v.dtype != DType::I32 || v.quant.is_some()) {
                return Err(Error::new(Code::UnsupportedType, format!("the float executor takes f32, not {}", v.dtype))
                    .at(&v.name)
                    .hint("integer graphs run on FastInt, or by the book"));
            }
            let mut place = Place::Input(i);
            if let Some(q) = &v.quant {
                let (ins, round) = (vec![(place, v.elems())], Some((q.clone(), v.shape.clone())));
                place = Place::Slot(self.allocate(v.elems()));
                let kernel: Option<Box<dyn Kernel>> = Some(Box::new(Copy));
                steps.push(Step { kernel, ins, out: place, len: v.elems(), value: g.out(id), name: v.name.clone(), round });
            }
            self.place.insert(g.out(id), place);
            inputs.push((g.out(id), v.name.clone(), v.elems(), v.quant.is_none()));
        }
        for i in 0..self.order.len() {
            let id = self.order[i];
            let node = g.node(id);
            if node.op == "input" {
                continue;
            }
            if node.op == "const" {
                let data = coded::constant(g, g.out(id)).map_err(|e| e.at(&node.name).hint("float graphs have f32 constants"))?;
                self.place.insert(g.out(id), Place::Const(self.consts.len()));
                self.consts.push(data);
                continue;
            }
            steps.push(self.step(i, id)?);
        }
        let outputs = g.outputs.iter().map(|o| Ok((self.place_of(o.value)?, g.value(o.value).elems()))).collect::<Result<Vec<_>>>()?;
        Ok(FastExec { steps, inputs, outputs, consts: self.consts, slots: self.slots })
    }
    fn place_of(&self, v: ValueId) -> Result<Place> {
        self.place.get(&v).copied().ok_or_else(|| Error::new(Code::Internal, format!("`{}` has no place", self.g.value(v).name)))
    }
    fn step(&mut self, i: usize, id: NodeId) -> Result<Step> {
        let g = self.g;
        let node = g.node(id);
        let reads = g.inputs_of(id);
        let ins = reads.iter().map(|&v| Ok((self.place_of(v)?, g.value(v).elems()))).collect::<Result<Vec<_>>>()?;
        let len = g.value(g.out(id)).elems();
        let (kernel, out): (Option<Box<dyn Kernel>>, _) = if self.is_view(id) {
            (None, ins[0].0)
        } else {
            let site = Site { node, ins: reads.iter().map(|&v| g.value(v)).collect() };
            let k = kernel(&site).map_err(|e| e.at(&node.name))?;
            (Some(k), Place::Slot(self.allocate(len)))
        };
        let value = g.value(g.out(id));
        let round = value.quant.as_ref().filter(|_| kernel.is_some()).map(|q| (q.clone(), value.shape.clone()));
        self.place.insert(g.out(id), out);
        let mut done: BTreeSet<ValueId> = reads.into_iter().map(|v| self.storage(v)).collect();
        done.insert(self.storage(g.out(id)));
        for v in done {
            // A result that nobody reads is free again at once, after the observer has seen it.
            if self.last.get(&v).is_none_or(|&l| l <= i)
                && let Some(&Place::Slot(s)) = self.place.get(&v)
            {
                self.free.insert(s);
            }
        }
        Ok(Step { kernel, ins, out, len, value: g.out(id), name: node.name.clone(), round })
    }
}
