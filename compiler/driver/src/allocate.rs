//! Bits by layer within budgets: losses as surveyed, prices as lowered for the target, the flash as built.

use crate::describe::costs;
use crate::progress::{Progress, timed};
use crate::request::{Amount, Ask, Request};
use crate::size;
use crate::stages::{Built, Front, Quantized, build};
use crate::verify::Agreement;
use mcompc_compress::{Choice, Judge, Limits, Lost, Options, Price, Prices, Scheme, Stats, Survey, Table, Want};
use mcompc_ir::{Code, Codes, Error, Graph, Result};
use mcompc_lower::Lowered;
use mcompc_report::{Allocation, Criterion, Offer, Place, Point};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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

/// What a choice of bits is made for.
pub(crate) struct Task<'a> {
    pub o: &'a Request,
    pub ask: &'a Ask,
    pub front: &'a Front,
    pub stats: &'a Stats,
    pub options: &'a Options,
    /// Bytes of a flash budget to leave free.
    pub slack: f64,
}

/// A scheme whose weights are rounded in a hurry, lowered: sizes and costs are those of any other codes.
struct Trial {
    graph: Graph,
    lowered: Lowered,
    /// Bytes of each layer with weights that is in the scheme, by its name there.
    prices: Vec<(String, Price)>,
    /// What everything else costs.
    rest: f64,
    io: f64,
}

/// By how many bytes an object is larger than its budget of flash.
///
/// # Errors
/// E002 where it takes more RAM than its budget, E009 if the object does not parse.
pub(crate) fn over(q: &Quantized, built: &Built) -> Result<Option<f64>> {
    let Some(allocation) = &q.allocation else { return Ok(None) };
    let ram = built.lowered.arena_bytes as u64 + built.stack_bytes + interface(&q.graph) as u64;
    if let Some(budget) = allocation.ram_budget.filter(|b| ram > *b) {
        let what = format!("the budget {} cannot be met: ram={budget} is {} bytes too few", allocation.asked, ram - budget);
        return Err(Error::new(Code::Usage, what).hint(format!("what can be met: ram={ram}")));
    }
    let Some(budget) = allocation.flash_budget else { return Ok(None) };
    let (code, data) = size::of_object(&built.object)?;
    Ok((code + data > budget).then(|| (code + data - budget) as f64))
}

/// The scheme that keeps to what is asked for, and how it was found.
///
/// # Errors
/// E002 where nothing keeps to it, with what would, and without the data that a choice needs; those of the stages.
pub(crate) fn allocate(t: &Task<'_>, progress: &dyn Progress) -> Result<(Scheme, Option<Allocation>)> {
    let g = &t.front.canonical;
    let plain = Options { weights: Default::default(), ..t.options.clone() };
    let eight = mcompc_compress::decide(g, t.stats, &t.front.inputs, &plain)?;
    let pinned = mcompc_compress::pinned(g, &t.options.weights)?;
    let machine = t.o.target.machine(t.o.backend)?;
    let widths: Vec<u8> = (2..Codes::I8.bits).filter(|&b| machine.unpack(b).is_ok()).chain([Codes::I8.bits]).collect();
    let surveyed =
        timed(progress, "measuring what each layer loses", || mcompc_compress::survey(g, t.stats, &widths, t.options.weights.block))?;
    let Some(survey) = surveyed.filter(|s| s.layers().next().is_some()) else { return blind(t, &eight) };
    let mut c = Chooser::new(t, &eight, survey, &widths, &pinned, progress)?;
    let (choice, judge, lost, flash) = timed(progress, "choosing bits", || c.find())?;
    let bits = c.table.bits(&choice);
    let why = |l: usize| {
        let candidate = &c.table.rows[l].candidates[choice.of[l]];
        if c.table.rows[l].pinned {
            "by name".into()
        } else {
            format!("chosen: alone it costs {:.4} % of the outputs' variance", 100.0 * candidate.end_to_end)
        }
    };
    let named = c.table.rows.iter().enumerate().map(|(l, r)| (r.layer.clone(), (bits[l], Some(why(l)))));
    let scheme = mcompc_compress::with_bits(g, &eight, &named.collect(), t.options.weights.block, Some(t.stats))?;
    let front = if t.ask.front { c.front()? } else { Vec::new() };
    Ok((
        scheme,
        Some(Allocation {
            asked: t.ask.to_string(),
            judge: if judge == Judge::Gram { "gram".into() } else { "end-to-end".into() },
            held_out_error: lost.error,
            held_out_points: lost.points,
            flash_bytes: flash,
            flash_budget: t.ask.flash.map(|_| c.flash_budget as u64),
            ram_budget: t.ask.ram.map(|_| (c.limits.ram + c.held) as u64),
            layers: c.table.rows.iter().zip(&bits).map(place).collect(),
            front,
        }),
    ))
}

