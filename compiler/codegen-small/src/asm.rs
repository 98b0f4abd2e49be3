//! Places instructions: labels, branches that grow until they reach, literal pools.

use std::collections::BTreeMap;

/// What a relocation does, by its number in the ABI of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Func(u32),
    Data(u32),
    /// The place of this function's code with that offset: the other half of a RISC-V address.
    Here(u32),
}

/// A place that the linker completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reloc {
    pub at: u32,
    /// `r_type` of ELF for the architecture.
    pub kind: u32,
    pub symbol: Symbol,
    pub addend: i64,
}

/// Machine code of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub bytes: Vec<u8>,
    pub relocs: Vec<Reloc>,
    /// Where constants lie between the instructions: begin and end.
    pub pools: Vec<(u32, u32)>,
}

/// A word of a literal pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Literal {
    Word(i32),
    /// Address of data number n plus bytes.
    Address(u32, i32),
}

/// A branch before its length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jump {
    Always,
    /// Thumb: condition code.
    Cond(u8),
    /// Thumb-2: register is 0, or is not.
    Zero {
        reg: u8,
        not: bool,
    },
    /// RISC-V: `funct3`, two registers.
    Compare {
        funct3: u8,
        a: u8,
        b: u8,
    },
}

/// One thing in the order of addresses.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// Little-endian bytes of one instruction (Thumb's 32-bit ones with the first halfword low).
    Code(u32, u8),
    Label(usize),
    Jump(Jump, usize),
    /// Load of a literal into a register.
    Load(u8, Literal),
    /// A relocation at the place of the next item.
    Reloc(u32, Symbol, i64),
    /// A relocation at the next item that refers to the last item marked by `Anchor`.
    AnchorReloc(u32),
    Anchor,
    /// Between two instructions that may be torn apart.
    Point,
    /// Nothing runs on from here: a good place for literals.
    Barrier,
    Pool(Vec<Literal>),
}

/// How an instruction set writes what [`Item`] leaves open.
pub(crate) trait Encoding {
    /// Lengths in bytes that the branch may have, shortest first.
    fn lengths(&self, j: Jump) -> &'static [u8];
    /// Whether a branch of that length reaches `by` bytes from its own address.
    fn reaches(&self, j: Jump, length: u8, by: i64) -> bool;
    fn jump(&self, j: Jump, length: u8, by: i64) -> Vec<u8>;
    /// The load of a literal `by` bytes after the load's address rounded down to a word; short or long.
    fn literal(&self, reg: u8, long: bool, by: i64) -> Vec<u8>;
    /// Whether the short form reaches; [`None`] where there is no long one to fall back on.
    fn literal_is_long(&self, reg: u8, by: i64) -> bool;
    /// Farthest literal in bytes.
    fn literal_range(&self) -> u32;
    /// Relocation of a whole word: its number.
    fn absolute(&self) -> u32;
}

/// Bytes of the code with everything in place.
///
/// # Errors
/// A sentence where a branch does not reach: functions of more than a megabyte.
pub(crate) fn assemble(items: Vec<Item>, enc: &dyn Encoding) -> Result<Text, String> {
    let items = with_pools(items, enc);
    let mut lengths: Vec<u8> = items.iter().map(|i| first_length(i, enc)).collect();
    loop {
        let (at, labels, literals) = places(&items, &lengths);
        let mut grown = false;
        for (k, i) in items.iter().enumerate() {
            match i {
                Item::Jump(j, to) => {
                    let by = i64::from(labels[to]) - i64::from(at[k]);
                    if !enc.reaches(*j, lengths[k], by) {
                        let longer = enc.lengths(*j).iter().find(|l| **l > lengths[k]);
                        lengths[k] = *longer.ok_or("a branch does not reach its target")?;
                        grown = true;
                    }
                }
                Item::Load(reg, _) => {
                    let by = i64::from(literals[&k]) - i64::from(at[k] & !3);
                    if by > i64::from(enc.literal_range()) + 128 {
                        return Err("a literal is out of reach".into());
                    }
                    if lengths[k] == 2 && enc.literal_is_long(*reg, by) {
                        lengths[k] = 4;
                        grown = true;
                    }
                }
                _ => {}
            }
        }
        if !grown {
            return Ok(write(&items, &lengths, enc));
        }
    }
}

fn first_length(i: &Item, enc: &dyn Encoding) -> u8 {
    match i {
        Item::Code(_, n) => *n,
        Item::Jump(j, _) => enc.lengths(*j)[0],
        Item::Load(..) => 2,
        _ => 0,
    }
}

