//! How deep the stack of a call goes, from the frames a back end reports.

use crate::{Block, Func, Inst, Module};
use mcompc_ir::{Code, Error, Result};
use std::collections::BTreeMap;

/// Stack bytes each function of a module takes for itself: return address, saved registers, spills. Alignment included, callees not.
pub type Frames = BTreeMap<String, u64>;

/// Stack bytes below the caller's stack pointer that the deepest call of an exported function takes.
///
/// # Errors
/// E009 for a function whose frame is not known.
pub fn stack_bytes(module: &Module, frames: &Frames) -> Result<u64> {
    // Callees come before callers.
    let mut depth: BTreeMap<&str, u64> = BTreeMap::new();
    let mut most = 0;
    for f in &module.funcs {
        let own = frames.get(&f.name).ok_or_else(|| Error::new(Code::Internal, "the back end reported no frame").at(&f.name))?;
        let mut below = 0;
        callees(&f.body, &mut |name| below = below.max(depth.get(name).copied().unwrap_or_default()));
        depth.insert(&f.name, own + below);
        if f.export {
            most = most.max(own + below);
        }
    }
    Ok(most)
}

/// Names of the functions that `f` calls, in the order of its text: for the straight list of calls that an entry function is, the order
/// of execution.
pub fn calls(f: &Func) -> Vec<&str> {
    let mut all = Vec::new();
    callees(&f.body, &mut |name| all.push(name));
    all
}

fn callees<'a>(b: &'a Block, each: &mut dyn FnMut(&'a str)) {
    for i in &b.insts {
        match i {
            Inst::Call { func, .. } => each(func),
            Inst::For { body, .. } => callees(body, each),
            Inst::If { then, els, .. } => {
                callees(then, each);
                callees(els, each);
            }
            Inst::Op { .. } | Inst::Store { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, parse};

    #[test]
    fn the_deepest_path_counts() {
        let mut m = parse("func @a() {\n}\nfunc @b() {\n  call @a()\n}\nfunc @c() {\n}\n").unwrap();
        let mut e = Builder::new("e");
        e.export();
        e.call("b", &[]);
        e.call("c", &[]);
        m.funcs.push(e.finish());
        let frames: Frames = [("a", 8), ("b", 16), ("c", 20), ("e", 4)].map(|(n, b)| (n.to_string(), b)).into();
        assert_eq!(stack_bytes(&m, &frames), Ok(28));
        assert_eq!(calls(&m.funcs[3]), ["b", "c"]);
        assert!(stack_bytes(&m, &Frames::new()).is_err());
    }
}
