//! Forms of weights by layer within budgets: losses as surveyed, prices as lowered for the target, the flash as built.

mod short;
mod task;
mod trial;

pub(crate) use task::Task;

use crate::progress::{Progress, timed};
use crate::request::{Amount, Ask};
use crate::size;
use crate::stages::{Built, build};
use crate::verify::Agreement;
use mcompc_compress::{Choice, Judge, Limits, Lost, Options, Scheme, Survey, Table, Want};
use mcompc_ir::{Code, Codes, Error, Graph, Result};
use mcompc_lower::{DECODER_BYTES, Weights};
use mcompc_report::{Allocation, Criterion, Offer, Place, Point};
use std::collections::BTreeMap;
use trial::{Prices, Trial, interface, trial, weighted};

/// Budgets of flash that are tried for a front, or to find the smallest choice that keeps to a loss.
const POINTS: usize = 32;
/// Expected points of top-1, or percent of the variance, that a choice may lose where nothing else is asked for.
const USUAL_LOSS: f64 = 1.0;
/// Few samples may show no answer changed where much is lost, so a percent of the variance counts for at least so many points: half of what it costs the
/// public models, which lose 0.9 points by 1.7 percent (keyword spotting), 4.7 by 8.8 (CIFAR-10) and 16 by 27 (MobileNetV1).
const POINTS_OF_ERROR: f64 = 0.25;
/// Trials until the code that a choice takes is known.
const TRIALS: usize = 6;
/// Share of a budget that may stay unused.
const SPARE: f64 = 0.005;

/// How many times as long as it usually may decoding takes at most, where less than [`WORTH`] of the loss is left by that.
const LONGER: f64 = 5.0;
const WORTH: f64 = 0.5;
/// Bytes to spare where the codes of coded weights are not known yet.
const UNSEEN: f64 = 0.02;

/// How the scheme of a request is come by, again and again where an object takes more than was thought.
pub(crate) enum Allocator<'a> {
    /// There is nothing to choose by: the scheme without a choice.
    Fixed(Box<Scheme>),
    /// Forms are chosen.
    Chosen(Box<Chooser<'a>>),
}

impl<'a> Allocator<'a> {
    /// Measures what can be chosen.
    ///
    /// # Errors
    /// E002 without the data that a choice needs; those of the stages.
    pub(crate) fn new(t: Task<'a>, progress: &'a dyn Progress) -> Result<Self> {
        let g = &t.front.canonical;
        let plain = Options { weights: Default::default(), ..t.options.clone() };
        let eight = mcompc_compress::decide(g, t.stats, &t.front.inputs, &plain)?;
        let pinned = mcompc_compress::pinned(g, &t.options.weights)?;
        let machine = t.o.target.machine(t.o.backend)?;
        let widths: Vec<u8> = (2..Codes::I8.bits).filter(|&b| machine.unpack(b).is_ok()).chain([Codes::I8.bits]).collect();
        let coded = t.o.firmware.weights != Weights::Stored;
        let surveyed = timed(progress, "measuring what each layer loses", || {
            mcompc_compress::survey(g, t.stats, &widths, coded, t.options.weights.block)
        })?;
        match surveyed.filter(|s| s.layers().next().is_some()) {
            Some(survey) => Ok(Self::Chosen(Box::new(Chooser::new(t, eight, survey, &widths, &pinned, progress)?))),
            None => Ok(Self::Fixed(Box::new(blind(&t, &eight)?))),
        }
    }

    /// The scheme that keeps to what is asked for, and how it was found.
    ///
    /// # Errors
    /// E002 where nothing keeps to it, with what would; those of the stages.
    pub(crate) fn choose(&mut self) -> Result<(Scheme, Option<Allocation>)> {
        match self {
            Self::Fixed(scheme) => Ok((scheme.as_ref().clone(), None)),
            Self::Chosen(c) => {
                let progress = c.progress;
                timed(progress, "choosing bits", || c.scheme()).map(|(s, a)| (s, Some(a)))
            }
        }
    }

