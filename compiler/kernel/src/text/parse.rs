//! Text to module. Checks form only; [`crate::structure`] checks meaning.

use super::lex::{Lexer, Tok};
use super::{ELEMS, FORMS, MEMS, Names, ROLES, ty, value};
use crate::verify::MAX_DEPTH;
use crate::{Block, Data, Func, Inst, MemElem, Module, Param, Role, Row, Ty, Val};
use mcompc_ir::Result;
use std::collections::BTreeMap;

pub(super) struct Parser<'t> {
    lex: Lexer<'t>,
    pub(super) tok: Tok,
    /// Types of the current function's values.
    tys: BTreeMap<u32, Ty>,
    pub(super) rows: Vec<Row>,
}

/// Parses a module; errors give line and column.
pub fn parse(text: &str) -> Result<Module> {
    let mut p = Parser { lex: Lexer::new(text), tok: Tok::End, tys: BTreeMap::new(), rows: vec![] };
    p.next()?;
    let mut m = Module::default();
    loop {
        match p.next()? {
            Tok::End => break,
            Tok::Word(w) if w == "row" => {
                let r = p.row()?;
                p.rows.push(r);
            }
            Tok::Word(w) if w == "data" => m.data.push(p.data()?),
            Tok::Word(w) if w == "func" => m.funcs.push(p.func()?),
            t => return Err(p.lex.error(format!("expected row, data or func, found {t}"))),
        }
    }
    m.rows = p.rows;
    Ok(m)
}

