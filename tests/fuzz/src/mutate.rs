//! Changing one input into another.

use fastrand::Rng;

use crate::dictionary::{FLOATS, NUMBERS, WORDS};
use crate::wire::{self, Field, Value};

/// Longest input that is made.
const LONGEST: usize = 1 << 20;

/// A changed copy of `input`; parts may come from `other`. Structured where `input` is a protobuf message, else by bytes.
pub fn mutate(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = match wire::parse(input) {
        Some(mut fields) if rng.u8(..) >= 32 => {
            let donor = wire::parse(other).unwrap_or_default();
            for _ in 0..changes(rng) {
                change_tree(rng, &mut fields, &donor);
            }
            wire::print(&fields)
        }
        _ => input.to_vec(),
    };
    if out == input || rng.u8(..) < 16 {
        for _ in 0..changes(rng) {
            change_bytes(rng, &mut out, other);
        }
    }
    out.truncate(LONGEST);
    out
}

/// Mostly 1, seldom many.
fn changes(rng: &mut Rng) -> usize {
    let mut n = 1;
    while n < 12 && rng.u8(..3) == 0 {
        n += 1;
    }
    n
}

/// Number of messages in a tree, the root included.
fn messages(fields: &[Field]) -> usize {
    1 + fields
        .iter()
        .map(|field| match &field.value {
            Value::Message(inner) => messages(inner),
            _ => 0,
        })
        .sum::<usize>()
}

/// The message that comes `index`-th in depth-first order.
fn pick<'a>(fields: &'a mut Vec<Field>, index: &mut usize) -> Option<&'a mut Vec<Field>> {
    if *index == 0 {
        return Some(fields);
    }
    *index -= 1;
    for field in fields {
        if let Value::Message(inner) = &mut field.value
            && let Some(found) = pick(inner, index)
        {
            return Some(found);
        }
    }
    None
}

/// All opaque strings of a tree that could be names.
fn strings(fields: &[Field], found: &mut Vec<Vec<u8>>) {
    for field in fields {
        match &field.value {
            Value::Message(inner) => strings(inner, found),
            Value::Bytes(bytes) if bytes.len() <= 64 => found.push(bytes.clone()),
            _ => {}
        }
    }
}

fn change_tree(rng: &mut Rng, root: &mut Vec<Field>, donor: &[Field]) {
    let mut names = Vec::new();
    if rng.u8(..4) == 0 {
        strings(root, &mut names);
    }
    let whole = if rng.u8(..64) == 0 { Some(root.clone()) } else { None };
    let mut index = rng.usize(..messages(root));
    let Some(message) = pick(root, &mut index) else { return };
    if message.is_empty() || rng.u8(..24) == 0 {
        message.push(Field { number: rng.u64(1..=27), value: fresh(rng) });
        return;
    }
    let at = rng.usize(..message.len());
    match rng.u8(..12) {
        0 => {
            message.remove(at);
        }
        1 => message.insert(at, message[at].clone()),
        2 => {
            let to = rng.usize(..message.len());
            message.swap(at, to);
        }
        3 => message[at].number = rng.u64(1..=27),
        4 => message[at].value = fresh(rng),
        5 => {
            if let Some(part) = subtree(rng, donor, message[at].number) {
                message[at].value = part;
            }
        }
        6 => {
            if let Some(part) = subtree(rng, donor, message[at].number) {
                message.insert(at, Field { number: message[at].number, value: part });
            }
        }
        7 if whole.is_some() => message[at].value = Value::Message(whole.unwrap_or_default()),
        8 if !names.is_empty() => {
            // Another name of the same model: rewires edges, makes duplicates and cycles.
            let name = names.swap_remove(rng.usize(..names.len()));
            let target: Vec<_> = message.iter_mut().filter(|field| matches!(field.value, Value::Bytes(_))).collect();
            if let Some(field) = rng.choice(target) {
                field.value = Value::Bytes(name);
            }
        }
        9 => {
            let most = rng.usize(1..=300);
            let copies = rng.usize(1..=most);
            let field = message[at].clone();
            if matches!(&field.value, Value::Bytes(bytes) if bytes.len() > 1 << 12) {
                return;
            }
            message.splice(at..at, std::iter::repeat_n(field, copies));
        }
        10 => nest(rng, &mut message[at]),
        _ => change_value(rng, &mut message[at].value),
    }
}

