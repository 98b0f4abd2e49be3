//! How values are read.

use mcompc_compress::RangeMethod;
use mcompc_driver::{Amount, Ask, MaxLoss, Weights};
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

/// Names with commas between them.
pub(crate) fn names(v: &OsStr) -> Result<Vec<String>> {
    let all: Vec<String> = text(v)?.split(',').map(|n| n.trim().to_string()).collect();
    if all.iter().any(String::is_empty) {
        return Err(usage(format!("`{}` holds an empty name", v.display())).hint("write NAME or NAME,NAME"));
    }
    Ok(all)
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
pub(crate) const DECODING: f64 = 0.1;

/// Bits a coded weight.
pub(crate) fn rate(v: &OsStr) -> Result<f64> {
    let t = text(v)?;
    let known = t.parse::<f64>().ok().filter(|r| (0.05..=8.0).contains(r));
    known.ok_or_else(|| {
        usage(format!("--rate {t}: no number of bits between 0.05 and 8")).hint("3.5 is somewhat smaller than -O int4, and better")
    })
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

/// What `-O` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// Bits of the weights; of a mixture those that a layer is first thought to take.
    pub weights: u8,
    /// Bits of the activations.
    pub acts: u8,
    /// Whether bits are chosen layer by layer, whatever that gives on average.
    pub mixed: bool,
}

/// `-O`.
///
/// # Errors
/// E501 for a level that is not built and for a word that is none.
pub(crate) fn level(v: &OsStr) -> Result<Level> {
    const BUILT: &str = "use -O int8, -O int4, -O mixed or -O int16";
    let text = text(v)?;
    let of = |weights, acts, mixed| Ok(Level { weights, acts, mixed });
    match text {
        "int8" => of(8, 8, false),
        "int4" => of(4, 8, false),
        "mixed" => of(4, 8, true),
        "int16" => of(8, 16, false),
        "f32" | "int2" | "int3" => Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is not built yet")).hint(BUILT)),
        _ => Err(Error::new(Code::UnsupportedLevel, format!("`-O {text}` is no optimisation level")).hint(BUILT)),
    }
}

/// `--budget`.
pub(crate) fn budget(v: &OsStr) -> Result<Ask> {
    const FORM: &str = "for instance --budget flash=64K,ram=20K or --budget flash=60%,loss=0.5; of time K and M are thousands and millions";
    let (text, mut ask) = (text(v)?, Ask::default());
    let wrong = |what: String| Err(usage(format!("--budget {text}: {what}")).hint(FORM));
    for part in text.split(',') {
        let Some((name, value)) = part.split_once('=') else { return wrong(format!("`{part}` is not NAME=VALUE")) };
        let Some(amount) = amount(value, if name == "time" { 1000.0 } else { 1024.0 }) else {
            return wrong(format!("`{value}` is no positive amount"));
        };
        let place = match name {
            "flash" => &mut ask.flash,
            "weights" => &mut ask.weights,
            "ram" => &mut ask.ram,
            "time" => &mut ask.time,
            "loss" => match amount {
                Amount::Of(n) if ask.loss.is_none() => {
                    ask.loss = Some(n);
                    continue;
                }
                Amount::Of(_) => return wrong("`loss` stands there twice".into()),
                Amount::Percent(_) => return wrong("a loss is in points or percent already, without a sign".into()),
            },
            _ => return wrong(format!("`{name}` is none of flash, weights, ram, time, loss")),
        };
        if place.replace(amount).is_some() {
            return wrong(format!("`{name}` stands there twice"));
        }
    }
    Ok(ask)
}

/// A positive number with K, M (of `kilo`) or %.
fn amount(text: &str, kilo: f64) -> Option<Amount> {
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 'K' | 'k') => (&text[..at], kilo),
        (at, 'M') => (&text[..at], kilo * kilo),
        (at, '%') => (&text[..at], 0.0),
        _ => (text, 1.0),
    };
    let n = number.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)?;
    Some(if unit == 0.0 { Amount::Percent(n) } else { Amount::Of(n * unit) })
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
        Some((name, b @ ("2" | "3" | "4" | "5" | "6" | "7" | "8"))) if !name.is_empty() => Ok((name.into(), b.as_bytes()[0] - b'0')),
        _ => Err(usage(format!("--bits {text}: expected LAYER=2 to LAYER=8")).hint("`mcompc plan` lists the layers")),
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
        let bits = |l: &str| level(of(l)).map(|l| (l.weights, l.acts, l.mixed));
        assert_eq!((bits("int8"), bits("int4"), bits("int16")), (Ok((8, 8, false)), Ok((4, 8, false)), Ok((8, 16, false))));
        assert_eq!(bits("mixed"), Ok((4, 8, true)));
        for l in ["int3", "f32", "fast"] {
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
        for bad in ["a", "=4", "a=9", "a=1", "a=44", "a="] {
            assert_eq!(layer_bits(of(bad)).unwrap_err().code, Code::Usage, "{bad}");
        }
        assert_eq!(word("--range", of("mse"), RANGES), Ok(RangeMethod::Mse));
        let e = word("--range", of("mean"), RANGES).unwrap_err();
        assert_eq!((e.code, e.hint.as_deref()), (Code::Usage, Some("one of minmax, percentile, mse")));
    }

    #[test]
    fn budgets() {
        let of = |s: &str| budget(OsStr::new(s));
        let two = Ask { flash: Some(Amount::Of(65536.0)), loss: Some(0.5), ..Ask::default() };
        assert_eq!(of("flash=64K,loss=.5"), Ok(two.clone()));
        assert_eq!(of("flash=65536,loss=0.5").map(|a| a.to_string()), Ok("flash=65536,loss=0.5".into()));
        assert_eq!(of("time=2.5M").map(|a| a.time), Ok(Some(Amount::Of(2.5e6))));
        assert_eq!(of("ram=80%,weights=1M").map(|a| (a.ram, a.weights)), Ok((Some(Amount::Percent(80.0)), Some(Amount::Of(1048576.0)))));
        for bad in
            ["", "flash", "flash=", "flash=0", "flash=-1", "flash=x", "loss=1%", "loss=1,loss=2", "flash=1,flash=2", "rom=1", "ram=%"]
        {
            assert_eq!(of(bad).unwrap_err().code, Code::Usage, "{bad}");
        }
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
