//! Pooling over two spatial dimensions.

use super::window::{Allowed, is_ceil, window};
use crate::build::{Builder, int, ints};

fn pool(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let mut w = window(b, [s[2], s[3]], Allowed { conv: false, ceil: b.opset >= 10 });
    let shape = vec![s[0], s[1], w.out[0], w.out[1]];
    let work = shape.iter().product::<usize>() * w.kernel[0] * w.kernel[1];
    if !b.room(&shape, work / 2) {
        return None;
    }
    b.work += work / 2;
    if op == "MaxPool" {
        if b.opset >= 8 {
            b.defaulted(&mut w.attributes, int("storage_order", 0), true);
        }
        if b.opset >= 10 && b.s.chance(20) {
            w.attributes.push(ints("dilations", [1, 1]));
        }
    } else {
        // Executors do not agree on the divisor of windows that ceil_mode lets pass the edge: refused, docs/status.md.
        let include = b.s.chance(35) && (b.beyond || !is_ceil(&w));
        b.defaulted(&mut w.attributes, int("count_include_pad", i64::from(include)), !include);
    }
    Some(b.apply(op, &[x], w.attributes, shape))
}

pub fn max(b: &mut Builder<'_>) -> Option<usize> {
    pool(b, "MaxPool")
}

pub fn average(b: &mut Builder<'_>) -> Option<usize> {
    pool(b, "AveragePool")
}

fn global(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    Some(b.apply(op, &[x], vec![], vec![s[0], s[1], 1, 1]))
}

pub fn global_average(b: &mut Builder<'_>) -> Option<usize> {
    global(b, "GlobalAveragePool")
}

pub fn global_max(b: &mut Builder<'_>) -> Option<usize> {
    global(b, "GlobalMaxPool")
}
