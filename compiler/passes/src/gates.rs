//! Products where one number serves a run of elements take the shape of a gate on channels, [N, H, 1, C] by [N, 1, 1, C].
//!
//! That is the product of different shapes that has a kernel. Any product fits it whose smaller operand repeats over neighbouring
//! dimensions: the ones before count as N, those it repeats over as H, the ones behind as C.

use crate::edit::{add_reshape, nodes_of, rewire_behind};
use mcompc_ir::{Graph, Result};

/// The pass.
pub fn run(g: &mut Graph) -> Result<usize> {
    let mut changes = 0;
    for n in nodes_of(g, &["Mul"])? {
        let ins = g.inputs_of(n);
        let out = g.value(g.out(n)).shape.clone();
        let gate = ins.iter().position(|&v| g.value(v).shape != out);
        let Some(port) = gate.filter(|&p| g.value(ins[1 - p]).shape == out && ins.iter().all(|&v| g.const_of(v).is_none())) else { continue };
        let Some([n1, h1, c1]) = runs(&g.value(ins[port]).shape, &out) else { continue };
        if out.len() == 4 && g.value(ins[port]).shape == [out[0], 1, 1, out[3]] {
            continue;
        }
        let x = add_reshape(g, ins[1 - port], &[n1, h1, 1, c1])?;
        let k = add_reshape(g, ins[port], &[n1, 1, 1, c1])?;
        g.set_inputs(n, &[x, k]);
        rewire_behind(g, n, |g, v| add_reshape(g, v, &out))?;
        changes += 1;
    }
    Ok(changes)
}

// Elements before, in and behind the run of dimensions over which `gate` repeats in `to`; none where there are several runs.
fn runs(gate: &[usize], to: &[usize]) -> Option<[usize; 3]> {
    let mut parts = [1; 3];
    let mut at = 0;
    if gate.len() != to.len() {
        return None;
    }
    for (&g, &d) in gate.iter().zip(to).filter(|&(_, &d)| d != 1) {
        match (g == d, at) {
            (true, 1) => at = 2,
            (false, 0) => at = 1,
            (false, 2) => return None,
            _ => {}
        }
        parts[at] *= d;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn one_run_of_dimensions() {
        assert_eq!(runs(&[2, 1, 1, 5], &[2, 3, 4, 5]), Some([2, 12, 5]));
        assert_eq!(runs(&[2, 5, 1, 1], &[2, 5, 3, 4]), Some([10, 12, 1]));
        assert_eq!(runs(&[1, 1, 3, 4], &[1, 5, 3, 4]), Some([1, 5, 12]));
        assert_eq!(runs(&[1, 1], &[3, 4]), Some([1, 12, 1]));
        assert_eq!(runs(&[2, 1, 3, 1], &[2, 5, 3, 4]), None);
        assert_eq!(runs(&[1, 3, 1], &[2, 3, 4]), None);
    }
}
