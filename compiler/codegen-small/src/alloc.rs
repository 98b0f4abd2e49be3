//! Registers, by regalloc2.

use crate::done::{Done, DoneBlock, conventions};
use crate::isa::{Isa, Kind};
use crate::lir::{Alu, Code, Edge, Ins, Op, Reg};
use regalloc2::{
    Algorithm, Block, Edit, Function, Inst, InstOrEdit, InstRange, MachineEnv, Operand, Output, PReg, PRegSet, RegClass, RegallocOptions,
    VReg,
};

struct Flat<'a> {
    code: &'a Code,
    ranges: Vec<InstRange>,
    operands: Vec<Vec<Operand>>,
    ins: Vec<(usize, usize)>,
    succs: Vec<Vec<Block>>,
    preds: Vec<Vec<Block>>,
    params: Vec<Vec<VReg>>,
    args: Vec<Vec<Vec<VReg>>>,
    clobbers: PRegSet,
}

fn vreg(r: Reg) -> VReg {
    VReg::new(r.0 as usize, RegClass::Int)
}

fn preg(n: u8) -> PReg {
    PReg::new(n.into(), RegClass::Int)
}

/// Registers by how much they are liked: those with short encodings first.
fn pools(isa: &Isa) -> [Vec<u8>; 2] {
    match isa.kind {
        Kind::Thumb1 => [(0..8).collect(), vec![]],
        Kind::Thumb2 => [(0..8).collect(), vec![12, 14, 8, 9, 10, 11]],
        Kind::Riscv => [(8..16).collect(), [16, 17, 5, 6, 7, 28, 29, 30, 31, 1].into_iter().chain(18..28).collect()],
    }
}

fn argument(isa: &Isa, k: usize) -> PReg {
    preg(if isa.is_thumb() { k } else { 10 + k } as u8)
}

/// Operands of an instruction: uses, then results.
fn operands(i: &Ins, isa: &Isa, ends: impl Fn(Reg) -> bool) -> Vec<Operand> {
    let mut all: Vec<Operand> = match i.op {
        Op::Call(_) | Op::Ret => i.uses.iter().enumerate().map(|(k, r)| Operand::reg_fixed_use(vreg(*r), argument(isa, k))).collect(),
        _ => i.uses.iter().map(|r| Operand::reg_use(vreg(*r))).collect(),
    };
    let reuse = match i.op {
        Op::Select(_) => Some(3),
        Op::SelectImm(_) => Some(2),
        Op::Clip(_) | Op::LoadPost(_) => Some(0),
        Op::StorePost(_) => Some(1),
        // Of two operands the one that ends here gives its register.
        Op::Alu(a) if a.commutes() && !ends(i.uses[0]) && ends(i.uses[1]) && (a != Alu::Mul || isa.is_thumb()) => Some(1),
        Op::Alu(a) if isa.kind == Kind::Thumb1 && !matches!(a, Alu::Add | Alu::Sub) => Some(0),
        Op::AluImm(Alu::Add | Alu::Sub) if isa.kind == Kind::Thumb1 && i.imm.abs() > 7 => Some(0),
        // Sums stay where they are, if nobody else reads what they were.
        Op::Smlad | Op::Mla if ends(i.uses[2]) => Some(2),
        Op::Alu(a) if !a.is_shift() && a != Alu::Mul && ends(i.uses[0]) => Some(0),
        _ => None,
    };
    for (k, r) in i.defs.iter().enumerate() {
        let v = vreg(*r);
        all.push(match (i.op, reuse) {
            (Op::Entry, _) => Operand::reg_fixed_def(v, argument(isa, k)),
            // The address is the second result.
            (Op::LoadPost(_), Some(n)) if k == 1 => Operand::reg_reuse_def(v, n),
            (Op::LoadPost(_), _) => Operand::reg_def(v),
            (_, Some(n)) => Operand::reg_reuse_def(v, n),
            _ => Operand::reg_def(v),
        });
    }
    all
}

