//! Classifies the images in digits.bin, 64 raw pixels each, and prints one line for each.
#![no_std]
#![no_main]

mod semihost;
mod start;

use core::mem::MaybeUninit;
use digits::{Arena, pixels, probabilities, run};
use semihost::{Text, open, read};

/// Working memory of the model, in zeroed RAM and not on the stack.
static mut ARENA: MaybeUninit<Arena> = MaybeUninit::zeroed();

/// Called by the start-up code; the result is the exit status.
fn main() -> i32 {
    // SAFETY: the only use of `ARENA`, in a function that runs once; an arena is bytes, of which every value is valid.
    let arena = unsafe { (*(&raw mut ARENA)).assume_init_mut() };
    let mut image = [0; pixels::ELEMS];
    let mut codes = [0; probabilities::ELEMS];
    let mut real = [0.0; probabilities::ELEMS];
    let Some(file) = open("digits.bin") else {
        Text.str("digits.bin is not in QEMU's folder\n");
        return 1;
    };
    let mut index = 0;
    while read(file, &mut image) {
        if run(&image, &mut codes, arena).is_err() {
            return 1;
        }
        probabilities::dequantize(&codes, &mut real);
        let mut best = 0;
        for (i, code) in codes.iter().enumerate() {
            if *code > codes[best] {
                best = i;
            }
        }
        let percent = (100.0 * real[best] + 0.5) as u32;
        Text.str("image ").number(index).str(": ").number(best as u32).str(" (").number(percent).str(" %)\n");
        index += 1;
    }
    0
}
