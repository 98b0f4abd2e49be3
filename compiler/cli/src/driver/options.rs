//! Flags, checked and resolved.

use super::Firmware;
use crate::args::{BackendArg, Build, Range};
use mcompc_compress::{RangeMethod, WeightBits};
use mcompc_data::InputSpec;
use mcompc_ir::{Code, Error, Result};
use mcompc_target::{Backend, Target};
use std::path::PathBuf;

/// Share of the elements that `--range percentile` keeps at either end.
const PERCENTILE: f64 = 0.9999;

/// What a compilation needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// ONNX file.
    pub model: PathBuf,
    /// CPU.
    pub target: Target,
    /// Code generator.
    pub backend: Backend,
    /// Symbol prefix, an identifier.
    pub name: String,
    /// Calibration data.
    pub calib: Option<PathBuf>,
    /// Raw input forms.
    pub inputs: Vec<InputSpec>,
    /// Sizes of symbolic dimensions.
    pub dims: Vec<(String, usize)>,
    /// Range estimation.
    pub range: RangeMethod,
    /// What firmware asks of the object.
    pub firmware: Firmware,
    /// Bits of the weights.
    pub weights: WeightBits,
}

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

/// Name of a range method in flags and reports.
pub(crate) fn range_name(r: RangeMethod) -> &'static str {
    match r {
        RangeMethod::MinMax => "minmax",
        RangeMethod::Percentile(_) => "percentile",
        RangeMethod::Mse => "mse",
    }
}

fn dim(text: &str) -> Result<(String, usize)> {
    let parsed = text.rsplit_once('=').and_then(|(n, v)| Some((n, v.trim().parse::<usize>().ok()?)));
    match parsed {
        Some((name, size)) if !name.is_empty() && size > 0 => Ok((name.into(), size)),
        _ => Err(Error::new(Code::Usage, format!("--dim {text}: expected NAME=SIZE with a positive size"))),
    }
}

/// The back end of a target when none is asked for: MLIR where this build has it; without it the small one on microcontrollers and
/// Cranelift elsewhere, or for targets that only MLIR reaches the error that says so.
pub fn default_backend(target: &Target) -> Backend {
    match target {
        _ if cfg!(feature = "mlir") => Backend::Mlir,
        t if t.machine_small.is_some() => Backend::Small,
        t if t.machine_cranelift.is_some() => Backend::Cranelift,
        _ => Backend::Mlir,
    }
}

impl Options {
    /// Value of `-O`.
    pub fn level_name(&self) -> String {
        format!("int{}", self.weights.bits)
    }
    /// From the command line. Nothing is read but the flags themselves.
    ///
    /// # Errors
    /// E501, E502, E503 and E002.
    pub fn new(b: &Build) -> Result<Self> {
        let weights = weights(b)?;
        let target = Target::by_name(&b.target)?;
        let backend = match b.backend {
            Some(BackendArg::Cranelift) => Backend::Cranelift,
            Some(BackendArg::Mlir) => Backend::Mlir,
            Some(BackendArg::Small) => Backend::Small,
            None => default_backend(&target),
        };
        target.machine(backend)?;
        if backend == Backend::Mlir && !cfg!(feature = "mlir") {
            return Err(target.needs_mlir());
        }
        let firmware = Firmware::new(&b.firmware, &target)?;
        let stem = b.model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
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
        })
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
}
