//! The operator table is sound.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

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
