//! Damaged models with every operator of the table. `cargo xtask fuzz` does the long runs, from other seeds.

mod common;

use common::mutate::{Mutator, Rng, seeds};
use mcompc_onnx::{ImportOptions, import_bytes};

#[test]
fn every_seed_is_a_model_and_together_they_hold_every_operator() {
    let all: Vec<u8> = seeds().concat();
    for row in mcompc_onnx::ops::TABLE {
        assert!(all.windows(row.name.len()).any(|w| w == row.name.as_bytes()), "no seed has {}", row.name);
    }
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
    for run in 0..20_000 {
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
    assert!(taken > 1000 && refused > 10_000, "{taken} taken, {refused} refused: the mutations are too weak or too strong");
}
