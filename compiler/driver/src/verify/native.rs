//! Code that this computer runs: in the back end's process, but for the clock, which wants it in this one.

use super::Runner;
use super::layout::Layout;
use crate::stages::Built;
use mcompc_backend::{Call, Passed, Returned};
use mcompc_exec::{Arg, Buffer, Loaded};
use mcompc_ir::{Code, Error, Graph, Result, Tensor};

/// An object for this computer.
pub struct Native {
    object: Vec<u8>,
    layout: Layout,
}

impl Native {
    /// Of an object for a target that runs here.
    ///
    /// # Errors
    /// Those of the loader.
    pub fn new(built: &Built, integer: &Graph) -> Result<Self> {
        Loaded::new(&built.object)?;
        Ok(Self { object: built.object.clone(), layout: Layout::new(built, integer) })
    }
}

impl Native {
    /// Times the entry function on one input, in this process: `bench` times what an emulator has run before.
    ///
    /// # Errors
    /// Those of the loader and of the call.
    pub(crate) fn time(&self, input: &[Tensor]) -> Result<crate::clock::Time> {
        let l = &self.layout;
        let loaded = Loaded::new(&self.object)?;
        let (mut arena, needs) = (Buffer::new(l.arena_bytes), l.needs());
        let mut outs: Vec<Vec<u8>> = l.outputs.iter().map(|v| vec![0; v.bytes()]).collect();
        let mut args: Vec<Arg<'_>> = input.iter().map(|t| Arg::In(t.bytes())).collect();
        args.extend(outs.iter_mut().map(|o| Arg::Out(o)));
        args.push(Arg::Out(arena.bytes_mut()));
        crate::clock::time(|| loaded.call(&l.entry, &needs, &mut args).map(|_| ()))
    }
}

impl Runner for Native {
    fn name(&self) -> String {
        "native".into()
    }
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        let l = &self.layout;
        let mut buffers: Vec<Vec<u8>> = l.outputs.iter().map(|v| vec![0; v.bytes()]).collect();
        let arena = buffers.len();
        buffers.push(vec![0; l.arena_bytes]);
        let mut calls = Vec::with_capacity(inputs.len());
        for x in inputs {
            let mut args = Vec::new();
            for (t, v) in x.iter().zip(&l.inputs) {
                args.push(Passed::In { buffer: buffers.len(), bytes: v.bytes(), align: 1 });
                buffers.push(t.bytes().to_vec());
            }
            args.extend(l.outputs.iter().enumerate().map(|(i, v)| Passed::Out { buffer: i, bytes: v.bytes(), align: 1 }));
            args.push(Passed::Out { buffer: arena, bytes: l.arena_bytes, align: l.arena_align });
            let keep = l.outputs.iter().enumerate().map(|(i, v)| (i, 0..v.bytes())).collect();
            calls.push(Call { symbol: l.entry.clone(), args, keep });
        }
        let one = |r: Returned| match r.status {
            0 => l.split(&r.kept.concat()),
            status => Err(Error::new(Code::Mismatch, format!("the entry function returned {status}"))),
        };
        mcompc_backend::run(&self.object, &buffers, &calls)?.into_iter().map(one).collect()
    }
}
