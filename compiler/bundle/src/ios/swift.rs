//! The Swift package.

use crate::class_name;
use mcompc_ir::DType;
use mcompc_package::{File, Names, PackageInput, TensorNames, TensorSpec};
use std::fmt::Write as _;

/// Swift's type of an element.
fn swift(d: DType) -> &'static str {
    match d {
        DType::I8 => "Int8",
        DType::U8 | DType::Bool => "UInt8",
        DType::I16 => "Int16",
        DType::U16 => "UInt16",
        DType::I32 => "Int32",
        DType::I64 => "Int64",
        DType::F32 => "Float",
        DType::F64 => "Double",
    }
}

/// Words of Swift that a property may be called only between backquotes; between them any identifier may stand.
fn quoted(n: &TensorNames) -> String {
    format!("`{}`", n.c)
}

/// `Package.swift` and `Sources/`.
pub(super) fn files(p: &PackageInput, n: &Names, module: &str) -> Vec<File> {
    let class = class_name(&p.name);
    let package = format!(
        "// swift-tools-version:5.5\nimport PackageDescription\n\nlet package = Package(\n    name: \"{class}\",\n    \
         platforms: [.iOS(.v15), .macOS(.v12)],\n    products: [.library(name: \"{class}\", targets: [\"{class}\"])],\n    targets: [\n        \
         .binaryTarget(name: \"{module}\", path: \"{module}.xcframework\"),\n        .target(name: \"{class}\", dependencies: [\"{module}\"]),\n    ]\n)\n"
    );
    vec![File::new("Package.swift", package), File::new(format!("Sources/{class}/{class}.swift"), source(p, n, module, &class))]
}

fn source(p: &PackageInput, n: &Names, module: &str, class: &str) -> String {
    let inputs = || p.inputs.iter().zip(&n.inputs);
    let outputs = || p.outputs.iter().zip(&n.outputs);
    let name = &p.name;
    let (bytes, align) = (p.arena_bytes.max(1), p.arena_align.max(1));
    let mut s = format!(
        "import {module}\n\n/// A neural network, compiled by mcompc. An object holds the memory of one inference at a time: every thread needs one of \
         its own.\npublic final class {class} {{\n    /// -2: the library found its weights damaged; -3: the CPU lacks what the code needs.\n    \
         public struct {class}Failure: Error {{ public let status: Int32 }}\n\n    private static let _supported = {name}_supported() != 0\n    \
         private let arena = UnsafeMutableRawPointer.allocate(byteCount: {bytes}, alignment: {align})\n"
    );
    let one = |s: &mut String, what: &str, (t, i): (&TensorSpec, &TensorNames)| {
        let (shape, id) = (t.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "), quoted(i));
        let _ = write!(
            s,
            "    /// Codes of {what} {id}, {shape}.\n    public let {id} = UnsafeMutableBufferPointer<{}>.allocate(capacity: {})\n",
            swift(t.dtype),
            t.elems()
        );
    };
    inputs().for_each(|x| one(&mut s, "input", x));
    outputs().for_each(|x| one(&mut s, "output", x));
    s.push_str("\n    public init() {\n");
    let all = || inputs().chain(outputs());
    all().for_each(|(_, i)| {
        let _ = writeln!(s, "        self.{}.initialize(repeating: 0)", quoted(i));
    });
    s.push_str("    }\n\n    deinit {\n        arena.deallocate()\n");
    all().for_each(|(_, i)| {
        let _ = writeln!(s, "        self.{}.deallocate()", quoted(i));
    });
    let pointers: Vec<String> = all().map(|(_, i)| format!("self.{}.baseAddress", quoted(i))).collect();
    let _ = write!(
        s,
        "    }}\n\n    /// Computes the outputs' codes from the inputs'.\n    public func run() throws {{\n        \
         guard Self._supported else {{ throw {class}Failure(status: -3) }}\n        \
         let status = {name}_run({}, arena)\n        if status != 0 {{ throw {class}Failure(status: status) }}\n    }}\n",
        pointers.join(", ")
    );
    // Reals in and out, where every tensor has them.
    if all().all(|(t, _)| t.quant.is_some()) {
        let params: Vec<String> = inputs().map(|(_, i)| format!("{}: [Float]", quoted(i))).collect();
        let results: Vec<String> = outputs().map(|(_, i)| format!("{}: [Float]", quoted(i))).collect();
        let results = if results.len() == 1 { "[Float]".to_owned() } else { format!("({})", results.join(", ")) };
        let _ = write!(s, "\n    /// One inference on reals.\n    public func run({}) throws -> {results} {{\n", params.join(", "));
        for (t, i) in inputs() {
            let (id, c) = (quoted(i), &i.c);
            let _ = write!(
                s,
                "        precondition({id}.count == {}, \"{c} has {} elements\")\n        {name}_quantize_{c}({id}, self.{id}.baseAddress)\n",
                t.elems(),
                t.elems()
            );
        }
        s.push_str("        try run()\n");
        for (i, (t, names)) in outputs().enumerate() {
            let _ = write!(
                s,
                "        var out{i} = [Float](repeating: 0, count: {})\n        {name}_dequantize_{}(self.{}.baseAddress, &out{i})\n",
                t.elems(),
                names.c,
                quoted(names)
            );
        }
        let outs: Vec<String> = (0..p.outputs.len()).map(|i| format!("out{i}")).collect();
        let outs = if outs.len() == 1 { outs.concat() } else { format!("({})", outs.join(", ")) };
        let _ = write!(s, "        return {outs}\n    }}\n");
    }
    s.push_str("}\n");
    s
}
