//! A program that runs the network once on zeros, the same for every system but for how it begins and prints.

use crate::header::ctype;
use crate::{Names, PackageInput};
use std::fmt::Write;

/// Buffers of the entry function as static variables, under names that neither C's library nor a system has (`y0`, `error`), and the call that fills the outputs. C11 and C++.
pub(super) struct Example {
    pub buffers: String,
    pub call: String,
}

pub(super) fn example(p: &PackageInput, n: &Names) -> Example {
    let up = &n.upper;
    let (inputs, outputs) = (p.inputs.iter().zip(&n.inputs), p.outputs.iter().zip(&n.outputs));
    let mut buffers = format!("#include <{}.h>\n\n", p.name);
    let mut args = Vec::new();
    for (t, i) in inputs.chain(outputs) {
        let _ = writeln!(buffers, "static {} buffer_{}[{up}_{}_ELEMS];", ctype(t.dtype), i.c, i.upper);
        args.push(format!("buffer_{}", i.c));
    }
    let _ = writeln!(buffers, "static unsigned char arena[{up}_ARENA_BYTES] __attribute__((aligned({up}_ARENA_ALIGN)));");
    args.push("arena".into());
    Example { buffers, call: format!("{}_run({})", n.prefix, args.join(", ")) }
}
