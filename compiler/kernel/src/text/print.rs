//! Module to text.

use super::{BINS, CMPS, ELEMS, FORMS, MEMS, ROLES, name, plain};
use crate::{Block, Data, Func, Inst, Module, Op, Role, Row, Val};
use std::fmt::Write;

fn quote(s: &str) -> String {
    let mut q = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => q.extend(['\\', c]),
            '\n' => q.push_str("\\n"),
            c => q.push(c),
        }
    }
    q.push('"');
    q
}

fn ident(s: &str) -> String {
    if plain(s) { s.into() } else { quote(s) }
}

/// The operation's name in text, without attributes; rows by number.
pub(crate) fn mnemonic(op: &Op) -> &'static str {
    match op {
        Op::Const(..) => "const",
        Op::Bin(b) => name(BINS, b),
        Op::Cmp(c) => name(CMPS, c),
        Op::Select => "select",
        Op::PtrAdd { .. } => "ptr_add",
        Op::DataAddr { .. } => "data",
        Op::Load { .. } => "load",
        Op::LoadBcast { .. } => "load_bcast",
        Op::Splat(_) => "splat",
        Op::SplatBits(_) => "splat_bits",
        Op::Widen { signed: true, high: false } => "widen.s.low",
        Op::Widen { signed: true, high: true } => "widen.s.high",
        Op::Widen { signed: false, high: false } => "widen.u.low",
        Op::Widen { signed: false, high: true } => "widen.u.high",
        Op::WidenAll { signed: true, .. } => "widen_all.s",
        Op::WidenAll { signed: false, .. } => "widen_all.u",
        Op::NarrowSat => "narrow_sat",
        Op::Trunc { .. } => "trunc",
        Op::Extract { .. } => "extract",
        Op::Insert { .. } => "insert",
        Op::Shuffle(_) => "shuffle",
        Op::ReduceAdd => "reduce_add",
        Op::Contract { .. } => "contract",
        Op::Mac => "mac",
        Op::Rescale(_) => "rescale",
        Op::Sxtb16 { ror: false } => "sxtb16",
        Op::Sxtb16 { ror: true } => "sxtb16.ror",
    }
}

fn list(vs: &[Val]) -> String {
    vs.iter().map(Val::to_string).collect::<Vec<_>>().join(", ")
}

/// ` + 16`, ` - 16`, or nothing.
fn offset(v: i32) -> String {
    match v {
        0 => String::new(),
        1.. => format!(" + {v}"),
        _ => format!(" - {}", v.unsigned_abs()),
    }
}

fn aligned(a: u8) -> String {
    if a == 1 { String::new() } else { format!(" align {a}") }
}

struct Printer<'m> {
    m: &'m Module,
    f: &'m Func,
    out: String,
}

