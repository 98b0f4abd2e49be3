//! Classifies one 8x8 digit with the crate that README's first command writes to out/rust:
//!
//!     cargo run --manifest-path examples/rust/Cargo.toml

use digits::{Arena, pixels, probabilities, run};

/// Raw pixels, 0 to 16: `--input pixels=u8,scale=1,offset=0` made this the interface.
const IMAGE: [u8; pixels::ELEMS] = [
    0, 0, 10, 16, 8, 0, 0, 0, 0, 7, 13, 4, 14, 7, 0, 0, 0, 7, 13, 2, 7, 8, 0, 0, 0, 0, 7, 16, 16, 5, 0, 0, //
    0, 1, 12, 13, 15, 6, 0, 0, 0, 3, 16, 2, 4, 13, 6, 0, 0, 4, 16, 4, 1, 11, 12, 0, 0, 0, 7, 15, 16, 14, 2, 0,
];

fn main() -> Result<(), digits::Error> {
    let mut arena = Arena::new();
    let mut codes = [0; probabilities::ELEMS];
    run(&IMAGE, &mut codes, &mut arena)?;
    let mut real = [0.0; probabilities::ELEMS];
    probabilities::dequantize(&codes, &mut real);
    let best = codes.iter().enumerate().max_by_key(|(i, c)| (**c, std::cmp::Reverse(*i))).map_or(0, |(i, _)| i);
    println!("{best} ({:.0} %)", 100.0 * real[best]);
    Ok(())
}
