//! Values that share codes. Operators that only move or choose codes (reshape, transpose, slice, pad, maximum pool, largest and smallest
//! element) put their operand and their result in one
//! class, and a class has one quantization. The operands of a join (Concat, or Pad with another value than 0) share the result's class only
//! where that costs nobody resolution; all others keep their own, and a rescale stands between.

use super::Options;
use super::masks::Masks;
use super::quants::{const_range, value_range};
use crate::Stats;
use crate::range::Range;
use mcompc_data::Input;
use mcompc_ir::{Codes, Graph, NodeId, Quant, Result, ValueId};
use mcompc_ops::pad_value;
use std::collections::BTreeMap;

/// An operand that others read too shares a join's codes while its steps grow to no more than this multiple of its own: one bit of eight.
/// A rescale, for that, costs a pass over the value and a second rounding, which is as large as what the coarser step loses.
pub(super) const COARSER: f64 = 2.0;

/// What the members of a class have in common.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// A quantization that is fixed from outside.
    pub pinned: Option<Quant>,
    pub range: Range,
    /// Codes that are not fixed are of these; of a value of 32 bits as many as its range needs of them.
    pub codes: Codes,
    /// The finest step of a value of 32 bits.
    pub least: f64,
    /// Width of the narrowest range among members whose resolution matters.
    narrow: f64,
}

/// Values by class, with the state of each class at the one of its members that stands for it.
pub(super) struct Classes {
    /// Who stands for a value's class, where that is another value.
    root: BTreeMap<ValueId, ValueId>,
    /// Members of classes of more than one, by who stands for them.
    members: BTreeMap<ValueId, Vec<ValueId>>,
    pub of: BTreeMap<ValueId, Class>,
}

impl Classes {
    pub(super) fn root(&self, v: ValueId) -> ValueId {
        self.root.get(&v).copied().unwrap_or(v)
    }

    fn members(&self, root: ValueId) -> Vec<ValueId> {
        self.members.get(&root).cloned().unwrap_or_else(|| vec![root])
    }

    pub(super) fn class(&self, v: ValueId) -> Option<Class> {
        self.of.get(&self.root(v)).cloned()
    }

    pub(super) fn update(&mut self, v: ValueId, f: impl FnOnce(&mut Class)) {
        if let Some(c) = self.of.get_mut(&self.root(v)) {
            f(c);
        }
    }

    /// Puts `gone`'s class into `keep`'s, whose state stays.
    fn absorb(&mut self, keep: ValueId, gone: ValueId) {
        let (keep, gone) = (self.root(keep), self.root(gone));
        if keep == gone {
            return;
        }
        let (state, other) = (self.of.remove(&keep), self.of.remove(&gone));
        let (a, b) = (self.members(keep), self.members(gone));
        // The larger class takes the smaller one in, so that each value changes its class a logarithmic number of times.
        let (root, mut all, few) = if a.len() >= b.len() { (keep, a, b) } else { (gone, b, a) };
        self.members.remove(&keep);
        self.members.remove(&gone);
        self.root.extend(few.iter().map(|&v| (v, root)));
        all.extend(few);
        self.members.insert(root, all);
        self.of.extend(state.or(other).map(|s| (root, s)));
    }

