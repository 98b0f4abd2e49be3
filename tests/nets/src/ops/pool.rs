//! Pooling over one to three spatial dimensions.

use super::window::{Allowed, image, is_ceil, window};
use crate::build::{Builder, int, ints};

fn pool(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = image(b);
    let s = b.shape(x);
    let mut w = window(b, &s[2..], Allowed { conv: false, ceil: b.opset >= 10 });
    let shape = [&s[..2], &w.out].concat();
    let work = shape.iter().chain(&w.kernel).product::<usize>();
    if !b.room(&shape, work / 2) {
        return None;
    }
    b.work += work / 2;
    if op == "MaxPool" {
        if b.opset >= 8 {
            b.defaulted(&mut w.attributes, int("storage_order", 0), true);
        }
        if b.opset >= 10 && b.s.chance(20) {
            w.attributes.push(ints("dilations", vec![1; w.kernel.len()]));
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
    let x = image(b);
    let s = b.shape(x);
    let shape = s.iter().enumerate().map(|(d, &n)| if d < 2 { n } else { 1 }).collect();
    Some(b.apply(op, &[x], vec![], shape))
}

pub fn global_average(b: &mut Builder<'_>) -> Option<usize> {
    global(b, "GlobalAveragePool")
}

pub fn global_max(b: &mut Builder<'_>) -> Option<usize> {
    global(b, "GlobalMaxPool")
}