fn place((r, &bits): (&mcompc_compress::Row, &u8)) -> Place {
    let offer = |c: &mcompc_compress::Candidate| Offer {
        bits: c.bits,
        bytes: c.price.bytes,
        end_to_end: c.end_to_end,
        gram: c.gram,
        cost: c.price.cost,
    };
    Place { layer: r.layer.clone(), bits, weights: r.weights, offers: r.candidates.iter().map(offer).collect() }
}

/// Without samples nothing is known of any layer: four bits everywhere keep to four on average, and no other budget can be served.
fn blind(t: &Task<'_>, eight: &Scheme) -> Result<(Scheme, Option<Allocation>)> {
    let bounded = Ask { weight_bits: None, front: false, ..t.ask.clone() } != Ask::default();
    if eight.layers.is_empty() && bounded {
        return Err(
            Error::new(Code::Usage, "the model has no layer with weights, so there are no bits to choose").hint("leave --budget out")
        );
    }
    if eight.layers.is_empty() {
        return Ok((eight.clone(), None));
    }
    if *t.ask != (Ask { weight_bits: t.ask.weight_bits, ..Ask::default() }) || t.ask.weight_bits.is_none() {
        return Err(Error::new(Code::Usage, "bits are chosen by what each layer loses, which takes at least 8 calibration samples")
            .hint("give --calib FILE with more samples, or choose by --bits or --scheme"));
    }
    let weights = mcompc_compress::WeightBits { ends: true, ..t.options.weights.clone() };
    let scheme = mcompc_compress::decide(&t.front.canonical, t.stats, &t.front.inputs, &Options { weights, ..t.options.clone() })?;
    Ok((scheme, None))
}

struct Chooser<'a> {
    t: &'a Task<'a>,
    eight: &'a Scheme,
    survey: Survey<'a>,
    table: Table,
    limits: Limits,
    /// All flash that there may be, infinite where nobody cares.
    flash_budget: f64,
    /// Flash of everything but the layers' constants, as far as known.
    rest: f64,
    /// Cost of everything but layers with weights.
    rest_cost: f64,
    /// RAM of everything but the arena.
    held: f64,
    criterion: Criterion,
    progress: &'a dyn Progress,
}

impl<'a> Chooser<'a> {
    fn new(
        t: &'a Task<'a>,
        eight: &'a Scheme,
        survey: Survey<'a>,
        widths: &[u8],
        pinned: &BTreeMap<String, u8>,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let all = |bits: u8| eight.layers.iter().map(|l| (l.layer.clone(), bits)).collect::<BTreeMap<_, _>>();
        let trials = timed(progress, "pricing widths", || widths.par_iter().map(|&b| (b, trial(t, eight, &all(b)))).collect::<Vec<_>>());
        let mut prices = Prices::new();
        let mut whole = None;
        for (bits, made) in trials {
            // A width that some layer's kernel does not take on this target is no offer.
            let made = match made {
                Err(e) if bits < Codes::I8.bits && matches!(e.code, Code::Backend | Code::NoInteger | Code::UnsupportedLevel) => continue,
                made => made?,
            };
            prices.extend(made.prices.iter().map(|(layer, p)| ((layer.clone(), bits), *p)));
            whole = (bits == Codes::I8.bits).then_some(made);
        }
        let whole = whole.ok_or_else(|| Error::new(Code::Internal, "no layer takes eight bits"))?;
        // A layer that became something else is priced by its weights, a bias and a multiplier a channel.
        let lowered: BTreeSet<u8> = prices.keys().map(|(_, bits)| *bits).collect();
        for (id, layer) in mcompc_compress::layers(&t.front.canonical)? {
            let w = t.front.canonical.value(t.front.canonical.inputs_of(id)[1]);
            for bits in lowered.iter().filter(|&&b| !prices.contains_key(&(layer.clone(), b))).copied().collect::<Vec<u8>>() {
                let weight_bytes = (w.elems() * usize::from(bits)).div_ceil(8) as u64;
                let bytes = weight_bytes + 8 * w.shape.first().map_or(0, |&o| o as u64);
                prices.insert((layer.clone(), bits), Price { bytes, weight_bytes, ..Price::default() });
            }
        }
        let table = Table::new(&survey, &prices, pinned);
        if let Some(r) = table.rows.iter().find(|r| r.candidates.is_empty()) {
            return Err(Error::new(Code::Usage, format!("layer `{}` cannot take the bits asked for on `{}`", r.layer, t.o.target.name))
                .hint("the target's machine description lists the widths that its kernels unpack"));
        }
        let mut c = Self {
            t,
            eight,
            survey,
            table,
            limits: Limits::default(),
            flash_budget: f64::INFINITY,
            rest: 0.0,
            rest_cost: whole.rest,
            held: whole.io,
            criterion: Agreement::new(&whole.graph).loss("").criterion,
            progress,
        };
        c.limit(&whole)?;
        Ok(c)
    }

