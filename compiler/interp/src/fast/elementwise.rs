//! Operators on single elements and on pairs.

use super::geometry::act;
use super::moves::repeat;
use super::{Kernel, Site, not_float};
use mcompc_ir::{Code, Error, Result};

struct Map<F>(F);

impl<F: Fn(f32) -> f32 + Send + Sync> Kernel for Map<F> {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        out.iter_mut().zip(ins[0]).for_each(|(y, &x)| *y = (self.0)(x));
        Ok(())
    }
}

/// How two inputs meet.
enum Pairing {
    Same,
    /// The second input repeats after its own length; a scalar is one of length 1.
    Cycle,
    /// Any broadcast: offsets of both.
    Table(Vec<u32>, Vec<u32>),
}

struct Zip<F> {
    f: F,
    pairing: Pairing,
}

impl<F: Fn(f32, f32) -> f32 + Send + Sync> Kernel for Zip<F> {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let (f, a, b) = (&self.f, ins[0], ins[1]);
        match &self.pairing {
            Pairing::Same => out.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (&a, &b))| *y = f(a, b)),
            Pairing::Cycle if b.len() == 1 => out.iter_mut().zip(a).for_each(|(y, &a)| *y = f(a, b[0])),
            Pairing::Cycle => {
                for (y, a) in out.chunks_exact_mut(b.len()).zip(a.chunks_exact(b.len())) {
                    y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (&a, &b))| *y = f(a, b));
                }
            }
            Pairing::Table(ia, ib) => {
                out.iter_mut().zip(ia.iter().zip(ib)).for_each(|(y, (&i, &j))| *y = f(a[i as usize], b[j as usize]));
            }
        }
        Ok(())
    }
}

fn map(f: impl Fn(f32) -> f32 + Send + Sync + 'static) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Map(f)))
}

fn zip(s: &Site<'_>, f: impl Fn(f32, f32) -> f32 + Send + Sync + 'static) -> Result<Box<dyn Kernel>> {
    let (a, b, y) = (&s.ins[0].shape, &s.ins[1].shape, &s.out().shape);
    let core: Vec<usize> = b.iter().copied().skip_while(|&d| d == 1).collect();
    let pairing = if a == b {
        Pairing::Same
    } else if a == y && a.ends_with(&core) {
        Pairing::Cycle
    } else if s.out().elems() <= u32::MAX as usize {
        Pairing::Table(repeat(a, y), repeat(b, y))
    } else {
        return Err(Error::new(Code::Limit, "a tensor of more than 2^32 elements").hint("bind smaller dimensions"));
    };
    Ok(Box::new(Zip { f, pairing }))
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    match s.node.op.as_str() {
        "Add" => {
            let (lo, hi) = act(s)?;
            zip(s, move |a, b| (a + b).max(lo).min(hi))
        }
        "Sub" => zip(s, |a, b| a - b),
        "Mul" => zip(s, |a, b| a * b),
        "Div" => zip(s, |a, b| a / b),
        "Hypot" => zip(s, |a, b| libm::sqrt(f64::from(a) * f64::from(a) + f64::from(b) * f64::from(b)) as f32),
        "Recode" => map(|x| x),
        "Quantize" => {
            let q = mcompc_ops::given_codes(s.node)?.ok_or_else(|| not_float("Quantize"))?;
            map(move |x| mcompc_ops::rounded(&q, x))
        }
        op if mcompc_ops::is_map(op) => {
            let f = mcompc_ops::function(op, &s.node.attrs)?;
            map(move |x| f(x.into()) as f32)
        }
        op => Err(not_float(op)),
    }
}
