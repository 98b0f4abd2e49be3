//! Which kernel a back end fails on.

use mcompc_kernel::{Block, Func, Inst, Module, Op, calls};
use std::collections::BTreeSet;

/// The name of a kernel function that fails by itself. Found by halving: as many tries as the number of functions has bits, and one more.
pub(crate) fn kernel(module: &Module, fails: &mut dyn FnMut(&Module) -> bool) -> Option<String> {
    let leaves: Vec<&Func> = module.funcs.iter().filter(|f| calls(f).is_empty()).collect();
    let mut rest = &leaves[..];
    while rest.len() > 1 {
        let (first, second) = rest.split_at(rest.len() / 2);
        rest = if fails(&only(module, first)) { first } else { second };
    }
    let [one] = rest else { return None };
    fails(&only(module, rest)).then(|| one.name.clone())
}

/// A module of some functions that call nothing, with the data they name. They are exported, since nobody calls them.
fn only(module: &Module, funcs: &[&Func]) -> Module {
    let mut names = BTreeSet::new();
    funcs.iter().for_each(|f| data_of(&f.body, &mut names));
    Module {
        funcs: funcs.iter().map(|&f| Func { export: true, ..f.clone() }).collect(),
        data: module.data.iter().filter(|d| names.contains(d.name.as_str())).cloned().collect(),
        rows: module.rows.clone(),
    }
}

fn data_of<'a>(b: &'a Block, names: &mut BTreeSet<&'a str>) {
    for i in &b.insts {
        match i {
            Inst::Op { op: Op::DataAddr { data, .. }, .. } => {
                names.insert(data);
            }
            Inst::For { body, .. } => data_of(body, names),
            Inst::If { then, els, .. } => {
                data_of(then, names);
                data_of(els, names);
            }
            Inst::Op { .. } | Inst::Store { .. } | Inst::Call { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(n: usize) -> Module {
        let mut text = String::from("data @t align 1 = { \"00\" }\ndata @u align 1 = { \"01\" }\n");
        (0..n).for_each(|i| text.push_str(&format!("func @k{i}() {{\n  %0: ptr = data @t\n}}\n")));
        let calls: String = (0..n).map(|i| format!("  call @k{i}()\n")).collect();
        text.push_str(&format!("func export @run() {{\n{calls}}}\n"));
        mcompc_kernel::parse(&text).unwrap()
    }

    #[test]
    fn the_culprit_is_found_in_few_tries() {
        for n in 1..20 {
            let m = module(n);
            for bad in 0..n {
                let mut tries = 0;
                let found = kernel(&m, &mut |part| {
                    tries += 1;
                    mcompc_kernel::structure(part).unwrap();
                    assert_eq!(part.data.len(), 1);
                    part.func(&format!("k{bad}")).is_some()
                });
                assert_eq!(found, Some(format!("k{bad}")));
                assert!(tries <= n.ilog2() + 2, "{tries} of {n}");
            }
        }
    }

    #[test]
    fn nobody_is_blamed_for_what_no_kernel_does_alone() {
        assert_eq!(kernel(&module(5), &mut |_| false), None);
        assert_eq!(kernel(&Module::default(), &mut |_| true), None);
    }
}
