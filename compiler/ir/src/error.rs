//! One error type for the whole compiler: a stable code, the user's node, what happened, what to do.

use std::fmt;

/// Result of every fallible compiler function.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($name:ident $code:literal $doc:literal;)*) => {
        /// Stable error codes; the number never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $doc] $name,)* }
        impl Code {
            /// Every code in order, for the generated documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];
            /// The printed form, `E` and three digits.
            pub fn as_str(self) -> &'static str { match self { $(Code::$name => $code,)* } }
            /// One sentence for the documentation.
            pub fn doc(self) -> &'static str { match self { $(Code::$name => $doc,)* } }
        }
    };
}

codes! {
    Io "E001" "A file cannot be read or written.";
    Usage "E002" "The command line asks for something contradictory or unknown.";
    Limit "E003" "The file passes a limit (size, nodes, depth, elements, folded bytes).";
    Internal "E009" "The compiler broke one of its own invariants; a bug worth reporting.";
    Truncated "E101" "The protobuf data end early or are malformed.";
    BadTensor "E102" "A tensor's data disagree with its type or dimensions.";
    ExternalData "E103" "External data lie outside the model's directory or outside their file.";
    BadGraph "E104" "The graph is not well formed: undefined or duplicate names, or a cycle.";
    NotFinite "E105" "A weight or sample is NaN or infinite.";
    UnboundDim "E106" "A dimension is symbolic and was not bound with --dim.";
    UnsupportedOp "E201" "The operator is not supported.";
    UnsupportedOpset "E202" "The operator set version is not supported.";
    UnsupportedAttr "E203" "An attribute, or its value, is not supported.";
    UnsupportedType "E204" "A data type is not supported here.";
    BadShape "E205" "Shapes do not fit the operator.";
    MissingAttr "E206" "A required attribute or input is missing.";
    Verify "E301" "A graph or kernel does not pass the verifier.";
    Parse "E302" "A text form does not parse.";
    BadCalib "E401" "Calibration or evaluation data do not fit the model.";
    Overflow "E402" "A 32-bit accumulator could overflow with these weights.";
    NoInteger "E403" "The operator has no integer form.";
    Loss "E404" "The measured loss passes the limit.";
    UnsupportedLevel "E501" "The optimisation level is not built yet.";
    UnknownTarget "E502" "There is no such target.";
    NeedsMlir "E503" "The target needs the MLIR back end, which this build does not contain.";
    Backend "E504" "The back end refused the kernel, or failed on it.";
    ToolMissing "E505" "A tool that this command runs is not installed.";
    Ended "E506" "A process that this command runs was ended from outside.";
    Mismatch "E601" "Native code and the reference disagree.";
}

/// What went wrong, where in the user's model, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Stable code.
    pub code: Code,
    /// ONNX name of the node, tensor or input concerned.
    pub node: Option<String>,
    /// What happened, with the offending values.
    pub message: String,
    /// What the user can do.
    pub hint: Option<String>,
    /// Whether `hint` says what helps with any error of this kind, and so gives way to one that knows the case.
    pub general: bool,
}

impl Error {
    /// An error without a node.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, node: None, message: message.into(), hint: None, general: false }
    }
    /// Names the node, tensor or input concerned; the innermost name wins.
    pub fn at(mut self, node: impl Into<String>) -> Self {
        self.node.get_or_insert(node.into());
        self
    }
    /// Says what to do about it; the innermost place that knows the case wins, and any such hint wins over [`Error::general_hint`].
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if self.hint.is_none() || self.general {
            self.hint = Some(hint.into());
            self.general = false;
        }
        self
    }
    /// Says what helps with any error of this kind, for want of a hint that knows the case; the innermost one wins.
    pub fn general_hint(mut self, hint: impl Into<String>) -> Self {
        if self.hint.is_none() {
            self.hint = Some(hint.into());
            self.general = true;
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]", self.code.as_str())?;
        if let Some(n) = &self.node {
            write!(f, " at `{n}`")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(h) = &self.hint {
            write!(f, "\n  hint: {h}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
