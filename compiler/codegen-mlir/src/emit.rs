//! Kernel module to MLIR text. One file a concern; this one holds functions, data and the dispatch over operations.

mod arith;
mod contract;
mod control;
mod isa;
mod memory;
mod rescale;
mod usage;
mod vector;

use crate::Options;
use isa::Isa;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Block, Data, Func, Inst, Lane, Module, Op, Role, Ty, Val};
use mcompc_target::Target;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use usage::Clamps;

/// The whole module.
pub(crate) fn module(module: &Module, target: &Target, opts: &Options) -> Result<String> {
    mcompc_kernel::structure(module)?;
    let isa = Isa::of(target)?;
    let mut out = String::from("module {\n");
    for d in &module.data {
        data(&mut out, d, target, opts);
    }
    for f in &module.funcs {
        Emitter::new(module, f, &isa).function(&mut out, target).map_err(|e| e.at(f.name.clone()))?;
    }
    out.push_str("}\n");
    Ok(out)
}

/// An attribute with the section of a symbol. In ELF every symbol has its own, so that a linker drops what nobody uses; in Mach-O linkers
/// divide sections by symbols.
fn section(target: &Target, name: &str) -> String {
    if target.is_macho() { String::new() } else { format!(", section = {}", quoted(name)) }
}

/// A read-only global.
fn data(out: &mut String, d: &Data, target: &Target, opts: &Options) {
    if opts.elsewhere.contains(&d.name) {
        let (name, len) = (quoted(&d.name), d.bytes.len());
        let _ = writeln!(
            out,
            "  llvm.mlir.global external hidden constant @{name}() {{addr_space = 0 : i32, alignment = {} : i64}} : !llvm.array<{len} x i8>",
            d.align
        );
        return;
    }
    let linkage = if d.export { "external" } else { "internal" };
    let section = match &opts.weights_section {
        Some(s) if d.weights => format!(", section = {}", quoted(s)),
        _ => section(target, &format!(".rodata.{}", d.name)),
    };
    let _ = write!(out, "  llvm.mlir.global {linkage} constant @{}(\"", quoted(&d.name));
    escape(out, &d.bytes);
    let _ = writeln!(out, "\") {{addr_space = 0 : i32, alignment = {} : i64{section}}} : !llvm.array<{} x i8>", d.align, d.bytes.len());
}

/// A string literal of MLIR: printable ASCII as it is, the rest as two hexadecimal digits.
fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    escape(&mut out, s.as_bytes());
    out.push('"');
    out
}

fn escape(out: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 3);
    for &b in bytes {
        if (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\' {
            out.push(b as char);
        } else {
            out.push('\\');
            out.push(HEX[(b >> 4) as usize] as char);
            out.push(HEX[(b & 15) as usize] as char);
        }
    }
}

/// MLIR's spelling of a type.
pub(crate) fn ty(t: Ty) -> String {
    match t {
        Ty::I32 => "i32".into(),
        Ty::Ptr => "!llvm.ptr".into(),
        Ty::Vec(l, n) => vec_ty(l.bits(), n),
    }
}

/// A vector of `n` integers of `bits` bits.
pub(crate) fn vec_ty(bits: u32, n: u16) -> String {
    format!("vector<{n}xi{bits}>")
}

/// The error for an operation on types it is not defined for; the verifier refuses such modules earlier.
pub(crate) fn refuse<T>(what: impl std::fmt::Display) -> Result<T> {
    Err(Error::new(Code::Backend, format!("the MLIR back end has no translation for {what}")))
}

/// Translates one function.
pub(crate) struct Emitter<'a> {
    module: &'a Module,
    func: &'a Func,
    isa: &'a Isa,
    clamps: Clamps,
    /// Values made by a constant operation.
    constants: BTreeSet<Val>,
    /// Emitted before the body.
    entry: String,
    hidden: BTreeMap<i32, String>,
    body: String,
    temps: u32,
    blocks: u32,
}

impl<'a> Emitter<'a> {
    fn new(module: &'a Module, func: &'a Func, isa: &'a Isa) -> Self {
        Self {
            module,
            func,
            isa,
            clamps: Clamps::of(func),
            constants: BTreeSet::new(),
            entry: String::new(),
            hidden: BTreeMap::new(),
            body: String::new(),
            temps: 0,
            blocks: 0,
        }
    }

    fn function(mut self, out: &mut String, target: &Target) -> Result<()> {
        let f = self.func;
        self.block(&f.body)?;
        if f.export {
            let status = match f.status {
                Some(v) => self.name(v),
                None => self.iconst(0),
            };
            self.line(format_args!("llvm.return {status} : i32"));
        } else {
            self.line(format_args!("llvm.return"));
        }
        let params: Vec<String> = f
            .params
            .iter()
            .map(|p| match p.role {
                Role::Scalar => format!("{}: i32", self.name(p.val)),
                // The planner may let an operator write over its own input, so only constants and scratch are known to be apart.
                role => {
                    let apart = if matches!(role, Role::Const | Role::Scratch) { ", llvm.noalias" } else { "" };
                    let read = if matches!(role, Role::Const | Role::In) { ", llvm.readonly" } else { "" };
                    let align = p.align.max(1);
                    format!("{}: !llvm.ptr {{llvm.nonnull, llvm.noundef, llvm.align = {align} : i64{apart}{read}}}", self.name(p.val))
                }
            })
            .collect();
        let linkage = if f.export { "" } else { "internal " };
        let result = if f.export { " -> i32" } else { "" };
        // Kernels stay functions of their own: one symbol a layer in size reports, and the entry's frame stays small.
        let inline = if f.export { "" } else { ", \"noinline\"" };
        let _ = writeln!(
            out,
            "  llvm.func {linkage}@{}({}){result} attributes {{dso_local{}, passthrough = [\"nounwind\", \"norecurse\", \
             \"nofree\", \"no-builtins\"{inline}{}]}} {{",
            quoted(&f.name),
            params.join(", "),
            section(target, &format!(".text.{}", f.name)),
            self.isa.attributes(),
        );
        out.push_str(&self.entry);
        out.push_str(&self.body);
        out.push_str("  }\n");
        Ok(())
    }

