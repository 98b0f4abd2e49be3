//! Ways to round the weights of a layer; one file a method, one row of [`METHODS`].

mod descent;
mod goal;
mod gptq;
mod group;
mod kbest;
mod measured;
mod nearest;
mod search;
mod step;
mod task;

use mcompc_ir::Codes;
use measured::{First, Recipe, SHARES};
pub(crate) use nearest::take_nine;
pub use task::{Rounded, Settle, Task};

/// A method.
pub struct Method {
    /// Name in schemes and reports.
    pub name: &'static str,
    /// Whether it makes codes of this width, with groups or without.
    pub fits: fn(bits: u8, group: bool) -> bool,
    /// The most weights of an output channel.
    pub most: usize,
    /// Whether it wants to know what the layer reads; where that is not known it is one of the others.
    pub sees: bool,
    /// Rounds, under scales that have been settled.
    pub round: fn(&Task<'_>, Settle<'_>) -> Rounded,
}

const NARROW: fn(u8, bool) -> bool = |bits, group| (2..Codes::I8.bits).contains(&bits) && !group;
const ANY: fn(u8, bool) -> bool = |bits, group| (2..Codes::I8.bits).contains(&bits) || bits == Codes::I8.bits && !group;

const EIGHT: fn(u8, bool) -> bool = |bits, group| bits == Codes::I8.bits && !group;

/// Every method. Where none is named and nothing was seen the first that fits is taken.
pub static METHODS: &[Method] = &[
    Method {
        // To nearest, under the largest weight of a channel or the grid on which the weights lie already.
        name: "nearest",
        fits: |bits, group| (Codes::I8.bits..=Codes::LESS_ZERO.bits).contains(&bits) && !group,
        most: usize::MAX,
        sees: false,
        round: nearest::round,
    },
    Method {
        // To nearest, under the scale of least squared error of each channel.
        name: "search",
        fits: NARROW,
        most: usize::MAX,
        sees: false,
        round: search::round,
    },
    Method {
        // As search, with the best small multiplier for every run of weights.
        name: "group",
        fits: |bits, group| (2..Codes::I8.bits).contains(&bits) && group,
        most: usize::MAX,
        sees: false,
        round: group::round,
    },
    Method {
        // GPTQ with a search for the scale of each channel.
        name: "gptq",
        fits: ANY,
        most: DENSE,
        sees: true,
        round: |t, settle| measured::round(t, settle, Recipe { ridge: false, first: First::Gptq, improve: false, shares: SHARES }),
    },
    Method {
        // Coordinate descent from nearest.
        name: "comq",
        fits: ANY,
        most: DENSE,
        sees: true,
        round: |t, settle| measured::round(t, settle, Recipe { ridge: false, first: First::Nearest, improve: true, shares: SHARES }),
    },
    Method {
        // The best few of all beginnings, for channels of few weights.
        name: "kbest",
        fits: ANY,
        most: kbest::MOST,
        sees: true,
        round: |t, settle| measured::round(t, settle, Recipe { ridge: false, first: First::KBest, improve: false, shares: SHARES }),
    },
    Method {
        // Weights corrected by ridge regression, GPTQ or K-best, then coordinate descent: the default where it can be.
        name: "ridge",
        fits: ANY,
        most: DENSE,
        sees: true,
        round: |t, settle| measured::round(t, settle, Recipe { ridge: true, first: First::Either, improve: true, shares: SHARES }),
    },
    Method {
        // As ridge, codes under one step for all channels that is given: for codes that are entropy-coded.
        name: "step",
        fits: EIGHT,
        most: DENSE,
        sees: true,
        round: |t, settle| measured::round(t, settle, Recipe { ridge: true, first: First::Either, improve: true, shares: SHARES }),
    },
    Method {
        // To nearest under one step for all channels that is given.
        name: "step-nearest",
        fits: EIGHT,
        most: usize::MAX,
        sees: false,
        round: step::round,
    },
];

/// Whether a method takes the step of its layer as given.
pub(crate) fn is_stepped(method: &str) -> bool {
    matches!(method, "step" | "step-nearest")
}

