//! `tests/filetests/compress/*.mir`, first line `; test: compress`: a canonical float graph becomes a scheme, a coded graph and integers, all as
//! text. Comment lines say what calibration would have found and what is asked for: `; range NAME LO HI` (-1 to 1 for other values),
//! `; input FLAG`, `; bits N`, `; group N`, `; samples N` for so many made-up ones that methods may look at, `; method NAME` for all layers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::cases::noise;
use common::int::{Int, integerize, supported};
use mcompc_compress::{Options, RangeMethod, Stats, ValueStats, WeightBits, apply};
use mcompc_data::{Input, InputSpec};
use mcompc_ir::{Graph, Result, print};

/// Statistics of values that are at either end of their range as often.
fn observed(g: &Graph, ranges: &[(&str, f32, f32)]) -> Stats {
    let mut stats = Stats { samples: 1, ..Stats::default() };
    for v in g.ids().into_iter().map(|id| g.out(id)).filter(|&v| g.const_of(v).is_none()) {
        let (_, lo, hi) = ranges.iter().find(|r| r.0 == g.value(v).name).copied().unwrap_or(("", -1.0, 1.0));
        let channels = g.value(v).shape.last().copied().unwrap_or(1);
        let mut s = ValueStats::new(channels);
        s.add(&[vec![lo; channels], vec![hi; channels]].concat());
        stats.values.insert(v, s);
    }
    stats
}

fn compress(body: &str) -> Result<String> {
    let g = mcompc_ir::parse(body)?;
    mcompc_ops::verify_at(&g, mcompc_ops::Level::Float)?;
    let lines = |key: &'static str| body.lines().filter_map(move |l| l.strip_prefix("; ")?.strip_prefix(key)?.strip_prefix(' '));
    let range = |l: &'_ str| {
        let mut words = l.rsplitn(3, ' ');
        let (hi, lo) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
        (l.split(' ').next().unwrap().to_string(), lo, hi)
    };
    let ranges: Vec<(String, f32, f32)> = lines("range").map(range).collect();
    let ranges: Vec<(&str, f32, f32)> = ranges.iter().map(|(n, lo, hi)| (n.as_str(), *lo, *hi)).collect();
    let specs: Vec<InputSpec> = lines("input").map(InputSpec::parse).collect::<Result<_>>()?;
    let number = |key| lines(key).next().map(|n| n.parse::<usize>().unwrap());
    let bits = number("bits").map_or(8, |n| n as u8);
    let weights = WeightBits { bits, block: number("group"), ends: true, ..WeightBits::default() };
    let options = Options { method: RangeMethod::MinMax, weights, ..Options::default() };
    supported(&g, &options)?;
    let mut stats = observed(&g, &ranges);
    // Neighbours are alike, as they are in signals.
    let sample = |s: usize, n: usize| -> Vec<f32> {
        let x = noise(n + 1, s as u64 + 1);
        x.windows(2).map(|p| 0.6 * p[0] + 0.4 * p[1]).collect()
    };
    let inputs = |s: usize| g.inputs.iter().map(|&id| sample(s, g.value(g.out(id)).elems())).collect();
    stats.kept = (0..number("samples").unwrap_or(0)).map(inputs).collect();
    let Int { mut scheme, mut coded, mut graph, .. } = integerize(&g, &stats, &specs, &options)?;
    if let Some(name) = lines("method").next() {
        scheme.layers.iter_mut().for_each(|l| l.method = name.into());
        coded = apply(&g, &stats, &Input::of_graph(&g, &specs)?, &scheme)?.graph;
        graph = mcompc_integerize::integerize(&coded)?.graph;
    }
    // What is printed is the whole of it.
    assert_eq!(print(&mcompc_integerize::integerize(&mcompc_ir::parse(&print(&coded))?)?.graph), print(&graph));
    Ok(format!("{scheme}\n{}\n{}", print(&coded), print(&graph)))
}

#[test]
fn filetests() {
    mcompc_filetest::check("compress", mcompc_filetest::GRAPHS, 8, |_, body| compress(body).unwrap_or_else(|e| e.to_string()));
}
