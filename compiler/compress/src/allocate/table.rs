//! What can be chosen for every layer, and the best choice.

use super::form::Form;
use super::program::{Item, solve};
use super::survey::{Attempt, Survey};
use mcompc_ir::Result;
use std::collections::BTreeMap;

/// What a layer costs on the target in a form.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Bytes of flash: weights as stored, biases, multipliers.
    pub bytes: u64,
    /// Of them, weights.
    pub weight_bytes: u64,
    /// Time of an inference in the unit of the target's cost table.
    pub cost: f64,
    /// Of it, decoding.
    pub decoding: f64,
    /// Bytes of RAM that are alive while it runs.
    pub ram: u64,
}

/// One way to store a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// How its weights are kept.
    pub form: Form,
    /// Its price.
    pub price: Price,
    /// Error of the network's outputs over their variance with this layer alone.
    pub end_to_end: f64,
    /// Error of the layer's own sums over their variance.
    pub gram: f64,
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name in schemes.
    pub layer: String,
    /// Number of its weights.
    pub weights: usize,
    /// Whether the user says how many bits it takes.
    pub pinned: bool,
    /// What can be chosen: by bits ascending, then coded ones by steps descending.
    pub candidates: Vec<Candidate>,
}

/// All layers with weights, in the order of execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The layers.
    pub rows: Vec<Row>,
}

/// By which loss a choice is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// The error of the network's outputs.
    EndToEnd,
    /// The error of each layer's own sums.
    Gram,
}

/// The most that a choice may take of everything; infinity where anything goes. Of all layers together, but for the RAM.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of flash.
    pub bytes: f64,
    /// Bytes of stored weights.
    pub weight_bytes: f64,
    /// Time, in the unit of the cost table.
    pub cost: f64,
    /// Of it, decoding; nothing is coded where that is 0.
    pub decoding: f64,
    /// Bytes of RAM alive at once.
    pub ram: f64,
    /// Sum of the layers' losses by the judge.
    pub loss: f64,
}

impl Default for Limits {
    fn default() -> Self {
        let any = f64::INFINITY;
        Self { bytes: any, weight_bytes: any, cost: any, decoding: any, ram: any, loss: any }
    }
}

/// What shall be least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The loss.
    Accuracy,
    /// The bytes of flash.
    Flash,
    /// The bytes of stored weights.
    Weights,
    /// The time.
    Time,
}

/// A candidate of every row, by index, and what they add up to.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Index of the candidate of every row.
    pub of: Vec<usize>,
    /// Sums; of the RAM the largest.
    pub sums: Limits,
}

fn loss(c: &Candidate, judge: Judge) -> f64 {
    match judge {
        Judge::EndToEnd => c.end_to_end,
        Judge::Gram => c.gram,
    }
}

impl Table {
    /// Of what a survey found and the target's prices of a layer's (so many weights') forms; what has none cannot be chosen. `pinned` gives the bits of layers whose bits are not free.
    pub fn new(survey: &Survey<'_>, price: &dyn Fn(&str, usize, &Attempt) -> Option<Price>, pinned: &BTreeMap<String, u8>) -> Self {
        let row = |(layer, weights, tried): (&str, usize, Vec<Attempt>)| {
            let only = pinned.get(layer).copied();
            let candidate = |a: Attempt| {
                let price = price(layer, weights, &a).filter(|_| only.is_none_or(|b| Form::stored(b) == a.form))?;
                Some(Candidate { form: a.form, price, end_to_end: a.end_to_end, gram: a.gram })
            };
            Row { layer: layer.into(), weights, pinned: only.is_some(), candidates: tried.into_iter().filter_map(candidate).collect() }
        };
        Self { rows: survey.layers().map(row).collect() }
    }

    /// The candidates of a choice.
    pub fn taken<'a>(&'a self, choice: &'a Choice) -> impl Iterator<Item = &'a Candidate> {
        self.rows.iter().zip(&choice.of).map(|(r, &i)| &r.candidates[i])
    }

    /// The form of every layer of a choice.
    pub fn forms(&self, choice: &Choice) -> Vec<Form> {
        self.taken(choice).map(|c| c.form).collect()
    }

    /// The best choice within the limits by `judge`; `None` where there is none.
    ///
    /// # Errors
    /// `Internal` if the solver fails.
    pub fn choose(&self, want: Want, judge: Judge, limits: &Limits) -> Result<Option<Choice>> {
        // What does not fit the RAM by itself is no candidate.
        let fits = |c: &Candidate| (c.price.ram as f64) <= limits.ram;
        let open: Vec<Vec<usize>> =
            self.rows.iter().map(|r| (0..r.candidates.len()).filter(|&i| fits(&r.candidates[i])).collect()).collect();
        let item = |c: &Candidate| {
            let uses = vec![c.price.bytes as f64, c.price.weight_bytes as f64, c.price.cost, loss(c, judge), c.price.decoding];
            let cost = match want {
                Want::Accuracy => uses[3],
                Want::Flash => uses[0],
                Want::Weights => uses[1],
                Want::Time => uses[2],
            };
            Item { cost, uses }
        };
        let places: Vec<Vec<Item>> =
            open.iter().zip(&self.rows).map(|(open, r)| open.iter().map(|&i| item(&r.candidates[i])).collect()).collect();
        let found = solve(&places, &[limits.bytes, limits.weight_bytes, limits.cost, limits.loss, limits.decoding])?;
        Ok(found.map(|of| self.sum(of.iter().zip(&open).map(|(&i, open)| open[i]).collect(), judge)))
    }