    /// Whether an object keeps to the budget; if not, the next choice takes so much less.
    ///
    /// # Errors
    /// E009 if the object does not parse.
    pub(crate) fn kept(&mut self, built: &Built, graph: &Graph) -> Result<bool> {
        match self {
            Self::Fixed(_) => Ok(true),
            Self::Chosen(c) => c.kept(built, graph),
        }
    }
}

fn place((r, taken): (&mcompc_compress::Row, &mcompc_compress::Candidate)) -> Place {
    let offer = |c: &mcompc_compress::Candidate| Offer {
        bits: bits(r, c),
        coded: c.form.step.is_some(),
        bytes: c.price.bytes,
        end_to_end: c.end_to_end,
        gram: c.gram,
        cost: c.price.cost,
    };
    Place {
        layer: r.layer.clone(),
        bits: bits(r, taken),
        coded: taken.form.step.is_some(),
        weights: r.weights,
        offers: r.candidates.iter().map(offer).collect(),
    }
}

/// Bits of a weight: the width of its code, or what it takes on average where it is coded.
fn bits(r: &mcompc_compress::Row, c: &mcompc_compress::Candidate) -> f64 {
    match c.form.step {
        None => c.form.bits.into(),
        Some(_) => (100.0 * 8.0 * c.price.weight_bytes as f64 / r.weights.max(1) as f64).round() / 100.0,
    }
}

/// Without samples nothing is known of any layer: four bits everywhere keep to four on average, and no other budget can be served.
fn blind(t: &Task<'_>, eight: &Scheme) -> Result<Scheme> {
    let bounded = Ask { weight_bits: None, front: false, ..t.ask.clone() } != Ask::default();
    if eight.layers.is_empty() && bounded {
        return Err(
            Error::new(Code::Usage, "the model has no layer with weights, so there are no bits to choose").hint("leave --budget out")
        );
    }
    if eight.layers.is_empty() {
        return Ok(eight.clone());
    }
    let four = t.ask.weight_bits.is_some_and(|b| b >= f64::from(t.options.weights.bits));
    if !four || *t.ask != (Ask { weight_bits: t.ask.weight_bits, ..Ask::default() }) {
        return Err(Error::new(Code::Usage, "bits are chosen by what each layer loses, which takes at least 8 calibration samples")
            .hint("give --calib FILE with more samples, or choose by --bits or --scheme"));
    }
    let weights = mcompc_compress::WeightBits { ends: true, ..t.options.weights.clone() };
    mcompc_compress::decide(&t.front.canonical, t.stats, &t.front.inputs, &Options { weights, ..t.options.clone() })
}

/// A choice, by which losses it was made, and what it loses on samples held out.
struct Pick {
    choice: Choice,
    judge: Judge,
    lost: Lost,
}

/// By how much objects took more than was thought.
#[derive(Clone, Copy, Default)]
struct Slack {
    flash: f64,
    bytes: f64,
    weight_bytes: f64,
    ram: f64,
}

pub(crate) struct Chooser<'a> {
    t: Task<'a>,
    eight: Scheme,
    survey: Survey<'a>,
    table: Table,
    limits: Limits,
    /// All flash that there may be, infinite where nobody cares.
    flash_budget: f64,
    /// Flash of everything but the layers' constants, as far as known: without coded weights, and with some.
    rest: [f64; 2],
    /// Cost of everything but layers with weights.
    rest_cost: f64,
    /// Time of an inference of eight bits.
    whole_cost: f64,
    /// RAM of everything but the arena.
    held: f64,
    /// Of choices without coded weights and of those with any: the sizes of the two are known to different degrees.
    slack: [Slack; 2],
    /// Whether nothing is coded at the moment, whatever may be.
    stored: bool,
    criterion: Criterion,
    progress: &'a dyn Progress,
}