impl Parser<'_> {
    pub(super) fn error<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        Err(self.lex.error(what))
    }
    pub(super) fn expected<T>(&self, what: &str) -> Result<T> {
        self.error(format!("expected {what}, found {}", self.tok))
    }
    /// Takes the current token and reads the one after it.
    pub(super) fn next(&mut self) -> Result<Tok> {
        let t = self.lex.token()?;
        Ok(std::mem::replace(&mut self.tok, t))
    }
    pub(super) fn sym(&mut self, c: char) -> Result<()> {
        if self.accept(c)? { Ok(()) } else { self.expected(&format!("`{c}`")) }
    }
    pub(super) fn accept(&mut self, c: char) -> Result<bool> {
        let is = self.tok == Tok::Sym(c);
        if is {
            self.next()?;
        }
        Ok(is)
    }
    fn is_word(&self, w: &str) -> bool {
        matches!(&self.tok, Tok::Word(x) if x == w)
    }
    pub(super) fn accept_word(&mut self, w: &str) -> Result<bool> {
        let is = self.is_word(w);
        if is {
            self.next()?;
        }
        Ok(is)
    }
    pub(super) fn word(&mut self, w: &str) -> Result<()> {
        if self.accept_word(w)? { Ok(()) } else { self.expected(&format!("`{w}`")) }
    }
    pub(super) fn any_word(&mut self) -> Result<String> {
        match &self.tok {
            Tok::Word(w) => {
                let w = w.clone();
                self.next()?;
                Ok(w)
            }
            _ => self.expected("a word"),
        }
    }
    pub(super) fn one_of<T: Copy>(&mut self, names: Names<T>) -> Result<T> {
        let found = match &self.tok {
            Tok::Word(w) => value(names, w),
            _ => None,
        };
        let Some(v) = found else {
            return self.expected(&names.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(" or "));
        };
        self.next()?;
        Ok(v)
    }
    pub(super) fn string(&mut self) -> Result<String> {
        match &self.tok {
            Tok::Str(s) => {
                let s = s.clone();
                self.next()?;
                Ok(s)
            }
            _ => self.expected("a string"),
        }
    }
    fn ident(&mut self) -> Result<String> {
        if matches!(self.tok, Tok::Str(_)) { self.string() } else { self.any_word() }
    }
    pub(super) fn symbol(&mut self) -> Result<String> {
        match &self.tok {
            Tok::At(s) => {
                let s = s.clone();
                self.next()?;
                Ok(s)
            }
            _ => self.expected("`@` and a name"),
        }
    }
    /// An integer of the type asked for, with its sign.
    pub(super) fn int<T: TryFrom<i64>>(&mut self) -> Result<T> {
        let minus = self.accept('-')?;
        let Tok::Int(v) = self.tok else { return self.expected("a number") };
        let v = if minus { -v } else { v };
        let Ok(x) = T::try_from(v) else { return self.error(format!("{v} is out of range")) };
        self.next()?;
        Ok(x)
    }
    fn keyed<T: TryFrom<i64>>(&mut self, key: &str) -> Result<T> {
        self.word(key)?;
        self.int()
    }
    pub(super) fn val(&mut self) -> Result<Val> {
        let Tok::Val(v) = self.tok else { return self.expected("a value") };
        self.next()?;
        Ok(Val(v))
    }
    /// Values with commas between them; none at all is fine.
    pub(super) fn vals(&mut self) -> Result<Vec<Val>> {
        let mut vs = vec![];
        while matches!(self.tok, Tok::Val(_)) {
            vs.push(self.val()?);
            if !self.accept(',')? {
                break;
            }
        }
        Ok(vs)
    }
    fn ty(&mut self) -> Result<Ty> {
        let found = match &self.tok {
            Tok::Word(w) => ty(w),
            _ => None,
        };
        let Some(t) = found else { return self.expected("a type") };
        self.next()?;
        Ok(t)
    }
    fn define(&mut self, v: Val, t: Ty) -> Result<()> {
        if self.tys.insert(v.0, t).is_some() { self.error(format!("{v} is defined twice")) } else { Ok(()) }
    }
    /// `%7: i32x4`, a definition.
    fn typed(&mut self) -> Result<(Val, Ty)> {
        let v = self.val()?;
        self.sym(':')?;
        let t = self.ty()?;
        self.define(v, t)?;
        Ok((v, t))
    }
    /// `+ 16`, `- 16` or nothing.
    pub(super) fn offset(&mut self) -> Result<i32> {
        if self.accept('+')? || self.tok == Tok::Sym('-') { self.int() } else { Ok(0) }
    }
    pub(super) fn align(&mut self) -> Result<u8> {
        if self.accept_word("align")? { self.int() } else { Ok(1) }
    }
    fn row(&mut self) -> Result<Row> {
        let name = self.ident()?;
        let form = self.one_of(FORMS)?;
        self.word("a")?;
        let a = self.one_of(ELEMS)?;
        self.word("w")?;
        let w = self.one_of(ELEMS)?;
        self.word("mem")?;
        let w_mem = self.one_of(ELEMS)?;
        let (k, n, m) = (self.keyed("k")?, self.keyed("n")?, self.keyed("m")?);
        let tile = [self.keyed("tile")?, self.int()?];
        let (tile_fc, unroll) = (self.keyed("fc")?, self.keyed("unroll")?);
        self.word("llvm")?;
        let llvm = self.string()?;
        self.word("cranelift")?;
        let cranelift = self.string()?;
        self.word("mnemonic")?;
        let mnemonic = self.string()?;
        Ok(Row { name, form, a, w, w_mem, k, n, m, tile, tile_fc, unroll, llvm, cranelift, mnemonic })
    }
    fn data(&mut self) -> Result<Data> {
        let (export, weights) = (self.accept_word("export")?, self.accept_word("weights")?);
        let name = self.symbol()?;
        let align = self.keyed("align")?;
        self.sym('=')?;
        self.sym('{')?;
        let mut bytes = vec![];
        while !self.accept('}')? {
            let Tok::Str(s) = &self.tok else { return self.expected("a string of hexadecimal digits") };
            let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
            let line: Option<Vec<u8>> = s.as_bytes().chunks(2).map(|c| Some(digit(c[0])? << 4 | digit(*c.get(1)?)?)).collect();
            let Some(line) = line else { return self.expected("pairs of hexadecimal digits") };
            bytes.extend(line);
            self.next()?;
        }
        Ok(Data { name, bytes, align, weights, export })
    }
    fn param(&mut self) -> Result<Param> {
        let val = self.val()?;
        let name = self.string()?;
        self.sym(':')?;
        let t = self.ty()?;
        self.define(val, t)?;
        let role = self.one_of(ROLES)?;
        let (mut align, mut bytes) = (0, 0);
        if role != Role::Scalar || self.is_word("align") {
            (align, bytes) = (self.keyed("align")?, self.keyed("bytes")?);
        }
        Ok(Param { name, val, role, align, bytes })
    }
    fn func(&mut self) -> Result<Func> {
        self.tys.clear();
        let export = self.accept_word("export")?;
        let name = self.symbol()?;
        self.sym('(')?;
        let mut params = vec![];
        while !self.accept(')')? {
            if !params.is_empty() {
                self.sym(',')?;
            }
            params.push(self.param()?);
        }
        self.sym('{')?;
        while self.accept_word("unused")? {
            self.typed()?;
        }
        let (body, returned) = self.block(0)?;
        let status = match returned[..] {
            [] => None,
            [v] => Some(v),
            _ => return self.error("a function returns one value"),
        };
        let n = self.tys.len();
        if let Some(gap) = (0..n as u32).find(|i| !self.tys.contains_key(i)) {
            return self.error(format!("`{name}`: values are not numbered in full, %{gap} is missing"));
        }
        let tys = std::mem::take(&mut self.tys).into_values().collect();
        Ok(Func { name, params, tys, body, export, status })
    }
    /// Instructions up to the closing brace, and what they yield; the outermost block returns.
    fn block(&mut self, depth: usize) -> Result<(Block, Vec<Val>)> {
        if depth > MAX_DEPTH {
            return self.error(format!("regions nest deeper than {MAX_DEPTH}"));
        }
        let mut insts = vec![];
        loop {
            if self.accept('}')? {
                return Ok((Block { insts }, vec![]));
            }
            if self.accept_word(if depth == 0 { "return" } else { "yield" })? {
                let ys = self.vals()?;
                self.sym('}')?;
                return Ok((Block { insts }, ys));
            }
            insts.push(self.inst(depth)?);
        }
    }
    fn inst(&mut self, depth: usize) -> Result<Inst> {
        let mut results = vec![];
        while matches!(self.tok, Tok::Val(_)) {
            results.push(self.typed()?);
            if !self.accept(',')? {
                self.sym('=')?;
                break;
            }
        }
        let word = self.any_word()?;
        let names = || results.iter().map(|(v, _)| *v).collect::<Vec<_>>();
        match (word.as_str(), results.as_slice()) {
            ("for", _) => self.for_loop(names(), depth),
            ("if", _) => {
                let cond = self.val()?;
                self.sym('{')?;
                let (then, then_yields) = self.block(depth + 1)?;
                self.word("else")?;
                self.sym('{')?;
                let (els, else_yields) = self.block(depth + 1)?;
                Ok(Inst::If { cond, then, then_yields, els, else_yields, results: names() })
            }
            ("store", []) => {
                let mem: MemElem = self.one_of(MEMS)?;
                let val = self.val()?;
                self.sym(',')?;
                let ptr = self.val()?;
                Ok(Inst::Store { val, ptr, mem, off: self.offset()?, align: self.align()? })
            }
            ("call", []) => {
                let func = self.symbol()?;
                self.sym('(')?;
                let args = self.vals()?;
                self.sym(')')?;
                Ok(Inst::Call { func, args })
            }
            (w, &[(dst, t)]) => {
                let (op, args) = self.op(w, t)?;
                Ok(Inst::Op { dst, op, args })
            }
            (w, r) => self.error(format!("`{w}` with {} results", r.len())),
        }
    }
    fn for_loop(&mut self, results: Vec<Val>, depth: usize) -> Result<Inst> {
        let iv = self.val()?;
        self.define(iv, Ty::I32)?;
        self.sym('=')?;
        let lo = self.int()?;
        let (hi, step) = (self.keyed("to")?, self.keyed("step")?);
        let unroll = self.accept_word("unroll")?;
        let (mut args, mut inits) = (vec![], vec![]);
        if self.accept_word("carry")? {
            self.sym('(')?;
            loop {
                args.push(self.typed()?.0);
                self.sym('=')?;
                inits.push(self.val()?);
                if !self.accept(',')? {
                    break;
                }
            }
            self.sym(')')?;
        }
        self.sym('{')?;
        let (body, yields) = self.block(depth + 1)?;
        Ok(Inst::For { iv, lo, hi, step, args, inits, body, yields, results, unroll })
    }
}