/// A value out of nothing.
fn fresh(rng: &mut Rng) -> Value {
    match rng.u8(..6) {
        0 => Value::Message(Vec::new()),
        1 => Value::Fixed32(float(rng).to_le_bytes()),
        2 => Value::Fixed64(f64::from(float(rng)).to_le_bytes()),
        3 => Value::Bytes(word(rng)),
        _ => Value::Varint(number(rng)),
    }
}

fn word(rng: &mut Rng) -> Vec<u8> {
    rng.choice(WORDS).map_or(Vec::new(), |word| word.as_bytes().to_vec())
}

fn number(rng: &mut Rng) -> u64 {
    match rng.u8(..4) {
        0 => rng.u64(..),
        1 => rng.u64(..40),
        _ => rng.choice(NUMBERS.iter().copied()).unwrap_or(0),
    }
}

fn float(rng: &mut Rng) -> f32 {
    if rng.bool() { rng.choice(FLOATS.iter().copied()).unwrap_or(0.0) } else { f32::from_bits(rng.u32(..)) }
}

/// A value with this field number from somewhere in another tree.
fn subtree(rng: &mut Rng, fields: &[Field], number: u64) -> Option<Value> {
    let mut found = Vec::new();
    collect(fields, number, &mut found);
    rng.choice(found).cloned()
}

fn collect<'a>(fields: &'a [Field], number: u64, found: &mut Vec<&'a Value>) {
    for field in fields {
        if field.number == number {
            found.push(&field.value);
        }
        if let Value::Message(inner) = &field.value {
            collect(inner, number, found);
        }
    }
}

/// Wraps a field into itself many times: nesting limits.
fn nest(rng: &mut Rng, field: &mut Field) {
    if rng.u8(..8) != 0 {
        return;
    }
    for _ in 0..rng.usize(1..=200) {
        let inner = std::mem::replace(&mut field.value, Value::Message(Vec::new()));
        field.value = Value::Message(vec![Field { number: field.number, value: inner }]);
    }
}

fn change_value(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::Varint(n) => {
            *n = match rng.u8(..4) {
                0 => n.wrapping_add(1),
                1 => n.wrapping_sub(1),
                2 => n.wrapping_neg(),
                _ => number(rng),
            }
        }
        Value::Fixed32(bytes) => *bytes = float(rng).to_le_bytes(),
        Value::Fixed64(bytes) => *bytes = f64::from(float(rng)).to_le_bytes(),
        Value::Bytes(bytes) => match rng.u8(..4) {
            0 => *bytes = word(rng),
            1 => {
                let keep = rng.usize(..=bytes.len());
                bytes.truncate(keep);
            }
            2 => {
                // A number of a packed list, or a float of raw data.
                if let Some(start) = bytes.len().checked_sub(4).map(|last| rng.usize(..=last)) {
                    bytes[start..start + 4].copy_from_slice(&float(rng).to_le_bytes());
                }
            }
            _ => change_bytes(rng, bytes, &[]),
        },
        Value::Message(fields) => fields.truncate(rng.usize(..=fields.len())),
    }
}

fn change_bytes(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return;
    }
    let at = rng.usize(..bytes.len());
    match rng.u8(..8) {
        0 => bytes.truncate(at),
        1 => {
            let end = (at + rng.usize(1..=64)).min(bytes.len());
            bytes.drain(at..end);
        }
        2 => {
            let insert: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(at % 16 + 1).collect();
            bytes.splice(at..at, insert);
        }
        3 => {
            let insert = word(rng);
            bytes.splice(at..at, insert);
        }
        4 if !other.is_empty() => {
            let from = rng.usize(..other.len());
            let to = (from + rng.usize(1..=256)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        5 => bytes[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF]).unwrap_or(0),
        6 => bytes[at] = rng.u8(..),
        _ => bytes[at] ^= 1 << rng.u8(..8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_repeat_with_the_seed_and_reach_every_stage() {
        let seed = include_bytes!("../../../models/digits/digits.onnx");
        let run = |n| {
            let mut rng = Rng::with_seed(n);
            (0..200).map(|_| mutate(&mut rng, seed, seed)).collect::<Vec<_>>()
        };
        let first = run(1);
        assert_eq!(first, run(1));
        assert_ne!(first, run(2));
        let parsed = first.iter().filter(|bytes| wire::parse(bytes).is_some()).count();
        assert!((100..200).contains(&parsed), "{parsed} of 200 are messages");
        assert!(first.iter().all(|bytes| bytes.len() <= LONGEST));
    }
}
