//! What is said where no choice keeps to all limits: by how much, and what would do.

use super::{Chooser, POINTS, UNSEEN};
use mcompc_compress::{Choice, Judge, Limits, Want};
use mcompc_ir::{Code, Error, Result};
use mcompc_lower::DECODER_BYTES;
use mcompc_report::Criterion;

impl Chooser<'_> {
    /// Says what is lost at least within the other limits, where that is more than `most`.
    pub(super) fn lossy(&self, most: f64) -> Result<Option<Error>> {
        let mut least = f64::INFINITY;
        for decoding in self.decoding().into_iter().take(2) {
            if let Some(last) = self.table.front(Judge::EndToEnd, &self.within(decoding), POINTS)?.last() {
                least = least.min(self.loss(&self.survey.together(&self.table.forms(last))?));
            }
        }
        if least.is_infinite() || least <= most {
            return Ok(None);
        }
        let unit = if self.criterion == Criterion::Top1 { "expected points of top-1" } else { "percent of the outputs' variance" };
        let what = format!("a loss of {most} {unit} cannot be kept within the other limits: {least:.3} is the least");
        let hint = format!("--budget loss={:.3} can be met, or give more flash", least * 1.05 + 0.001);
        Ok(Some(Error::new(Code::Usage, what).hint(hint)))
    }

    /// Says by how much the limits cannot be met, and what would do: sizes of choices that were built.
    pub(super) fn short(&self) -> Result<Error> {
        let any = Limits { decoding: self.decoding().into_iter().fold(0.0, f64::max), ..Limits::default() };
        let least = |want, limits: &Limits| self.table.choose(want, Judge::EndToEnd, limits);
        // The codes of coded weights are not those that will be stored.
        let unseen = |c: &Choice| if self.coded(c) { UNSEEN * c.sums.weight_bytes } else { 0.0 };
        let flash = |c: &Choice| -> Result<f64> { Ok((self.built(&self.trial(c)?)?.0 + unseen(c)).ceil()) };
        let decoder = |c: &Choice| if self.coded(c) { DECODER_BYTES as f64 } else { 0.0 };
        let (mut said, mut would) = (Vec::new(), Vec::new());
        // The decoder's code counts for choices that need it alone.
        let mut smallest: Option<(f64, f64)> = None;
        for decoding in self.decoding() {
            let Some(c) = least(Want::Flash, &Limits { decoding, ..any })?.filter(|_| self.flash_budget.is_finite()) else { continue };
            let need = flash(&c)?;
            if smallest.is_none_or(|s| need < s.0) {
                smallest = Some((need, need - c.sums.bytes));
            }
        }
        if let Some((need, code)) = smallest.filter(|s| s.0 > self.flash_budget) {
            let have = self.flash_budget;
            said.push(format!(
                "flash={have:.0} is {:.0} bytes too few: {need:.0} is the least ({code:.0} of them are code and tables)",
                need - have
            ));
            would.push(format!("flash={need:.0}"));
        }
        if let Some(c) = least(Want::Flash, &any)? {
            let need = (c.sums.bytes + decoder(&c) + unseen(&c)).ceil();
            if need > self.limits.bytes {
                said.push(format!(
                    "weights={:.0} is {:.0} bytes too few: {need:.0} is the least",
                    self.limits.bytes,
                    need - self.limits.bytes
                ));
                would.push(format!("weights={need:.0}"));
            }
        }
        if let Some(c) = least(Want::Weights, &any)? {
            let need = c.sums.weight_bytes + decoder(&c) + unseen(&c);
            if need > self.limits.weight_bytes {
                let all: usize = self.table.rows.iter().map(|r| r.weights).sum();
                let (have, bits) = (self.limits.weight_bytes, 8.0 * need / all.max(1) as f64);
                said.push(format!("weights take at least {need:.0} bytes as stored, {bits:.2} bits each, and {have:.0} are allowed"));
                would.push(format!("--rate {:.2}", bits + 0.005));
            }
        }
        if let Some(c) = least(Want::Time, &any)?.filter(|c| c.sums.cost > self.limits.cost) {
            let (need, have) = (c.sums.cost + self.rest_cost, self.limits.cost + self.rest_cost);
            said.push(format!("time={have:.0} is {:.0} too little: {need:.0} is the least", need - have));
            would.push(format!("time={:.0}", need.ceil()));
        }
        let narrow = |r: &mcompc_compress::Row| r.candidates.iter().map(|c| c.price.ram).min().unwrap_or(0);
        if let Some(r) = self.table.rows.iter().max_by_key(|r| narrow(r))
            && self.limits.ram.is_finite()
        {
            let tight = Limits { ram: narrow(r) as f64, ..any };
            let arena =
                least(Want::Flash, &tight)?.map(|c| self.trial(&c)).transpose()?.map_or(narrow(r) as f64, |t| t.lowered.arena_bytes as f64);
            let (need, have) = (arena + self.held, self.limits.ram + self.held);
            if need > have {
                said.push(format!(
                    "ram={have:.0} is {:.0} bytes too few: layer `{}` alone needs {} bytes of arena",
                    need - have,
                    r.layer,
                    narrow(r)
                ));
                would.push(format!("ram={need:.0}"));
            }
        }
        if said.is_empty() {
            said.push("no choice of bits keeps to all of them at once".into());
            let free = Limits { bytes: f64::INFINITY, decoding: any.decoding, ..self.limits };
            if let Some(c) = least(Want::Flash, &free)?.filter(|_| self.flash_budget.is_finite()) {
                would.push(format!("flash={:.0} with the other limits as they are", flash(&c)?));
            }
        }
        let hint = if would.is_empty() {
            "allow more, or give up one of the limits".into()
        } else {
            format!("what can be met: {}", would.join(", "))
        };
        Ok(Error::new(Code::Usage, format!("the budget {} cannot be met: {}", self.t.ask, said.join("; "))).hint(hint))
    }
}
