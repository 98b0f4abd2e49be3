//! Exported functions over the steps of a lowered graph: all of them in one call, or one step a call.

use crate::unpack::{STATUS, WORK};
use mcompc_kernel::{Bin, Builder, Cmp, Func, MemElem, Role, Ty, Val};

/// Alignment of the arena, and of everything in it.
pub(crate) const ALIGN: usize = 16;

/// Where a pointer argument of a step leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An input of the graph.
    Input(usize),
    /// An output of the graph.
    Output(usize),
    /// A byte of the arena.
    Arena(usize),
    /// Constant data, by name.
    Data(String),
}

/// A call of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub kernel: String,
    pub args: Vec<Source>,
    /// The descriptor of weights that are decoded before the call.
    pub unpack: Option<String>,
}

/// What the caller passes: names, sizes in bytes, and alignments, which are those of the elements.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub inputs: Vec<(String, usize, u8)>,
    pub outputs: Vec<(String, usize, u8)>,
    pub arena: usize,
    /// The function that decodes weights, where some are; its memory is the beginning of the arena.
    pub unpack: Option<String>,
}

/// The parameters of [`Interface`] inside a function.
struct Pointers {
    inputs: Vec<Val>,
    outputs: Vec<Val>,
    arena: Val,
    /// Where weights are decoded: the function, and the status word.
    unpack: Option<(String, Val)>,
}

impl Interface {
    fn params(&self, b: &mut Builder) -> Pointers {
        let mut p = Pointers {
            inputs: self.inputs.iter().map(|(name, bytes, align)| b.ptr(name, Role::In, *bytes, *align)).collect(),
            outputs: self.outputs.iter().map(|(name, bytes, align)| b.ptr(name, Role::Out, *bytes, *align)).collect(),
            arena: b.ptr("arena", Role::Scratch, self.arena, ALIGN as u8),
            unpack: None,
        };
        p.unpack = self.unpack.as_ref().map(|f| {
            let (word, fine) = (b.ptr_imm(p.arena, STATUS as i32), b.iconst(0));
            b.store_aligned(fine, MemElem::W32, word, 0, 4);
            (f.clone(), word)
        });
        p
    }
}

impl Pointers {
    fn call(&self, b: &mut Builder, step: &Step) {
        let args: Vec<Val> = step
            .args
            .iter()
            .map(|a| match a {
                Source::Input(i) => self.inputs[*i],
                Source::Output(i) => self.outputs[*i],
                Source::Arena(at) => b.ptr_imm(self.arena, *at as i32),
                Source::Data(name) => b.data(name, 0),
            })
            .collect();
        let (Some(layer), Some((unpack, status))) = (&step.unpack, &self.unpack) else { return b.call(&step.kernel, &args) };
        let (layer, rest) = (b.data(layer, 0), b.ptr_imm(self.arena, WORK as i32));
        b.call(unpack, &[layer, self.arena, rest]);
        let (status, fine) = (b.load_aligned(Ty::I32, MemElem::W32, *status, 0, 4), b.iconst(0));
        let fine = b.cmp(Cmp::Eq, status, fine);
        // What a kernel may rely on holds for the right weights only.
        b.if_else(
            fine,
            |b| {
                b.call(&step.kernel, &args);
                vec![]
            },
            |_| vec![],
        );
    }
    /// What the steps left in the status word.
    fn status(&self, b: &mut Builder) -> Option<Val> {
        self.unpack.as_ref().map(|(_, word)| b.load_aligned(Ty::I32, MemElem::W32, *word, 0, 4))
    }
}

/// `name(inputs..., outputs..., arena)`: every step; returns 0, or what a step left as status.
pub(crate) fn run(name: String, interface: &Interface, steps: &[Step]) -> Func {
    let mut b = Builder::new(name);
    b.export();
    let p = interface.params(&mut b);
    for step in steps {
        p.call(&mut b, step);
    }
    if let Some(status) = p.status(&mut b) {
        b.status(status);
    }
    b.finish()
}

/// `name(slice, inputs..., outputs..., arena)`: the step of that number; returns 0, -1 where there is no such step, or what it left as status.
///
/// The steps' kernels and data are those of [`run`]; what this function adds is a comparison and a call each.
pub(crate) fn run_slice(name: String, interface: &Interface, steps: &[Step]) -> Func {
    let mut b = Builder::new(name);
    b.export();
    let slice = b.scalar("slice");
    let p = interface.params(&mut b);
    for (k, step) in steps.iter().enumerate() {
        let number = b.iconst(k as i32);
        let this = b.cmp(Cmp::Eq, slice, number);
        b.if_else(
            this,
            |b| {
                p.call(b, step);
                vec![]
            },
            |_| vec![],
        );
    }
    let count = b.iconst(steps.len() as i32);
    let known = b.cmp(Cmp::Ult, slice, count);
    let mut status = b.add_imm(known, -1);
    if let Some(own) = p.status(&mut b) {
        status = b.bin(Bin::Or, status, own);
    }
    b.status(status);
    b.finish()
}
