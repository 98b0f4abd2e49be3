//! Which virtual registers are alive where.

use crate::lir::{Block, Code, Reg};

/// Registers as bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    pub fn has(&self, r: Reg) -> bool {
        self.0.get(r.0 as usize / 64).is_some_and(|w| w >> (r.0 % 64) & 1 == 1)
    }
    fn put(&mut self, r: Reg) {
        let at = r.0 as usize / 64;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (r.0 % 64);
    }
    fn drop(&mut self, r: Reg) {
        if let Some(w) = self.0.get_mut(r.0 as usize / 64) {
            *w &= !(1 << (r.0 % 64));
        }
    }
    fn join(&mut self, other: &Set) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
    pub fn count(&self) -> usize {
        self.0.iter().map(|w| w.count_ones() as usize).sum()
    }
}

/// What is alive at the end of each block, edges' arguments included.
pub(crate) struct Live(Vec<Set>);

impl Live {
    pub fn of(code: &Code) -> Live {
        let mut out = vec![Set::default(); code.blocks.len()];
        loop {
            let mut changed = false;
            for n in (0..code.blocks.len()).rev() {
                let mut s = Set::default();
                for e in &code.blocks[n].succs {
                    let to = &code.blocks[e.to];
                    let mut l = start(to, &out[e.to]);
                    to.params.iter().for_each(|p| l.drop(*p));
                    s.join(&l);
                    e.args.iter().for_each(|a| s.put(*a));
                }
                changed |= s != out[n];
                out[n] = s;
            }
            if !changed {
                return Live(out);
            }
        }
    }
    pub fn out(&self, n: usize) -> &Set {
        &self.0[n]
    }
}

/// What is alive before a block's first instruction.
fn start(b: &Block, out: &Set) -> Set {
    let mut l = out.clone();
    for i in b.ins.iter().rev() {
        i.defs.iter().for_each(|d| l.drop(*d));
        i.uses.iter().for_each(|u| l.put(*u));
    }
    l
}

/// Registers alive right after each instruction, its results included. What only passes through the block does not count: it waits on the
/// stack if registers are short.
pub(crate) fn pressure(b: &Block, out: &Set) -> Vec<usize> {
    let mut l = Set::default();
    let edges = b.succs.iter().flat_map(|e| &e.args);
    let mentioned = b.ins.iter().flat_map(|i| i.uses.iter().chain(&i.defs)).chain(edges);
    mentioned.filter(|r| out.has(**r)).for_each(|r| l.put(*r));
    let mut all = vec![0; b.ins.len()];
    for (k, i) in b.ins.iter().enumerate().rev() {
        i.defs.iter().for_each(|d| l.put(*d));
        all[k] = l.count();
        i.defs.iter().for_each(|d| l.drop(*d));
        i.uses.iter().for_each(|u| l.put(*u));
    }
    all
}
