//! docs/ops.md is what the operator table says (rewritten under `MCOMPC_BLESS=1`), and the table is sound.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops.md");
    let want = mcompc_ops::docs();
    if std::env::var_os("MCOMPC_BLESS").is_some() {
        std::fs::write(&path, &want).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap().trim_end(), want.trim_end());
}

#[test]
fn rows_are_unique_and_documented() {
    let mut names = BTreeSet::new();
    for d in mcompc_ops::OPS {
        assert!(names.insert(d.name), "{} is there twice", d.name);
        assert!(d.doc.len() > 5, "{} is not documented", d.name);
        let attrs: BTreeSet<_> = d.attrs.iter().map(|a| a.name).collect();
        assert_eq!(attrs.len(), d.attrs.len(), "{}", d.name);
        let optional = d.inputs.iter().position(|i| i.ends_with('?')).unwrap_or(d.inputs.len());
        assert!(d.inputs[optional..].iter().all(|i| i.ends_with('?')), "{}: optional inputs come last", d.name);
        assert_eq!(mcompc_ops::find(d.name).unwrap().name, d.name);
    }
    assert!(mcompc_ops::find("Frobnicate").is_err());
}
