//! The network under construction: values with their shapes, nodes, and the means of the operators' rows to add to them.

use crate::source::Source;
use bytes::Bytes;
use mcompc_onnx::proto::{
    AttributeProto, DimensionProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attr_type,
    data_type,
};

/// Most elements of a tensor.
pub const MAX_ELEMS: usize = 6000;
/// Most multiplications of a network, or what costs as much.
pub const MAX_WORK: usize = 120_000;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An input of the graph.
    Input,
    /// An initializer or Constant, or computed from such alone.
    Constant,
    /// A node that depends on an input.
    Computed,
}

/// A float tensor of the network.
#[derive(Clone, Debug)]
pub struct Val {
    /// ONNX name.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Where it comes from.
    pub origin: Origin,
    /// How many nodes read it.
    pub readers: usize,
}

/// The network so far.
pub struct Builder<'s> {
    /// Choices.
    pub s: &'s mut Source,
    /// Operator set of the model.
    pub opset: i64,
    /// Whether forms are made, too, that docs/status.md says are refused.
    pub beyond: bool,
    /// Float tensors in the order of their making.
    pub values: Vec<Val>,
    /// Nodes in an order in which they can run.
    pub nodes: Vec<NodeProto>,
    /// Initializers.
    pub tensors: Vec<TensorProto>,
    /// Multiplications so far.
    pub work: usize,
    names: usize,
}

/// Number of elements of a shape.
pub fn elems(shape: &[usize]) -> usize {
    shape.iter().product()
}

impl<'s> Builder<'s> {
    /// An empty network.
    pub fn new(s: &'s mut Source, opset: i64, beyond: bool) -> Self {
        Self { s, opset, beyond, values: Vec::new(), nodes: Vec::new(), tensors: Vec::new(), work: 0, names: 0 }
    }

    /// A name that nothing has yet.
    pub fn fresh(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    /// Adds an input of the graph.
    pub fn input(&mut self, shape: Vec<usize>) -> usize {
        let name = self.fresh("x");
        self.values.push(Val { name, shape, origin: Origin::Input, readers: 0 });
        self.values.len() - 1
    }

    /// Shape of a value.
    pub fn shape(&self, v: usize) -> Vec<usize> {
        self.values[v].shape.clone()
    }

    /// Whether a tensor of this shape and `work` more multiplications stay within the limits.
    pub fn room(&self, shape: &[usize], work: usize) -> bool {
        elems(shape) <= MAX_ELEMS && !shape.contains(&0) && self.work + work <= MAX_WORK
    }

    /// A value that is not constant and that `fits`, mostly the latest; `None` where there is none.
    pub fn find(&mut self, fits: impl Fn(&Val) -> bool) -> Option<usize> {
        let list: Vec<usize> =
            (0..self.values.len()).rev().filter(|&i| self.values[i].origin != Origin::Constant && fits(&self.values[i])).collect();
        if list.is_empty() {
            return None;
        }
        let at = if self.s.chance(30) { self.s.below(list.len()) } else { 0 };
        Some(list[at])
    }

    /// A value of one of these ranks, as an operator's first operand: a computed one, rarely a constant or an input of its own.
    pub fn operand(&mut self, ranks: std::ops::RangeInclusive<usize>) -> usize {
        let special = self.s.below(60);
        if special == 59 {
            let shape = self.new_shape(&ranks);
            return self.constant_value(shape);
        }
        let found = if special == 58 { None } else { self.find(|v| ranks.contains(&v.shape.len())) };
        found.unwrap_or_else(|| {
            let shape = self.new_shape(&ranks);
            self.input(shape)
        })
    }

    /// A shape of one of these ranks for an input.
    pub fn new_shape(&mut self, ranks: &std::ops::RangeInclusive<usize>) -> Vec<usize> {
        let rank = if ranks.contains(&4) { 4 } else { self.s.range(*ranks.start(), *ranks.end()) };
        self.shape_of_rank(rank)
    }

    /// A shape with this many dimensions.
    pub fn shape_of_rank(&mut self, rank: usize) -> Vec<usize> {
        let batch = |s: &mut Source| if s.chance(20) { s.pick(&[2, 3, 4]) } else { 1 };
        match rank {
            4 => {
                let n = batch(self.s);
                let c = self.s.pick(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 19, 24, 31, 32, 33]);
                let (mut h, mut w) = (self.s.range(1, 12), self.s.range(1, 12));
                match self.s.below(12) {
                    10 => h = 1,
                    11 => w = 1,
                    _ => {}
                }
                while n * c * h * w > MAX_ELEMS / 3 {
                    (h, w) = (h.div_ceil(2), w.div_ceil(2));
                }
                vec![n, c, h, w]
            }
            1 => vec![self.s.range(1, 40)],
            _ => {
                let n = batch(self.s);
                let mut shape = vec![n];
                for _ in 1..rank {
                    let most = if rank == 2 { 70 } else { 9 };
                    shape.push(self.s.range(1, most));
                }
                while elems(&shape) > MAX_ELEMS / 3 {
                    shape.iter_mut().for_each(|d| *d = d.div_ceil(2));
                }
                shape
            }
        }
    }

