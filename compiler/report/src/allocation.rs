//! How bits were chosen layer by layer.

use crate::chart::front;
use crate::point::Point;
use crate::text::{bytes, escape, real};
use serde::Serialize;
use std::fmt::Write;

/// A choice of bits by layer, and what it was chosen from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Allocation {
    /// What was asked for.
    pub asked: String,
    /// By which losses of single layers the choice was made: `end-to-end` or `gram`.
    pub judge: String,
    /// Squared error of the outputs over their variance with all layers so, on calibration samples that the codes of the survey did not see.
    pub held_out_error: f64,
    /// Expected points of top-1 accuracy lost there, were the first output scores of classes.
    pub held_out_points: f64,
    /// Bytes of code and constants as built before weights were rounded for good, where flash was asked for.
    pub flash_bytes: Option<u64>,
    /// The most that flash may take, where it was asked for.
    pub flash_budget: Option<u64>,
    /// The most that arena, stack, inputs and outputs may take, where it was asked for.
    pub ram_budget: Option<u64>,
    /// Every layer with weights, in the order of execution.
    pub layers: Vec<Place>,
    /// Choices of which none is smaller and loses less than another, where they were asked for.
    pub front: Vec<Point>,
}

/// A layer and what it could take.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// ONNX node name, numbered where several have it.
    pub layer: String,
    /// Bits of a weight as chosen: the width of its code, or what it takes on average where it is coded.
    pub bits: f64,
    /// Whether it is entropy-coded.
    pub coded: bool,
    /// Number of weights.
    pub weights: usize,
    /// All that could be chosen.
    pub offers: Vec<Offer>,
}

/// One way to store a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Offer {
    /// Bits of a weight, as of [`Place`].
    pub bits: f64,
    /// Whether they are entropy-coded.
    pub coded: bool,
    /// Bytes of weights, biases and multipliers as stored.
    pub bytes: u64,
    /// Squared error of the outputs over their variance with this layer alone so.
    pub end_to_end: f64,
    /// Squared error of the layer's own sums over their variance.
    pub gram: f64,
    /// What it costs by the target's cost table; 0 where it has none.
    pub cost: f64,
}

impl Allocation {
    /// In one line, for people.
    pub fn summary(&self) -> String {
        let mut counts: Vec<(f64, usize)> = Vec::new();
        for l in self.layers.iter().filter(|l| !l.coded) {
            match counts.iter_mut().find(|(b, _)| *b == l.bits) {
                Some((_, n)) => *n += 1,
                None => counts.push((l.bits, 1)),
            }
        }
        counts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let some = |n: usize| if n == 1 { "layer" } else { "layers" };
        let mut layers: Vec<String> = counts.iter().map(|(b, n)| format!("{n} {} of {b} bits", some(*n))).collect();
        let (n, weights, bits) = self
            .layers
            .iter()
            .filter(|l| l.coded)
            .fold((0, 0, 0.0), |(n, weights, bits), l| (n + 1, weights + l.weights, bits + l.bits * l.weights as f64));
        if n > 0 {
            layers.push(format!("{n} {} coded in {:.2} bits a weight", some(n), bits / weights.max(1) as f64));
        }
        format!("{} by {} losses; {:.3} % of the variance on samples held out", layers.join(", "), self.judge, 100.0 * self.held_out_error)
    }
}

/// Bits of a weight, for people.
fn width(bits: f64, coded: bool) -> String {
    if coded { format!("{bits:.2} coded") } else { bits.to_string() }
}

/// A section of the page.
pub(crate) fn section(s: &mut String, a: &Allocation) {
    let _ = writeln!(s, "<h2>Bits by layer</h2>\n<p>Asked for: <code>{}</code>. {}.</p>", escape(&a.asked), escape(&a.summary()));
    if !a.front.is_empty() {
        s.push_str("<p class=\"dim\">Every dot is a choice of bits; none of them is smaller and loses less than another.</p>\n");
        s.push_str(&front(&a.front, a.flash_budget));
    }
    s.push_str("<table><tr><th>layer</th><th class=\"n\">weights</th><th class=\"n\">bits</th><th>could take (bits: bytes, loss at the outputs)</th></tr>\n");
    for l in &a.layers {
        let offers: Vec<String> = l
            .offers
            .iter()
            .map(|o| format!("{}: {}, {} %", width(o.bits, o.coded), bytes(o.bytes), real(100.0 * o.end_to_end.max(1e-12))))
            .collect();
        let _ = writeln!(
            s,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape(&l.layer),
            l.weights,
            width(l.bits, l.coded),
            escape(&offers.join("; "))
        );
    }
    s.push_str("</table>\n");
}
