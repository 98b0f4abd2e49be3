//! Recurrent layers of a few steps.

use crate::build::{Builder, int, string};

fn layer(b: &mut Builder<'_>, op: &str, gates: usize) -> Option<usize> {
    let x = b.operand(3..=3);
    let s = b.shape(x);
    let (steps, batch, input) = (s[0], s[1], s[2]);
    let hidden = b.s.range(1, 6);
    let way = b.s.pick(&["forward", "reverse", "bidirectional"]);
    let n = if way == "bidirectional" { 2 } else { 1 };
    let work = steps * batch * n * gates * hidden * (input + hidden + 8);
    if steps > 5 || !b.room(&[steps, batch, n, gates * hidden], work) {
        return None;
    }
    b.work += work;
    let mut inputs = vec![b.name(x)];
    for shape in [[n, gates * hidden, input], [n, gates * hidden, hidden]] {
        let data = b.weights(&shape, 1, shape[2]);
        inputs.push(b.floats(&shape, &data));
    }
    if b.s.chance(60) {
        let shape = [n, 2 * gates * hidden];
        let data = b.bias(shape[0] * shape[1]);
        inputs.push(b.floats(&shape, &data));
    }
    let mut list = vec![int("hidden_size", hidden as i64)];
    b.defaulted(&mut list, string("direction", way), way == "forward");
    if op == "GRU" {
        let after = b.s.chance(50);
        b.defaulted(&mut list, int("linear_before_reset", i64::from(after)), !after);
    }
    Some(b.node(op, &inputs, list, vec![steps, n, batch, hidden]))
}

pub fn lstm(b: &mut Builder<'_>) -> Option<usize> {
    layer(b, "LSTM", 4)
}

pub fn gru(b: &mut Builder<'_>) -> Option<usize> {
    layer(b, "GRU", 3)
}

pub fn rnn(b: &mut Builder<'_>) -> Option<usize> {
    layer(b, "RNN", 1)
}
