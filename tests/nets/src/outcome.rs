//! What became of a network.

use mcompc_ir::{Code, Error};
use serde::{Deserialize, Serialize};

/// Kinds of outcome. All but the first two are failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every executor agrees.
    Ok,
    /// An error with a code that docs/status.md explains.
    Refused,
    /// Two executors disagree.
    Mismatch,
    /// An error that a valid network must not see: a broken invariant, or a code that docs/status.md does not explain.
    Fault,
    /// A panic.
    Panic,
    /// The process died.
    Abort,
    /// No end in time.
    Hang,
    /// The network itself is not valid by ONNX: a fault of the generator.
    Invalid,
    /// What the test machine lacks or did, a tool or a signal: nothing was found out.
    Environment,
}

/// The outcome of one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its kind.
    pub kind: Kind,
    /// Where on the way through the compiler.
    pub stage: String,
    /// What was said.
    pub message: String,
}

/// The document that says what is refused.
const STATUS: &str = include_str!("../../../docs/status.md");

/// Whether a row of docs/status.md's table has the code.
pub fn explained(code: Code) -> bool {
    let rows = STATUS.lines().filter_map(|l| l.strip_prefix('|')?.split('|').nth(1));
    rows.flat_map(|codes| codes.split(',')).any(|c| c.trim() == code.as_str())
}

impl Outcome {
    /// An outcome.
    pub fn new(kind: Kind, stage: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, stage: stage.into(), message: message.into() }
    }
    /// Every executor agrees.
    pub fn ok() -> Self {
        Self::new(Kind::Ok, "", "")
    }
    /// An error of the compiler at a stage.
    pub fn of(stage: impl Into<String>, e: &Error) -> Self {
        let stage = stage.into();
        let kind = if e.code == Code::Mismatch {
            Kind::Mismatch
        } else if matches!(e.code, Code::Ended | Code::ToolMissing) {
            Kind::Environment
        // Shapes are refused when a model is read; behind that a shape that does not fit is a fault.
        // Only the small back end may refuse a kernel, one that it cannot hold.
        } else if explained(e.code)
            && (e.code != Code::BadShape || stage.starts_with("import"))
            && (e.code != Code::Backend || stage.contains(" by small]"))
        {
            Kind::Refused
        } else {
            Kind::Fault
        };
        let node = e.node.as_deref().map(|n| format!(" at `{n}`")).unwrap_or_default();
        Self::new(kind, stage, format!("{}{node}: {}", e.code.as_str(), e.message))
    }
    /// Whether something is wrong.
    pub fn failed(&self) -> bool {
        !matches!(self.kind, Kind::Ok | Kind::Refused)
    }
    /// Level, target and back end, where the outcome is of one.
    pub fn place(&self) -> Option<(&str, &str, &str)> {
        let (level, site) = self.stage.split_once('[')?.1.split_once(']')?.0.split_once(", ")?;
        let (target, backend) = site.split_once(" by ")?;
        Some((level, target, backend))
    }
    /// Outcomes with the same key are of one sort: kind, stage without level and target (which stand in brackets), and the words of the
    /// message without names and numbers.
    pub fn key(&self) -> String {
        let stage: String = self.stage.split('[').map(|s| s.split(']').next_back().unwrap_or_default()).collect();
        // A name in backticks is the network's own, or a kernel's.
        let plain: String = self.message.split('`').step_by(2).collect();
        let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphabetic() && c != '.').filter(|w| w.len() > 1).take(9).collect();
        let code = self.message.get(..4).filter(|c| c.starts_with('E')).unwrap_or("");
        format!("{:?} {} {code} {}", self.kind, stage.split_whitespace().collect::<Vec<_>>().join(" "), words.join(" "))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {}: {}", self.kind, self.stage, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_forget_names_and_numbers() {
        let a = Outcome::of("lower", &Error::new(Code::Verify, "not proven in bounds: load at 17 of `k1_conv` (and 3 more)").at("k1_conv"));
        let b = Outcome::of("lower", &Error::new(Code::Verify, "not proven in bounds: load at 9 of `k0_dw` (and 1 more)").at("k0_dw"));
        assert_eq!((a.kind, a.key()), (Kind::Fault, b.key()));
        let placed = Outcome::new(Kind::Mismatch, "kernels [int8, cortex-m4 by mlir] q.conv", "");
        assert_eq!(placed.place(), Some(("int8", "cortex-m4", "mlir")));
        assert_eq!(placed.key(), Outcome::new(Kind::Mismatch, "kernels [int4, host by cranelift] q.conv", "").key());
        assert_eq!(Outcome::of("x", &Error::new(Code::NoInteger, "no")).kind, Kind::Refused);
        assert_eq!(Outcome::of("x", &Error::new(Code::BadShape, "no")).kind, Kind::Fault);
        let backend = |by: &str| Outcome::of(format!("compile [int8, cortex-m4 by {by}]"), &Error::new(Code::Backend, "no")).kind;
        assert_eq!((backend("small"), backend("cranelift")), (Kind::Refused, Kind::Fault));
        assert_eq!(Outcome::of("x", &Error::new(Code::Ended, "no")).kind, Kind::Environment);
    }

    #[test]
    fn codes_are_explained_by_a_row_of_their_own() {
        assert!(explained(Code::NoInteger) && explained(Code::UnsupportedOp) && explained(Code::UnsupportedAttr));
        // Named in prose, or not at all.
        assert!(!explained(Code::Internal) && !explained(Code::Verify) && !explained(Code::Mismatch));
    }
}
