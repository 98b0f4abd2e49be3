//! Constants that several variants read stand once.

use mcompc_kernel::{Block, Data, Inst, Module, Op};
use std::collections::BTreeMap;

/// Data smaller than this stay where they are: a symbol of their own would take as much.
const LEAST: usize = 32;

/// What was taken out of modules.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// The data, under names that no module has otherwise.
    pub data: Vec<Data>,
    /// For each module the names of those it refers to.
    pub names: Vec<Vec<String>>,
}

/// Renames data that several modules have, byte for byte, to `<prefix>_c<number>`, in every module alike; their alignment becomes that of the
/// strictest. The data stay in the modules too, so that they can be verified and interpreted as before.
pub fn share(modules: &mut [&mut Module], prefix: &str) -> Shared {
    let mut users: BTreeMap<Vec<u8>, (usize, u32, bool)> = BTreeMap::new();
    for m in modules.iter() {
        // A module has equal data once, but for their kinds.
        for d in m.data.iter().filter(|d| !d.export && d.bytes.len() >= LEAST) {
            let e = users.entry(d.bytes.clone()).or_insert((0, 1, false));
            *e = (e.0 + 1, e.1.max(d.align), e.2 || d.weights);
        }
    }
    users.retain(|_, (n, ..)| *n > 1);
    let mut shared = Shared::default();
    for (i, (bytes, (_, align, weights))) in users.iter().enumerate() {
        let name = format!("{prefix}_c{i}");
        shared.data.push(Data { name, bytes: bytes.clone(), align: *align, weights: *weights, export: true });
    }
    let by_bytes: BTreeMap<&[u8], &Data> = shared.data.iter().map(|d| (&*d.bytes, d)).collect();
    let mut names = Vec::new();
    for m in modules {
        let mut new = BTreeMap::new();
        m.data.retain_mut(|d| {
            let Some(s) = by_bytes.get(&*d.bytes).filter(|_| !d.export) else { return true };
            let first = !new.values().any(|n| *n == s.name);
            new.insert(std::mem::take(&mut d.name), s.name.clone());
            (d.name, d.align) = (s.name.clone(), s.align);
            first
        });
        for f in &mut m.funcs {
            rename(&mut f.body, &new);
        }
        names.push(m.data.iter().filter(|d| by_bytes.contains_key(&*d.bytes) && !d.export).map(|d| d.name.clone()).collect());
    }
    shared.names = names;
    shared
}

fn rename(block: &mut Block, new: &BTreeMap<String, String>) {
    for i in &mut block.insts {
        match i {
            Inst::Op { op: Op::DataAddr { data, .. }, .. } => {
                if let Some(n) = new.get(data) {
                    data.clone_from(n);
                }
            }
            Inst::For { body, .. } => rename(body, new),
            Inst::If { then, els, .. } => {
                rename(then, new);
                rename(els, new);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(data: &[(&str, u8, u32, bool)]) -> Module {
        let body: String = data.iter().enumerate().map(|(i, (n, ..))| format!("  %{i}: ptr = data @{n}\n")).collect();
        let mut m = mcompc_kernel::parse(&format!("func export @f() {{\n{body}}}\n")).unwrap();
        let one = |&(name, byte, align, export): &(&str, u8, u32, bool)| Data {
            name: name.into(),
            bytes: vec![byte; 40],
            align,
            weights: false,
            export,
        };
        m.data = data.iter().map(one).collect();
        m
    }

    #[test]
    fn equal_bytes_get_one_name_and_the_strictest_alignment() {
        let mut a = module(&[("d0", 1, 4, false), ("d1", 2, 16, false), ("a_info", 3, 1, true)]);
        let mut b = module(&[("d0", 2, 64, false), ("d1", 4, 4, false), ("b_info", 3, 1, true)]);
        let shared = share(&mut [&mut a, &mut b], "m");
        assert_eq!(shared.data.iter().map(|d| (d.name.as_str(), d.bytes[0], d.align)).collect::<Vec<_>>(), [("m_c0", 2, 64)]);
        assert_eq!(shared.names, [["m_c0"], ["m_c0"]]);
        for (m, own) in [(&a, "d0"), (&b, "d1")] {
            let text = mcompc_kernel::print(m);
            assert!(text.contains("data @m_c0") && text.contains(&format!("data @{own}")), "{text}");
            assert!(m.data.iter().any(|d| d.name == "m_c0" && d.align == 64 && d.bytes == vec![2; 40]));
            assert_eq!(m.data.len(), 3);
        }
    }
}