    /// Budgets as numbers; `whole` is the library of eight bits.
    fn limit(&mut self, whole: &Trial) -> Result<()> {
        let (ask, mut stack) = (self.t.ask, 0.0);
        let constants: f64 = whole.prices.iter().map(|(_, p)| p.bytes as f64).sum();
        if ask.flash.is_some() || ask.front || ask.ram.is_some() || ask.loss.is_some() {
            let (flash, taken) = self.built(whole)?;
            (self.rest, stack) = (flash - constants, taken);
        }
        let of = |a: Option<Amount>, eight: f64| match a {
            None => f64::INFINITY,
            Some(Amount::Of(n)) => n,
            Some(Amount::Percent(p)) => (eight * p / 100.0).floor(),
        };
        self.flash_budget = of(ask.flash, self.rest + constants);
        let cost: f64 = whole.prices.iter().map(|(_, p)| p.cost).sum();
        let held = stack + whole.io;
        self.held = held;
        self.limits = Limits {
            bytes: of(ask.weights, constants),
            weight_bytes: ask.weight_bits.map_or(f64::INFINITY, |b| self.average(b)),
            cost: of(ask.time, self.rest_cost + cost) - self.rest_cost,
            ram: of(ask.ram, whole.lowered.arena_bytes as f64 + held) - held,
            loss: f64::INFINITY,
        };
        Ok(())
    }

    /// Bytes of stored weights with `bits` a weight on average over the layers whose bits are free; the others take what they take. Where padding
    /// leaves no choice within that, what four bits everywhere take.
    fn average(&self, bits: f64) -> f64 {
        let least = |r: &mcompc_compress::Row| r.candidates.iter().map(|c| c.price.weight_bytes).min().unwrap_or(0) as f64;
        let even =
            |r: &mcompc_compress::Row| r.candidates.iter().find(|c| f64::from(c.bits) >= bits).map_or(0, |c| c.price.weight_bytes) as f64;
        let sum = |of: &dyn Fn(&mcompc_compress::Row) -> f64| self.table.rows.iter().map(of).sum::<f64>();
        let asked = sum(&|r| if r.pinned { least(r) } else { r.weights as f64 * bits / 8.0 });
        if sum(&least) <= asked { asked } else { sum(&even).max(sum(&least)) }
    }

    /// Limits with what the flash leaves for constants.
    fn within(&self) -> Limits {
        let left = self.flash_budget - self.t.slack - self.rest;
        Limits { bytes: self.limits.bytes.min(left), ..self.limits }
    }

    /// The choice, by which losses it was made, what it loses, and the flash that it takes where that was built.
    fn find(&mut self) -> Result<(Choice, Judge, Lost, Option<u64>)> {
        let bounded = [self.t.ask.flash, self.t.ask.weights, self.t.ask.ram, self.t.ask.time].iter().any(Option::is_some);
        let loss = self.t.ask.loss.or_else(|| (!bounded && self.t.ask.weight_bits.is_none()).then_some(USUAL_LOSS));
        let budget = self.flash_budget - self.t.slack;
        let mut best: Option<(Choice, Judge, Lost, f64)> = None;
        for trial_of in 0..TRIALS {
            let found = match loss {
                Some(most) => self.smallest(most),
                None => self.best(),
            };
            let (choice, judge, lost) = match found {
                Ok(found) => found,
                // What was found keeps to the budget, if not quite as closely.
                Err(_) if best.is_some() => break,
                Err(e) => return Err(e),
            };
            if self.t.ask.flash.is_none() {
                return Ok((choice, judge, lost, None));
            }
            let bits = self.table.rows.iter().zip(self.table.bits(&choice)).map(|(r, b)| (r.layer.clone(), b)).collect();
            let (flash, _) = self.built(&trial(self.t, self.eight, &bits)?)?;
            let rest = flash - choice.sums.bytes;
            if flash > budget {
                // Another choice has other kernels, so the estimate is at least moved by what was too much.
                self.rest = rest.max(self.rest + flash - budget);
                continue;
            }
            let close = budget - flash <= SPARE * budget || trial_of + 2 > TRIALS;
            let better = best.as_ref().is_none_or(|b| lost.error < b.2.error);
            if better {
                best = Some((choice, judge, lost, flash));
            }
            if close || !better || rest >= self.rest {
                break;
            }
            self.rest = rest;
        }
        best.map(|b| (b.0, b.1, b.2, Some(b.3 as u64))).ok_or_else(|| self.short(&self.within()))
    }

