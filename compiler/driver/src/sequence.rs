//! The samples of a sequence one after the other, states carried.

use crate::progress::Progress;
use crate::stages::{Front, Step, codes, reals};
use mcompc_data::Sample;
use mcompc_interp::{Carry, FastExec, FastInt, Scratch};
use mcompc_ir::{Graph, Result, Tensor};

/// Gives `total` samples to `work`, at most `size` at a time, and tells of them.
///
/// # Errors
/// Those of reading and of the work.
pub(crate) fn in_chunks(
    samples: impl Iterator<Item = Result<Sample>>,
    (total, size): (usize, usize),
    (progress, what): (&dyn Progress, &str),
    mut work: impl FnMut(&[Sample]) -> Result<()>,
) -> Result<()> {
    progress.begin(what, Some(total as u64));
    let mut samples = samples.take(total);
    let result = (|| {
        loop {
            let chunk = samples.by_ref().take(size).collect::<Result<Vec<Sample>>>()?;
            if chunk.is_empty() {
                return Ok(());
            }
            work(&chunk)?;
            progress.step(chunk.len() as u64);
        }
    })();
    progress.end();
    result
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
