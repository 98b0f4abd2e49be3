//! Figures over many samples, in one pass: same prediction, what it should cost, squared error over variance, paired difference of top-1. An output that joins
//! parts is judged by its worst part: what is large in one must not hide what is lost in another.

use mcompc_compress::{largest, less_probable};
use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Quant, Result, Tensor, Value, ValueId};
use mcompc_ops::{is_move, real};
use mcompc_report::{Changed, Class, Criterion, Loss, Top1};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
    error: f64,
}

impl Moments {
    fn add(&mut self, real: f64, int: f64) {
        self.n += 1.0;
        self.sum += real;
        self.squares += real * real;
        self.error += (real - int) * (real - int);
    }
    /// Over the mean square where nothing varies: a constant is kept if its error is small beside itself.
    fn error_over_variance(self) -> f64 {
        if self.n == 0.0 || self.error == 0.0 {
            return 0.0;
        }
        let (mean, square, error) = (self.sum / self.n, self.squares / self.n, self.error / self.n);
        let variance = square - mean * mean;
        // Differences of large sums of squares are rounding errors below this.
        if variance > 1e-12 * square {
            error / variance
        } else if square > 0.0 {
            error / square
        } else {
            f64::MAX
        }
    }
}

/// Running sums.
pub struct Agreement {
    criterion: Criterion,
    /// Elements of the first output that are one prediction: its classes.
    classes: usize,
    outputs: Vec<Figures>,
    samples: usize,
    /// Predictions: one or more a sample.
    positions: usize,
    same: usize,
    /// Sum, and sum of squares, of what the float model gives its own choice more than the library's.
    missed: (f64, f64),
    /// Whether the first output holds probabilities already.
    probabilities: bool,
    labelled: usize,
    float_right: usize,
    int_right: usize,
    /// Samples only one side gets right: float, integer.
    only: (usize, usize),
    /// The first predictions that changed.
    changed: Vec<Changed>,
    /// Of each label: samples, those that the float model gets right, and what the library takes them for.
    by_class: BTreeMap<usize, (usize, usize, BTreeMap<usize, usize>)>,
}

struct Figures {
    name: String,
    /// Whether it is only what the next step is given.
    state: bool,
    elems: usize,
    quant: Option<Quant>,
    all: Moments,
    parts: Vec<Moments>,
    /// Part of every element, where there is more than one.
    part_of: Vec<u32>,
}

impl Figures {
    /// The output's own figure, or that of its worst part.
    fn worst(&self) -> f64 {
        self.parts.iter().map(|m| m.error_over_variance()).fold(self.all.error_over_variance(), f64::max)
    }
}

/// For every element of a value the operand of the last concatenations that it comes from; counts the operands in `parts`.
fn part_of(g: &Graph, v: ValueId, parts: &mut u32) -> Result<Vec<u32>> {
    // A filling belongs to no part; what it surrounds does not say where it ends.
    let follows = |v: ValueId| is_move(&g.node(v.node).op) || g.node(v.node).op == "Concat";
    // Everything on the way, then operands before those that read them: graphs may be deeper than the stack.
    let (mut seen, mut list) = (BTreeSet::from([v]), vec![v]);
    while let Some(v) = list.pop() {
        if follows(v) {
            list.extend(g.inputs_of(v.node).into_iter().filter(|x| seen.insert(*x)));
        }
    }
    let mut known: BTreeMap<ValueId, Tensor> = BTreeMap::new();
    for id in g.topo()? {
        let (node, out) = (g.node(id), g.out(id));
        if !seen.contains(&out) {
            continue;
        }
        let parts_of = if follows(out) {
            let ins = g.inputs_of(id);
            let reads: Vec<Value> = ins.iter().map(|&x| Value { dtype: DType::I32, ..real(g.value(x)) }).collect();
            let tensors: Vec<Tensor> = ins.iter().filter_map(|x| known.get(x).cloned()).collect();
            let node = Node { outs: vec![], ..node.clone() };
            mcompc_ops::eval(&node, &reads.iter().collect::<Vec<_>>(), &tensors.iter().collect::<Vec<_>>())?.swap_remove(0)
        } else {
            *parts += 1;
            let value = g.value(out);
            Tensor::from_i32(value.shape.clone(), &vec![*parts as i32 - 1; value.elems()])?
        };
        known.insert(out, parts_of);
    }
    let parts_of = known.get(&v).map(Tensor::as_i32).transpose()?.unwrap_or_default();
    Ok(parts_of.iter().map(|&p| p as u32).collect())
}

