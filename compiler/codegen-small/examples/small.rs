//! `small KERNELS TARGET OBJECT`: a module in text form to an object.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use mcompc_codegen_small::{Options, compile};
use mcompc_target::Target;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, text, target, out] = &args[..] else { return eprintln!("usage: small KERNELS TARGET OBJECT") };
    let module = mcompc_kernel::parse(&std::fs::read_to_string(text).expect("the kernels' file")).unwrap();
    let object = compile(&module, &Target::by_name(target).unwrap(), &Options::default()).unwrap();
    std::fs::write(out, object).expect("the object's file");
}
