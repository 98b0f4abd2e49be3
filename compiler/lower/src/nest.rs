//! Loop nests over tensors of any rank, for everything that is not a contraction: each operand has a step a dimension, and 0, negative
//! and large steps make repetition, reversal, slices and transposition.

use mcompc_kernel::{Builder, Val};

/// One dimension of a nest: its size, and the bytes from one index to the next in every operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dim {
    pub size: usize,
    pub steps: Vec<i32>,
}

/// Bytes from one index to the next in every dimension of a row-major tensor of codes.
pub fn strides(shape: &[usize]) -> Vec<i32> {
    let mut s = vec![1i32; shape.len()];
    for i in (1..shape.len()).rev() {
        s[i - 1] = s[i] * shape[i] as i32;
    }
    s
}

/// The same nest over elements of so many bytes in each operand.
pub fn scaled(mut dims: Vec<Dim>, sizes: &[usize]) -> Vec<Dim> {
    for d in &mut dims {
        d.steps.iter_mut().zip(sizes).for_each(|(step, size)| *step *= *size as i32);
    }
    dims
}

/// The dimensions of a result of shape `to` and of operands that numpy's rule repeats in it. The result's steps come last.
pub fn broadcast(to: &[usize], from: &[&[usize]]) -> Vec<Dim> {
    let all: Vec<(usize, &[usize], Vec<i32>)> =
        from.iter().chain([&to]).map(|&s| (to.len().saturating_sub(s.len()), s, strides(s))).collect();
    let step = |d: usize, (lead, shape, strides): &(usize, &[usize], Vec<i32>)| match d.checked_sub(*lead) {
        Some(i) if shape[i] == to[d] => strides[i],
        _ => 0,
    };
    (0..to.len()).map(|d| Dim { size: to[d], steps: all.iter().map(|o| step(d, o)).collect() }).collect()
}

/// The same nest without dimensions of 1, and with neighbours as one that all operands walk through as through one. One dimension stays.
pub fn merged(operands: usize, dims: Vec<Dim>) -> Vec<Dim> {
    let mut out: Vec<Dim> = Vec::new();
    for d in dims.into_iter().filter(|d| d.size != 1) {
        match out.last_mut() {
            Some(o) if o.steps.iter().zip(&d.steps).all(|(o, s)| *o == s * d.size as i32) => *o = Dim { size: o.size * d.size, ..d },
            _ => out.push(d),
        }
    }
    if out.is_empty() {
        out.push(Dim { size: 1, steps: vec![1; operands] });
    }
    out
}

/// What does the last dimension, from the addresses given on. It may say where pointers are behind it.
pub type Run<'a> = &'a mut dyn FnMut(&mut Builder, &Dim, &[Val]) -> Vec<Option<Val>>;

/// Loops over all dimensions but the last, the first outermost, from the addresses `at` on.
pub fn nest(b: &mut Builder, dims: &[Dim], at: &[Val], run: Run<'_>) -> Vec<Option<Val>> {
    let (d, rest) = match dims {
        [] => return vec![None; at.len()],
        [last] => return run(b, last, at),
        [d, rest @ ..] => (d, rest),
    };
    // What stands still is not carried.
    let moving: Vec<usize> = (0..at.len()).filter(|&j| d.steps[j] != 0).collect();
    let begin: Vec<Val> = moving.iter().map(|&j| at[j]).collect();
    let ends = b.for_loop(0, d.size as i32, 1, &begin, |b, _, carried| {
        let mut here = at.to_vec();
        moving.iter().zip(carried).for_each(|(&j, &p)| here[j] = p);
        let inner = nest(b, rest, &here, run);
        let next = |&j: &usize| match inner[j] {
            Some(end) if d.steps[j] == rest[0].steps[j] * rest[0].size as i32 => end,
            _ => b.ptr_imm(here[j], d.steps[j]),
        };
        moving.iter().map(next).collect()
    });
    let mut out = vec![None; at.len()];
    moving.iter().zip(ends).for_each(|(&j, p)| out[j] = Some(p));
    out
}

/// What does the last dimension of [`fold`]: from an address and carried values to those behind it.
pub type Step<'a> = &'a mut dyn FnMut(&mut Builder, &Dim, Val, &[Val]) -> Vec<Val>;

/// Loops as [`nest`] over one operand, with values carried from each element to the next.
pub fn fold(b: &mut Builder, dims: &[Dim], at: Val, carried: &[Val], run: Step<'_>) -> Vec<Val> {
    match dims {
        [] => carried.to_vec(),
        [last] => run(b, last, at, carried),
        [d, rest @ ..] => {
            let begin = [&[at], carried].concat();
            let ends = b.for_loop(0, d.size as i32, 1, &begin, |b, _, c| {
                let inner = fold(b, rest, c[0], &c[1..], run);
                [vec![b.ptr_imm(c[0], d.steps[0])], inner].concat()
            });
            ends[1..].to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(list: &[(usize, &[i32])]) -> Vec<Dim> {
        list.iter().map(|(size, steps)| Dim { size: *size, steps: steps.to_vec() }).collect()
    }

    #[test]
    fn operands_repeat_by_the_rule_of_numpy() {
        assert_eq!(broadcast(&[2, 3, 4], &[&[2, 3, 4], &[3, 1]]), dims(&[(2, &[12, 0, 12]), (3, &[4, 1, 4]), (4, &[1, 0, 1])]));
        assert_eq!(broadcast(&[5, 4], &[&[1, 4], &[5, 1]]), dims(&[(5, &[0, 1, 4]), (4, &[1, 0, 1])]));
    }

    #[test]
    fn neighbours_merge_where_all_operands_allow_it() {
        assert_eq!(merged(3, broadcast(&[2, 3, 4], &[&[2, 3, 4], &[2, 3, 4]])), dims(&[(24, &[1, 1, 1])]));
        // A gate [N, 1, 1, C].
        assert_eq!(merged(2, broadcast(&[2, 3, 4, 5], &[&[2, 1, 1, 5]])), dims(&[(2, &[5, 60]), (12, &[0, 5]), (5, &[1, 1])]));
        assert_eq!(merged(2, broadcast(&[1, 3, 1, 5], &[&[]])), dims(&[(15, &[0, 1])]));
        assert_eq!(merged(2, broadcast(&[1, 1], &[&[1]])), dims(&[(1, &[1, 1])]));
        assert_eq!(merged(2, vec![]), dims(&[(1, &[1, 1])]));
        // Reversed neighbours are one reversed dimension.
        assert_eq!(merged(2, dims(&[(3, &[-4, 4]), (4, &[-1, 1])])), dims(&[(12, &[-1, 1])]));
    }
}
