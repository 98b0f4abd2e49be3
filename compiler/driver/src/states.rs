//! Which states there are, and what they start at.

use crate::request::Request;
use mcompc_data::Dataset;
use mcompc_ir::{Code, Error, Graph, Result};

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
