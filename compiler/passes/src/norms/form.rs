//! Values as sums of x, its mean and 1, each times a constant and perhaps the inverse root.

use super::coefficient::Coefficient;
use super::spec::{Spec, unview};
use mcompc_ir::{Graph, ValueId};

/// Nodes that are looked through.
const DEPTH: usize = 12;

/// Terms: x, its mean, 1, and the same times the inverse root.
const X: usize = 0;
const MEAN: usize = 1;
const ONE: usize = 2;
const INVERSE: usize = 3;

/// The coefficients of the terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Form([Option<Coefficient>; 6]);

impl Form {
    /// What a value is in these terms.
    pub(super) fn of(g: &Graph, spec: &Spec, v: ValueId) -> Option<Self> {
        Seen { g, spec, kept: spec.kept(g) }.form(v, DEPTH)
    }
    fn term(at: usize, c: Coefficient) -> Self {
        let mut f = Self::default();
        f.0[at] = Some(c);
        f
    }
    /// Gain and offset, if this is the normalized x under them.
    pub(super) fn normal(&self, centre: bool) -> Option<(Coefficient, Coefficient)> {
        let [x, mean, one, scaled, less, only] = &self.0;
        let gain = scaled.clone()?;
        let centred = match less {
            Some(m) => centre && gain.cancels(m),
            None => !centre,
        };
        let nothing = x.is_none() && mean.is_none() && only.is_none();
        (centred && nothing).then(|| (gain, one.clone().unwrap_or_else(|| Coefficient::number(0.0))))
    }
    /// The only term.
    fn alone(&self, at: usize) -> Option<&Coefficient> {
        let others = self.0.iter().enumerate().all(|(i, c)| i == at || c.is_none());
        self.0[at].as_ref().filter(|_| others)
    }
    fn map(&self, f: impl Fn(&Coefficient) -> Option<Coefficient>) -> Option<Self> {
        let mut out = Self::default();
        for (to, c) in out.0.iter_mut().zip(&self.0) {
            *to = c.as_ref().map(&f).map_or(Some(None), |c| c.map(Some))?;
        }
        Some(out)
    }
    fn plus(&self, o: &Self, sign: f64) -> Option<Self> {
        let mut out = Self::default();
        for (to, pair) in out.0.iter_mut().zip(self.0.iter().zip(&o.0)) {
            *to = match pair {
                (Some(a), Some(b)) => Some(a.zip(b, |a, b| a + sign * b)?),
                (Some(a), None) => Some(a.clone()),
                (None, b) => b.as_ref().map(|b| b.times(sign)),
            };
        }
        Some(out)
    }
    /// Times the inverse root.
    fn inverted(self) -> Option<Self> {
        let [x, mean, one, None, None, None] = self.0 else { return None };
        Some(Self([None, None, None, x, mean, one]))
    }
    fn times(&self, o: &Self) -> Option<Self> {
        for (a, b) in [(self, o), (o, self)] {
            if let Some(k) = a.alone(ONE) {
                return b.map(|c| c.zip(k, |c, k| c * k));
            }
            if let Some(k) = a.alone(INVERSE + ONE) {
                return b.map(|c| c.zip(k, |c, k| c * k))?.inverted();
            }
        }
        None
    }
}

struct Seen<'a> {
    g: &'a Graph,
    spec: &'a Spec,
    /// Shape of a mean of x that repeats in it.
    kept: Vec<usize>,
}

impl Seen<'_> {
    fn form(&self, v: ValueId, depth: usize) -> Option<Form> {
        let Self { g, spec, .. } = self;
        let one = || Coefficient::number(1.0);
        if v == spec.x {
            return Some(Form::term(X, one()));
        }
        if g.const_of(v).is_some() {
            return Coefficient::of(g, v).map(|c| Form::term(ONE, c));
        }
        let inverse = spec.inverse && unview(g, v) == g.out(spec.root);
        if inverse || spec.is_mean(g, v) {
            return self.repeats(v).then(|| Form::term(if inverse { INVERSE + ONE } else { MEAN }, one()));
        }
        let (node, ins) = (g.node(v.node), g.inputs_of(v.node));
        let depth = depth.checked_sub(1)?;
        if node.attrs.get("act_min").is_some() || node.attrs.get("act_max").is_some() {
            return None;
        }
        let part = |i: usize| self.form(ins[i], depth);
        match node.op.as_str() {
            "Add" => part(0)?.plus(&part(1)?, 1.0),
            "Sub" => part(0)?.plus(&part(1)?, -1.0),
            "Mul" => part(0)?.times(&part(1)?),
            "Neg" => part(0)?.map(|c| Some(c.times(-1.0))),
            "Reciprocal" if !spec.inverse && spec.is_root(g, ins[0]) => self.repeats(v).then(|| Form::term(INVERSE + ONE, one())),
            "Div" if !spec.inverse && spec.is_root(g, ins[1]) => self.repeats(ins[1]).then(|| part(0)?.inverted()).flatten(),
            "Div" => {
                let k = part(1)?;
                let k = k.alone(ONE).filter(|k| !k.data.contains(&0.0))?;
                part(0)?.map(|c| c.zip(k, |c, k| c / k))
            }
            // A number a row under another shape.
            "Reshape" => {
                let f = part(0)?;
                let per_row = [MEAN, INVERSE + MEAN, INVERSE + ONE].into_iter().any(|at| f.alone(at).is_some_and(|c| c.data.len() == 1));
                (per_row && self.repeats(v)).then_some(f)
            }
            _ => None,
        }
    }
    /// Whether a number a row stands where it repeats in x as a mean does.
    fn repeats(&self, v: ValueId) -> bool {
        let shape = &self.g.value(v).shape;
        let lead = self.kept.len().checked_sub(shape.len());
        lead.is_some_and(|lead| self.kept[..lead].iter().all(|&d| d == 1) && self.kept[lead..] == **shape)
    }
}
