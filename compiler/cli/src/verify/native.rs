//! Code that this computer runs, loaded into the process.

use super::Runner;
use super::layout::Layout;
use crate::driver::Built;
use mcompc_exec::{Arg, Buffer, Loaded};
use mcompc_ir::{Code, Error, Graph, Result, Tensor};

/// A loaded object.
pub struct Native {
    loaded: Loaded,
    layout: Layout,
}

impl Native {
    /// Loads the object; the target must be one that runs here.
    ///
    /// # Errors
    /// Those of the loader.
    pub fn new(built: &Built, integer: &Graph) -> Result<Self> {
        Ok(Self { loaded: Loaded::new(&built.object)?, layout: Layout::new(built, integer) })
    }
}

impl Native {
    /// Times the entry function on one input.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) fn time(&self, input: &[Tensor]) -> Result<crate::bench::Time> {
        let l = &self.layout;
        let (mut arena, needs) = (Buffer::new(l.arena_bytes), l.needs());
        let mut outs: Vec<Vec<u8>> = l.outputs.iter().map(|v| vec![0; v.bytes()]).collect();
        let mut args: Vec<Arg<'_>> = input.iter().map(|t| Arg::In(t.bytes())).collect();
        args.extend(outs.iter_mut().map(|o| Arg::Out(o)));
        args.push(Arg::Out(arena.bytes_mut()));
        crate::bench::time(|| self.loaded.call(&l.entry, &needs, &mut args).map(|_| ()))
    }
}

impl Runner for Native {
    fn name(&self) -> String {
        "native".into()
    }
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        let l = &self.layout;
        let mut arena = Buffer::new(l.arena_bytes);
        let one = |x: &Vec<Tensor>| {
            let mut outs: Vec<Vec<u8>> = l.outputs.iter().map(|v| vec![0; v.bytes()]).collect();
            let mut args: Vec<Arg<'_>> = x.iter().map(|t| Arg::In(t.bytes())).collect();
            args.extend(outs.iter_mut().map(|o| Arg::Out(o)));
            args.push(Arg::Out(arena.bytes_mut()));
            match self.loaded.call(&l.entry, &l.needs(), &mut args)? {
                0 => l.split(&outs.concat()),
                status => Err(Error::new(Code::Mismatch, format!("the entry function returned {status}"))),
            }
        };
        inputs.iter().map(one).collect()
    }
}