impl<'a> Flat<'a> {
    fn new(code: &'a Code, isa: &Isa) -> Self {
        let mut f = Flat {
            code,
            ranges: vec![],
            operands: vec![],
            ins: vec![],
            succs: vec![],
            preds: vec![vec![]; code.blocks.len()],
            params: vec![],
            args: vec![],
            clobbers: conventions(isa).0.into_iter().fold(PRegSet::empty(), |s, r| s.with(preg(r))),
        };
        // Readers of each register, and the loops around its definition: what is read once, and not in a deeper loop, ends there.
        let mut uses = vec![0; code.regs as usize];
        let mut depth = vec![0; code.regs as usize];
        for b in &code.blocks {
            let edges = b.succs.iter().flat_map(|e| &e.args);
            b.ins.iter().flat_map(|i| &i.uses).chain(edges).for_each(|r| uses[r.0 as usize] += 1);
            b.ins.iter().flat_map(|i| &i.defs).chain(&b.params).for_each(|r| depth[r.0 as usize] = b.depth);
        }
        for (n, b) in code.blocks.iter().enumerate() {
            let first = f.ins.len();
            for (k, i) in b.ins.iter().enumerate() {
                f.operands.push(operands(i, isa, |r| uses[r.0 as usize] == 1 && depth[r.0 as usize] >= b.depth));
                f.ins.push((n, k));
            }
            f.ranges.push(InstRange::new(Inst::new(first), Inst::new(f.ins.len())));
            f.succs.push(b.succs.iter().map(|e| Block::new(e.to)).collect());
            b.succs.iter().for_each(|e: &Edge| f.preds[e.to].push(Block::new(n)));
            f.params.push(b.params.iter().map(|r| vreg(*r)).collect());
            f.args.push(b.succs.iter().map(|e| e.args.iter().map(|r| vreg(*r)).collect()).collect());
        }
        f
    }
    fn at(&self, i: Inst) -> &Ins {
        let (b, k) = self.ins[i.index()];
        &self.code.blocks[b].ins[k]
    }
}

impl Function for Flat<'_> {
    fn num_insts(&self) -> usize {
        self.ins.len()
    }
    fn num_blocks(&self) -> usize {
        self.ranges.len()
    }
    fn entry_block(&self) -> Block {
        Block::new(0)
    }
    fn block_insns(&self, block: Block) -> InstRange {
        self.ranges[block.index()]
    }
    fn block_succs(&self, block: Block) -> &[Block] {
        &self.succs[block.index()]
    }
    fn block_preds(&self, block: Block) -> &[Block] {
        &self.preds[block.index()]
    }
    fn block_params(&self, block: Block) -> &[VReg] {
        &self.params[block.index()]
    }
    fn is_ret(&self, i: Inst) -> bool {
        self.at(i).op == Op::Ret
    }
    fn is_branch(&self, i: Inst) -> bool {
        self.at(i).is_branch()
    }
    fn branch_blockparams(&self, block: Block, _: Inst, succ: usize) -> &[VReg] {
        &self.args[block.index()][succ]
    }
    fn inst_operands(&self, i: Inst) -> &[Operand] {
        &self.operands[i.index()]
    }
    fn inst_clobbers(&self, i: Inst) -> PRegSet {
        if matches!(self.at(i).op, Op::Call(_)) { self.clobbers } else { PRegSet::empty() }
    }
    fn num_vregs(&self) -> usize {
        self.code.regs as usize
    }
    fn spillslot_size(&self, _: RegClass) -> usize {
        1
    }
}

/// Allocates registers.
///
/// # Errors
/// What regalloc2 says, which would be a fault of selection.
pub(crate) fn run(code: &Code, isa: &Isa) -> Result<Done, String> {
    let f = Flat::new(code, isa);
    let set = |regs: &[u8]| regs.iter().fold(PRegSet::empty(), |s, r| s.with(preg(*r)));
    let [liked, others] = pools(isa);
    let none = PRegSet::empty();
    let env = MachineEnv {
        preferred_regs_by_class: [set(&liked), none, none],
        non_preferred_regs_by_class: [set(&others), none, none],
        scratch_by_class: [None; 3],
        fixed_stack_slots: vec![],
    };
    let options = RegallocOptions { verbose_log: false, validate_ssa: cfg!(feature = "checker"), algorithm: Algorithm::Ion };
    let out = regalloc2::run(&f, &env, &options).map_err(|e| format!("register allocation: {e}"))?;
    #[cfg(feature = "checker")]
    {
        let mut checker = regalloc2::checker::Checker::new(&f, &env);
        checker.prepare(&out);
        checker.run().map_err(|e| format!("register allocation is wrong: {e:?}"))?;
    }
    Ok(rewrite(&f, &out, isa))
}