impl<'a> Chooser<'a> {
    fn new(
        t: Task<'a>,
        eight: Scheme,
        survey: Survey<'a>,
        widths: &[u8],
        pinned: &BTreeMap<String, u8>,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let (prices, whole) = timed(progress, "pricing forms", || Prices::new(&t, &eight, widths))?;
        let table = Table::new(&survey, &|layer, weights, a| prices.of(layer, a, weights), pinned);
        if let Some(r) = table.rows.iter().find(|r| r.candidates.is_empty()) {
            return Err(Error::new(Code::Usage, format!("layer `{}` cannot take the bits asked for on `{}`", r.layer, t.o.target.name))
                .hint("the target's machine description lists the widths that its kernels unpack"));
        }
        let mut c = Self {
            criterion: Agreement::new(&whole.graph).loss("").criterion,
            t,
            eight,
            survey,
            table,
            limits: Limits::default(),
            flash_budget: f64::INFINITY,
            rest: [0.0; 2],
            rest_cost: whole.rest,
            whole_cost: whole.cost(),
            held: whole.io,
            slack: Default::default(),
            stored: false,
            progress,
        };
        c.limit(&whole)?;
        Ok(c)
    }

    /// Budgets as numbers; `whole` is the library of eight bits.
    fn limit(&mut self, whole: &Trial) -> Result<()> {
        let (ask, mut stack) = (self.t.ask, 0.0);
        let constants: f64 = whole.prices.iter().map(|p| p.1.bytes as f64).sum();
        if ask.flash.is_some() || ask.front || ask.ram.is_some() || ask.loss.is_some() {
            let (flash, taken) = self.built(whole)?;
            (self.rest, stack) = ([flash - constants, flash - constants + DECODER_BYTES as f64], taken);
        }
        let of = |a: Option<Amount>, eight: f64| match a {
            None => f64::INFINITY,
            Some(Amount::Of(n)) => n,
            Some(Amount::Percent(p)) => (eight * p / 100.0).floor(),
        };
        self.flash_budget = of(ask.flash, self.rest[0] + constants);
        self.held = stack + whole.io;
        self.limits = Limits {
            bytes: of(ask.weights, constants),
            weight_bytes: ask.weight_bits.map_or(f64::INFINITY, |b| self.average(b)),
            cost: of(ask.time, self.whole_cost) - self.rest_cost,
            ram: of(ask.ram, whole.lowered.arena_bytes as f64 + self.held) - self.held,
            ..Limits::default()
        };
        Ok(())
    }

    /// Bytes of stored weights with `bits` a weight on average over the layers whose bits are free; the others take what they take. Where padding
    /// leaves no choice within that, what so many bits everywhere take.
    fn average(&self, bits: f64) -> f64 {
        let least = |r: &mcompc_compress::Row| r.candidates.iter().map(|c| c.price.weight_bytes).min().unwrap_or(0) as f64;
        let even = |r: &mcompc_compress::Row| {
            let wide = |c: &&mcompc_compress::Candidate| c.form.step.is_none() && f64::from(c.form.bits) >= bits;
            r.candidates.iter().find(wide).map_or(0, |c| c.price.weight_bytes) as f64
        };
        let sum = |of: &dyn Fn(&mcompc_compress::Row) -> f64| self.table.rows.iter().map(of).sum::<f64>();
        let asked = sum(&|r| if r.pinned { least(r) } else { r.weights as f64 * bits / 8.0 });
        if sum(&least) <= asked { asked } else { sum(&even).max(sum(&least)) }
    }

    /// Whether a choice has coded weights.
    fn coded(&self, choice: &Choice) -> bool {
        self.table.taken(choice).any(|c| c.form.step.is_some())
    }

