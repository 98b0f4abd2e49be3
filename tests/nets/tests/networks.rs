//! A few hundred random networks on every executor.
#[test]
fn placeholder() {}
