//! Matrix products.

use crate::build::{Builder, elems, float, int};

pub fn gemm(b: &mut Builder<'_>) -> Option<usize> {
    let x = match b.find(|v| v.shape.len() == 2) {
        Some(x) if !b.s.chance(30) => x,
        // What comes before is flattened first, as networks do.
        _ => {
            let x = b.operand(2..=5);
            let s = b.shape(x);
            if s.len() == 2 { x } else { b.apply("Flatten", &[x], vec![], vec![s[0], elems(&s[1..])]) }
        }
    };
    let s = b.shape(x);
    let trans_a = b.s.chance(8);
    let (m, k) = if trans_a { (s[1], s[0]) } else { (s[0], s[1]) };
    let n = b.s.pick(&[1, 2, 3, 4, 5, 8, 10, 16, 17, 31, 33, 40]);
    if !b.room(&[m, n], m * n * k) || k * n > crate::build::MAX_ELEMS {
        return None;
    }
    b.work += m * n * k;
    let trans_b = b.s.chance(60);
    let shape = if trans_b { [n, k] } else { [k, n] };
    let data = b.weights(&shape, usize::from(!trans_b), k);
    let weights = b.floats(&shape, &data);
    let mut inputs = vec![b.name(x), weights];
    if b.opset < 11 || b.s.chance(75) {
        let shape = match b.s.below(8) {
            4 => vec![1, n],
            5 => vec![1],
            6 if b.opset >= 11 => vec![],
            7 => vec![m, n],
            _ => vec![n],
        };
        let data = b.bias(elems(&shape));
        let name = b.floats(&shape, &data);
        inputs.push(name);
    }
    let (alpha, beta) = (b.s.pick(&[1.0, 0.5, -2.0]), b.s.pick(&[1.0, 0.25, 0.0, -1.0]));
    let mut list = Vec::new();
    b.defaulted(&mut list, float("alpha", alpha), alpha == 1.0);
    b.defaulted(&mut list, float("beta", beta), beta == 1.0);
    b.defaulted(&mut list, int("transA", i64::from(trans_a)), !trans_a);
    b.defaulted(&mut list, int("transB", i64::from(trans_b)), !trans_b);
    Some(b.node("Gemm", &inputs, list, vec![m, n]))
}

pub fn matmul(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let s = b.shape(x);
    if b.s.chance(30) {
        // Two computed tensors: x times its own transpose.
        let rank = s.len();
        if rank < 2 || !b.room(&[elems(&s[..rank - 1]), s[rank - 2]], elems(&s) * s[rank - 2]) {
            return None;
        }
        let mut perm: Vec<i64> = (0..rank as i64).collect();
        perm.swap(rank - 1, rank - 2);
        let mut shape = s.clone();
        shape.swap(rank - 1, rank - 2);
        let y = b.apply("Transpose", &[x], vec![crate::build::ints("perm", perm)], shape);
        let mut shape = s.clone();
        shape[rank - 1] = s[rank - 2];
        return Some(b.apply("MatMul", &[x, y], vec![], shape));
    }
    let rank = s.len();
    let n = b.s.pick(&[4, 1, 2, 3, 5, 8, 13, 16, 17, 33]);
    let left = rank >= 2 && b.s.chance(12);
    let k = if left { s[rank - 2] } else { s[rank - 1] };
    let (shape, mut out) = (if left { vec![n, k] } else { vec![k, n] }, s.clone());
    let at = if left { rank - 2 } else { rank - 1 };
    out[at] = n;
    if !b.room(&out, elems(&out) * k) || k * n > crate::build::MAX_ELEMS {
        return None;
    }
    b.work += elems(&out) * k;
    let data = b.weights(&shape, usize::from(!left), k);
    // A vector; leading dimensions of 1, as exporters write them.
    let stored = match b.s.below(8) {
        5 if !left && rank > 1 && n == 1 => {
            out.pop();
            vec![k]
        }
        6 if rank >= 3 => [&[1], &shape[..]].concat(),
        7 if rank >= 4 => [&[1, 1], &shape[..]].concat(),
        _ => shape,
    };
    let w = b.floats(&stored, &data);
    let x = b.name(x);
    let inputs = if left { [w, x] } else { [x, w] };
    Some(b.node("MatMul", &inputs, vec![], out))
}