    /// What is left of the limits, less what objects took more than thought: where decoding may take so much time, and with the decoder where it may take some.
    fn within(&self, decoding: f64) -> Limits {
        let coded = decoding > 0.0;
        let decoder = if coded { DECODER_BYTES as f64 } else { 0.0 };
        let slack = &self.slack[usize::from(coded)];
        let left = self.flash_budget - slack.flash - self.rest[usize::from(coded)];
        Limits {
            bytes: (self.limits.bytes - slack.bytes - decoder).min(left),
            weight_bytes: self.limits.weight_bytes - slack.weight_bytes - decoder,
            ram: self.limits.ram - slack.ram,
            decoding,
            ..self.limits
        }
    }

    /// How long decoding may take: not at all, then as long as it usually may, then longer, where that may be at all.
    fn decoding(&self) -> Vec<f64> {
        let o = self.t.o;
        match (o.firmware.weights, o.firmware.decoding, self.t.ask.time) {
            _ if self.stored => vec![0.0],
            (Weights::Stored, ..) => vec![0.0],
            // Budgets say how long an inference may take; without a table of costs nobody knows.
            (_, None, _) | (_, _, Some(_)) => vec![0.0, f64::INFINITY],
            _ if self.whole_cost <= 0.0 => vec![0.0, f64::INFINITY],
            (_, Some(share), None) => vec![0.0, share * self.whole_cost, LONGER * share * self.whole_cost],
        }
    }

    fn scheme(&mut self) -> Result<(Scheme, Allocation)> {
        let (pick, flash) = self.find()?;
        let why = |r: &mcompc_compress::Row, c: &mcompc_compress::Candidate| match (r.pinned, c.form.step) {
            (true, _) => "by name".into(),
            (_, None) => format!("chosen: alone it costs {:.4} % of the outputs' variance", 100.0 * c.end_to_end),
            (_, Some(_)) => {
                format!(
                    "chosen: coded in about {:.2} bits, alone it costs {:.4} % of the outputs' variance",
                    bits(r, c),
                    100.0 * c.end_to_end
                )
            }
        };
        let (rows, taken) = (&self.table.rows, self.table.taken(&pick.choice));
        let named = rows.iter().zip(taken).map(|(r, c)| (r.layer.clone(), (c.form, Some(why(r, c))))).collect();
        let t = &self.t;
        let scheme = mcompc_compress::with_forms(&t.front.canonical, &self.eight, &named, t.options.weights.block, Some(t.stats))?;
        let allocation = Allocation {
            asked: t.ask.to_string(),
            judge: if pick.judge == Judge::Gram { "gram".into() } else { "end-to-end".into() },
            held_out_error: pick.lost.error,
            held_out_points: pick.lost.points,
            flash_bytes: flash,
            flash_budget: t.ask.flash.map(|_| self.flash_budget as u64),
            ram_budget: t.ask.ram.map(|_| (self.limits.ram + self.held) as u64),
            layers: rows.iter().zip(self.table.taken(&pick.choice)).map(place).collect(),
            front: if t.ask.front { self.front()? } else { Vec::new() },
        };
        Ok((scheme, allocation))
    }

    fn kept(&mut self, built: &Built, graph: &Graph) -> Result<bool> {
        let lowered = &built.lowered;
        let (mut bytes, mut weight_bytes) = (0.0, 0.0);
        for (_, at) in weighted(&self.t.front.canonical, lowered)? {
            bytes += lowered.layers[at].const_bytes as f64;
            weight_bytes += lowered.layers[at].weight_bytes as f64;
        }
        let decoder = if lowered.decoder.is_some() { DECODER_BYTES as f64 } else { 0.0 };
        let (code, data) = size::of_object(&built.object)?;
        let ram = lowered.arena_bytes as f64 + built.stack_bytes as f64 + interface(graph);
        let over = Slack {
            flash: (code + data) as f64 - self.flash_budget,
            bytes: bytes + decoder - self.limits.bytes,
            weight_bytes: weight_bytes + decoder - self.limits.weight_bytes,
            ram: ram - self.held - self.limits.ram,
        };
        let s = &mut self.slack[usize::from(lowered.decoder.is_some())];
        let mut kept = true;
        for (more, s) in
            [(over.flash, &mut s.flash), (over.bytes, &mut s.bytes), (over.weight_bytes, &mut s.weight_bytes), (over.ram, &mut s.ram)]
        {
            // Between whole choices little may lie, so that the next must be some smaller.
            if more > 0.0 {
                (*s, kept) = (*s + more, false);
            }
        }
        Ok(kept)
    }

