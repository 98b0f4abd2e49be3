//! Addresses, loads and stores. Pointers are `!llvm.ptr`; there is no memref and no index type, whose lowering costs registers on
//! 32-bit targets.

use super::isa::Isa;
use super::{Emitter, lanes, quoted, refuse, ty, vec_ty};
use mcompc_ir::Result;
use mcompc_kernel::{MemElem, Ty, Val};

impl Emitter<'_> {
    fn gep(&mut self, p: &str, bytes: i32) -> String {
        if bytes == 0 {
            return p.to_string();
        }
        self.temp(format_args!("llvm.getelementptr {p}[{bytes}] : (!llvm.ptr) -> !llvm.ptr, i8"))
    }

    pub(super) fn ptr_add(&mut self, d: &str, scale: i32, imm: i32, a: &[String]) {
        let base = match a.get(1) {
            // An index is sign-extended before it is scaled, which is what `getelementptr` does with an i32.
            Some(i) if scale >= 1 => {
                self.temp(format_args!("llvm.getelementptr {}[{i}] : (!llvm.ptr, i32) -> !llvm.ptr, !llvm.array<{scale} x i8>", a[0]))
            }
            Some(i) if scale < 0 => {
                let wide = self.temp(format_args!("arith.extsi {i} : i32 to i64"));
                let c = self.splat_const(scale.into(), "i64");
                let off = self.temp(format_args!("arith.muli {wide}, {c} : i64"));
                self.temp(format_args!("llvm.getelementptr {}[{off}] : (!llvm.ptr, i64) -> !llvm.ptr, i8", a[0]))
            }
            _ => a[0].clone(),
        };
        self.line(format_args!("{d} = llvm.getelementptr {base}[{imm}] : (!llvm.ptr) -> !llvm.ptr, i8"));
    }

    pub(super) fn data_addr(&mut self, d: &str, data: &str, imm: i32) {
        let p = self.temp(format_args!("llvm.mlir.addressof @{} : !llvm.ptr", quoted(data)));
        self.line(format_args!("{d} = llvm.getelementptr {p}[{imm}] : (!llvm.ptr) -> !llvm.ptr, i8"));
    }

    fn raw_load(&mut self, p: &str, off: i32, align: u8, t: &str) -> String {
        let p = self.gep(p, off);
        let v = self.temp(format_args!("llvm.load {p} {{alignment = {} : i64}} : !llvm.ptr -> {t}", align.max(1)));
        match t {
            "i16" => self.apart(&v, 16),
            "i32" => self.apart(&v, 32),
            _ => v,
        }
    }

    /// A loaded scalar in a register of its own. Of a load that is repeated over a vector LLVM makes NEON's load to all lanes, with the hint
    /// that the address is aligned: a fault where a caller's buffer of 16 or 32 bits is not, which every other load of the CPU takes.
    fn apart(&mut self, v: &str, bits: u32) -> String {
        if !matches!(self.isa, Isa::Neon) {
            return v.into();
        }
        let wide = if bits < 32 { self.temp(format_args!("arith.extui {v} : i{bits} to i32")) } else { v.into() };
        let held = self.temp(format_args!("llvm.inline_asm \"\", \"=r,0\" {wide} : (i32) -> i32"));
        if bits < 32 { self.temp(format_args!("arith.trunci {held} : i32 to i{bits}")) } else { held }
    }

    pub(super) fn load(&mut self, d: &str, t: Ty, mem: MemElem, p: &str, off: i32, align: u8) -> Result<()> {
        let bits = mem.bytes() as u32 * 8;
        let ext = if matches!(mem, MemElem::U8 | MemElem::U16) { "extui" } else { "extsi" };
        let (lane_bits, narrow) = match t {
            Ty::I32 => (32, format!("i{bits}")),
            Ty::Vec(l, n) => (l.bits(), vec_ty(bits, n)),
            Ty::Ptr => return refuse("a load of a pointer"),
        };
        let v = self.raw_load(p, off, align, &narrow);
        if bits == lane_bits {
            self.line(format_args!("{d} = llvm.bitcast {v} : {0} to {0}", ty(t)));
        } else if bits < lane_bits {
            self.line(format_args!("{d} = arith.{ext} {v} : {narrow} to {}", ty(t)));
        } else {
            return refuse(format_args!("a load of {bits}-bit elements into {t}"));
        }
        Ok(())
    }

    pub(super) fn load_bcast(&mut self, d: &str, t: Ty, bytes: u8, p: &str, off: i32, align: u8) -> Result<()> {
        let bits = u32::from(bytes) * 8;
        if !matches!(bytes, 1 | 2 | 4 | 8) || !t.bytes().is_multiple_of(bytes.into()) {
            return refuse(format_args!("a pattern of {bytes} bytes repeated over {t}"));
        }
        let v = self.raw_load(p, off, align, &format!("i{bits}"));
        self.repeat(d, &v, bits, t);
        Ok(())
    }

    /// The integer `v` of `bits` bits repeated over the bytes of a vector.
    pub(super) fn repeat(&mut self, d: &str, v: &str, bits: u32, t: Ty) {
        let n = (t.bytes() * 8 / bits as usize) as u16;
        let wide = vec_ty(bits, n);
        let s = self.temp(format_args!("vector.broadcast {v} : i{bits} to {wide}"));
        self.line(format_args!("{d} = llvm.bitcast {s} : {wide} to {}", ty(t)));
    }

    pub(super) fn store(&mut self, val: Val, ptr: Val, off: i32, mem: MemElem, align: u8) -> Result<()> {
        let (v, t) = (self.name(val), self.func.ty(val));
        let bits = mem.bytes() as u32 * 8;
        let (lane_bits, narrow) = match t {
            Ty::I32 => (32, format!("i{bits}")),
            t => {
                let (l, n) = lanes(t, "a store")?;
                (l.bits(), vec_ty(bits, n))
            }
        };
        let v = if self.clamps.at_store[val.0 as usize] && bits < lane_bits { self.clamp(&v, -128, 127, &ty(t)) } else { v };
        let v = match bits {
            b if b == lane_bits => v,
            b if b < lane_bits => self.temp(format_args!("arith.trunci {v} : {} to {narrow}", ty(t))),
            b => return refuse(format_args!("a store of {t} as {b}-bit elements")),
        };
        // Of a lane that is stored LLVM makes NEON's store of one, with the same hint.
        let v = if t == Ty::I32 && bits > 8 { self.apart(&v, bits) } else { v };
        let p = self.name(ptr);
        let p = self.gep(&p, off);
        self.line(format_args!("llvm.store {v}, {p} {{alignment = {} : i64}} : {narrow}, !llvm.ptr", align.max(1)));
        Ok(())
    }
}
