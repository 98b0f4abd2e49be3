//! Flags, checked and resolved.

use crate::args::{BackendArg, Build, Range};
use mcompc_compress::{RangeMethod, Scheme, WeightBits};
use mcompc_data::InputSpec;
use mcompc_driver::{Firmware, MaxLoss, Request, default_backend};
use mcompc_ir::{Code, Error, Result};
use mcompc_report::Criterion;
use mcompc_target::{Backend, Target};
use std::path::Path;

/// Share of the elements that `--range percentile` keeps at either end.
const PERCENTILE: f64 = 0.9999;

/// Bits of the weights that `-O` asks for.
///
/// # Errors
/// E501 for a level that is not built and for a word that is none.
pub fn level(text: &str) -> Result<u8> {
    match text {
        "int8" => Ok(8),
        "int4" => Ok(4),
        "mixed" | "f32" | "int2" | "int3" | "int16" => {
            Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is not built yet")).hint("use -O int8 or -O int4"))
        }
        _ => Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is no optimisation level")).hint("use -O int8 or -O int4")),
    }
}

/// Smallest group of weights: with its multiples, whole steps of every machine's inner loop.
const GROUP: usize = 32;

fn weights(b: &Build) -> Result<WeightBits> {
    let usage = |what: String, hint: &str| Error::new(Code::Usage, what).hint(hint);
    let bits = level(&b.level)?;
    for (flag, given) in [("--group", b.group.is_some()), ("--int4-all", b.int4_all), ("--bits", !b.bits.is_empty())] {
        if given && bits == 8 {
            return Err(usage(format!("{flag} says how weights of four bits are made, -O {} makes none", b.level), "add -O int4"));
        }
    }
    if let Some(n) = b.group.filter(|n| *n == 0 || !n.is_multiple_of(GROUP)) {
        return Err(usage(format!("--group {n} is no positive multiple of {GROUP}"), "use --group 32, 64, 128"));
    }
    let by_name = |s: &String| match s.rsplit_once('=') {
        Some((name, b @ ("4" | "8"))) if !name.is_empty() => Ok((name.to_string(), if b == "4" { 4 } else { 8 })),
        _ => Err(usage(format!("--bits {s}: expected LAYER=4 or LAYER=8"), "`mcompc plan` lists the layers")),
    };
    let by_name = b.bits.iter().map(by_name).collect::<Result<_>>()?;
    Ok(WeightBits { bits, block: b.group, ends: b.int4_all, by_name })
}

fn dim(text: &str) -> Result<(String, usize)> {
    let parsed = text.rsplit_once('=').and_then(|(n, v)| Some((n, v.trim().parse::<usize>().ok()?)));
    match parsed {
        Some((name, size)) if !name.is_empty() && size > 0 => Ok((name.into(), size)),
        _ => Err(Error::new(Code::Usage, format!("--dim {text}: expected NAME=SIZE with a positive size"))),
    }
}

/// The request of a command line. Nothing is read but the flags themselves.
///
/// # Errors
/// E501, E502, E503 and E002.
pub fn request(b: &Build) -> Result<Request> {
    let scheme = b.scheme.as_deref().map(scheme).transpose()?;
    let weights = match &scheme {
        Some(s) => WeightBits { bits: s.bits(), ..WeightBits::default() },
        None => weights(b)?,
    };
    let target = Target::by_name(&b.target)?;
    let backend = match b.backend {
        Some(BackendArg::Cranelift) => Backend::Cranelift,
        Some(BackendArg::Mlir) => Backend::Mlir,
        Some(BackendArg::Small) => Backend::Small,
        None => default_backend(&target),
    };
    target.machine(backend)?;
    if !mcompc_backend::built_in(backend) {
        return Err(target.needs_mlir());
    }
    let f = &b.firmware;
    let firmware = Firmware::new(f.weights_section.as_deref(), f.slices, f.layer_dump, &target)?;
    let stem = b.model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Request {
        model: b.model.clone(),
        target,
        backend,
        name: mcompc_package::prefix(b.name.as_deref().unwrap_or(&stem)),
        calib: b.calib.clone(),
        inputs: b.inputs.iter().map(|s| InputSpec::parse(s)).collect::<Result<_>>()?,
        dims: b.dims.iter().map(|s| dim(s)).collect::<Result<_>>()?,
        range: match b.range {
            Range::Minmax => RangeMethod::MinMax,
            Range::Percentile => RangeMethod::Percentile(PERCENTILE),
            Range::Mse => RangeMethod::Mse,
        },
        firmware,
        weights,
        scheme,
    })
}

/// The scheme in a file.
fn scheme(path: &Path) -> Result<Scheme> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::new(Code::Io, format!("cannot read `{}`: {e}", path.display())))?;
    text.parse().map_err(|e: Error| e.at(path.display().to_string()))
}

/// The limit of `--max-loss`.
///
/// # Errors
/// E002 for a text that is no limit.
pub fn max_loss(text: &str) -> Result<MaxLoss> {
    let (criterion, number) = match text.split_once(':') {
        Some(("top1", n)) => (Some(Criterion::Top1), n),
        Some(("error", n)) => (Some(Criterion::Error), n),
        _ => (None, text),
    };
    match (text, number.parse::<f64>()) {
        ("none", _) => Ok(MaxLoss::None),
        (_, Ok(n)) if n.is_finite() && n >= 0.0 => Ok(MaxLoss::Most(criterion, n)),
        _ => Err(Error::new(Code::Usage, format!("--max-loss {text}: expected a number that is not negative, or none"))
            .hint("for instance --max-loss 5, --max-loss top1:5 or --max-loss error:10")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_dims() {
        assert_eq!((level("int8"), level("int4")), (Ok(8), Ok(4)));
        for l in ["int3", "mixed", "f32", "fast"] {
            let e = level(l).unwrap_err();
            assert_eq!(e.code, Code::UnsupportedLevel);
            assert!(e.hint.is_some_and(|h| h.contains("int8")));
        }
        assert_eq!(dim("batch=1"), Ok(("batch".into(), 1)));
        assert_eq!(dim("a=b=3"), Ok(("a=b".into(), 3)));
        for bad in ["N", "N=", "=1", "N=0", "N=-1", "N=x"] {
            assert_eq!(dim(bad).unwrap_err().code, Code::Usage);
        }
    }

    #[test]
    fn limits() {
        assert_eq!(max_loss("2.5"), Ok(MaxLoss::Most(None, 2.5)));
        assert_eq!(max_loss("error:0"), Ok(MaxLoss::Most(Some(Criterion::Error), 0.0)));
        assert_eq!(max_loss("top1:7"), Ok(MaxLoss::Most(Some(Criterion::Top1), 7.0)));
        assert_eq!(max_loss("none"), Ok(MaxLoss::None));
        for bad in ["", "-1", "five", "top1:", "mse:3", "inf", "NaN", "top1:none"] {
            assert_eq!(max_loss(bad).unwrap_err().code, Code::Usage, "{bad}");
        }
        assert_eq!((MaxLoss::of_bits(8), MaxLoss::of_bits(4)), (MaxLoss::None, MaxLoss::Usual));
    }
}