    /// The classes of every computed float value and every input.
    pub(super) fn new(
        g: &Graph,
        stats: &Stats,
        inputs: &[Input],
        raw: &BTreeMap<ValueId, Quant>,
        opts: &Options,
        masks: &Masks,
    ) -> Result<Self> {
        let mut classes = Self { root: BTreeMap::new(), members: BTreeMap::new(), of: BTreeMap::new() };
        let order = g.topo()?;
        let widths = super::acts::choose(g, &opts.acts)?;
        let width = |v: ValueId| widths.get(&v).copied().unwrap_or(Codes::I8);
        for &id in order.iter().filter(|&&id| g.node(id).op != "const") {
            let codes = width(g.out(id));
            let range = value_range(g, stats, g.out(id), codes, opts, masks)?;
            classes.of.insert(g.out(id), Class { pinned: None, range, codes, least: 0.0, narrow: range.width() });
        }
        for (input, &id) in inputs.iter().zip(&g.inputs) {
            // Raw codes of sixteen bits around 0 are what a value of sixteen has.
            let sixteen = |q: &Quant| q.codes == Codes::I16 && q.is_plain() && q.zero_code() == Some(0) && width(g.out(id)) == Codes::I16;
            if let Some(q) = input.quant().filter(|q| q.is_plain_i8() || sixteen(q)) {
                classes.update(g.out(id), |c| c.pinned = Some(q));
            }
        }
        for (&v, r) in raw {
            if r.is_plain() {
                classes.update(v, |c| c.pinned = Some(r.in_i8()));
            }
        }
        let mut joins = Vec::new();
        for &id in &order {
            let out = g.out(id);
            match g.node(id).op.as_str() {
                "Softmax" => classes.update(out, |c| c.pinned = Some(Quant::probability(c.codes))),
                // A place means itself.
                "ArgMax" => {
                    let q = mcompc_ops::place_codes(g.node(id), g.value(g.inputs_of(id)[0]))?;
                    classes.update(out, |c| c.pinned = Some(q));
                }
                // Both parts of a complex number are squared together.
                "Hypot" => {
                    let [a, b] = [0, 1].map(|i| g.inputs_of(id)[i]);
                    let pinned = |v| classes.class(v).and_then(|c| c.pinned);
                    // Codes that are fixed are not another's.
                    if pinned(a) == pinned(b) {
                        classes.tie(a, b);
                    }
                }
                "Quantize" => classes.given(g, raw, id)?,
                "Concat" => joins.push(id),
                "Pad" if pad_value(g, id)? != 0.0 => joins.push(id),
                _ if moves(g, raw, id) => classes.follow(out, g.inputs_of(id)[0]),
                _ => {}
            }
        }
        for s in &g.states {
            classes.tie(g.out(g.inputs[s.input]), g.outputs[s.output].value);
        }
        for id in joins {
            classes.join(g, stats, (opts, masks), raw, id)?;
        }
        Ok(classes)
    }

    /// A value that holds nothing but codes of `x`.
    fn follow(&mut self, out: ValueId, x: ValueId) {
        if let (Some(o), Some(_)) = (self.class(out), self.class(x)) {
            self.update(x, |c| (c.range, c.codes) = (c.range.union(o.range), std::cmp::max(c.codes, o.codes)));
            self.absorb(x, out);
        }
    }

    /// The result has the codes that the file says. So has what is rounded to them, where nobody sees it otherwise.
    fn given(&mut self, g: &Graph, raw: &BTreeMap<ValueId, Quant>, id: NodeId) -> Result<()> {
        let (out, x, q) = (g.out(id), g.inputs_of(id)[0], given(g, id)?);
        self.update(out, |c| c.pinned = q.clone());
        let Some(class) = self.class(x).filter(|c| c.pinned.is_none() || c.pinned == q) else { return Ok(()) };
        let rounds = |n: NodeId| g.node(n).op == "Quantize" && given(g, n).is_ok_and(|o| o == q);
        let seen = |m: ValueId| g.is_output(m) || g.users(m).iter().any(|&(n, _)| !rounds(n) && !self.contains_move(g, raw, x, n));
        if class.pinned.is_some() || !self.members(self.root(x)).into_iter().any(seen) {
            self.update(x, |c| c.pinned = q);
            self.absorb(x, out);
        }
        Ok(())
    }

    /// Whether a node moves codes of the class of `x` within it.
    fn contains_move(&self, g: &Graph, raw: &BTreeMap<ValueId, Quant>, x: ValueId, n: NodeId) -> bool {
        moves(g, raw, n) && self.root(g.out(n)) == self.root(x)
    }

    /// A state: what comes out goes in again, and so has the same codes. Of a chain of states only the last output may be fixed from outside.
    fn tie(&mut self, input: ValueId, output: ValueId) {
        let (Some(a), Some(b)) = (self.class(input), self.class(output)) else { return };
        let (pinned, range, narrow) = (a.pinned.or(b.pinned), a.range.union(b.range), a.narrow.min(b.narrow));
        let codes = std::cmp::max(a.codes, b.codes);
        self.update(input, |c| *c = Class { pinned, range, codes, least: c.least, narrow });
        self.absorb(input, output);
    }

