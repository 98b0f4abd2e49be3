//! A short run of the mutation fuzzer; `examples/fuzz_reader.rs` does the long ones.

mod common;

use common::mutate::{Mutator, Rng, seeds};
use mcompc_onnx::{ImportOptions, import_bytes};

#[test]
fn every_seed_is_a_model() {
    for (i, s) in seeds().into_iter().enumerate() {
        if let Err(e) = import_bytes(s.into(), &ImportOptions::default()) {
            panic!("seed {i}: {e}");
        }
    }
}

#[test]
fn damaged_files_never_panic_and_every_error_has_a_hint() {
    let (mutator, mut rng) = (Mutator::new(), Rng(7));
    let (mut taken, mut refused) = (0, 0);
    for run in 0..10_000 {
        match import_bytes(mutator.next(&mut rng).into(), &ImportOptions::default()) {
            Ok(g) => {
                assert!(g.topo().is_ok(), "run {run}");
                taken += 1;
            }
            Err(e) => {
                assert!(e.hint.is_some(), "run {run}: {e}");
                refused += 1;
            }
        }
    }
    assert!(taken > 500 && refused > 5000, "{taken} taken, {refused} refused: the mutations are too weak or too strong");
}