    /// The choice, and the flash that it takes where that was built.
    fn find(&mut self) -> Result<(Pick, Option<u64>)> {
        let rest = self.rest;
        // Where choices with coded weights turn out too large, those without may fit; at last the smallest ones.
        for stored in [false, true] {
            (self.stored, self.rest) = (stored, rest);
            let found = self.search();
            self.stored = false;
            if let Some(found) = found? {
                return Ok(found);
            }
        }
        if self.flash_budget.is_finite() {
            for decoding in self.decoding() {
                let decoder = if decoding > 0.0 { DECODER_BYTES as f64 } else { 0.0 };
                let slack = self.slack[usize::from(decoding > 0.0)].bytes;
                let limits = Limits { bytes: self.limits.bytes - slack - decoder, ..self.within(decoding) };
                let Some(choice) = self.table.choose(Want::Flash, Judge::EndToEnd, &limits)? else { continue };
                let flash = self.built(&self.trial(&choice)?)?.0;
                let lost = self.survey.together(&self.table.forms(&choice))?;
                if flash <= self.flash_budget - self.slack[usize::from(self.coded(&choice))].flash
                    && self.t.ask.loss.is_none_or(|most| self.loss(&lost) <= most)
                {
                    return Ok((Pick { choice, judge: Judge::EndToEnd, lost }, Some(flash as u64)));
                }
            }
        }
        if let Some(most) = self.t.ask.loss
            && let Some(e) = self.lossy(most)?
        {
            return Err(e);
        }
        Err(self.short()?)
    }

    /// What a choice loses, by the model's criterion.
    fn loss(&self, l: &Lost) -> f64 {
        match self.criterion {
            Criterion::Top1 => l.points.max(POINTS_OF_ERROR * 100.0 * l.error),
            Criterion::Error => 100.0 * l.error,
        }
    }

    /// As [`Self::find`], where the estimates of what code takes lead to a choice that fits.
    fn search(&mut self) -> Result<Option<(Pick, Option<u64>)>> {
        let bounded = [self.t.ask.flash, self.t.ask.weights, self.t.ask.ram, self.t.ask.time].iter().any(Option::is_some);
        let loss = self.t.ask.loss.or_else(|| (!bounded && self.t.ask.weight_bits.is_none()).then_some(USUAL_LOSS));
        let mut best: Option<(Pick, f64)> = None;
        for trial_of in 0..TRIALS {
            let found = match loss {
                Some(most) => self.smallest(most)?,
                None => self.best()?,
            };
            let Some(pick) = found else {
                // What was found keeps to the budget, if not quite as closely.
                break;
            };
            if self.t.ask.flash.is_none() {
                return Ok(Some((pick, None)));
            }
            let coded = usize::from(self.coded(&pick.choice));
            let budget = self.flash_budget - self.slack[coded].flash;
            let flash = self.built(&self.trial(&pick.choice)?)?.0;
            let rest = flash - pick.choice.sums.bytes;
            if flash > budget {
                // Another choice has other kernels, so the estimate is at least moved by what was too much.
                self.rest[coded] = rest.max(self.rest[coded] + flash - budget);
                continue;
            }
            let close = budget - flash <= SPARE * budget || trial_of + 2 > TRIALS;
            let better = best.as_ref().is_none_or(|b| pick.lost.error < b.0.lost.error);
            if better {
                best = Some((pick, flash));
            }
            if close || !better || rest >= self.rest[coded] {
                break;
            }
            self.rest[coded] = rest;
        }
        Ok(best.map(|(pick, flash)| (pick, Some(flash as u64))))
    }