    /// A choice with its sums.
    fn sum(&self, of: Vec<usize>, judge: Judge) -> Choice {
        let taken = || self.rows.iter().zip(&of).map(|(r, &i)| &r.candidates[i]);
        let sums = Limits {
            bytes: taken().map(|c| c.price.bytes as f64).sum(),
            weight_bytes: taken().map(|c| c.price.weight_bytes as f64).sum(),
            cost: taken().map(|c| c.price.cost).sum(),
            decoding: taken().map(|c| c.price.decoding).sum(),
            ram: taken().map(|c| c.price.ram as f64).fold(0.0, f64::max),
            loss: taken().map(|c| loss(c, judge)).sum(),
        };
        Choice { of, sums }
    }

    /// Choices of least loss for ever more bytes, from the fewest that there are to what the limits leave: no other is smaller and loses less. At most
    /// `most` budgets, evenly spread, are asked for.
    ///
    /// # Errors
    /// `Internal` if the solver fails.
    pub fn front(&self, judge: Judge, limits: &Limits, most: usize) -> Result<Vec<Choice>> {
        let any = Limits { bytes: f64::INFINITY, ..*limits };
        let (Some(least), Some(best)) = (self.choose(Want::Flash, judge, &any)?, self.choose(Want::Accuracy, judge, &any)?) else {
            return Ok(Vec::new());
        };
        let (from, to) = (least.sums.bytes, best.sums.bytes.min(limits.bytes));
        let mut front: Vec<Choice> = Vec::new();
        if from > to {
            return Ok(front);
        }
        for i in 0..most.max(2) {
            let bytes = from + (to - from) * i as f64 / (most.max(2) - 1) as f64;
            let Some(c) = self.choose(Want::Accuracy, judge, &Limits { bytes, ..*limits })? else { continue };
            if front.last().is_none_or(|l| c.sums.loss < l.sums.loss) {
                front.push(c);
            }
        }
        Ok(front)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |name: &str, weights: usize, loss: f64| {
            let one = |bits: u8| Candidate {
                form: Form::stored(bits),
                price: Price {
                    bytes: (weights * usize::from(bits) / 8 + 32) as u64,
                    weight_bytes: (weights * usize::from(bits) / 8) as u64,
                    cost: weights as f64 * if bits < 8 { 1.1 } else { 1.0 },
                    ram: if bits < 8 { 500 } else { 400 },
                    decoding: 0.0,
                },
                end_to_end: loss * libm::exp2(-2.0 * f64::from(bits)),
                gram: libm::exp2(-2.0 * f64::from(bits)),
            };
            Row { layer: name.into(), weights, pinned: false, candidates: [2, 4, 8].map(one).to_vec() }
        };
        Table { rows: vec![row("a", 1000, 10.0), row("b", 8000, 1.0), row("c", 400, 100.0)] }
    }

    fn bits(t: &Table, choice: &Choice) -> Vec<u8> {
        t.forms(choice).iter().map(|f| f.bits).collect()
    }

    #[test]
    fn nothing_is_coded_where_there_is_no_time_for_it() {
        let mut t = table();
        for r in &mut t.rows {
            let eight = r.candidates[2].clone();
            let price = Price { weight_bytes: eight.price.weight_bytes / 2, decoding: 10.0, ..eight.price };
            r.candidates.push(Candidate { form: Form::coded(0.1), price, ..eight });
        }
        let within = |decoding: f64| {
            let limits = Limits { weight_bytes: 4800.0, decoding, ..Limits::default() };
            t.forms(&t.choose(Want::Accuracy, Judge::EndToEnd, &limits).unwrap().unwrap())
        };
        assert!(within(0.0).iter().all(|f| f.step.is_none()));
        assert_eq!(within(15.0).iter().filter(|f| f.step.is_some()).count(), 1);
        assert_eq!(within(f64::INFINITY).iter().filter(|f| f.step.is_some()).count(), 3);
    }

    #[test]
    fn what_matters_most_gets_the_bits() {
        let t = table();
        let limits = Limits { weight_bytes: 4700.0, ..Limits::default() };
        let choice = t.choose(Want::Accuracy, Judge::EndToEnd, &limits).unwrap().unwrap();
        let taken = bits(&t, &choice);
        assert!(taken[2] == 8 && taken[1] < 8 && choice.sums.weight_bytes <= 4700.0, "{taken:?}");
        // A budget of RAM that narrow kernels do not fit leaves eight bits, and then no budget of bytes.
        let ram = Limits { ram: 450.0, ..Limits::default() };
        assert_eq!(bits(&t, &t.choose(Want::Flash, Judge::Gram, &ram).unwrap().unwrap()), [8, 8, 8]);
        assert_eq!(t.choose(Want::Accuracy, Judge::Gram, &Limits { bytes: 5000.0, ..ram }).unwrap(), None);
    }

    #[test]
    fn a_front_keeps_to_a_limit_of_bytes() {
        let t = table();
        let within = |bytes: f64| t.front(Judge::EndToEnd, &Limits { bytes, ..Limits::default() }, 12).unwrap();
        assert!(!within(5000.0).is_empty() && within(5000.0).iter().all(|c| c.sums.bytes <= 5000.0));
        assert!(within(10.0).is_empty());
    }

    #[test]
    fn a_front_falls() {
        let t = table();
        let front = t.front(Judge::EndToEnd, &Limits::default(), 12).unwrap();
        assert!(front.len() >= 4);
        for p in front.windows(2) {
            assert!(p[0].sums.bytes < p[1].sums.bytes && p[0].sums.loss > p[1].sums.loss);
        }
        assert_eq!((bits(&t, &front[0]), bits(&t, front.last().unwrap())), (vec![2, 2, 2], vec![8, 8, 8]));
    }
}
