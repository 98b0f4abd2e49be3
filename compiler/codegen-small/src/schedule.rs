//! The order of instructions in a block.
//!
//! Two things are done, and each only as far as registers last: a value from constant memory that would have to be spilled is loaded again
//! instead, and loads move up to the access before them. On Cortex-M3, M4 and M33 a load takes two cycles, and one behind another access
//! (Cortex-M4 Technical Reference Manual, 3.3.1 and 3.3.3).

use crate::isa::Isa;
use crate::lir::{Block, Code, Edge, Ins, Op, Reg};
use crate::live::{Live, Set, pressure};
use mcompc_kernel::MemElem;

/// Loads move over at most so many instructions.
const REACH: usize = 24;

pub(crate) fn run(code: &mut Code, isa: &Isa) {
    keep(code, isa.registers());
    let live = Live::of(code);
    let mut regs = code.regs;
    for (n, b) in code.blocks.iter_mut().enumerate() {
        later(b, live.out(n), isa.registers());
        again(b, live.out(n), isa.registers(), &mut regs);
        if isa.is_thumb2() {
            group(b, live.out(n), isa.registers());
            // An interrupted `ldrd` of a Cortex-M3 whose base is among its results goes on from another address (erratum 602117).
            if isa.dsp {
                pair(b);
            }
        }
    }
    code.regs = regs;
}

/// Values from outside that a loop of one block reads once, as many as there are registers too few, wait on the stack: stored in front of
/// the loop, loaded where they are read.
fn keep(code: &mut Code, most: usize) {
    for head in 0..code.blocks.len() {
        let Some(back) = code.blocks[head].succs.iter().map(|e| e.to).find(|t| code.blocks[*t].succs.first().is_some_and(|e| e.to == head))
        else {
            continue;
        };
        if code.blocks[head].succs.len() != 2 || code.blocks[back].ins.len() != 1 {
            continue;
        }
        let before = |n: &usize| *n != back && code.blocks[*n].succs.len() == 1 && code.blocks[*n].succs[0].to == head;
        let Some(before) = (0..code.blocks.len()).find(before) else { continue };
        let live = Live::of(code);
        let b = &code.blocks[head];
        // One more than there are too many: with none to spare, the allocator moves values about.
        let over = match pressure(b, live.out(head)).into_iter().max().unwrap_or(0) {
            p if p > most => p - most + 1,
            _ => continue,
        };
        let edges: Vec<Reg> = b.succs.iter().chain(&code.blocks[back].succs).flat_map(|e| e.args.clone()).collect();
        let inside = |r: &Reg| b.params.contains(r) || b.ins.iter().any(|i| i.defs.contains(r));
        let outside = b.ins.iter().enumerate().flat_map(|(k, i)| i.uses.iter().map(move |r| (k, *r)));
        let outside: Vec<(usize, Reg)> = outside.filter(|(_, r)| !inside(r) && !edges.contains(r) && live.out(head).has(*r)).collect();
        let once = |r: Reg| outside.iter().filter(|(_, o)| *o == r).count() == 1;
        let chosen: Vec<(usize, Reg)> = outside.iter().copied().filter(|(_, r)| once(*r)).rev().take(over).collect();
        for (k, r) in chosen {
            let (slot, new) = (code.kept as i32, code.fresh());
            code.kept += 1;
            let b = &mut code.blocks[head];
            b.ins[k].uses.iter_mut().filter(|u| **u == r).for_each(|u| *u = new);
            b.ins.insert(k, Ins::new(Op::KeptLoad, &[new], &[], slot));
            let ins = &mut code.blocks[before].ins;
            ins.insert(ins.len() - 1, Ins::new(Op::Keep, &[], &[r], slot));
        }
    }
}

