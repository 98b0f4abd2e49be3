//! States: what an inference leaves in an output, the next one is given as an input. The object's entry function is a pure function of both;
//! header and crate hold a block of two buffers a state, which change places at every step, so that nothing is copied and a step that
//! fails leaves the state as it was.

use crate::text::comment;
use crate::{Names, PackageInput, TensorNames, TensorSpec};
use std::fmt::Write;

/// An input and the output that is its next value: both have one type and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSpec {
    /// Position among the inputs.
    pub input: usize,
    /// Position among the outputs.
    pub output: usize,
    /// The codes that the first step is given.
    pub init: Vec<i64>,
}

impl StateSpec {
    /// The one code that it starts at, where there is but one.
    fn same(&self) -> Option<i64> {
        self.init.first().copied().filter(|c| self.init.iter().all(|x| x == c))
    }
    fn codes(&self) -> String {
        self.init.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A state with its tensor and identifiers.
fn states<'a>(p: &'a PackageInput, n: &'a Names) -> impl Iterator<Item = (&'a StateSpec, &'a TensorSpec, &'a TensorNames)> {
    p.states.iter().filter_map(|s| Some((s, p.inputs.get(s.input)?, n.inputs.get(s.input)?)))
}

/// Positions of the parameters of `<name>_run` that `<name>_step` has too, inputs before outputs, arena last.
fn shared(p: &PackageInput) -> Vec<usize> {
    let kept = |i: usize| match i.checked_sub(p.inputs.len()) {
        None => !p.states.iter().any(|s| s.input == i),
        Some(o) => !p.states.iter().any(|s| s.output == o),
    };
    (0..p.inputs.len() + p.outputs.len()).filter(|&i| kept(i)).collect()
}

/// The arguments of `<name>_run`: `own` for parameters of the step, `now` and `next` for the buffers of a state.
fn arguments(
    p: &PackageInput,
    n: &Names,
    own: fn(&TensorNames) -> String,
    now: &dyn Fn(usize) -> String,
    next: &dyn Fn(usize) -> String,
) -> String {
    let input = |(i, t): (usize, &TensorNames)| p.states.iter().position(|s| s.input == i).map_or_else(|| own(t), now);
    let output = |(o, t): (usize, &TensorNames)| p.states.iter().position(|s| s.output == o).map_or_else(|| own(t), next);
    let all = n.inputs.iter().enumerate().map(input).chain(n.outputs.iter().enumerate().map(output)).chain(["arena".into()]);
    all.collect::<Vec<_>>().join(", ")
}

/// Type and functions of the header; `params` are those of the plain entry, the arena's last.
pub(crate) fn c(p: &PackageInput, n: &Names, params: &[String], ctype: fn(mcompc_ir::DType) -> &'static str) -> String {
    let pre = &n.prefix;
    let mut s = format!(
        "\n/* What {pre}_run leaves in an output for the next call, which is given it as an input. Each state has two buffers that change places at\n\
         \x20* every step: the current one is [now_]. The block is the caller's, one for each stream; it may be copied, kept, and brought back. */\n\
         typedef struct {{\n"
    );
    for (state, t, i) in states(p, n) {
        let output = p.outputs.get(state.output).map(|o| comment(&o.name)).unwrap_or_default();
        let _ = writeln!(s, "    {} {}[2][{}]; /* `{}`, next value `{output}` */", ctype(t.dtype), i.c, t.elems(), comment(&t.name));
    }
    let _ = write!(
        s,
        "    uint8_t now_;\n}} {pre}_states;\n\n/* Before the first step of a stream. */\nstatic inline void {pre}_state_init({pre}_states *states) {{\n    states->now_ = 0;\n"
    );
    for (state, t, i) in states(p, n) {
        let (ty, elems) = (ctype(t.dtype), t.elems());
        match state.same() {
            Some(code) => {
                let _ = writeln!(s, "    for (uint32_t i = 0; i < {elems}u; i++) states->{}[0][i] = {code};", i.c);
            }
            None => {
                let _ = write!(s, "    {{\n        static const {ty} init[{elems}] = {{{}}};\n", state.codes());
                let _ = write!(s, "        for (uint32_t i = 0; i < {elems}u; i++) states->{}[0][i] = init[i];\n    }}\n", i.c);
            }
        }
    }
    let mut own: Vec<String> = shared(p).into_iter().filter_map(|i| params.get(i).cloned()).collect();
    own.extend([format!("{pre}_states *states"), "void *arena".into()]);
    let field = |k: usize| p.states.get(k).and_then(|x| n.inputs.get(x.input)).map_or("", |i| i.c.as_str());
    let run = arguments(p, n, |t| t.c.clone(), &|k| format!("states->{}[states->now_]", field(k)), &|k| {
        format!("states->{}[1 - states->now_]", field(k))
    });
    let _ = write!(
        s,
        "}}\n\n/* One inference that takes the states on. Returns what {pre}_run returns; where that is not 0 they are what they were. */\n\
         static inline int32_t {pre}_step({}) {{\n    const int32_t code_ = {pre}_run({run});\n    if (code_ == 0) states->now_ = (uint8_t)(1 - states->now_);\n    return code_;\n}}\n",
        own.join(", ")
    );
    s
}

/// Type and function of the crate; `safe` are the parameters of `run`, the arena's last.
pub(crate) fn rust(p: &PackageInput, n: &Names, safe: &[String], rtype: fn(mcompc_ir::DType) -> &'static str) -> String {
    let mut s = String::from(
        "\n/// What [`run`] leaves in an output for the next call, which is given it as an input; one for each stream. Each state has two buffers\n\
         /// that change places at every step.\n#[derive(Clone, Debug)]\npub struct States {\n",
    );
    for (_, t, i) in states(p, n) {
        let _ = writeln!(s, "    {}: [[{}; {}]; 2],", i.rust, rtype(t.dtype), t.elems());
    }
    s.push_str("    now_: bool,\n}\n\nimpl States {\n    /// Before the first step.\n    pub const fn new() -> Self {\n        Self {\n");
    for (state, t, i) in states(p, n) {
        let init = state.same().map_or_else(|| format!("[[{}]; 2]", state.codes()), |code| format!("[[{code}; {}]; 2]", t.elems()));
        let _ = writeln!(s, "            {}: {init},", i.rust);
    }
    s.push_str("            now_: false,\n        }\n    }\n");
    for (state, t, i) in states(p, n) {
        let output = p.outputs.get(state.output).map(|o| comment(&o.name)).unwrap_or_default();
        let _ = write!(
            s,
            "    /// What the next step is given as `{}`: output `{output}` of the last one.\n    pub fn {}(&self) -> &[{}; {}] {{\n        \
             let [first, second] = &self.{};\n        if self.now_ {{ second }} else {{ first }}\n    }}\n",
            comment(&t.name),
            i.rust,
            rtype(t.dtype),
            t.elems(),
            i.rust
        );
    }
    let mut own: Vec<String> = shared(p).into_iter().filter_map(|i| safe.get(i).cloned()).collect();
    own.extend(["states: &mut States".into(), "arena: &mut Arena".into()]);
    let own_argument = |t: &TensorNames| t.rust.clone();
    let run = arguments(p, n, own_argument, &|k| format!("buffers_.{k}.0"), &|k| format!("buffers_.{k}.1"));
    let buffers: Vec<String> = states(p, n).map(|(_, _, i)| format!("buffers_(&mut states.{}, states.now_)", i.rust)).collect();
    let _ = write!(
        s,
        "}}\n\n// The current buffer of a state, and the other one.\nfn buffers_<T>(both: &mut [T; 2], now: bool) -> (&T, &mut T) {{\n    \
         let [first, second] = both;\n    if now {{ (second, first) }} else {{ (first, second) }}\n}}\n\n\
         /// One inference that takes the states on.\n///\n/// # Errors\n/// Those of [`run`]; the states are then what they were.\n\
         pub fn step({}) -> Result<(), Error> {{\n    let buffers_ = ({},);\n    run({run})?;\n    states.now_ = !states.now_;\n    Ok(())\n}}\n",
        own.join(", "),
        buffers.join(", ")
    );
    s
}
