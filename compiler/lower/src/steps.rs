//! Exported functions over the steps of a lowered graph: all of them in one call, or one step a call.

use mcompc_kernel::{Builder, Cmp, Func, Role, Val};

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
}

/// What the caller passes: names, sizes in bytes, and alignments, which are those of the elements.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub inputs: Vec<(String, usize, u8)>,
    pub outputs: Vec<(String, usize, u8)>,
    pub arena: usize,
}

/// The parameters of [`Interface`] inside a function.
struct Pointers {
    inputs: Vec<Val>,
    outputs: Vec<Val>,
    arena: Val,
}

impl Interface {
    fn params(&self, b: &mut Builder) -> Pointers {
        Pointers {
            inputs: self.inputs.iter().map(|(name, bytes, align)| b.ptr(name, Role::In, *bytes, *align)).collect(),
            outputs: self.outputs.iter().map(|(name, bytes, align)| b.ptr(name, Role::Out, *bytes, *align)).collect(),
            arena: b.ptr("arena", Role::Scratch, self.arena, ALIGN as u8),
        }
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
        b.call(&step.kernel, &args);
    }
}

/// `name(inputs..., outputs..., arena)`: every step; returns 0.
pub(crate) fn run(name: String, interface: &Interface, steps: &[Step]) -> Func {
    let mut b = Builder::new(name);
    b.export();
    let p = interface.params(&mut b);
    for step in steps {
        p.call(&mut b, step);
    }
    b.finish()
}

/// `name(slice, inputs..., outputs..., arena)`: the step of that number; returns 0, or -1 where there is no such step.
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
    let status = b.add_imm(known, -1);
    b.status(status);
    b.finish()
}
