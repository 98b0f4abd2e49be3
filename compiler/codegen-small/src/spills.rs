//! After allocation: loads of spilled values that a register still holds, and stores of what a slot holds already or nobody reads.
//!
//! The allocator splits a value's life where registers run out, not where loops begin; what it then moves back and forth inside a loop is
//! often the same value.

use crate::done::{Done, called};
use crate::isa::Isa;
use crate::lir::{Ins, Op};

/// By slot: registers that hold the same value, as bits.
type Facts = Vec<u32>;

pub(crate) fn run(done: &mut Done, isa: &Isa) {
    let slots = done.slots as usize;
    if slots == 0 {
        return;
    }
    let clobbered = called(isa).into_iter().fold(0u32, |m, r| m | 1 << r);
    let mut start: Vec<Facts> = vec![vec![!0; slots]; done.blocks.len()];
    start[0] = vec![0; slots];
    loop {
        let mut changed = false;
        for n in 0..done.blocks.len() {
            let mut f = start[n].clone();
            done.blocks[n].ins.iter().for_each(|i| step(&mut f, i, clobbered));
            for &s in &done.blocks[n].succs {
                for (to, from) in start[s].iter_mut().zip(&f) {
                    changed |= *to & !from != 0;
                    *to &= from;
                }
            }
        }
        if !changed {
            break;
        }
    }
    for (b, mut f) in done.blocks.iter_mut().zip(start) {
        b.ins.retain(|i| {
            let known = match i.op {
                Op::SlotLoad => f[i.imm as usize] >> i.defs[0].0 & 1 == 1,
                Op::SlotStore => f[i.imm as usize] >> i.uses[0].0 & 1 == 1,
                _ => false,
            };
            step(&mut f, i, clobbered);
            !known
        });
    }
    unread(done, slots);
}

/// What an instruction does to the facts.
fn step(f: &mut Facts, i: &Ins, clobbered: u32) {
    let bit = |r: crate::lir::Reg| 1u32 << r.0;
    match i.op {
        Op::Mov => {
            let (d, s) = (bit(i.defs[0]), bit(i.uses[0]));
            f.iter_mut().for_each(|m| *m = if *m & s != 0 { *m | d } else { *m & !d });
        }
        Op::SlotStore => {
            let r = bit(i.uses[0]);
            f[i.imm as usize] = r;
        }
        _ => {
            let mut gone = i.defs.iter().fold(0, |m, d| m | bit(*d));
            if matches!(i.op, Op::Call(_)) {
                gone |= clobbered;
            }
            f.iter_mut().for_each(|m| *m &= !gone);
            if i.op == Op::SlotLoad {
                f[i.imm as usize] |= bit(i.defs[0]);
            }
        }
    }
}

/// Removes stores to slots that are not read before the next store, or at all.
fn unread(done: &mut Done, slots: usize) {
    let mut live: Vec<Vec<bool>> = vec![vec![false; slots]; done.blocks.len()];
    let out = |done: &Done, live: &[Vec<bool>], n: usize| -> Vec<bool> {
        (0..slots).map(|s| done.blocks[n].succs.iter().any(|t| live[*t][s])).collect()
    };
    loop {
        let mut changed = false;
        for n in (0..done.blocks.len()).rev() {
            let mut l = out(done, &live, n);
            for i in done.blocks[n].ins.iter().rev() {
                match i.op {
                    Op::SlotLoad => l[i.imm as usize] = true,
                    Op::SlotStore => l[i.imm as usize] = false,
                    _ => {}
                }
            }
            changed |= l != live[n];
            live[n] = l;
        }
        if !changed {
            break;
        }
    }
    for n in 0..done.blocks.len() {
        sink(done, &live, n);
        let mut l = out(done, &live, n);
        let mut keep = vec![true; done.blocks[n].ins.len()];
        for (k, i) in done.blocks[n].ins.iter().enumerate().rev() {
            match i.op {
                Op::SlotLoad => l[i.imm as usize] = true,
                Op::SlotStore => {
                    keep[k] = l[i.imm as usize];
                    l[i.imm as usize] = false;
                }
                _ => {}
            }
        }
        let mut k = keep.iter();
        done.blocks[n].ins.retain(|_| *k.next().unwrap_or(&true));
    }
}

/// A store that only one of two successors wants moves there, if that one comes from nowhere else: out of the loop that it ends.
fn sink(done: &mut Done, live: &[Vec<bool>], n: usize) {
    let [a, b] = done.blocks[n].succs[..] else { return };
    let mut k = done.blocks[n].ins.len();
    while k > 0 {
        k -= 1;
        let i = &done.blocks[n].ins[k];
        if i.op != Op::SlotStore {
            continue;
        }
        let slot = i.imm as usize;
        let to = match (live[a][slot], live[b][slot]) {
            (true, false) => a,
            (false, true) => b,
            _ => continue,
        };
        let after = &done.blocks[n].ins[k + 1..];
        let same =
            after.iter().all(|j| !(j.defs.contains(&i.uses[0]) || matches!(j.op, Op::Call(_)) || j.op == Op::SlotLoad && j.imm == i.imm));
        let again = after.iter().any(|j| j.op == Op::SlotStore && j.imm == i.imm);
        if same && !again && done.blocks.iter().flat_map(|b| &b.succs).filter(|s| **s == to).count() == 1 {
            let i = done.blocks[n].ins.remove(k);
            done.blocks[to].ins.insert(0, i);
        }
    }
}