    fn block(&mut self, b: &Block) -> Result<()> {
        for i in &b.insts {
            match i {
                Inst::Op { dst, op, args } => self.op(*dst, op, args)?,
                Inst::Store { val, ptr, off, mem, align } => self.store(*val, *ptr, *off, *mem, *align)?,
                Inst::For { .. } => self.for_loop(i)?,
                Inst::If { .. } => self.if_else(i)?,
                Inst::Call { func, args } => self.call(func, args),
            }
        }
        Ok(())
    }

    fn op(&mut self, dst: Val, op: &Op, args: &[Val]) -> Result<()> {
        let d = self.name(dst);
        let a: Vec<String> = args.iter().map(|&v| self.name(v)).collect();
        let t0 = args.first().map_or(Ty::I32, |&v| self.func.ty(v));
        let arity = match op {
            Op::Const(..) | Op::DataAddr { .. } => 0..=0,
            Op::PtrAdd { .. } => 1..=2,
            Op::Bin(_) | Op::Cmp(_) | Op::NarrowSat | Op::Insert { .. } | Op::Shuffle(_) | Op::Rescale(_) => 2..=2,
            Op::Select | Op::Contract { .. } | Op::Mac => 3..=3,
            _ => 1..=1,
        };
        if !arity.contains(&a.len()) {
            return refuse(format_args!("{op:?} with {} operands", a.len()));
        }
        match op {
            Op::Const(v, t) => {
                self.constants.insert(dst);
                self.constant(&d, *v, *t);
            }
            Op::Bin(b) => self.bin(&d, *b, t0, &a, self.constants.contains(&args[1]))?,
            Op::Cmp(c) => self.cmp(&d, *c, &a),
            Op::Select => self.select(&d, self.func.ty(args[1]), &a),
            Op::Sxtb16 { ror } => self.sxtb16(&d, *ror, &a[0]),
            Op::PtrAdd { scale, imm } => self.ptr_add(&d, *scale, *imm, &a),
            Op::DataAddr { data, imm } => self.data_addr(&d, data, *imm),
            Op::Load { ty, mem, off, align } => self.load(&d, *ty, *mem, &a[0], *off, *align)?,
            Op::LoadBcast { ty, bytes, off, align } => self.load_bcast(&d, *ty, *bytes, &a[0], *off, *align)?,
            Op::Splat(t) => self.splat(&d, *t, &a[0])?,
            Op::SplatBits(t) => self.splat_bits(&d, *t, &a[0])?,
            Op::Widen { signed, high } => self.widen(&d, t0, *signed, *high, &a[0])?,
            Op::WidenAll { to, signed } => self.widen_all(&d, t0, *to, *signed, &a[0])?,
            Op::NarrowSat => self.narrow_sat(&d, t0, &a)?,
            Op::Trunc { to } => self.trunc(&d, t0, *to, &a[0])?,
            Op::Extract { lane } => self.extract(&d, t0, *lane, &a[0])?,
            Op::Insert { lane } => self.insert(&d, t0, *lane, &a)?,
            Op::Shuffle(mask) => self.shuffle_op(&d, t0, mask, &a)?,
            Op::ReduceAdd => self.reduce_add(&d, t0, &a[0])?,
            Op::Contract { row, lane } => self.contract(&d, *row, *lane, &a)?,
            Op::Mac => self.mac(&d, [self.func.ty(args[1]), self.func.ty(args[2])], &a)?,
            Op::Rescale(r) => self.rescale(&d, r, t0, &a, self.clamps.deferred[dst.0 as usize])?,
        }
        Ok(())
    }

    fn name(&self, v: Val) -> String {
        format!("%v{}", v.0)
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.body, "    {text}");
    }

    /// Emits `= text` and returns the new value's name.
    fn temp(&mut self, text: std::fmt::Arguments<'_>) -> String {
        let name = format!("%t{}", self.temps);
        self.temps += 1;
        let _ = writeln!(self.body, "    {name} = {text}");
        name
    }

    fn iconst(&mut self, v: i32) -> String {
        self.temp(format_args!("arith.constant {v} : i32"))
    }

    /// A constant in a register whose value LLVM does not know: an empty piece of assembly hands it through.
    fn hidden(&mut self, v: i32) -> String {
        if let Some(name) = self.hidden.get(&v) {
            return name.clone();
        }
        let n = self.hidden.len();
        let _ = writeln!(self.entry, "    %k{n} = arith.constant {v} : i32");
        let _ = writeln!(self.entry, "    %h{n} = llvm.inline_asm \"\", \"=r,0\" %k{n} : (i32) -> i32");
        let name = format!("%h{n}");
        self.hidden.insert(v, name.clone());
        name
    }

    /// A constant of any integer type, every lane the same.
    fn splat_const(&mut self, v: i64, t: &str) -> String {
        if t.starts_with("vector") {
            self.temp(format_args!("arith.constant dense<{v}> : {t}"))
        } else {
            self.temp(format_args!("arith.constant {v} : {t}"))
        }
    }
}

/// Lane and count of a vector type.
pub(crate) fn lanes(t: Ty, what: &str) -> Result<(Lane, u16)> {
    match t {
        Ty::Vec(l, n) => Ok((l, n)),
        t => refuse(format_args!("{what} of {t}")),
    }
}