    /// Adds a node with one output that is read; its value.
    pub fn node(&mut self, op: &str, inputs: &[String], attribute: Vec<AttributeProto>, shape: Vec<usize>) -> usize {
        self.several(op, inputs, attribute, vec![shape])[0]
    }

    /// Adds a node with outputs of these shapes; their values.
    pub fn several(&mut self, op: &str, inputs: &[String], attribute: Vec<AttributeProto>, shapes: Vec<Vec<usize>>) -> Vec<usize> {
        let name = self.fresh(&format!("{op}_"));
        let outs: Vec<String> = shapes.iter().map(|_| self.fresh("t")).collect();
        let mut constant = true;
        for v in &mut self.values {
            if inputs.contains(&v.name) {
                v.readers += 1;
                constant &= v.origin == Origin::Constant;
            }
        }
        let node = NodeProto {
            op_type: Some(op.into()),
            name: Some(name),
            input: inputs.to_vec(),
            output: outs.clone(),
            attribute,
            ..Default::default()
        };
        self.nodes.push(node);
        self.work += shapes.iter().map(|s| elems(s)).sum::<usize>();
        let origin = if constant { Origin::Constant } else { Origin::Computed };
        let first = self.values.len();
        self.values.extend(outs.into_iter().zip(shapes).map(|(name, shape)| Val { name, shape, origin, readers: 0 }));
        (first..self.values.len()).collect()
    }

    /// Adds a node whose result no other row may read, since it is no float: its name.
    pub fn hidden(&mut self, op: &str, inputs: &[String], attribute: Vec<AttributeProto>, shape: Vec<usize>) -> String {
        let v = self.node(op, inputs, attribute, shape);
        let name = self.name(v);
        self.values.truncate(v);
        name
    }

    /// A hidden result that depends on value `x`, as floats.
    pub fn as_floats(&mut self, x: usize, hidden: String, shape: Vec<usize>) -> usize {
        let origin = if self.values[x].origin == Origin::Constant { Origin::Constant } else { Origin::Computed };
        let v = self.node("Cast", &[hidden], vec![int("to", data_type::FLOAT.into())], shape);
        self.values[v].origin = origin;
        v
    }

    /// As [`Builder::node`], on values.
    pub fn apply(&mut self, op: &str, inputs: &[usize], attribute: Vec<AttributeProto>, shape: Vec<usize>) -> usize {
        let names: Vec<String> = inputs.iter().map(|&v| self.values[v].name.clone()).collect();
        self.node(op, &names, attribute, shape)
    }

    /// Name of a value.
    pub fn name(&self, v: usize) -> String {
        self.values[v].name.clone()
    }

    /// `axis` of a tensor of `rank` dimensions as ONNX writes it: from the end sometimes, where opset 11 allows it.
    pub fn axis(&mut self, axis: usize, rank: usize) -> i64 {
        if self.opset >= 11 && self.s.chance(40) { axis as i64 - rank as i64 } else { axis as i64 }
    }

    /// Adds an attribute, or leaves it out where it has its default.
    pub fn defaulted(&mut self, list: &mut Vec<AttributeProto>, attribute: AttributeProto, is_default: bool) {
        if !is_default || self.s.chance(40) {
            list.push(attribute);
        }
    }
}

/// An integer attribute.
pub fn int(name: &str, v: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INT), i: Some(v), ..Default::default() }
}
/// A float attribute.
pub fn float(name: &str, v: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::FLOAT), f: Some(v), ..Default::default() }
}
/// An attribute of several integers.
pub fn ints(name: &str, v: impl IntoIterator<Item = i64>) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INTS), ints: v.into_iter().collect(), ..Default::default() }
}
/// A text attribute.
pub fn string(name: &str, v: &str) -> AttributeProto {
    let s = Some(Bytes::copy_from_slice(v.as_bytes()));
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::STRING), s, ..Default::default() }
}
/// A tensor attribute.
pub fn tensor(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::TENSOR), t: Some(Box::new(t)), ..Default::default() }
}
/// Dimensions as ONNX's attributes have them.
pub fn longs(v: &[usize]) -> Vec<i64> {
    v.iter().map(|&x| x as i64).collect()
}

/// The declaration of a float tensor.
pub fn declare(name: &str, shape: Option<&[usize]>) -> ValueInfoProto {
    let dim = |&d: &usize| DimensionProto { dim_value: Some(d as i64), ..Default::default() };
    let shape = shape.map(|s| TensorShapeProto { dim: s.iter().map(dim).collect() });
    let t = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(t), ..Default::default() }) }
}
