//! Entropy-coded weights: the kernels that decode them on any bytes, beside the reference decoder.

use std::sync::OnceLock;

use mcompc_coding::{Layer, decode};
use mcompc_kernel::interp::{Arg, Memory, Program};
use mcompc_lower::{Lowered, Options, Weights, lower};

/// Weights of the layer, padded to what the machine's kernel reads.
const CODES: usize = 240;

/// A dense layer of 10 channels of 24 weights, with all its weights coded.
fn layer() -> Option<&'static Lowered> {
    static LAYER: OnceLock<Option<Lowered>> = OnceLock::new();
    LAYER
        .get_or_init(|| {
            let weight = |i: u32| {
                (i.wrapping_mul(2_654_435_761) >> 29) as i32 - (i.wrapping_mul(0x85EB_CA6B) >> 28) as i32 + i32::from(i == 77) * 90
            };
            let list = |n: u32, f: &dyn Fn(u32) -> i32| (0..n).map(|i| f(i).to_string()).collect::<Vec<_>>().join(", ");
            let graph = mcompc_ir::parse(&format!(
                "graph \"g\" {{\n%0 = input() \"x\" -> \"x\" i8[1, 24] q(0.5, -3)\n%1 = const() \"w\" -> \"w\" i8[10, 24] = [{}]\n\
                 %2 = const() \"b\" -> \"b\" i32[10] = [{}]\n%3 = const() \"m\" -> \"m\" i32[10] = [{}]\n\
                 %4 = q.dense(%0, %1, %2, %3) \"d\" {{pre = 0, shift = 6, lo = -128, hi = 127}} -> \"y\" i8[1, 10] q(0.25, -8)\n\
                 inputs(%0)\noutputs(\"y\" = %4)\n}}\n",
                list(240, &weight),
                list(10, &|i| i as i32 * 9),
                list(10, &|_| 1 << 30),
            ));
            let machine = mcompc_target::machine("armv6-m").ok()?;
            lower(&graph.ok()?, &machine, &Options { name: "g".into(), weights: Weights::AllCoded, ..Options::default() }).ok()
        })
        .as_ref()
}

/// Where archive and descriptor are among the module's data.
fn places(l: &Lowered) -> Option<(usize, usize)> {
    let archive = l.module.data.iter().position(|d| d.name == "coded")?;
    Some((archive, l.module.data.iter().position(|d| d.bytes.len() == Layer::BYTES)?))
}

/// The descriptor and the archive as they are.
pub fn seeds() -> Vec<Vec<u8>> {
    let whole = layer().and_then(|l| {
        let (archive, descriptor) = places(l)?;
        Some([l.module.data[descriptor].bytes.as_slice(), &l.module.data[archive].bytes].concat())
    });
    whole.into_iter().collect()
}

/// Descriptor and archive of these bytes: the kernels end without a wild access; what the reference takes they take too.
pub fn run(bytes: &[u8]) -> Result<String, String> {
    let (mut l, (archive, descriptor)) =
        layer().and_then(|l| Some((l.clone(), places(l)?))).ok_or("the layer cannot be lowered: a fault of this target")?;
    let (first, rest) = bytes.split_at(bytes.len().min(Layer::BYTES));
    for (data, bytes) in [(descriptor, first), (archive, rest)] {
        l.module.data[data].bytes.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    }
    let at: [u8; Layer::BYTES] =
        l.module.data[descriptor].bytes.as_slice().try_into().map_err(|_| "no descriptor: a fault of this target")?;
    let at = Layer::of_bytes(&at);
    let reference = decode(&l.module.data[archive].bytes, at, CODES);
    let program = Program::new(&l.module).map_err(|e| e.to_string())?;
    let mut memory = Memory::new();
    let args: Vec<Arg> = [(0..24).collect(), vec![0; 10], vec![0; l.arena_bytes]].map(|b: Vec<u8>| memory.add(b).into()).to_vec();
    let status = program.run(&l.entry, &mut memory, &args).map_err(|e| format!("the kernels: {e}"))?;
    match (status, &reference) {
        (0, _) => Ok(format!("decoded, by the reference {}", reference.is_ok())),
        (-2, Err(e)) => Ok(super::kind(e)),
        (-2, Ok(_)) => Err("the kernels refuse what the reference takes".to_owned()),
        (status, _) => Err(format!("status {status}")),
    }
}