    /// The choice that loses least within the limits, by the better of the two ways to measure what single layers lose.
    fn best(&self) -> Result<(Choice, Judge, Lost)> {
        let limits = self.within();
        let one = |judge| -> Result<Option<(Choice, Judge, Lost)>> {
            let Some(choice) = self.table.choose(Want::Accuracy, judge, &limits)? else { return Ok(None) };
            let lost = self.survey.together(&self.table.bits(&choice))?;
            Ok(Some((choice, judge, lost)))
        };
        match (one(Judge::EndToEnd)?, one(Judge::Gram)?) {
            (Some(a), Some(b)) if b.2.error < a.2.error => Ok(b),
            (Some(a), _) => Ok(a),
            (None, b) => b.ok_or_else(|| self.short(&limits)),
        }
    }

    /// The choice of least flash that loses no more than `most` by the model's criterion.
    fn smallest(&self, most: f64) -> Result<(Choice, Judge, Lost)> {
        let limits = self.within();
        let front = self.table.front(Judge::EndToEnd, &limits, POINTS)?;
        let loss = |l: &Lost| match self.criterion {
            Criterion::Top1 => l.points.max(POINTS_OF_ERROR * 100.0 * l.error),
            Criterion::Error => 100.0 * l.error,
        };
        let measured = |i: usize| self.survey.together(&self.table.bits(&front[i]));
        // The loss falls along the front but for noise.
        let (mut from, mut to) = (0, front.len());
        while from < to {
            let middle = (from + to) / 2;
            if loss(&measured(middle)?) <= most { to = middle } else { from = middle + 1 }
        }
        match front.get(from) {
            Some(choice) => Ok((choice.clone(), Judge::EndToEnd, measured(from)?)),
            None if front.is_empty() => Err(self.short(&limits)),
            None => {
                let least = loss(&measured(front.len() - 1)?);
                let unit = if self.criterion == Criterion::Top1 { "expected points of top-1" } else { "percent of the outputs' variance" };
                Err(Error::new(
                    Code::Usage,
                    format!("a loss of {most} {unit} cannot be kept within the other limits: {least:.3} is the least"),
                )
                .hint(format!("--budget loss={:.3} can be met, or give more flash", least * 1.05)))
            }
        }
    }

    /// Says by how much the limits cannot be met, and what would do.
    fn short(&self, limits: &Limits) -> Error {
        let least = |want, limits: &Limits| self.table.choose(want, Judge::EndToEnd, limits).ok().flatten();
        let any = Limits::default();
        let (flash, fixed) = (self.flash_budget.is_finite(), self.rest + self.t.slack);
        let mut said = Vec::new();
        let mut would = Vec::new();
        if let Some(c) = least(Want::Flash, &any).filter(|c| c.sums.bytes > limits.bytes) {
            let (need, have) = if flash { (c.sums.bytes + fixed, self.flash_budget) } else { (c.sums.bytes, limits.bytes) };
            let name = if flash { "flash" } else { "weights" };
            said.push(format!(
                "{name}={have:.0} is {:.0} bytes too few: {need:.0} is the least ({fixed:.0} of them are code and tables)",
                need - have
            ));
            would.push(format!("{name}={:.0}", need.ceil()));
        }
        if let Some(c) = least(Want::Weights, &any).filter(|c| c.sums.weight_bytes > limits.weight_bytes) {
            said.push(format!("weights take at least {:.0} bytes as stored, {:.0} are allowed", c.sums.weight_bytes, limits.weight_bytes));
        }
        if let Some(c) = least(Want::Time, &any).filter(|c| c.sums.cost > limits.cost) {
            let (need, have) = (c.sums.cost + self.rest_cost, limits.cost + self.rest_cost);
            said.push(format!("time={have:.0} is {:.0} too little: {need:.0} is the least", need - have));
            would.push(format!("time={:.0}", need.ceil()));
        }
        let narrow = |r: &mcompc_compress::Row| r.candidates.iter().map(|c| c.price.ram).min().unwrap_or(0);
        if let Some(r) = self.table.rows.iter().max_by_key(|r| narrow(r)).filter(|r| narrow(r) as f64 > limits.ram) {
            said.push(format!("layer `{}` alone needs {} bytes of arena, {:.0} are left for it", r.layer, narrow(r), limits.ram.max(0.0)));
        }
        if said.is_empty() {
            let free = Limits { bytes: f64::INFINITY, ..*limits };
            said.push("no choice of bits keeps to all of them at once".into());
            if let Some(c) = least(Want::Flash, &free) {
                would.push(format!("flash={:.0} with the other limits as they are", (c.sums.bytes + fixed).ceil()));
            }
        }
        let hint = if would.is_empty() {
            "allow more, or give up one of the limits".into()
        } else {
            format!("what can be met: {}", would.join(", "))
        };
        Error::new(Code::Usage, format!("the budget {} cannot be met: {}", self.t.ask, said.join("; "))).hint(hint)
    }

