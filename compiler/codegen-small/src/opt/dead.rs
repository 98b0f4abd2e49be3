//! Removes operations whose results nobody reads, also around loops.

use super::walk::reads;
use mcompc_kernel::{Block, Func, Inst, Val};

pub(super) fn run(f: &mut Func) {
    let mut live = vec![false; f.tys.len()];
    if let Some(s) = f.status {
        live[s.0 as usize] = true;
    }
    // Loops feed values back, so the marks grow until they stay.
    while mark(&f.body, &mut live) {}
    sweep(&mut f.body, &live);
}

/// Marks what instructions with effects, or with live results, read; whether a mark is new.
fn mark(b: &Block, live: &mut [bool]) -> bool {
    let mut new = false;
    let set = |live: &mut [bool], v: Val, new: &mut bool| {
        *new |= !live[v.0 as usize];
        live[v.0 as usize] = true;
    };
    for i in b.insts.iter().rev() {
        match i {
            Inst::Op { dst, .. } if !live[dst.0 as usize] => {}
            Inst::Op { .. } | Inst::Store { .. } | Inst::Call { .. } => reads(i, &mut |v| set(live, v, &mut new)),
            Inst::For { args, inits, body, yields, results, .. } => {
                for k in 0..args.len() {
                    if live[results[k].0 as usize] || live[args[k].0 as usize] {
                        set(live, yields[k], &mut new);
                        set(live, inits[k], &mut new);
                    }
                }
                new |= mark(body, live);
            }
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                for k in (0..results.len()).filter(|&k| live[results[k].0 as usize]).collect::<Vec<_>>() {
                    set(live, then_yields[k], &mut new);
                    set(live, else_yields[k], &mut new);
                }
                set(live, *cond, &mut new);
                new |= mark(then, live);
                new |= mark(els, live);
            }
        }
    }
    new
}

fn sweep(b: &mut Block, live: &[bool]) {
    b.insts.retain(|i| !matches!(i, Inst::Op { dst, .. } if !live[dst.0 as usize]));
    for i in &mut b.insts {
        match i {
            Inst::For { args, inits, body, yields, results, .. } => {
                let keep: Vec<bool> = args.iter().zip(results.iter()).map(|(a, r)| live[a.0 as usize] || live[r.0 as usize]).collect();
                for list in [args, inits, yields, results] {
                    filter(list, &keep);
                }
                sweep(body, live);
            }
            Inst::If { then, then_yields, els, else_yields, results, .. } => {
                let keep: Vec<bool> = results.iter().map(|r| live[r.0 as usize]).collect();
                for list in [then_yields, else_yields, results] {
                    filter(list, &keep);
                }
                sweep(then, live);
                sweep(els, live);
            }
            _ => {}
        }
    }
    // A loop or branch that is left with nothing to do.
    b.insts.retain(|i| match i {
        Inst::For { body, results, .. } => !body.insts.is_empty() || !results.is_empty(),
        Inst::If { then, els, results, .. } => !(then.insts.is_empty() && els.insts.is_empty() && results.is_empty()),
        _ => true,
    });
}

fn filter(list: &mut Vec<Val>, keep: &[bool]) {
    let mut k = keep.iter();
    list.retain(|_| *k.next().unwrap_or(&true));
}
