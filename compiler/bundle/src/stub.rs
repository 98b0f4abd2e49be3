//! Machine code that no kernel can say, such as asking the CPU: assembled once, kept as text, put into objects under the model's names.
//!
//! `stubs/NAME.s` is the source, `stubs/NAME.txt` what it assembles to: `code` and bytes, `symbol` with name and place, `reloc` with place, ELF's
//! type, symbol and addend. A test assembles the sources again and compares.

use crate::internal;
use mcompc_ir::Result;

/// Assembled code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stub {
    /// Instructions.
    pub code: Vec<u8>,
    /// Functions: name, place.
    pub symbols: Vec<(String, u64)>,
    /// Place, ELF's type, symbol, addend.
    pub relocations: Vec<(u64, u32, String, i64)>,
}

/// Name, source and assembled form of every stub.
pub static STUBS: &[(&str, &str, &str)] = &[
    ("dispatch.x86_64", include_str!("../stubs/dispatch.x86_64.s"), include_str!("../stubs/dispatch.x86_64.txt")),
    ("dispatch.aarch64", include_str!("../stubs/dispatch.aarch64.s"), include_str!("../stubs/dispatch.aarch64.txt")),
    ("dispatch.arm", include_str!("../stubs/dispatch.arm.s"), include_str!("../stubs/dispatch.arm.txt")),
    ("jni.x86_64", include_str!("../stubs/jni.x86_64.s"), include_str!("../stubs/jni.x86_64.txt")),
    ("jni.aarch64", include_str!("../stubs/jni.aarch64.s"), include_str!("../stubs/jni.aarch64.txt")),
    ("jni.arm", include_str!("../stubs/jni.arm.s"), include_str!("../stubs/jni.arm.txt")),
];

impl Stub {
    /// The stub of a name.
    ///
    /// # Errors
    /// E009 where there is none, or its text is damaged.
    pub fn by_name(name: &str) -> Result<Stub> {
        let row = STUBS.iter().find(|s| s.0 == name).ok_or_else(|| internal(format!("no stub is called {name}")))?;
        Self::parse(row.2).ok_or_else(|| internal(format!("the stub {name} is damaged")))
    }

    fn parse(text: &str) -> Option<Stub> {
        let mut s = Stub::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match *words.as_slice() {
                ["code", hex] => {
                    for i in (0..hex.len()).step_by(2) {
                        s.code.push(u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()?);
                    }
                }
                ["symbol", name, at] => s.symbols.push((name.into(), at.parse().ok()?)),
                ["reloc", at, kind, symbol, addend] => {
                    s.relocations.push((at.parse().ok()?, kind.parse().ok()?, symbol.into(), addend.parse().ok()?));
                }
                _ => return None,
            }
        }
        Some(s)
    }

    /// Its text form.
    pub fn text(&self) -> String {
        let hex = |c: &[u8]| c.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let code = self.code.chunks(32).map(|c| format!("code {}\n", hex(c)));
        let symbols = self.symbols.iter().map(|(n, at)| format!("symbol {n} {at}\n"));
        let relocations = self.relocations.iter().map(|(at, kind, s, a)| format!("reloc {at} {kind} {s} {a}\n"));
        code.chain(symbols).chain(relocations).collect()
    }
}