fn rewrite(f: &Flat, out: &Output, isa: &Isa) -> Done {
    let mut used = [false; 32];
    let mut done =
        Done { slots: out.num_spillslots as u32 + f.code.kept, outgoing: f.code.outgoing, calls: f.code.calls, ..Done::default() };
    for (n, b) in f.code.blocks.iter().enumerate() {
        let mut ins = vec![];
        for step in out.block_insts_and_edits(f, Block::new(n)) {
            match step {
                InstOrEdit::Inst(i) => {
                    let from = f.at(i);
                    let regs: Vec<Reg> = out.inst_allocs(i).iter().map(|a| Reg(a.as_reg().map_or(0, |p| p.hw_enc() as u32))).collect();
                    let (uses, defs) = regs.split_at(from.uses.len());
                    let behind = out.num_spillslots as i32;
                    let (op, imm) = match from.op {
                        Op::KeptLoad => (Op::SlotLoad, from.imm + behind),
                        Op::Keep => (Op::SlotStore, from.imm + behind),
                        op => (op, from.imm),
                    };
                    ins.push(Ins { op, imm, defs: defs.to_vec(), uses: uses.to_vec(), ..from.clone() });
                }
                InstOrEdit::Edit(Edit::Move { from, to }) => {
                    let reg = |a: &regalloc2::Allocation| a.as_reg().map(|p| Reg(p.hw_enc() as u32));
                    match (reg(from), reg(to), from.as_stack(), to.as_stack()) {
                        (Some(a), Some(d), ..) if a != d => ins.push(Ins::new(Op::Mov, &[d], &[a], 0)),
                        (None, Some(d), Some(s), _) => ins.push(Ins::new(Op::SlotLoad, &[d], &[], s.index() as i32)),
                        (Some(a), None, _, Some(s)) => ins.push(Ins::new(Op::SlotStore, &[], &[a], s.index() as i32)),
                        _ => {}
                    }
                }
            }
        }
        ins.iter().flat_map(|i| &i.defs).for_each(|d| used[d.0 as usize] = true);
        done.blocks.push(DoneBlock { ins, succs: b.succs.iter().map(|e| e.to).collect() });
    }
    let link = if isa.is_thumb() { 14 } else { 1 };
    used[link] |= done.calls || isa.kind == Kind::Thumb1;
    done.saved = conventions(isa).1.into_iter().chain([link as u8]).filter(|r| used[usize::from(*r)]).collect();
    done.saved.sort_unstable();
    crate::spills::run(&mut done, isa);
    early_moves(&mut done);
    thread(&mut done);
    done
}

/// What moves of a back edge write, if it holds nothing else.
fn only_moves(b: &DoneBlock) -> Option<Vec<Reg>> {
    let (jump, moves) = b.ins.split_last()?;
    let plain = moves.iter().all(|i| matches!(i.op, Op::Mov | Op::SlotLoad | Op::SlotStore));
    (jump.op == Op::Jump && plain && !moves.is_empty()).then(|| moves.iter().flat_map(|i| i.defs.clone()).collect())
}

/// Moves on the edge back to a loop's head go in front of the branch, where leaving the loop does not mind: the edge is then no block of
/// its own. Moves leave Thumb's flags alone.
fn early_moves(done: &mut Done) {
    let live = live_in(done);
    for n in 0..done.blocks.len() {
        let b = &done.blocks[n];
        let [again, leave] = b.succs[..] else { continue };
        let back = done.blocks[again].succs.first().is_some_and(|head| *head <= n);
        let Some(written) = only_moves(&done.blocks[again]).filter(|_| back) else { continue };
        let Some(branch) = b.ins.last() else { continue };
        // Slots are written only where their bit is there to tell whether somebody reads them.
        let far = done.blocks[again].ins.iter().any(|i| i.op == Op::SlotStore && slot(i) == 0);
        let stores = done.blocks[again].ins.iter().filter(|i| i.op == Op::SlotStore).fold(0, |s, i| s | slot(i));
        let clash = |r: &Reg| live[leave] >> r.0 & 1 == 1 || branch.uses.contains(r);
        if far || live[leave] & stores != 0 || written.iter().any(clash) {
            continue;
        }
        let keep = done.blocks[again].ins.len() - 1;
        let moves: Vec<Ins> = done.blocks[again].ins.drain(..keep).collect();
        let at = done.blocks[n].ins.len() - 1;
        done.blocks[n].ins.splice(at..at, moves);
    }
}

/// The bit of an instruction's spill slot, behind those of registers; none beyond the first 96.
fn slot(i: &Ins) -> u128 {
    match i.op {
        Op::SlotLoad | Op::SlotStore if i.imm < 96 => 1 << (32 + i.imm),
        _ => 0,
    }
}

/// Machine registers and spill slots that are read before they are written, from the start of each block on: as bits.
fn live_in(done: &Done) -> Vec<u128> {
    let mut live = vec![0u128; done.blocks.len()];
    loop {
        let mut changed = false;
        for n in (0..done.blocks.len()).rev() {
            let b = &done.blocks[n];
            let mut l = b.succs.iter().fold(0, |l, s| l | live[*s]);
            for i in b.ins.iter().rev() {
                l = i.defs.iter().fold(l, |l, r| l & !(1 << r.0));
                l = i.uses.iter().fold(l, |l, r| l | 1 << r.0);
                l = if i.op == Op::SlotStore { l & !slot(i) } else { l | slot(i) };
            }
            changed |= l != live[n];
            live[n] = l;
        }
        if !changed {
            return live;
        }
    }
}

/// Branches to a block that only jumps go where it jumps to.
fn thread(done: &mut Done) {
    let onward: Vec<Option<usize>> =
        done.blocks.iter().map(|b| (b.ins.len() == 1 && b.ins[0].op == Op::Jump).then(|| b.succs[0])).collect();
    for b in &mut done.blocks {
        for s in &mut b.succs {
            let mut left = onward.len();
            while let Some(next) = onward[*s].filter(|_| left > 0) {
                *s = next;
                left -= 1;
            }
        }
    }
}