/// The method that takes a step as given, for a layer of `k` weights a channel.
pub(crate) fn stepped(k: usize, seen: bool) -> &'static str {
    if seen && k <= DENSE { "step" } else { "step-nearest" }
}

/// Scales that a survey tries of a channel.
const FEW_SHARES: usize = 5;

/// One layer that is rounded to many widths, to codes that are nearly as good as the default method's at a fraction of its time: for what widths
/// would lose.
pub(crate) struct Quick<'a> {
    task: Task<'a>,
    goal: Option<goal::Goal>,
}

impl<'a> Quick<'a> {
    /// Ready to round the weights of `task` to any codes.
    pub(crate) fn new(task: Task<'a>) -> Self {
        let seen = task.seen.filter(|seen| task.k <= DENSE && measured::fits(&task, seen));
        Self { goal: seen.map(|seen| goal::Goal::plain(&task, seen)), task }
    }
    /// Rounds, of eight bits perhaps under one step that is given.
    pub(crate) fn round(&self, codes: Codes, step: Option<f64>, group: Option<usize>, settle: Settle<'_>) -> Rounded {
        let t = Task { codes, step, group, seen: None, ..self.task };
        let found = self.goal.as_ref().filter(|_| codes != Codes::I8 || step.is_some());
        found.and_then(|goal| measured::towards(&t, goal, settle, PLAIN)).unwrap_or_else(|| match step {
            Some(_) => step::round(&t, settle),
            None => measured::round(&t, settle, PLAIN),
        })
    }
}

const PLAIN: Recipe = Recipe { ridge: false, first: First::Either, improve: false, shares: FEW_SHARES };

/// Weights of a channel whose covariance is factored: more would take minutes.
const DENSE: usize = 2048;

/// The method of this name.
pub(crate) fn named(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|m| m.name == name)
}

/// The method for such codes where none is named: of `k` weights a channel, seen or not.
pub(crate) fn fitting(bits: u8, group: bool, k: usize, seen: bool) -> Option<&'static Method> {
    let best = named("ridge").filter(|m| seen && k <= m.most && bits < Codes::I8.bits && (m.fits)(bits, group));
    best.or_else(|| METHODS.iter().find(|m| !m.sees && (m.fits)(bits, group)))
}

/// Squared error over the squares of weights that is none: they lie on the grid of their codes.
const EXACT: f64 = 1e-6;

/// Whether rounding weights to the nearest code of eight bits loses anything.
pub(crate) fn loses(w: &[f32], k: usize) -> bool {
    let task = Task { w, k, codes: Codes::I8, group: None, step: None, seen: None };
    let r = nearest::round(&task, &|scales| scales);
    let (mut error, mut all) = (0.0, 0.0);
    for (i, (w, p)) in w.iter().zip(r.products(k, None)).enumerate() {
        let w = f64::from(*w);
        let d = w - f64::from(p) * r.scales[i / k];
        (error, all) = (error + d * d, all + w * w);
    }
    error > EXACT * all
}

/// Channels of one layer share a shift: a factor that is smaller than the largest by more than this many bits would have few bits left.
const SPREAD: i32 = 24;

/// The scales that a method found (0 for a channel of zeros), made positive and no finer than `floor`. A channel of zeros takes one like the
/// others', so that its bias has as many bits, `typical` where there is no other; one whose steps are far finer than the other channels' takes
/// a coarser one.
pub(crate) fn settled(mut scales: Vec<f64>, floor: &[f64], typical: f64) -> Vec<f64> {
    let mut seen: Vec<f64> = scales.iter().copied().filter(|&s| s > 0.0).collect();
    seen.sort_unstable_by(f64::total_cmp);
    let typical = seen.get(seen.len() / 2).copied().unwrap_or(typical);
    for (s, floor) in scales.iter_mut().zip(floor) {
        if *s == 0.0 {
            *s = typical;
        }
        *s = s.max(*floor);
    }
    let top = scales.iter().copied().fold(0.0, f64::max);
    scales.iter_mut().for_each(|s| *s = s.max(libm::ldexp(top, -SPREAD)));
    scales
}
