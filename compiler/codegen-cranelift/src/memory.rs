//! Addresses, loads and stores.
//!
//! A pointer is a register and a constant: the constant goes into the offset of the access. No access touches a byte beyond what the
//! kernel operation names: narrow vectors are loaded and stored by scalar-sized moves.

use crate::layout::{element, layout, per_piece, piece, wider};
use crate::translate::{Held, Translator};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use mcompc_ir::Result;
use mcompc_kernel::{Lane, MemElem, Ty, Val};

impl Translator<'_, '_, '_> {
    pub(crate) fn ptr_add(&mut self, dst: Val, args: &[Val], scale: i32, imm: i32) -> Result<()> {
        let p = self.get(args[0]).clone();
        let mut base = p.vals[0];
        let mut off = p.off + i64::from(imm);
        if let Some(&i) = args.get(1) {
            match (self.known(i), scale) {
                (_, 0) => {}
                (Some(i), _) => off += i * i64::from(scale),
                (None, _) => {
                    let wide = self.get(i).wide;
                    let i = match wide {
                        Some(w) => w,
                        None => {
                            let i = self.one(i);
                            self.b.ins().sextend(types::I64, i)
                        }
                    };
                    let step = match scale {
                        1 => i,
                        s if s > 0 && s & (s - 1) == 0 => self.b.ins().ishl_imm_u(i, i64::from(s.trailing_zeros())),
                        s => self.b.ins().imul_imm_s(i, i64::from(s)),
                    };
                    base = self.b.ins().iadd(base, step);
                }
            }
        }
        if i32::try_from(off).is_err() {
            base = self.b.ins().iadd_imm_s(base, off);
            off = 0;
        }
        self.held[dst.0 as usize] = Held { vals: vec![base], off, ..Held::default() };
        Ok(())
    }

    pub(crate) fn data_addr(&mut self, dst: Val, data: &str, imm: i32) -> Result<()> {
        use cranelift_codegen::ir::{ExternalName, GlobalValueData, UserExternalName, immediates::Imm64};
        let Some(&id) = self.writer.data.get(data) else { return Err(self.refuse(format!("no data are called `{data}`"))) };
        // Namespace 1 is cranelift-module's for data. Always in this object, so addressed without a table of offsets.
        let name = self.b.func.declare_imported_user_function(UserExternalName { namespace: 1, index: id.as_u32() });
        let symbol = GlobalValueData::Symbol { name: ExternalName::user(name), offset: Imm64::new(0), colocated: true, tls: false };
        let gv = self.b.func.create_global_value(symbol);
        let base = self.b.ins().symbol_value(types::I64, gv);
        self.held[dst.0 as usize] = Held { vals: vec![base], off: i64::from(imm), ..Held::default() };
        Ok(())
    }

    /// Register and offset of an access `extra` bytes past ptr + off, over at most `span` bytes.
    fn address(&mut self, ptr: Val, off: i32, span: usize) -> (Value, i32) {
        let (base, all) = (self.get(ptr).vals[0], self.get(ptr).off + i64::from(off));
        match (i32::try_from(all), i32::try_from(all + span as i64)) {
            (Ok(o), Ok(_)) => (base, o),
            _ => (self.b.ins().iadd_imm_s(base, all), 0),
        }
    }

    pub(crate) fn load(&mut self, dst: Val, ty: Ty, mem: MemElem, ptr: Val, off: i32, align: u8) -> Result<()> {
        let key = (self.get(ptr).vals[0], self.get(ptr).off + i64::from(off), ty, mem as u8);
        let unchanging = self.constant[ptr.0 as usize];
        if unchanging && let Some(h) = self.done.loads.get(&key) {
            self.held[dst.0 as usize] = h.clone();
            return Ok(());
        }
        self.load_anew(dst, ty, mem, ptr, off, align)?;
        if unchanging {
            self.done.loads.insert(key, self.get(dst).clone());
        }
        Ok(())
    }

    fn load_anew(&mut self, dst: Val, ty: Ty, mem: MemElem, ptr: Val, off: i32, align: u8) -> Result<()> {
        let signed = matches!(mem, MemElem::S8 | MemElem::S16 | MemElem::W32);
        let range = match mem {
            MemElem::S8 => Some((-128, 127)),
            MemElem::U8 => Some((0, 255)),
            MemElem::S16 => Some((-32768, 32767)),
            MemElem::U16 => Some((0, 65535)),
            MemElem::W32 => None,
        };
        let Ty::Vec(lane, n) = ty else {
            let (p, o) = self.address(ptr, off, 0);
            let f = flags(align, mem.bytes());
            let v = match mem {
                MemElem::S8 => self.b.ins().sload8(types::I32, f, p, o),
                MemElem::U8 => self.b.ins().uload8(types::I32, f, p, o),
                MemElem::S16 => self.b.ins().sload16(types::I32, f, p, o),
                MemElem::U16 => self.b.ins().uload16(types::I32, f, p, o),
                MemElem::W32 => self.b.ins().load(types::I32, f, p, o),
            };
            self.set_ranged(dst, vec![v], range);
            return Ok(());
        };
        let (pieces, t) = layout(ty);
        let lanes = (n as usize).min(per_piece(lane));
        let bytes = lanes * mem.bytes();
        let (p, o) = self.address(ptr, off, pieces * bytes);
        let mut out = Vec::with_capacity(pieces);
        for i in 0..pieces {
            let o = o + (i * bytes) as i32;
            let v = match (lane.bytes() / mem.bytes(), bytes) {
                (1, 16) => self.b.ins().load(t, flags(align, 16), p, o),
                (2, 8) => {
                    let f = flags(align, 8);
                    match (mem.bytes(), signed) {
                        (1, true) => self.b.ins().sload8x8(f, p, o),
                        (1, false) => self.b.ins().uload8x8(f, p, o),
                        (_, true) => self.b.ins().sload16x4(f, p, o),
                        (_, false) => self.b.ins().uload16x4(f, p, o),
                    }
                }
                _ => {
                    let mut at = if mem.bytes() == 1 { Lane::I8 } else { Lane::I16 };
                    if mem.bytes() == lane.bytes() {
                        at = lane;
                    }
                    let mut v = self.load_part(p, o, bytes, align);
                    v = self.cast(v, piece(at));
                    while at != lane
                        && let Some(w) = wider(at)
                    {
                        v = if signed { self.b.ins().swiden_low(v) } else { self.b.ins().uwiden_low(v) };
                        at = w;
                    }
                    v
                }
            };
            out.push(v);
        }
        // In the lane's own signed reading: an element as wide as its lane may be any number.
        let range = range.filter(|_| mem.bytes() < lane.bytes());
        self.set_ranged(dst, out, range);
        Ok(())
    }

    /// The low bytes of a register; the rest is unspecified.
    fn load_part(&mut self, p: Value, off: i32, bytes: usize, align: u8) -> Value {
        // As floating-point moves: memory to vector register in one instruction, no conversion.
        let f = flags(align, bytes);
        match bytes {
            16 => self.b.ins().load(types::I8X16, f, p, off),
            8 => {
                let v = self.b.ins().load(types::F64, f, p, off);
                self.b.ins().scalar_to_vector(types::F64X2, v)
            }
            4 => {
                let v = self.b.ins().load(types::F32, f, p, off);
                self.b.ins().scalar_to_vector(types::F32X4, v)
            }
            2 => {
                let v = self.b.ins().uload16(types::I32, f, p, off);
                self.b.ins().scalar_to_vector(types::I32X4, v)
            }
            _ => {
                let v = self.b.ins().uload8(types::I32, f, p, off);
                self.b.ins().scalar_to_vector(types::I32X4, v)
            }
        }
    }

    pub(crate) fn load_bcast(&mut self, dst: Val, ty: Ty, bytes: u8, ptr: Val, off: i32, align: u8) -> Result<()> {
        let (p, all) = (self.get(ptr).vals[0], self.get(ptr).off + i64::from(off));
        let v = self.broadcast(ty, bytes, p, all, align)?;
        self.set(dst, vec![v; layout(ty).0]);
        Ok(())
    }

    /// A register full of the `bytes` bytes at p + off.
    pub(crate) fn broadcast(&mut self, ty: Ty, bytes: u8, p: Value, off: i64, align: u8) -> Result<Value> {
        let (p, o) = match i32::try_from(off) {
            Ok(o) => (p, o),
            Err(_) => (self.b.ins().iadd_imm_s(p, off), 0),
        };
        let f = flags(align, bytes as usize);
        let (scalar, vector) = match bytes {
            1 => (types::I8, types::I8X16),
            2 => (types::I16, types::I16X8),
            4 => (types::F32, types::F32X4),
            8 => (types::F64, types::F64X2),
            _ => return Err(self.refuse(format!("a repeated pattern of {bytes} bytes"))),
        };
        let s = self.b.ins().load(scalar, f, p, o);
        let v = self.b.ins().splat(vector, s);
        Ok(self.cast(v, layout(ty).1))
    }

    pub(crate) fn store(&mut self, val: Val, ptr: Val, off: i32, mem: MemElem, align: u8) -> Result<()> {
        let ty = self.ty(val);
        let Ty::Vec(lane, n) = ty else {
            let v = self.one(val);
            let (p, o) = self.address(ptr, off, 0);
            let f = flags(align, mem.bytes());
            match mem.bytes() {
                1 => self.b.ins().istore8(f, v, p, o),
                2 => self.b.ins().istore16(f, v, p, o),
                _ => self.b.ins().store(f, v, p, o),
            };
            return Ok(());
        };
        let at = match mem.bytes() {
            1 => Lane::I8,
            2 => Lane::I16,
            _ => Lane::I32,
        };
        let vals = if at == lane { self.pieces(val) } else { self.truncated(val, lane, at)? };
        let total = n as usize * at.bytes();
        let (p, o) = self.address(ptr, off, total);
        for (i, &v) in vals.iter().enumerate() {
            self.store_part(v, p, o + 16 * i as i32, (total - 16 * i).min(16), align);
        }
        Ok(())
    }

    /// Stores the low bytes of a register.
    fn store_part(&mut self, v: Value, p: Value, off: i32, bytes: usize, align: u8) {
        let f = flags(align, bytes);
        let (vector, lane) = match bytes {
            16 => {
                self.b.ins().store(f, v, p, off);
                return;
            }
            8 => (types::F64X2, types::F64),
            4 => (types::F32X4, types::F32),
            2 => (types::I16X8, element(Lane::I16)),
            _ => (types::I8X16, element(Lane::I8)),
        };
        let v = self.cast(v, vector);
        let s = self.b.ins().extractlane(v, 0);
        debug_assert_eq!(self.b.func.dfg.value_type(s), lane);
        self.b.ins().store(f, s, p, off);
    }
}

/// Accesses never trap; `aligned` only where the guarantee covers the whole access.
fn flags(align: u8, bytes: usize) -> MemFlagsData {
    let f = MemFlagsData::new().with_notrap();
    if align as usize >= bytes { f.with_aligned() } else { f }
}