    /// The range of a join's result covers all operands. It takes a quantization that is fixed for an operand where that serves all.
    fn join(
        &mut self,
        g: &Graph,
        stats: &Stats,
        (opts, masks): (&Options, &Masks),
        raw: &BTreeMap<ValueId, Quant>,
        id: NodeId,
    ) -> Result<()> {
        let out = g.out(id);
        let Some(Class { range: mut all, codes, pinned: own, .. }) = self.class(out) else { return Ok(()) };
        let (mut fixed, mut free) = (Vec::new(), g.node(id).op == "Pad");
        if g.node(id).op == "Pad" {
            let v = pad_value(g, id)?;
            all = all.union(Range::new(v, v));
        }
        for v in g.inputs_of(id) {
            match self.class(v) {
                None => (all, free) = (all.union(const_range(g, v)), true),
                Some(Class { pinned: Some(q), .. }) => {
                    all = all.union(value_range(g, stats, v, q.codes, opts, masks)?);
                    fixed.push(q);
                }
                Some(c) => (all, free) = (all.union(c.range), true),
            }
        }
        let serves = |q: &&Quant| !free && fixed.iter().all(|o| o == *q) || covers(q, all);
        let pinned = own.or_else(|| fixed.iter().filter(|q| q.codes == codes).find(serves).cloned());
        let width = pinned.as_ref().map_or(all.width(), |q| q.codes.steps() * q.step());
        self.update(out, |c| *c = Class { pinned, range: all, codes, least: c.least, narrow: width });
        for v in g.inputs_of(id) {
            let Some(c) = self.class(v).filter(|c| c.pinned.is_none() && c.codes == codes && self.root(v) != self.root(out)) else {
                continue;
            };
            let private = self.private(g, raw, v, out);
            if private || c.range.is_empty() || width <= COARSER * c.narrow {
                self.absorb(out, v);
                if !private && !c.range.is_empty() {
                    self.update(out, |o| o.narrow = o.narrow.min(c.narrow));
                }
            }
        }
        Ok(())
    }

    /// Whether nobody reads the class of `v` but by way of joins into the class of `out`: finer codes would be of no use.
    fn private(&self, g: &Graph, raw: &BTreeMap<ValueId, Quant>, v: ValueId, out: ValueId) -> bool {
        let (own, into) = (self.root(v), self.root(out));
        let goes = |n: NodeId| {
            let to = self.root(g.out(n));
            to == into && is_join(g, n) || to == own && moves(g, raw, n)
        };
        self.members(own).into_iter().all(|m| !g.is_output(m) && g.users(m).iter().all(|&(n, _)| goes(n)))
    }
}

/// The codes that a file gives, as i8, or as i16 around 0.
fn given(g: &Graph, id: NodeId) -> Result<Option<Quant>> {
    Ok(mcompc_ops::given_codes(g.node(id))?.map(|q| if q.codes.bits == Codes::I8.bits { q.in_i8() } else { centred(&q) }))
}

/// i16 codes around 0 for all that these hold: in the same steps where their zero point is in the middle, else in steps of up to twice theirs.
fn centred(q: &Quant) -> Quant {
    let reach = |end: i32, most: i32| q.real(end.into()) / f64::from(most);
    let step = reach(q.codes.max(), Codes::I16.max()).max(reach(q.codes.min(), Codes::I16.min()));
    Quant::new(Codes::I16, step, 0)
}

fn is_join(g: &Graph, id: NodeId) -> bool {
    mcompc_ops::is_join(&g.node(id).op)
}

/// Whether the node's result holds nothing but codes of its first input.
fn moves(g: &Graph, raw: &BTreeMap<ValueId, Quant>, id: NodeId) -> bool {
    let n = g.node(id);
    !raw.contains_key(&g.out(id))
        && match n.op.as_str() {
            "MaxPool" | "ReduceMax" | "ReduceMin" => true,
            "Pad" => n.attrs.float("value") == Ok(0.0),
            op => mcompc_ops::is_move(op),
        }
}

/// Whether a fixed quantization holds a range up to one step at either end, in steps not much coarser than the range's own.
fn covers(q: &Quant, r: Range) -> bool {
    let (below, above) = (i64::from(q.codes.min()) - 1, i64::from(q.codes.max()) + 1);
    q.real(below) <= r.lo && r.hi <= q.real(above) && q.codes.steps() * q.step() <= COARSER * r.width()
}
