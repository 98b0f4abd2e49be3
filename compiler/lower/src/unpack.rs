//! The kernels that decode entropy-coded weights (docs/kernels.md, "Coded weights"; the format: `mcompc_coding`).
//!
//! Positions come from data, so nothing bounds them but this code: a block's position is clamped once, so that all that the block can reach
//! lies in the archive, and offsets below it are masked. A damaged archive gives wrong codes, which the check notices, and no other access.

use mcompc_coding::{BLOCK, ENTRIES, FACTOR, GROUP, Layer, PEEK, REACH, SPAN, WINDOW};
use mcompc_kernel::{Bin, Builder, Cmp, Func, MemElem, Role, Ty, Val};

/// Name of the archive among the module's data.
pub(crate) const ARCHIVE: &str = "coded";
/// Bytes of the decoder's table, then of its state: position and check.
const TABLE: usize = 2 * ENTRIES;
const STATE: usize = 16;
/// The word behind them, which the entry function returns.
pub(crate) const STATUS: usize = TABLE + STATE;
/// Memory of the decoder, beside the codes: the arena's first bytes.
pub(crate) const WORK: usize = (STATUS + 4).next_multiple_of(16);
/// What the entry function returns where a layer's weights are damaged.
pub(crate) const DAMAGED: i32 = -2;

fn bits(b: &mut Builder, v: Val, right: i32, mask: i32) -> Val {
    let by = b.iconst(right);
    let v = if right == 0 { v } else { b.bin(Bin::Srl, v, by) };
    let mask = b.iconst(mask);
    b.bin(Bin::And, v, mask)
}

fn clamp(b: &mut Builder, v: Val, hi: usize) -> Val {
    let (lo, hi) = (b.iconst(0), b.iconst(hi as i32));
    let v = b.bin(Bin::Smax, v, lo);
    b.bin(Bin::Smin, v, hi)
}

/// `unpack_table(layer, table, state)`: the look-up table of a layer of an archive of so many bytes, and the state in which blocks begin.
pub(crate) fn table(archive: usize) -> Func {
    let mut b = Builder::new("unpack_table");
    let layer = b.ptr("layer", Role::Const, Layer::BYTES, 4);
    let table = b.ptr("table", Role::Scratch, TABLE, 4);
    let state = b.ptr("state", Role::Scratch, STATE, 4);
    let start = b.load_aligned(Ty::I32, MemElem::W32, layer, 4, 4);
    b.store_aligned(start, MemElem::W32, state, 0, 4);
    let zero = b.iconst(0);
    b.store_aligned(zero, MemElem::W32, state, 4, 4);
    let from = b.load_aligned(Ty::I32, MemElem::U16, layer, 0, 2);
    let all = b.data(ARCHIVE, 0);
    // The next class, how many slots the present one has left, its entry, the slot.
    b.for_loop(0, ENTRIES as i32, 1, &[from, zero, zero, table], |b, _, c| {
        let done = b.cmp(Cmp::Eq, c[1], zero);
        let next = b.if_else(
            done,
            |b| {
                let at = clamp(b, c[0], archive / 2 - 1);
                let at = b.ptr_add(all, at, 2, 0);
                let entry = b.load_aligned(Ty::I32, MemElem::U16, at, 0, 2);
                let length = bits(b, entry, 8, 15);
                let whole = b.iconst(ENTRIES as i32);
                let slots = b.bin(Bin::Srl, whole, length);
                vec![b.add_imm(c[0], 1), slots, entry]
            },
            |_| c[..3].to_vec(),
        );
        b.store_aligned(next[2], MemElem::S16, c[3], 0, 2);
        let left = b.add_imm(next[1], -1);
        vec![next[0], left, next[2], b.ptr_imm(c[3], 2)]
    });
    b.finish()
}