    /// The choice that loses least within the limits, by the better of the two ways to measure what single layers lose. Decoding takes longer than it
    /// usually may only where what is lost falls to half by that.
    fn best(&self) -> Result<Option<Pick>> {
        let mut best: Option<Pick> = None;
        for (i, decoding) in self.decoding().into_iter().enumerate() {
            let limits = self.within(decoding);
            let before = best.as_ref().map_or(f64::INFINITY, |b| b.lost.error);
            let worth = if i > 1 { WORTH * before } else { before };
            for judge in [Judge::EndToEnd, Judge::Gram] {
                let Some(choice) = self.table.choose(Want::Accuracy, judge, &limits)? else { continue };
                let lost = self.survey.together(&self.table.forms(&choice))?;
                let least = best.as_ref().map_or(f64::INFINITY, |b| b.lost.error);
                if lost.error < worth && lost.error < least {
                    best = Some(Pick { choice, judge, lost });
                }
            }
        }
        Ok(best)
    }

    /// The choice of least flash that loses no more than `most` by the model's criterion; `None` where the other limits leave none.
    fn smallest(&self, most: f64) -> Result<Option<Pick>> {
        let mut best: Option<(Pick, f64)> = None;
        for decoding in self.decoding().into_iter().take(2) {
            let front = self.table.front(Judge::EndToEnd, &self.within(decoding), POINTS)?;
            let measured = |i: usize| self.survey.together(&self.table.forms(&front[i]));
            // The loss falls along the front but for noise.
            let (mut from, mut to) = (0, front.len());
            while from < to {
                let middle = (from + to) / 2;
                if self.loss(&measured(middle)?) <= most { to = middle } else { from = middle + 1 }
            }
            if let Some(choice) = front.get(from) {
                let size = choice.sums.bytes + if self.coded(choice) { DECODER_BYTES as f64 } else { 0.0 };
                if best.as_ref().is_none_or(|b| size < b.1) {
                    best = Some((Pick { choice: choice.clone(), judge: Judge::EndToEnd, lost: measured(from)? }, size));
                }
            }
        }
        Ok(best.map(|(pick, _)| pick))
    }

    /// A choice lowered.
    fn trial(&self, choice: &Choice) -> Result<Trial> {
        let forms = self.table.rows.iter().zip(self.table.taken(choice)).map(|(r, c)| (r.layer.clone(), c.form)).collect();
        trial(&self.t, &self.eight, &forms)
    }

    /// Code and constants, and stack, of an object.
    fn built(&self, trial: &Trial) -> Result<(f64, f64)> {
        let o = self.t.o;
        let built = build(&o.name, &self.t.front.sha256, &trial.graph, (&o.target, o.backend), &trial.firmware, self.progress)?;
        let (code, data) = size::of_object(&built.object)?;
        Ok(((code + data) as f64, built.stack_bytes as f64))
    }

    fn front(&self) -> Result<Vec<Point>> {
        let mut all: Vec<Point> = Vec::new();
        for decoding in self.decoding() {
            let limits = Limits { bytes: f64::INFINITY, ..self.within(decoding) };
            for c in self.table.front(Judge::EndToEnd, &limits, POINTS)? {
                all.push(Point {
                    flash_bytes: (c.sums.bytes + self.rest[usize::from(self.coded(&c))]) as u64,
                    error: c.sums.loss,
                    cost: c.sums.cost + self.rest_cost,
                    bits: self.table.rows.iter().zip(self.table.taken(&c)).map(|(r, c)| bits(r, c)).collect(),
                });
            }
        }
        all.sort_by(|a, b| a.flash_bytes.cmp(&b.flash_bytes).then(a.error.total_cmp(&b.error)));
        let mut front: Vec<Point> = Vec::new();
        for p in all {
            if front.last().is_none_or(|l| p.error < l.error) {
                front.push(p);
            }
        }
        Ok(front)
    }
}
