//! A graph on every machine description, against the by-the-book interpreter.

use mcompc_ir::{Graph, Tensor};
use mcompc_kernel::interp::{Arg, Memory, Program};
use mcompc_kernel::{Machine, Unpack};
use mcompc_lower::{Options, Weights, lower};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// The machines of the descriptions, told to unpack 2 and 3 bits too.
pub fn machines() -> Vec<Machine> {
    let mut all: Vec<Machine> = mcompc_target::machines().map(|n| mcompc_target::machine(n).unwrap()).collect();
    for m in &mut all {
        let method = m.unpack(4).unwrap();
        m.unpack.extend([2, 3].map(|bits| Unpack { bits, method }));
    }
    all
}

/// The graph verifies; on every machine its module is proven in bounds and gives the bytes of the by-the-book interpreter for random
/// inputs, in one call and slice by slice. Says what is not so.
pub fn check(g: &Graph, machines: &[Machine], rng: &mut Rng) -> Result<(), String> {
    mcompc_ops::verify(g).map_err(|e| format!("the graph: {e}"))?;
    let values: Vec<_> = g.inputs.iter().map(|&n| g.value(g.out(n)).clone()).collect();
    let inputs: Vec<Vec<u8>> = values.iter().map(|v| (0..v.bytes()).map(|_| rng.next() as u8).collect()).collect();
    let tensors: Vec<Tensor> =
        values.iter().zip(&inputs).map(|(v, c)| Tensor::new(v.dtype, v.shape.clone(), c.clone().into()).unwrap()).collect();
    let want = mcompc_interp::run(g, &tensors).map_err(|e| format!("by the book: {e}"))?;
    for m in machines {
        let on = |e: mcompc_ir::Error| format!("{}: {e}", m.isa);
        for weights in [Weights::Stored, Weights::AllCoded] {
            // On some machines, for the time it takes.
            if weights == Weights::AllCoded && !rng.next().is_multiple_of(4) {
                continue;
            }
            let l = lower(g, m, &Options { name: "g".into(), slices: true, weights, ..Options::default() }).map_err(on)?;
            mcompc_kernel::verify(&l.module).and_then(|p| p.complete()).map_err(on)?;
            let program = Program::new(&l.module).map_err(on)?;
            for sliced in [false, true] {
                let mut memory = Memory::new();
                let mut args: Vec<Arg> = inputs.iter().map(|x| memory.add(x.clone()).into()).collect();
                let outs: Vec<_> = want.iter().map(|y| memory.add(vec![0x55; y.bytes().len()])).collect();
                args.extend(outs.iter().map(|&b| Arg::from(b)));
                args.push(memory.add(vec![0xa5; l.arena_bytes]).into());
                if sliced {
                    args.insert(0, Arg::Int(0));
                    for slice in 0..l.slices {
                        args[0] = Arg::Int(slice as i32);
                        let status = program.run(&format!("{}_slice", l.entry), &mut memory, &args).map_err(on)?;
                        assert_eq!(status, 0, "{}: slice {slice}", m.isa);
                    }
                } else {
                    program.run(&l.entry, &mut memory, &args).map_err(on)?;
                }
                for (i, (&out, want)) in outs.iter().zip(&want).enumerate() {
                    let (got, want) = (memory.bytes(out), &want.bytes()[..]);
                    if got != want {
                        let wrong = got.iter().zip(want).filter(|(a, b)| a != b).count();
                        return Err(format!(
                            "{}: {wrong} of {} bytes of output {i} differ (slices: {sliced}, weights: {weights:?})",
                            m.isa,
                            got.len()
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}