type Places = (Vec<u32>, BTreeMap<usize, u32>, BTreeMap<usize, u32>);

/// Addresses of items, of labels, and of the literal that each load reads.
fn places(items: &[Item], lengths: &[u8]) -> Places {
    let (mut at, mut labels, mut literals) = (vec![], BTreeMap::new(), BTreeMap::new());
    let mut here = 0u32;
    let mut waiting: Vec<(usize, Literal)> = vec![];
    for (k, i) in items.iter().enumerate() {
        if let Item::Pool(words) = i {
            here = here.next_multiple_of(4);
            for (load, l) in waiting.drain(..) {
                let n = words.iter().position(|w| *w == l).unwrap_or(0) as u32;
                literals.insert(load, here + 4 * n);
            }
            at.push(here);
            here += 4 * words.len() as u32;
            continue;
        }
        at.push(here);
        match i {
            Item::Label(l) => {
                labels.insert(*l, here);
            }
            Item::Load(_, l) => waiting.push((k, *l)),
            _ => {}
        }
        here += u32::from(lengths[k]);
    }
    (at, labels, literals)
}

/// Puts literal pools where no instruction runs into them and loads reach them; the last at the end.
fn with_pools(items: Vec<Item>, enc: &dyn Encoding) -> Vec<Item> {
    let range = enc.literal_range();
    let (mut out, mut words, mut far, mut skips) = (vec![], Vec::<Literal>::new(), 0u32, usize::MAX);
    for i in items {
        // Lengths at their longest.
        far += match &i {
            Item::Code(_, n) => u32::from(*n),
            Item::Jump(j, _) => u32::from(*enc.lengths(*j).last().unwrap_or(&4)),
            Item::Load(..) => 4,
            _ => 0,
        };
        if words.is_empty() {
            far = 0;
        }
        let barrier = matches!(i, Item::Barrier);
        let point = matches!(i, Item::Point);
        let room = range.saturating_sub(4 * words.len() as u32);
        if !words.is_empty() && point && far + 64 > room {
            out.push(Item::Jump(Jump::Always, skips));
            out.push(Item::Pool(std::mem::take(&mut words)));
            out.push(Item::Label(skips));
            skips -= 1;
        }
        if let Item::Load(_, l) = &i
            && !words.contains(l)
        {
            words.push(*l);
        }
        out.push(i);
        if barrier && !words.is_empty() && far > range / 2 {
            out.push(Item::Pool(std::mem::take(&mut words)));
        }
    }
    if !words.is_empty() {
        out.push(Item::Pool(words));
    }
    out
}

fn write(items: &[Item], lengths: &[u8], enc: &dyn Encoding) -> Text {
    let (at, labels, literals) = places(items, lengths);
    let mut t = Text::default();
    let mut anchor = 0;
    for (k, i) in items.iter().enumerate() {
        let here = at[k];
        match i {
            Item::Code(v, n) => t.bytes.extend(&v.to_le_bytes()[..usize::from(*n)]),
            Item::Jump(j, to) => t.bytes.extend(enc.jump(*j, lengths[k], i64::from(labels[to]) - i64::from(here))),
            Item::Load(reg, _) => t.bytes.extend(enc.literal(*reg, lengths[k] == 4, i64::from(literals[&k]) - i64::from(here & !3))),
            Item::Reloc(kind, symbol, addend) => t.relocs.push(Reloc { at: here, kind: *kind, symbol: *symbol, addend: *addend }),
            Item::AnchorReloc(kind) => t.relocs.push(Reloc { at: here, kind: *kind, symbol: Symbol::Here(anchor), addend: 0 }),
            Item::Anchor => anchor = here,
            Item::Label(_) | Item::Point | Item::Barrier => {}
            Item::Pool(words) => {
                t.bytes.resize(here as usize, 0);
                for (n, w) in words.iter().enumerate() {
                    let word = match w {
                        Literal::Word(v) => *v,
                        Literal::Address(data, imm) => {
                            let at = here + 4 * n as u32;
                            t.relocs.push(Reloc { at, kind: enc.absolute(), symbol: Symbol::Data(*data), addend: (*imm).into() });
                            *imm
                        }
                    };
                    t.bytes.extend(word.to_le_bytes());
                }
                t.pools.push((here, here + 4 * words.len() as u32));
            }
        }
    }
    t
}
