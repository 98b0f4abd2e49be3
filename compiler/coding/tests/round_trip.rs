//! Whatever is coded comes back; whatever is damaged is noticed.
#![allow(clippy::unwrap_used)]

use mcompc_coding::{Archive, Layer, Table, bytes, decode};
use proptest::prelude::*;

/// Codes of a layer: flat, or around 0 with rare large ones.
fn codes() -> impl Strategy<Value = Vec<i8>> {
    let around = (1u32..40, 0u32..30).prop_flat_map(|(width, tail)| {
        prop::collection::vec((0u32..1000, any::<i8>()), 1..700).prop_map(move |v| {
            let near = |c: i8| (i32::from(c) * (width as i32) / 128) as i8;
            v.into_iter().map(|(p, c)| if p < tail { c } else { near(c) }).collect()
        })
    });
    prop_oneof![prop::collection::vec(any::<i8>(), 1..700), around, (any::<i8>(), 1usize..200).prop_map(|(c, n)| vec![c; n])]
}

fn archive(layers: &[Vec<i8>]) -> mcompc_coding::Coded {
    let mut a = Archive::default();
    layers.iter().for_each(|l| a.add(l));
    a.finish().unwrap()
}

proptest! {
    #[test]
    fn layers_come_back(layers in prop::collection::vec(codes(), 1..6)) {
        let coded = archive(&layers);
        for (want, at) in layers.iter().zip(&coded.layers) {
            prop_assert_eq!(&decode(&coded.bytes, *at, want.len()).unwrap(), want);
            let moved = at.at(1234);
            prop_assert_eq!(&decode(&coded.bytes, moved, want.len()).unwrap(), want);
            prop_assert_eq!(Layer::of_bytes(&moved.bytes().try_into().unwrap()), moved);
        }
        prop_assert!(coded.sizes.iter().sum::<usize>() <= coded.bytes.len() + layers.len() * (Layer::BYTES + 1));
    }

    #[test]
    fn the_size_is_what_one_layer_takes(codes in codes()) {
        let coded = archive(std::slice::from_ref(&codes));
        prop_assert_eq!(bytes(&codes), coded.sizes[0]);
    }

    #[test]
    fn a_flipped_bit_is_noticed_or_is_nobodys(layer in codes(), which in any::<prop::sample::Index>()) {
        let mut coded = archive(std::slice::from_ref(&layer));
        let bit = which.index(8 * coded.bytes.len());
        coded.bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(have) = decode(&coded.bytes, coded.layers[0], layer.len()) {
            prop_assert_eq!(have, layer);
        }
    }

    #[test]
    fn anything_is_decoded_or_refused(archive in prop::collection::vec(any::<u8>(), 0..400), table in 0u16..300, start in 0u32..4000) {
        let _ = decode(&archive, Layer { table, blocks: 2, start, place: 0, check: 0 }, 100);
    }
}

#[test]
fn coded_sizes_are_near_the_entropy() {
    // A triangular distribution of 15 codes: 3.6 bits a code.
    let layer: Vec<i8> =
        (0..8192u32).map(|i| ((i.wrapping_mul(2_654_435_761) >> 29) as i8) - ((i.wrapping_mul(0x85EB_CA6B) >> 29) as i8)).collect();
    let mut counts = [0f64; 256];
    layer.iter().for_each(|&c| counts[(i16::from(c) + 128) as usize] += 1.0);
    let n = layer.len() as f64;
    let entropy: f64 = counts.iter().filter(|c| **c > 0.0).map(|c| c / n * -libm::log2(c / n)).sum();
    let have = bytes(&layer) as f64 * 8.0 / n;
    assert!(have < entropy * 1.02 + 0.06, "{have} bits a code, entropy {entropy}");
    assert!(Table::of(&layer).classes().len() <= 15);
}

#[test]
fn equal_layers_share_a_table() {
    let layer: Vec<i8> = (0..600).map(|i| (i * i % 13) as i8).collect();
    let (one, two) = (archive(std::slice::from_ref(&layer)), archive(&[layer.clone(), layer.clone()]));
    assert_eq!(one.sizes[0] - two.sizes[1], Table::of(&layer).bytes());
    assert_eq!(two.layers[0].table, two.layers[1].table);
}
