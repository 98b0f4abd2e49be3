//! States: which there are, what they start at, and the samples of a sequence one after the other.

use crate::request::Request;
use crate::stages::{Front, codes, reals};
use mcompc_data::{Dataset, Sample};
use mcompc_interp::{Carry, FastExec, FastInt, Scratch};
use mcompc_ir::{Code, Error, Graph, Result, Tensor};

/// Inputs of one inference: reals of the float graph's, codes of the integer graph's.
pub type Step = (Vec<Vec<f32>>, Vec<Tensor>);

/// Makes the asked for ties in a graph as it was imported. A state starts at the array of its name in the calibration data, else at zeros.
pub(crate) fn tie(o: &Request, g: &mut Graph) -> Result<()> {
    if o.states.ties.is_empty() && o.states.sequence.is_some() {
        return Err(
            Error::new(Code::Usage, "--sequence says where states start anew, and there are none").hint("name them with --state IN=OUT")
        );
    }
    for (input, output) in &o.states.ties {
        g.tie(input, output)?;
    }
    let Some(path) = o.calib.as_deref().filter(|_| !g.states.is_empty()) else { return Ok(()) };
    let data = Dataset::open(path)?;
    for i in 0..g.states.len() {
        let v = g.value(g.out(g.inputs[g.states[i].input]));
        g.states[i].init = data.start(&v.name, &v.shape)?;
    }
    Ok(())
}

/// Refuses states that are none: their next value is known at compile time.
pub(crate) fn supported(g: &Graph) -> Result<()> {
    let fixed = g.states.iter().find(|s| g.const_of(g.outputs[s.output].value).is_some());
    let Some(s) = fixed else { return Ok(()) };
    let output = &g.outputs[s.output].name;
    let e = Error::new(Code::NoInteger, "the next value of this state does not depend on any input").at(output);
    Err(e.hint("leave this --state out and give the input its constant value"))
}

/// Samples of a file, in order, as inputs of both executors. Where there are states each side is given what its own last step left.
pub struct Sequence<'a> {
    front: &'a Front,
    graph: &'a Graph,
    states: Option<Carried>,
}

struct Carried {
    float: (FastExec, Scratch, Carry<Vec<f32>>),
    int: (FastInt, Carry<Tensor>),
}

impl<'a> Sequence<'a> {
    /// Of the integer graph made from `front`, before its first sample.
    ///
    /// # Errors
    /// Those of planning the executors.
    pub fn new(front: &'a Front, graph: &'a Graph) -> Result<Self> {
        let states = if graph.states.is_empty() {
            None
        } else {
            let exec = FastExec::new(&front.canonical)?;
            let scratch = exec.scratch();
            let float = (exec, scratch, Carry::new(&front.canonical, front.sequence));
            Some(Carried { float, int: (FastInt::new(graph)?, Carry::new(graph, front.sequence)) })
        };
        Ok(Self { front, graph, states })
    }

    /// Inputs of the next samples.
    ///
    /// # Errors
    /// E205 if a sample does not fit the inputs; those of the executors.
    pub fn steps(&mut self, samples: &[Sample]) -> Result<Vec<Step>> {
        samples.iter().map(|s| self.step(s)).collect()
    }

    fn step(&mut self, s: &Sample) -> Result<Step> {
        let (mut x, mut q) = (reals(self.front, s)?, codes(self.front, self.graph, s)?);
        if let Some(Carried { float: (exec, scratch, carry), int: (int, kept) }) = &mut self.states {
            carry.enter(s.index, &mut x);
            let ins: Vec<&[f32]> = x.iter().map(Vec::as_slice).collect();
            carry.leave(&exec.run(scratch, &ins, |_, _| {})?);
            kept.enter(s.index, &mut q);
            kept.leave(&int.run(&q, |_, _| {})?);
        }
        Ok((x, q))
    }
}