/// `unpack_block(table, state, out)`: the next [`BLOCK`] codes.
pub(crate) fn block(archive: usize) -> Func {
    let mut b = Builder::new("unpack_block");
    let table = b.ptr("table", Role::Const, TABLE, 4);
    let state = b.ptr("state", Role::Scratch, STATE, 4);
    let out = b.ptr("out", Role::Out, BLOCK, 4);
    let position = b.load_aligned(Ty::I32, MemElem::W32, state, 0, 4);
    let all = b.data(ARCHIVE, 0);
    let three = b.iconst(3);
    let byte = b.bin(Bin::Sra, position, three);
    let base = b.add_imm(byte, -(REACH as i32));
    let base = clamp(&mut b, base, archive - SPAN);
    let base = b.ptr_add(all, base, 1, 0);
    let within = bits(&mut b, position, 0, 7);
    let begin = b.add_imm(within, 8 * REACH as i32);
    // 25 bits that end at the position, at the top of a word.
    let window = |b: &mut Builder, position: Val| {
        let off = bits(b, position, 3, (SPAN - 4) as i32);
        let at = b.ptr_add(base, off, 1, 0);
        let word = b.load(Ty::I32, MemElem::W32, at, 0);
        let (seven, low) = (b.iconst(7), bits(b, position, 0, 7));
        let by = b.bin(Bin::Sub, seven, low);
        b.bin(Bin::Shl, word, by)
    };
    let end = b.for_loop(0, (BLOCK / GROUP) as i32, 1, &[begin, out], |b, _, c| {
        let mut w = window(b, c[0]);
        let (mut position, mut entries, mut any) = (c[0], vec![], None);
        for k in 0..GROUP {
            let top = b.iconst(32 - PEEK as i32);
            let i = b.bin(Bin::Srl, w, top);
            let at = b.ptr_add(table, i, 2, 0);
            let e = b.load_aligned(Ty::I32, MemElem::U16, at, 0, 2);
            let length = bits(b, e, 8, 15);
            w = if k + 1 < GROUP { b.bin(Bin::Shl, w, length) } else { w };
            position = b.bin(Bin::Sub, position, length);
            b.store(e, MemElem::S8, c[1], k as i32);
            any = Some(any.map_or(e, |a| b.bin(Bin::Or, a, e)));
            entries.push(e);
        }
        let twelve = b.iconst(12);
        let any = b.bin(Bin::Srl, any.unwrap_or(w), twelve);
        let next = b.if_else(
            any,
            |b| {
                let mut w = window(b, position);
                let mut position = position;
                for (k, e) in entries.iter().enumerate() {
                    let (one, most) = (b.iconst(1), b.iconst(31));
                    let extra = b.bin(Bin::Srl, *e, twelve);
                    // In two steps, because none of the bits is a shift by 32.
                    let high = b.bin(Bin::Srl, w, one);
                    let rest = b.bin(Bin::Sub, most, extra);
                    let place = b.bin(Bin::Srl, high, rest);
                    let code = b.add(*e, place);
                    b.store(code, MemElem::S8, c[1], k as i32);
                    w = if k + 1 < GROUP { b.bin(Bin::Shl, w, extra) } else { w };
                    position = b.bin(Bin::Sub, position, extra);
                }
                vec![position]
            },
            |_| vec![position],
        );
        vec![next[0], b.ptr_imm(c[1], GROUP as i32)]
    });
    let used = b.bin(Bin::Sub, end[0], begin);
    let position = b.add(position, used);
    b.store_aligned(position, MemElem::W32, state, 0, 4);
    let sum = b.load_aligned(Ty::I32, MemElem::W32, state, 4, 4);
    let factor = b.iconst(FACTOR as i32);
    let words = 3;
    let sum = b.for_loop(0, (BLOCK / 4 / words) as i32, 1, &[sum, out], |b, _, c| {
        let mut sum = c[0];
        for k in 0..words {
            let word = b.load_aligned(Ty::I32, MemElem::W32, c[1], 4 * k as i32, 4);
            sum = b.add(sum, word);
            sum = b.bin(Bin::Mul, sum, factor);
        }
        vec![sum, b.ptr_imm(c[1], 4 * words as i32)]
    });
    b.store_aligned(sum[0], MemElem::W32, state, 4, 4);
    b.finish()
}

/// `unpack_layer(layer, work, rest)`: the codes of a layer of at most so many blocks, at its place in a memory of `rest` bytes, the arena's
/// behind the decoder's own; the status becomes [`DAMAGED`] where the check differs.
pub(crate) fn layer(rest: usize, most: usize, [table, block]: [&str; 2]) -> Func {
    let mut b = Builder::new("unpack_layer");
    let layer = b.ptr("layer", Role::Const, Layer::BYTES, 4);
    let work = b.ptr("work", Role::Scratch, WORK, 16);
    let memory = b.ptr("rest", Role::Scratch, rest, 16);
    let state = b.ptr_imm(work, TABLE as i32);
    b.call(table, &[layer, work, state]);
    let blocks = b.load_aligned(Ty::I32, MemElem::U16, layer, 2, 2);
    let place = b.load_aligned(Ty::I32, MemElem::W32, layer, 8, 4);
    // Loops have constant bounds: that of the largest layer.
    b.for_loop(0, most.max(1) as i32, 1, &[place], |b, i, c| {
        let more = b.cmp(Cmp::Ult, i, blocks);
        b.if_else(
            more,
            |b| {
                let at = clamp(b, c[0], (rest - BLOCK) / 4);
                let out = b.ptr_add(memory, at, 4, 0);
                b.call(block, &[work, state, out]);
                vec![]
            },
            |_| vec![],
        );
        vec![b.add_imm(c[0], (BLOCK / 4) as i32)]
    });
    let mut sum = b.load_aligned(Ty::I32, MemElem::W32, state, 4, 4);
    let factor = b.iconst(FACTOR as i32);
    for off in [0, 4, 8] {
        let word = b.load_aligned(Ty::I32, MemElem::W32, layer, off, 4);
        sum = b.add(sum, word);
        sum = b.bin(Bin::Mul, sum, factor);
    }
    let want = b.load_aligned(Ty::I32, MemElem::W32, layer, 12, 4);
    let differs = b.cmp(Cmp::Ne, sum, want);
    b.if_else(
        differs,
        |b| {
            let code = b.iconst(DAMAGED);
            b.store_aligned(code, MemElem::W32, work, STATUS as i32, 4);
            vec![]
        },
        |_| vec![],
    );
    b.finish()
}

/// Bytes of memory that a layer of so many codes is decoded into.
pub(crate) fn room(codes: usize) -> usize {
    codes.next_multiple_of(BLOCK)
}

const _: () = assert!(WINDOW == 25 && GROUP * PEEK as usize <= WINDOW && BLOCK * 2 * PEEK as usize <= 8 * REACH);
const _: () = assert!((SPAN - 4 + 1).is_power_of_two() && BLOCK.is_multiple_of(GROUP) && BLOCK.is_multiple_of(12));
