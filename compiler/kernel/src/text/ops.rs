//! Operations from text.

use super::lex::Tok;
use super::parse::Parser;
use super::{BINS, CMPS, MEMS, value};
use crate::{Lane, Op, Rescale, Ty, Val};
use mcompc_ir::Result;

impl Parser<'_> {
    fn lane_of(&self, t: Ty) -> Result<Lane> {
        match t {
            Ty::Vec(l, _) => Ok(l),
            t => self.error(format!("the result is a vector, not {t}")),
        }
    }
    fn mask(&mut self) -> Result<Vec<u16>> {
        self.sym('[')?;
        let mut mask = vec![];
        while !self.accept(']')? {
            if !mask.is_empty() {
                self.sym(',')?;
            }
            mask.push(self.int()?);
        }
        Ok(mask)
    }
    fn row_index(&mut self, name: &str) -> Result<u16> {
        let name = if name.is_empty() { self.string()? } else { name.into() };
        match self.rows.iter().position(|r| r.name == name) {
            Some(i) => Ok(i as u16),
            None => self.error(format!("there is no row `{name}` above")),
        }
    }
    fn rescale(&mut self) -> Result<Rescale> {
        let mut v = [0i32; 5];
        for (x, key) in v.iter_mut().zip(["pre", "shift", "zp", "lo", "hi"]) {
            self.word(key)?;
            *x = self.int()?;
        }
        let small = |x: i32| u8::try_from(x);
        match (small(v[0]), small(v[1])) {
            (Ok(pre), Ok(shift)) => Ok(Rescale { pre, shift, zp: v[2], lo: v[3], hi: v[4] }),
            _ => self.error("pre and shift fit a byte"),
        }
    }
    /// The operation `word`, whose result has type `t`, and its operands.
    pub(super) fn op(&mut self, word: &str, t: Ty) -> Result<(Op, Vec<Val>)> {
        let op = match word {
            // Without operands: a value that follows begins the next instruction.
            "const" => return Ok((Op::Const(self.int()?, t), vec![])),
            "data" => return Ok((Op::DataAddr { data: self.symbol()?, imm: self.offset()? }, vec![])),
            "select" => Op::Select,
            "ptr_add" => {
                let args = self.vals()?;
                let scale = if self.accept('*')? { self.int()? } else { 0 };
                return Ok((Op::PtrAdd { scale, imm: self.offset()? }, args));
            }
            "load" => {
                let mem = self.one_of(MEMS)?;
                let args = self.vals()?;
                return Ok((Op::Load { ty: t, mem, off: self.offset()?, align: self.align()? }, args));
            }
            "load_bcast" => {
                let bytes = self.int()?;
                let args = self.vals()?;
                return Ok((Op::LoadBcast { ty: t, bytes, off: self.offset()?, align: self.align()? }, args));
            }
            "splat" => Op::Splat(t),
            "splat_bits" => Op::SplatBits(t),
            "widen.s.low" => Op::Widen { signed: true, high: false },
            "widen.s.high" => Op::Widen { signed: true, high: true },
            "widen.u.low" => Op::Widen { signed: false, high: false },
            "widen.u.high" => Op::Widen { signed: false, high: true },
            "widen_all.s" => Op::WidenAll { to: self.lane_of(t)?, signed: true },
            "widen_all.u" => Op::WidenAll { to: self.lane_of(t)?, signed: false },
            "narrow_sat" => Op::NarrowSat,
            "trunc" => Op::Trunc { to: self.lane_of(t)? },
            "extract" => Op::Extract { lane: self.int()? },
            "insert" => Op::Insert { lane: self.int()? },
            "shuffle" => Op::Shuffle(self.mask()?),
            "reduce_add" => Op::ReduceAdd,
            "mac" => Op::Mac,
            "rescale" => Op::Rescale(self.rescale()?),
            "sxtb16" => Op::Sxtb16 { ror: false },
            "sxtb16.ror" => Op::Sxtb16 { ror: true },
            w => match (value(BINS, w), value(CMPS, w), w.strip_prefix("contract.")) {
                (Some(b), _, _) => Op::Bin(b),
                (_, Some(c), _) => Op::Cmp(c),
                (_, _, Some(row)) => {
                    let row = self.row_index(row)?;
                    let lane = if matches!(&self.tok, Tok::Word(w) if w == "lane") {
                        self.next()?;
                        self.int()?
                    } else {
                        0
                    };
                    Op::Contract { row, lane }
                }
                _ => return self.error(format!("there is no operation `{w}`")),
            },
        };
        Ok((op, self.vals()?))
    }
}
