//! Networks: the bytes are the choices of the generator of random networks, so that every input is a valid model.

use mcompc_nets::oracle::{Config, Oracle};
use mcompc_nets::source::Prng;
use mcompc_nets::{Kind, Source, generate, network};

/// Machines of different kinds: vectors with and without dot products, scalars, predicates.
const TARGETS: [&str; 5] = ["x86_64", "aarch64-dotprod", "cortex-m4", "cortex-m55", "riscv64gcv"];

/// Bytes at random that make networks of some operators.
pub fn seeds() -> Vec<Vec<u8>> {
    let bytes = |seed: u64| {
        let mut rng = Prng::new(seed);
        (0..120 + 40 * (seed as usize % 8)).map(|_| rng.below(256) as u8).collect()
    };
    let large =
        |bytes: &Vec<u8>| generate(Source::bytes(bytes), &network::Options::default()).is_ok_and(|n| n.operators().split(", ").count() > 3);
    (0..200).map(bytes).filter(large).take(60).collect()
}

thread_local! {
    static ORACLE: Result<Oracle, String> = {
        let targets = TARGETS.iter().map(|t| (*t).to_owned()).collect();
        let config = Config { levels: Vec::new(), targets, native: false, here: false, mlir: false, qemu: false, ort: false, max_error: None };
        Oracle::new(&config).map_err(|e| e.to_string())
    };
}

/// Passes, both float and both integer executors, and the kernels of a few machines.
pub fn run(bytes: &[u8]) -> Result<String, String> {
    // What comes behind would only be read where a network is long.
    let source = Source::bytes(&bytes[..bytes.len().min(2000)]);
    let network = generate(source, &network::Options::default()).map_err(|e| format!("the generator: {e}"))?;
    let outcome = ORACLE.with(|o| match o {
        Ok(oracle) => Ok(oracle.run(&network).0),
        Err(message) => Err(message.clone()),
    })?;
    if outcome.failed() {
        return Err(format!("{outcome}; operators: {}", network.operators()));
    }
    // Networks with operators in another order are other outcomes, so that they become seeds.
    let what = if outcome.kind == Kind::Ok { "equal".to_owned() } else { outcome.key() };
    Ok(format!("{what}: {}", network.operators().split(", ").take(4).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_networks() {
        let seeds = seeds();
        assert_eq!(seeds.len(), 60);
        let outcomes: std::collections::BTreeSet<String> = seeds.iter().take(10).map(|seed| run(seed).unwrap()).collect();
        assert!(outcomes.len() > 5, "{outcomes:?}");
    }
}
