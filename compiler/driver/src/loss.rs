//! The measured difference between the integer library and the float model.

use crate::firmware::Firmware;
use crate::progress::Progress;
use crate::request::Request;
use crate::sequence::{Sequence, in_chunks};
use crate::stages::{Compiled, build, float_outputs};
use crate::verify::{Agreement, Integers, Native, Runner};
use mcompc_data::Dataset;
use mcompc_interp::FastExec;
use mcompc_ir::Result;
use mcompc_report::Loss;
use mcompc_target::{Backend, Target};

/// At most so many samples: the figure is for the report, `mcompc verify` measures on everything.
const SAMPLES: usize = 256;

/// Samples held in memory at a time.
const CHUNK: usize = 32;

/// Compares both sides on the calibration samples. Native code computes the integer side: the target's own where it runs here, else the
/// host's, which gives the same bytes, as does the integer executor where the host has no code for the graph or is no target. `None` without data.
///
/// # Errors
/// Those of reading the data again and of building for the host.
pub fn measure(o: &Request, c: &Compiled, progress: &dyn Progress) -> Result<Option<Loss>> {
    let Some(path) = &o.calib else { return Ok(None) };
    let graph = &c.quantized.graph;
    let runner: Box<dyn Runner> = match Target::host() {
        _ if o.target.runs_here() => Box::new(Native::new(&c.built, graph)?),
        // The host may not have what the target has, such as a way to unpack weights of three bits.
        Ok(host) => match build(&o.name, &c.front.sha256, graph, (&host, Backend::Cranelift), &Firmware::default(), progress) {
            Ok(built) => Box::new(Native::new(&built, graph)?),
            Err(_) => Box::new(Integers::new(graph)?),
        },
        Err(_) => Box::new(Integers::new(graph)?),
    };
    let fast = FastExec::new(&c.front.canonical)?;
    let mut sequence = Sequence::new(&c.front, graph)?;
    let data = Dataset::open(path)?;
    let samples = data.samples(&c.front.inputs)?;
    let mut sum = Agreement::new(graph);
    // Calibration needs no labels, so those that are no classes of the first output are none; `verify` refuses them.
    let fits = |l: &Vec<i64>| crate::verify::classes(l, sum.classes()).is_ok();
    let labels = data.labels(&c.front.inputs, samples.total()).ok().flatten().filter(fits);
    let total = samples.total().min(SAMPLES);
    in_chunks(samples, (total, CHUNK), (progress, "measuring the loss"), |chunk| {
        let steps = sequence.steps(chunk)?;
        let inputs: Vec<_> = steps.iter().map(|s| s.1.clone()).collect();
        let int = runner.run_all(&inputs)?;
        for ((real, int), s) in float_outputs(&fast, &steps)?.iter().zip(&int).zip(chunk) {
            sum.add(real, int, labels.as_ref().and_then(|l| l.get(s.index)).copied())?;
        }
        Ok(())
    })?;
    Ok(Some(sum.loss("calibration")))
}
