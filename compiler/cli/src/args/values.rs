//! How values are read.

use mcompc_compress::RangeMethod;
use mcompc_driver::{MaxLoss, Weights};
use mcompc_ir::{Code, Error, Result};
use mcompc_report::Criterion;
use std::ffi::OsStr;

/// Share of the elements that `--range percentile` keeps at either end.
const PERCENTILE: f64 = 0.9999;

/// Smallest group of weights: with its multiples, whole steps of every machine's inner loop.
const GROUP: usize = 32;

fn usage(what: String) -> Error {
    Error::new(Code::Usage, what)
}

/// A value that is text.
pub(crate) fn text(v: &OsStr) -> Result<&str> {
    v.to_str().ok_or_else(|| usage(format!("`{}` is not UTF-8", v.display())).hint("only paths may hold other bytes"))
}

/// A word of a list.
pub(crate) fn word<T: Copy>(what: &str, v: &OsStr, list: impl IntoIterator<Item = (&'static str, T)>) -> Result<T> {
    let (v, list) = (text(v)?, list.into_iter().collect::<Vec<_>>());
    list.iter().find(|(name, _)| *name == v).map(|(_, t)| *t).ok_or_else(|| {
        let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
        usage(format!("{what} {v}: there is no such choice")).hint(format!("one of {}", names.join(", ")))
    })
}

/// Share of the time of an inference that decoding takes at most where it is not said.
const DECODING: f64 = 0.1;

/// Bits a coded weight.
pub(crate) fn rate(v: &OsStr) -> Result<f64> {
    let t = text(v)?;
    let known = t.parse::<f64>().ok().filter(|r| (0.05..=8.0).contains(r));
    known.ok_or_else(|| usage(format!("--rate {t}: no number of bits between 0.05 and 8")))
}

/// How weights are stored.
pub(crate) const WEIGHTS: [(&str, (Weights, Option<f64>)); 3] =
    [("stored", (Weights::Stored, None)), ("coded", (Weights::Coded, None)), ("auto", (Weights::Coded, Some(DECODING)))];

/// Ways from calibration data to ranges.
pub(crate) const RANGES: [(&str, RangeMethod); 3] =
    [by_name(RangeMethod::MinMax), by_name(RangeMethod::Percentile(PERCENTILE)), by_name(RangeMethod::Mse)];

const fn by_name(m: RangeMethod) -> (&'static str, RangeMethod) {
    (m.name(), m)
}

/// A whole number.
pub(crate) fn number(what: &str, v: &OsStr) -> Result<usize> {
    let v = text(v)?;
    v.parse().map_err(|_| usage(format!("{what} {v}: expected a whole number")).hint(format!("for instance {what} 8")))
}

/// Bits of the weights and of the activations that `-O` asks for.
///
/// # Errors
/// E501 for a level that is not built and for a word that is none.
pub(crate) fn level(v: &OsStr) -> Result<(u8, u8)> {
    const BUILT: &str = "use -O int8, -O int4 or -O int16";
    let text = text(v)?;
    match text {
        "int8" => Ok((8, 8)),
        "int4" => Ok((4, 8)),
        "int16" => Ok((8, 16)),
        "mixed" | "f32" | "int2" | "int3" => Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is not built yet")).hint(BUILT)),
        _ => Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is no optimisation level")).hint(BUILT)),
    }
}

/// `--group`.
pub(crate) fn group(v: &OsStr) -> Result<usize> {
    let text = text(v)?;
    text.parse()
        .ok()
        .filter(|n: &usize| *n > 0 && n.is_multiple_of(GROUP))
        .ok_or_else(|| usage(format!("--group {text} is no positive multiple of {GROUP}")).hint("use --group 32, 64, 128"))
}

/// `--acts`.
pub(crate) fn act_bits(v: &OsStr) -> Result<(String, u8)> {
    let text = text(v)?;
    match text.rsplit_once('=') {
        Some((name, "8")) if !name.is_empty() => Ok((name.into(), 8)),
        Some((name, "16")) if !name.is_empty() => Ok((name.into(), 16)),
        _ => Err(usage(format!("--acts {text}: expected VALUE=8 or VALUE=16")).hint("--scheme-out lists the values")),
    }
}

/// `--bits`.
pub(crate) fn layer_bits(v: &OsStr) -> Result<(String, u8)> {
    let text = text(v)?;
    match text.rsplit_once('=') {
        Some((name, b @ ("4" | "8"))) if !name.is_empty() => Ok((name.into(), if b == "4" { 4 } else { 8 })),
        _ => Err(usage(format!("--bits {text}: expected LAYER=4 or LAYER=8")).hint("`mcompc plan` lists the layers")),
    }
}

/// `--dim`.
pub(crate) fn dim(v: &OsStr) -> Result<(String, usize)> {
    let text = text(v)?;
    let parsed = text.rsplit_once('=').and_then(|(n, v)| Some((n, v.trim().parse::<usize>().ok()?)));
    match parsed {
        Some((name, size)) if !name.is_empty() && size > 0 => Ok((name.into(), size)),
        _ => Err(usage(format!("--dim {text}: expected NAME=SIZE with a positive size")).hint("for instance --dim batch=1")),
    }
}

/// `--state`.
pub(crate) fn state(v: &OsStr) -> Result<(String, String)> {
    let text = text(v)?;
    match text.split_once('=') {
        Some((i, o)) if !i.is_empty() && !o.is_empty() => Ok((i.into(), o.into())),
        _ => {
            Err(usage(format!("--state {text}: expected IN=OUT, names of an input and an output")).hint("for instance --state h_in=h_out"))
        }
    }
}

/// `--max-loss`.
pub(crate) fn max_loss(v: &OsStr) -> Result<MaxLoss> {
    let text = text(v)?;
    let (criterion, number) = match text.split_once(':') {
        Some(("top1", n)) => (Some(Criterion::Top1), n),
        Some(("error", n)) => (Some(Criterion::Error), n),
        _ => (None, text),
    };
    match (text, number.parse::<f64>()) {
        ("none", _) => Ok(MaxLoss::None),
        (_, Ok(n)) if n.is_finite() && n >= 0.0 => Ok(MaxLoss::Most(criterion, n)),
        _ => Err(usage(format!("--max-loss {text}: expected a number that is not negative, or none"))
            .hint("for instance --max-loss 5, --max-loss top1:5 or --max-loss error:10")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let of = OsStr::new;
        assert_eq!((level(of("int8")), level(of("int4")), level(of("int16"))), (Ok((8, 8)), Ok((4, 8)), Ok((8, 16))));
        for l in ["int3", "mixed", "f32", "fast"] {
            let e = level(of(l)).unwrap_err();
            assert_eq!(e.code, Code::UnsupportedLevel);
            assert!(e.hint.is_some_and(|h| h.contains("int8")));
        }
        assert_eq!(dim(of("batch=1")), Ok(("batch".into(), 1)));
        assert_eq!(dim(of("a=b=3")), Ok(("a=b".into(), 3)));
        assert_eq!(state(of("a:0=b/1")), Ok(("a:0".into(), "b/1".into())));
        for bad in ["a", "a=", "=b", ""] {
            assert_eq!(state(of(bad)).unwrap_err().code, Code::Usage, "{bad}");
        }
        for bad in ["N", "N=", "=1", "N=0", "N=-1", "N=x"] {
            assert_eq!(dim(of(bad)).unwrap_err().code, Code::Usage);
        }
        assert_eq!((group(of("64")), layer_bits(of("a=b=4"))), (Ok(64), Ok(("a=b".into(), 4))));
        for bad in ["0", "33", "-32", "x", ""] {
            assert_eq!(group(of(bad)).unwrap_err().code, Code::Usage, "{bad}");
        }
        for bad in ["a", "=4", "a=5", "a="] {
            assert_eq!(layer_bits(of(bad)).unwrap_err().code, Code::Usage, "{bad}");
        }
        assert_eq!(word("--range", of("mse"), RANGES), Ok(RangeMethod::Mse));
        let e = word("--range", of("mean"), RANGES).unwrap_err();
        assert_eq!((e.code, e.hint.as_deref()), (Code::Usage, Some("one of minmax, percentile, mse")));
    }

    #[test]
    fn limits() {
        let of = |s: &str| max_loss(OsStr::new(s));
        assert_eq!(of("2.5"), Ok(MaxLoss::Most(None, 2.5)));
        assert_eq!(of("error:0"), Ok(MaxLoss::Most(Some(Criterion::Error), 0.0)));
        assert_eq!(of("top1:7"), Ok(MaxLoss::Most(Some(Criterion::Top1), 7.0)));
        assert_eq!(of("none"), Ok(MaxLoss::None));
        for bad in ["", "-1", "five", "top1:", "mse:3", "inf", "NaN", "top1:none"] {
            assert_eq!(of(bad).unwrap_err().code, Code::Usage, "{bad}");
        }
    }
}