impl Printer<'_> {
    fn line(&mut self, depth: usize, s: &str) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
        self.out.push_str(s);
        self.out.push('\n');
    }
    fn typed(&self, v: Val) -> String {
        match self.f.tys.get(v.0 as usize) {
            Some(t) => format!("{v}: {t}"),
            None => format!("{v}: ?"),
        }
    }
    fn results(&self, vs: &[Val]) -> String {
        if vs.is_empty() { String::new() } else { vs.iter().map(|&v| self.typed(v)).collect::<Vec<_>>().join(", ") + " = " }
    }
    fn op(&self, op: &Op, args: &[Val]) -> String {
        let (n, a) = (mnemonic(op), list(args));
        match op {
            Op::Const(v, _) => format!("{n} {v}"),
            Op::PtrAdd { scale, imm } => {
                let times = if args.len() > 1 || *scale != 0 { format!(" * {scale}") } else { String::new() };
                format!("{n} {a}{times}{}", offset(*imm))
            }
            Op::DataAddr { data, imm } => format!("{n} @{}{}", ident(data), offset(*imm)),
            Op::Load { mem, off, align, .. } => format!("{n} {} {a}{}{}", name(MEMS, mem), offset(*off), aligned(*align)),
            Op::LoadBcast { bytes, off, align, .. } => format!("{n} {bytes} {a}{}{}", offset(*off), aligned(*align)),
            Op::Extract { lane } | Op::Insert { lane } => format!("{n} {lane} {a}"),
            Op::Shuffle(mask) => format!("{n} {mask:?} {a}"),
            Op::Contract { row, lane } => {
                let r = self.m.rows.get(*row as usize).map_or("?", |r| r.name.as_str());
                let lane = if *lane == 0 { String::new() } else { format!(" lane {lane}") };
                format!("{n}.{}{lane} {a}", ident(r))
            }
            Op::Rescale(r) => format!("{n} pre {} shift {} zp {} lo {} hi {} {a}", r.pre, r.shift, r.zp, r.lo, r.hi),
            _ if a.is_empty() => n.into(),
            _ => format!("{n} {a}"),
        }
    }
    fn block(&mut self, b: &Block, yields: &[Val], depth: usize) {
        for i in &b.insts {
            self.inst(i, depth);
        }
        if !yields.is_empty() {
            self.line(depth, &format!("yield {}", list(yields)));
        }
    }
    fn inst(&mut self, i: &Inst, depth: usize) {
        match i {
            Inst::Op { dst, op, args } => self.line(depth, &format!("{} = {}", self.typed(*dst), self.op(op, args))),
            Inst::Store { val, ptr, off, mem, align } => {
                self.line(depth, &format!("store {} {val}, {ptr}{}{}", name(MEMS, mem), offset(*off), aligned(*align)));
            }
            Inst::For { iv, lo, hi, step, args, inits, body, yields, results, unroll } => {
                let carry: Vec<String> = args.iter().zip(inits).map(|(&a, i)| format!("{} = {i}", self.typed(a))).collect();
                let carry = if carry.is_empty() { String::new() } else { format!("carry ({}) ", carry.join(", ")) };
                let unroll = if *unroll { "unroll " } else { "" };
                self.line(depth, &format!("{}for {iv} = {lo} to {hi} step {step} {unroll}{carry}{{", self.results(results)));
                self.block(body, yields, depth + 1);
                self.line(depth, "}");
            }
            Inst::If { cond, then, then_yields, els, else_yields, results } => {
                self.line(depth, &format!("{}if {cond} {{", self.results(results)));
                self.block(then, then_yields, depth + 1);
                self.line(depth, "} else {");
                self.block(els, else_yields, depth + 1);
                self.line(depth, "}");
            }
            Inst::Call { func, args } => self.line(depth, &format!("call @{}({})", ident(func), list(args))),
        }
    }
    fn func(&mut self) {
        let f = self.f;
        let params: Vec<String> = f
            .params
            .iter()
            .map(|p| {
                let limits = if p.role == Role::Scalar && p.align == 0 && p.bytes == 0 {
                    String::new()
                } else {
                    format!(" align {} bytes {}", p.align, p.bytes)
                };
                format!("{} {}: {} {}{limits}", p.val, quote(&p.name), f.ty(p.val), name(ROLES, &p.role))
            })
            .collect();
        let export = if f.export { "export " } else { "" };
        self.line(0, &format!("func {export}@{}({}) {{", ident(&f.name), params.join(", ")));
        let mut defined = vec![false; f.tys.len()];
        f.params.iter().for_each(|p| mark(&mut defined, p.val));
        definitions(&f.body, &mut defined);
        for (i, _) in defined.iter().enumerate().filter(|(_, d)| !**d) {
            self.line(1, &format!("unused {}", self.typed(Val(i as u32))));
        }
        self.block(&f.body, &[], 1);
        if let Some(v) = f.status {
            self.line(1, &format!("return {v}"));
        }
        self.line(0, "}");
    }
}

fn mark(defined: &mut [bool], v: Val) {
    if let Some(d) = defined.get_mut(v.0 as usize) {
        *d = true;
    }
}

fn definitions(b: &Block, defined: &mut [bool]) {
    for i in &b.insts {
        match i {
            Inst::Op { dst, .. } => mark(defined, *dst),
            Inst::For { iv, args, results, body, .. } => {
                std::iter::once(iv).chain(args).chain(results).for_each(|&v| mark(defined, v));
                definitions(body, defined);
            }
            Inst::If { then, els, results, .. } => {
                results.iter().for_each(|&v| mark(defined, v));
                definitions(then, defined);
                definitions(els, defined);
            }
            Inst::Store { .. } | Inst::Call { .. } => {}
        }
    }
}

fn row(r: &Row) -> String {
    let [tm, tn] = r.tile;
    format!(
        "row {} {} a {} w {} mem {} k {} n {} m {} tile {tm} {tn} fc {} unroll {} llvm {} cranelift {} mnemonic {}\n",
        ident(&r.name),
        name(FORMS, &r.form),
        name(ELEMS, &r.a),
        name(ELEMS, &r.w),
        name(ELEMS, &r.w_mem),
        r.k,
        r.n,
        r.m,
        r.tile_fc,
        r.unroll,
        quote(&r.llvm),
        quote(&r.cranelift),
        quote(&r.mnemonic)
    )
}

fn data(d: &Data, out: &mut String) {
    let export = if d.export { "export " } else { "" };
    let weights = if d.weights { "weights " } else { "" };
    out.push_str(&format!("data {export}{weights}@{} align {} = {{", ident(&d.name), d.align));
    for line in d.bytes.chunks(64) {
        out.push_str("\n  \"");
        for b in line {
            // Writing to a string cannot fail.
            let _ = write!(out, "{b:02x}");
        }
        out.push('"');
    }
    out.push_str(if d.bytes.is_empty() { " }\n" } else { "\n}\n" });
}

/// The whole module as text, rows and data first.
pub fn print(m: &Module) -> String {
    let mut out = String::new();
    m.rows.iter().for_each(|r| out.push_str(&row(r)));
    m.data.iter().for_each(|d| data(d, &mut out));
    for f in &m.funcs {
        let mut p = Printer { m, f, out };
        p.func();
        out = p.out;
    }
    out
}