/// What gives probabilities.
const SOFTMAX: &str = "q.softmax";

/// The node that computes a value, whatever its shape became.
fn source(g: &Graph, v: ValueId) -> NodeId {
    let mut n = v.node;
    while g.node(n).op == "Reshape"
        && let Some(v) = g.inputs_of(n).first()
    {
        n = v.node;
    }
    n
}

/// By how much the first choice is more probable than the second under the float model's scores.
fn ahead(scores: &[f64], first: usize, second: usize, probabilities: bool) -> f64 {
    if probabilities {
        return (scores[first] - scores[second]).max(0.0);
    }
    less_probable(scores, first, second)
}

/// How the first output is judged, and how many of its elements are one prediction. A classifier's comes from a softmax, whose axis holds the
/// classes, or is one vector shorter than the inputs together; an autoencoder's is not, and nor is one that joins parts, as a detector's.
fn criterion(g: &Graph, parts: usize) -> (Criterion, usize) {
    let Some(out) = g.outputs.first() else { return (Criterion::Error, 1) };
    let n = source(g, out.value);
    let given = g.inputs.iter().enumerate().filter(|(i, _)| g.state_of_input(*i).is_none());
    let (shape, inputs) = (&g.value(out.value).shape, given.map(|(_, &n)| g.value(g.out(n)).elems()).sum());
    let elems = g.value(out.value).elems();
    let last = |shape: &[usize]| shape.last().copied().filter(|&d| d > 1).unwrap_or(elems);
    if g.node(n).op == SOFTMAX {
        return (Criterion::Top1, last(&g.value(g.out(n)).shape));
    }
    let vector = shape.iter().filter(|&&d| d > 1).count() == 1;
    let classes = if vector { elems } else { last(shape) };
    (if vector && elems < inputs && parts < 2 { Criterion::Top1 } else { Criterion::Error }, classes)
}

impl Agreement {
    /// For the outputs of an integer graph.
    pub fn new(integer: &Graph) -> Self {
        let figures = |(i, o): (usize, &mcompc_ir::Output)| {
            let (mut parts, all) = (0, Moments::default());
            // A graph that cannot be followed is judged as a whole.
            let part_of = part_of(integer, o.value, &mut parts).unwrap_or_default();
            let (parts, part_of) = if parts > 1 { (vec![all; parts as usize], part_of) } else { (vec![], vec![]) };
            let value = integer.value(o.value);
            Figures {
                name: o.name.clone(),
                state: integer.is_next_state(i),
                elems: value.elems(),
                quant: value.quant.clone(),
                all,
                parts,
                part_of,
            }
        };
        let outputs: Vec<Figures> = integer.outputs.iter().enumerate().map(figures).collect();
        let (criterion, classes) = criterion(integer, outputs.first().map_or(0, |f| f.parts.len()));
        let probabilities = integer.outputs.first().is_some_and(|o| integer.node(source(integer, o.value)).op == SOFTMAX);
        Self {
            criterion,
            classes,
            outputs,
            samples: 0,
            positions: 0,
            same: 0,
            missed: (0.0, 0.0),
            probabilities,
            labelled: 0,
            float_right: 0,
            int_right: 0,
            only: (0, 0),
            changed: Vec::new(),
            by_class: BTreeMap::new(),
        }
    }