/// Loads values of constant memory again where too many are alive: of those the one whose next use is farthest.
fn again(b: &mut Block, out: &Set, most: usize, regs: &mut u32) {
    let mut k = 0;
    let mut left = 4 * b.ins.len();
    while k < b.ins.len() && left > 0 {
        left -= 1;
        let p = pressure(b, out);
        if p[k] <= most {
            k += 1;
            continue;
        }
        let candidate = (0..k)
            .filter_map(|j| {
                let i = &b.ins[j];
                let d = *i.defs.first().filter(|_| i.again)?;
                // Not read here, read later in this block, not at its end or behind it.
                let ends = out.has(d) || b.succs.iter().any(|e: &Edge| e.args.contains(&d));
                let next = (k + 1..b.ins.len()).find(|m| b.ins[*m].uses.contains(&d))?;
                let steps =
                    b.ins[j..next].iter().any(|i| i.defs.len() == 2 && i.uses.first() == b.ins[j].uses.first() && i.op != Op::LoadPair);
                let base = b.ins[j].uses[0];
                let there = out.has(base) || b.ins[next..].iter().any(|i| i.uses.contains(&base));
                (!ends && !steps && there && !b.ins[k].uses.contains(&d) && next > k + 2).then_some((next, j, d))
            })
            .max();
        let Some((next, j, d)) = candidate else {
            k += 1;
            continue;
        };
        let new = Reg(*regs);
        *regs += 1;
        let copy = Ins { defs: vec![new], ..b.ins[j].clone() };
        for i in &mut b.ins[next..] {
            i.uses.iter_mut().filter(|u| **u == d).for_each(|u| *u = new);
        }
        b.ins.insert(next, copy);
        // Nobody read it in between: it only moved.
        if !b.ins.iter().any(|i| i.uses.contains(&d)) {
            b.ins.remove(j);
            k -= 1;
        }
    }
}

/// Where registers are short, what is made of a value that lives on anyway, and is read once, is made right before.
fn later(b: &mut Block, out: &Set, most: usize) {
    if pressure(b, out).into_iter().max().unwrap_or(0) + 2 < most {
        return;
    }
    for k in (0..b.ins.len()).rev() {
        let i = &b.ins[k];
        let pure = matches!(i.op, Op::Field { .. } | Op::Ext(_) | Op::AluImm(_) | Op::Sxtb16(_));
        let [d] = i.defs[..] else { continue };
        let readers: Vec<usize> = (k + 1..b.ins.len()).filter(|m| b.ins[*m].uses.contains(&d)).collect();
        let ends = out.has(d) || b.succs.iter().any(|e| e.args.contains(&d));
        let [at] = readers[..] else { continue };
        let lives = i.uses.iter().all(|u| out.has(*u) || b.ins[at..].iter().any(|m| m.uses.contains(u)));
        if pure && !ends && lives && at > k + 1 {
            let i = b.ins.remove(k);
            b.ins.insert(at - 1, i);
        }
    }
}

/// Moves loads up to the access before them.
fn group(b: &mut Block, out: &Set, most: usize) {
    for k in 1..b.ins.len() {
        let i = &b.ins[k];
        if !matches!(i.op, Op::Load(_) | Op::LoadX(..)) || accesses(&b.ins[k - 1]) {
            continue;
        }
        let from = k.saturating_sub(REACH);
        let Some(j) = (from..k - 1).rev().find(|j| accesses(&b.ins[*j])) else { continue };
        let between = &b.ins[j + 1..k];
        let moves =
            between.iter().all(|m| !m.defs.iter().any(|d| i.uses.contains(d)) && !matches!(m.op, Op::Call(_) | Op::Entry | Op::LoadArg));
        let p = pressure(b, out);
        if moves && p[j..k].iter().all(|p| *p < most) {
            let i = b.ins.remove(k);
            b.ins.insert(j + 1, i);
        }
    }
}

/// Loads and stores that others may follow in one cycle.
fn accesses(i: &Ins) -> bool {
    i.is_load() && i.op != Op::LoadPair || i.is_store()
}

/// Two loads of neighbouring words, and no third beside them, as one instruction: it takes as long.
fn pair(b: &mut Block) {
    let mut k = 0;
    while k + 1 < b.ins.len() {
        let (i, j) = (&b.ins[k], &b.ins[k + 1]);
        let word = |i: &Ins| i.op == Op::Load(MemElem::W32) && i.align >= 4;
        let alone = (k == 0 || !accesses(&b.ins[k - 1])) && b.ins.get(k + 2).is_none_or(|n| !accesses(n));
        let fits = |off: i32| off % 4 == 0 && (-1020..=1020).contains(&off);
        if word(i) && word(j) && alone && i.uses == j.uses && (i.imm - j.imm).abs() == 4 && fits(i.imm.min(j.imm)) {
            let (low, high) = if i.imm < j.imm { (i, j) } else { (j, i) };
            let both = Ins::new(Op::LoadPair, &[low.defs[0], high.defs[0]], &low.uses, low.imm);
            b.ins.splice(k..k + 2, [both]);
        }
        k += 1;
    }
}
