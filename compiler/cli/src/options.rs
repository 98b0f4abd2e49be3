//! How the values of a command line go together.

use crate::args::{DECODING, Given};
use mcompc_compress::{ActBits, RangeMethod, Scheme, WeightBits};
use mcompc_driver::{Ask, Firmware, Request, States, Weights, default_backend};
use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;
use std::path::Path;

fn weights(g: &Given) -> Result<WeightBits> {
    let bits = g.bits.unwrap_or(if chosen(g) { 4 } else { 8 });
    for (flag, given) in [("--group", g.group.is_some()), ("--int4-all", g.int4_all), ("--bits", !g.layer_bits.is_empty())] {
        if given && bits == 8 && !chosen(g) {
            let what = format!("{flag} says how weights of four bits are made, -O int8 makes none");
            return Err(Error::new(Code::Usage, what).hint("add -O int4 or -O mixed"));
        }
    }
    Ok(WeightBits { bits, block: g.group, ends: g.int4_all, by_name: g.layer_bits.clone() })
}

/// Whether bits are chosen layer by layer because something other than the level says so.
fn chosen(g: &Given) -> bool {
    g.mixed || g.budget.is_some() || g.pareto || g.rate.is_some()
}

/// How bits are chosen, if they are.
fn ask(g: &Given) -> Result<Option<Ask>> {
    let flag = if g.rate.is_some() {
        "--rate"
    } else if g.pareto {
        "--pareto"
    } else {
        "--budget"
    };
    if chosen(g) && (g.int4_all || g.bits == Some(8) && g.acts == Some(8)) {
        let what = if g.int4_all { "--int4-all" } else { "-O int8" };
        return Err(Error::new(Code::Usage, format!("{what} says how many bits every layer takes, so nothing is left to choose"))
            .hint(format!("give {flag} with -O mixed or -O int4, or without a level")));
    }
    let four = g.bits == Some(4) && !g.mixed && !g.int4_all;
    let weight_bits = g.rate.or(four.then_some(4.0));
    Ok((four || chosen(g)).then(|| Ask { weight_bits, front: g.pareto, ..g.budget.clone().unwrap_or_default() }))
}

/// The request of a command line. No file is read but a scheme.
///
/// # Errors
/// E502, E503 and E002.
pub(crate) fn request(g: &Given) -> Result<Request> {
    let scheme = g.scheme.as_deref().map(|path| scheme(g, path)).transpose()?;
    let (weights, acts) = match &scheme {
        Some(s) => (WeightBits { bits: s.bits(), ..WeightBits::default() }, ActBits { bits: s.act_bits(), ..ActBits::default() }),
        None => (weights(g)?, ActBits::asked(g.acts, g.act_bits.clone())),
    };
    if g.sequence == Some(0) {
        return Err(Error::new(Code::Usage, "--sequence 0 is no sequence").hint("give the number of samples of one, or leave the flag out"));
    }
    let target = match (&g.target, g.bundle) {
        (None, Some(b)) => (b.target)()?,
        (given, _) => given.clone().map_or_else(Target::host, Ok)?,
    };
    let backend = g.backend.unwrap_or_else(|| default_backend(&target));
    target.machine(backend)?;
    if !mcompc_backend::built_in(backend) {
        return Err(target.needs_mlir());
    }
    mcompc_package::suit(&g.forms, &target.name)?;
    let firmware = Firmware::new(g.weights_section.as_deref(), g.slices, g.layer_dump, &target)?;
    let ask = if scheme.is_some() { None } else { ask(g)? };
    // A scheme that gives steps means coded weights, as a choice by layer does.
    let auto = ask.is_some() || scheme.as_ref().is_some_and(|s| s.layers.iter().any(|l| l.step.is_some()));
    let (weights_as, decoding) = g.stored.unwrap_or(match g.rate {
        Some(_) => (Weights::Coded, None),
        None if auto => (Weights::Coded, Some(DECODING)),
        None => (Weights::Stored, None),
    });
    let firmware = Firmware { forms: g.forms.clone(), decoding, weights: weights_as, ..firmware };
    let stem = g.model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Request {
        model: g.model.clone(),
        command: Some(g.line.clone()),
        target,
        backend,
        name: mcompc_package::prefix(g.name.as_deref().unwrap_or(&stem)),
        calib: g.calib.clone(),
        inputs: g.inputs.clone(),
        dims: g.dims.clone(),
        cut: mcompc_driver::Cut { inputs: g.from.clone(), outputs: g.to.clone() },
        range: g.range.unwrap_or(RangeMethod::Mse),
        states: States { ties: g.states.clone(), sequence: g.sequence },
        firmware,
        weights,
        acts,
        ask,
        scheme,
    })
}

/// The scheme in a file.
fn scheme(g: &Given, path: &Path) -> Result<Scheme> {
    let decided = [
        ("-O", g.bits.is_some()),
        ("--budget", g.budget.is_some()),
        ("--pareto", g.pareto),
        ("--rate", g.rate.is_some()),
        ("--group", g.group.is_some()),
        ("--int4-all", g.int4_all),
        ("--bits", !g.layer_bits.is_empty()),
        ("--acts", !g.act_bits.is_empty()),
        ("--range", g.range.is_some()),
    ];
    if let Some((flag, _)) = decided.iter().find(|(_, given)| *given) {
        let what = format!("{flag} and --scheme both say how the integers are made");
        return Err(Error::new(Code::Usage, what).hint("a scheme says all of it: change its file, or leave one of the flags out"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| Error::new(Code::Io, format!("cannot read `{}`: {e}", path.display())))?;
    text.parse().map_err(|e: Error| e.at(path.display().to_string()))
}
