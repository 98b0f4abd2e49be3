//! Instructions that do two things at once: accesses after which the address steps, and pairs of words.

use crate::isa::Isa;
use crate::lir::{Alu, Block, Code, Ins, Op};
use crate::live::{Live, Set};
use mcompc_kernel::MemElem;

/// Rewrites every block.
pub(crate) fn run(code: &mut Code, isa: &Isa) {
    if !isa.is_thumb2() {
        return;
    }
    let live = Live::of(code);
    for (n, b) in code.blocks.iter_mut().enumerate() {
        step_after(b, live.out(n));
    }
}

/// The base of a plain access, as the place among its uses.
fn base(i: &Ins) -> Option<(usize, MemElem)> {
    match i.op {
        Op::Load(m) => Some((0, m)),
        Op::Store(m) => Some((1, m)),
        _ => None,
    }
}

/// Whether an offset fits an access of the other base.
fn fits(off: i32) -> bool {
    (-255..4096).contains(&off)
}

/// `p + c` at the end becomes part of the access at `p`; the accesses after it count from there.
fn step_after(b: &mut Block, out: &Set) {
    let mut k = 0;
    while k < b.ins.len() {
        let i = &b.ins[k];
        let step = match i.op {
            Op::AluImm(Alu::Add) => i.imm,
            Op::AluImm(Alu::Sub) => i.imm.wrapping_neg(),
            _ => 0,
        };
        if step != 0 && (-255..256).contains(&step) {
            let (from, to) = (i.uses[0], i.defs[0]);
            let all: Vec<usize> = (0..k).filter(|j| base(&b.ins[*j]).is_some_and(|(n, _)| b.ins[*j].uses[n] == from)).collect();
            let mentions = b.ins.iter().flat_map(|i| &i.uses).filter(|r| **r == from).count();
            let only = mentions == all.len() + 1 && !out.has(from);
            let at = all.iter().rposition(|j| b.ins[*j].imm == 0);
            if let Some(at) = at.filter(|at| only && all[at + 1..].iter().all(|j| fits(b.ins[*j].imm.wrapping_sub(step)))) {
                for &j in &all[at + 1..] {
                    if let Some((n, _)) = base(&b.ins[j]) {
                        b.ins[j].uses[n] = to;
                        b.ins[j].imm -= step;
                    }
                }
                let i = &mut b.ins[all[at]];
                match i.op {
                    Op::Load(m) => {
                        i.op = Op::LoadPost(m);
                        i.defs.push(to);
                    }
                    Op::Store(m) => {
                        i.op = Op::StorePost(m);
                        i.defs = vec![to];
                    }
                    _ => {}
                }
                i.imm = step;
                b.ins.remove(k);
                continue;
            }
        }
        k += 1;
    }
}