    /// One sample: outputs of the float model, those of the library, and the label if there is one.
    ///
    /// # Errors
    /// E009 if the two sides have outputs of different sizes.
    pub fn add(&mut self, real: &[Vec<f32>], int: &[Tensor], label: Option<i64>) -> Result<()> {
        self.samples += 1;
        for (i, (f, (r, q))) in self.outputs.iter_mut().zip(real.iter().zip(int)).enumerate() {
            let r: Vec<f64> = r.iter().map(|&v| f64::from(v)).collect();
            let (scale, zero) = f.quant.as_ref().map_or((1.0, 0), |q| (q.step(), q.zero_point()));
            let q: Vec<f64> = q.to_i64_vec()?.iter().map(|&v| scale * (v - i64::from(zero)) as f64).collect();
            if r.len() != q.len() || r.is_empty() {
                return Err(Error::new(Code::Internal, format!("{} outputs of the float model, {} of the library", r.len(), q.len())));
            }
            for (at, (&r, &q)) in r.iter().zip(&q).enumerate() {
                f.all.add(r, q);
                if let Some(part) = f.part_of.get(at).and_then(|&p| f.parts.get_mut(p as usize)) {
                    part.add(r, q);
                }
            }
            if i == 0 {
                for (position, (r, q)) in r.chunks(self.classes.max(1)).zip(q.chunks(self.classes.max(1))).enumerate() {
                    self.positions += 1;
                    let (theirs, ours) = (largest(r), largest(q));
                    self.same += usize::from(theirs == ours);
                    let missed = if theirs == ours { 0.0 } else { ahead(r, theirs, ours, self.probabilities) };
                    if theirs != ours && self.changed.len() < Loss::LISTED {
                        self.changed.push(Changed { sample: self.samples - 1, position, float: theirs, int: ours });
                    }
                    self.missed = (self.missed.0 + missed, self.missed.1 + missed * missed);
                }
                if let Some(y) = label {
                    let (a, b) = (largest(&r), largest(&q));
                    let (fr, ir) = (a as i64 == y, b as i64 == y);
                    self.labelled += 1;
                    self.float_right += usize::from(fr);
                    self.int_right += usize::from(ir);
                    self.only.0 += usize::from(fr && !ir);
                    self.only.1 += usize::from(ir && !fr);
                    let class = self.by_class.entry(y as usize).or_default();
                    class.0 += 1;
                    class.1 += usize::from(fr);
                    *class.2.entry(b).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// The outputs that the loss is judged by: states count as far as they show in others, and for themselves where there are no others.
    fn judged(&self) -> impl Iterator<Item = &Figures> {
        let only = self.outputs.iter().all(|f| f.state);
        self.outputs.iter().filter(move |f| only || !f.state)
    }

    /// The expected loss of accuracy in points, and half of its 95 % interval.
    fn expected(&self) -> (f64, f64) {
        let n = self.positions.max(1) as f64;
        let (mean, square) = (self.missed.0 / n, self.missed.1 / n);
        (100.0 * mean, 196.0 * ((square - mean * mean).max(0.0) / n).sqrt())
    }

    /// Agreement with the float model; `data` names the samples.
    pub fn loss(&self, data: &str) -> Loss {
        Loss {
            data: data.into(),
            samples: self.samples,
            top1_agreement: if self.positions == 0 { 0.0 } else { self.same as f64 / self.positions as f64 },
            expected_loss: self.expected().0,
            expected_within: self.expected().1,
            predictions: self.positions,
            error_over_variance: self.judged().map(Figures::worst).fold(0.0, f64::max),
            per_output: self.outputs.iter().map(|f| (f.name.clone(), f.worst())).collect(),
            criterion: self.criterion,
            limit: None,
            changed: self.changed.clone(),
            top1: self.top1(),
        }
    }

    /// Labelled samples class by class, by number.
    pub fn by_class(&self) -> Vec<Class> {
        let row = |(&class, (samples, float, taken)): (&usize, &(usize, usize, BTreeMap<usize, usize>))| Class {
            class,
            samples: *samples,
            float: *float,
            int: taken.get(&class).copied().unwrap_or(0),
            taken_for: taken.iter().filter(|(c, _)| **c != class).map(|(&c, &n)| (c, n)).collect(),
        };
        self.by_class.iter().map(row).collect()
    }

    /// Classes of the first output, where a sample has one prediction.
    pub fn classes(&self) -> Option<usize> {
        self.outputs.first().map(|f| f.elems).filter(|&n| n == self.classes)
    }

    /// Top-1 of both sides, if there were labels.
    pub fn top1(&self) -> Option<Top1> {
        if self.labelled == 0 {
            return None;
        }
        let n = self.labelled as f64;
        let (lost, won) = (self.only.0 as f64 / n, self.only.1 as f64 / n);
        let difference = won - lost;
        // Each sample's difference is -1, 0 or 1: its variance follows from the two counts.
        let deviation = ((won + lost - difference * difference).max(0.0) / n).sqrt();
        Some(Top1 {
            samples: self.labelled,
            float: self.float_right as f64 / n,
            int: self.int_right as f64 / n,
            difference,
            interval: (difference - 1.96 * deviation, difference + 1.96 * deviation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_ir::{DType, Output, Value};

    fn graph() -> Graph {
        let mut g = Graph::new("g");
        let v = g.add_input(Value::new("y", DType::I8, [1, 2]).with_quant(0.5, 0));
        g.outputs.push(Output { name: "y".into(), value: v });
        g
    }

    #[test]
    fn figures_by_hand() {
        let mut a = Agreement::new(&graph());
        let t = |v: [f32; 2]| vec![v.to_vec()];
        let q = |v: [i8; 2]| vec![Tensor::from_i8([1, 2], &v).unwrap()];
        a.add(&t([1.0, 0.0]), &q([2, 0]), Some(0)).unwrap(); // both right, no error
        a.add(&t([1.0, 0.0]), &q([0, 2]), Some(0)).unwrap(); // only float right, error 2
        a.add(&t([1.0, 0.0]), &q([0, 0]), Some(1)).unwrap(); // both wrong: of equal codes the first counts, error 1
        a.add(&t([0.0, 1.0]), &q([0, 2]), None).unwrap(); // without label
        let l = a.loss("x");
        assert_eq!((l.samples, l.top1_agreement), (4, 0.75));
        // One of four predictions is another, which the scores 1 and 0 give 0.462 less probability.
        let p = 0.462_117_157_260_009_8;
        assert!((l.expected_loss - 25.0 * p).abs() < 1e-9, "{}", l.expected_loss);
        assert!((l.expected_within - 196.0 * p * (3f64 / 64.0).sqrt()).abs() < 1e-9, "{}", l.expected_within);
        // Mean squared error 3/8 over the variance of four ones and four zeros.
        assert!((l.error_over_variance - (3.0 / 8.0) / 0.25).abs() < 1e-12);
        let t = a.top1().unwrap();
        assert_eq!(t.samples, 3);
        assert!((t.float - 2.0 / 3.0).abs() < 1e-12 && (t.int - 1.0 / 3.0).abs() < 1e-12);
        // Differences 0, -1, 0: mean -1/3, variance 2/9, deviation of the mean sqrt(2/27).
        let d = (2f64 / 27.0).sqrt();
        assert!((t.difference + 1.0 / 3.0).abs() < 1e-12 && (t.interval.1 - (1.96 * d - 1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn a_part_is_not_hidden_by_another() {
        let mut g = Graph::new("g");
        let v = |name: &str, n: usize| Value::new(name, DType::I8, [1, n, 2]).with_quant(100.0, 0);
        let (a, b) = (g.add_input(v("boxes", 1)), g.add_input(v("scores", 2)));
        let id = mcompc_ops::add_op(&mut g, "cat", "Concat", mcompc_ir::Attrs::new().with("axis", 1i64), &[a, b], "cat", None).unwrap();
        let (cat, perm) = (g.out(id), mcompc_ir::Attrs::new().with("perm", vec![2, 1, 0]));
        let id = mcompc_ops::add_op(&mut g, "t", "Transpose", perm, &[cat], "t", None).unwrap();
        let back = mcompc_ir::Attrs::new().with("starts", vec![1, 0, 0]).with("sizes", vec![2, 3, 1]).with("steps", vec![-1, 1, 1]);
        let turned = g.out(id);
        let id = mcompc_ops::add_op(&mut g, "back", "Slice", back, &[turned], "y", None).unwrap();
        g.outputs.push(Output { name: "y".into(), value: g.out(id) });
        // Boxes are exact, scores are all lost: by columns box, score, score.
        let mut agreement = Agreement::new(&g);
        let real = vec![vec![100.0, 0.0, 1.0, 400.0, 1.0, 0.0]];
        agreement.add(&real, &[Tensor::from_i8([2, 3, 1], &[1, 0, 0, 4, 0, 0]).unwrap()], None).unwrap();
        let l = agreement.loss("x");
        assert_eq!(l.criterion, Criterion::Error);
        // Mean squared error 1/2 over a variance of 1/4.
        assert!((l.error_over_variance - 2.0).abs() < 1e-12 && l.per_output[0].1 == l.error_over_variance, "{l:?}");
    }

    #[test]
    fn nothing_measured_is_nothing_claimed() {
        let a = Agreement::new(&graph());
        assert_eq!((a.loss("x").top1_agreement, a.top1()), (0.0, None));
    }
}