    /// Code and constants, and stack, of an object.
    fn built(&self, trial: &Trial) -> Result<(f64, f64)> {
        let o = self.t.o;
        let built = build(&o.name, &self.t.front.sha256, &trial.graph, (&o.target, o.backend), &o.firmware, self.progress)?;
        let (code, data) = size::of_object(&built.object)?;
        Ok(((code + data) as f64, built.stack_bytes as f64))
    }

    fn front(&self) -> Result<Vec<Point>> {
        let limits = Limits { bytes: f64::INFINITY, ..self.limits };
        let point = |c: Choice| Point {
            flash_bytes: (c.sums.bytes + self.rest) as u64,
            error: c.sums.loss,
            cost: c.sums.cost + self.rest_cost,
            bits: self.table.bits(&c),
        };
        Ok(self.table.front(Judge::EndToEnd, &limits, POINTS)?.into_iter().map(point).collect())
    }
}

/// Lowers the scheme with other bits, rounded by a method that does not look at data.
fn trial(t: &Task<'_>, eight: &Scheme, bits: &BTreeMap<String, u8>) -> Result<Trial> {
    let g = &t.front.canonical;
    let bits = bits.iter().map(|(layer, b)| (layer.clone(), (*b, None))).collect();
    let scheme = mcompc_compress::with_bits(g, eight, &bits, t.options.weights.block, None)?;
    let coded = mcompc_compress::apply(g, t.stats, &t.front.inputs, &scheme)?;
    let integers = mcompc_integerize::integerize(&coded.graph)?;
    let options =
        mcompc_lower::Options { name: t.o.name.clone(), slices: t.o.firmware.slices, weights: t.o.firmware.weights, ..Default::default() };
    let lowered = mcompc_lower::lower(&integers.graph, &t.o.target.machine(t.o.backend)?, &options)?;
    let costs = costs(t.o, &lowered)?.map_or_else(|| vec![0.0; lowered.layers.len()], |(_, costs)| costs);
    let steps = lowered.buffers.iter().map(|b| b.last + 1).max().unwrap_or(0);
    let live: Vec<u64> = (0..steps.max(lowered.layers.len()))
        .map(|s| lowered.buffers.iter().filter(|b| b.first <= s && s <= b.last).map(|b| b.bytes as u64).sum())
        .collect();
    // Layers of a name come in the order of the scheme; the scheme numbers them.
    let mut open = mcompc_compress::layers(g)?;
    let (mut prices, mut rest) = (Vec::new(), 0.0);
    for (step, (l, cost)) in lowered.layers.iter().zip(&costs).enumerate() {
        let weighted = matches!(l.op.as_str(), "q.conv" | "q.dense");
        match open.iter().position(|(id, _)| weighted && g.node(*id).name == l.name) {
            Some(at) => {
                let (_, unique) = open.remove(at);
                let price = Price { bytes: l.const_bytes as u64, weight_bytes: l.weight_bytes as u64, cost: *cost, ram: live[step] };
                prices.push((unique, price));
            }
            None => rest += cost,
        }
    }
    Ok(Trial { lowered, prices, rest, io: interface(&integers.graph), graph: integers.graph })
}

/// Bytes of inputs and outputs.
fn interface(g: &Graph) -> f64 {
    let value = |v| g.value(v).bytes() as f64;
    g.inputs.iter().map(|&n| value(g.out(n))).sum::<f64>() + g.outputs.iter().map(|x| value(x.value)).sum::<f64>()
}
