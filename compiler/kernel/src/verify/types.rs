//! The type rule of every operation: operand types in, result type out.

use crate::{Bin, Lane, Op, Row, Ty};

/// Why an operation is ill-typed; the caller adds the place.
pub(crate) type Refusal = String;

fn arity<const N: usize>(args: &[Ty]) -> Result<[Ty; N], Refusal> {
    args.try_into().map_err(|_| format!("takes {N} operands, has {}", args.len()))
}

fn vector(t: Ty) -> Result<(Lane, u16), Refusal> {
    match t {
        Ty::Vec(l, n) => Ok((l, n)),
        t => Err(format!("needs a vector, has {t}")),
    }
}

fn want(is: Ty, should: Ty) -> Result<(), Refusal> {
    if is == should { Ok(()) } else { Err(format!("operand is {is}, should be {should}")) }
}

/// A type that may exist at all: vectors have a power of two of lanes, 2 or more, and at most 256 bytes as `i32` lanes allow.
pub(crate) fn well_formed(t: Ty) -> Result<(), Refusal> {
    match t {
        Ty::Vec(_, n) if n < 2 || !n.is_power_of_two() || n > 256 => Err(format!("no such vector: {t}")),
        _ => Ok(()),
    }
}

fn align(a: u8) -> Result<(), Refusal> {
    if a.is_power_of_two() { Ok(()) } else { Err(format!("alignment {a} is not a power of two")) }
}

fn double(l: Lane) -> Option<Lane> {
    match l {
        Lane::I8 => Some(Lane::I16),
        Lane::I16 => Some(Lane::I32),
        Lane::I32 => None,
    }
}

fn half(l: Lane) -> Option<Lane> {
    match l {
        Lane::I8 => None,
        Lane::I16 => Some(Lane::I8),
        Lane::I32 => Some(Lane::I16),
    }
}

fn memory(op: &Op, a: &[Ty]) -> Result<Ty, Refusal> {
    let [p] = arity(a)?;
    want(p, Ty::Ptr)?;
    match op {
        Op::Load { ty, mem, align: al, .. } => {
            align(*al)?;
            let lane = match ty {
                Ty::I32 => 4,
                Ty::Vec(l, _) => l.bytes(),
                Ty::Ptr => return Err("pointers are not loaded".into()),
            };
            if mem.bytes() > lane {
                return Err(format!("memory element {mem:?} is wider than a lane of {ty}"));
            }
            Ok(*ty)
        }
        Op::LoadBcast { ty, bytes, align: al, .. } => {
            align(*al)?;
            vector(*ty)?;
            if ![1, 2, 4, 8].contains(bytes) || ty.bytes() % *bytes as usize != 0 {
                return Err(format!("a pattern of {bytes} bytes does not fill {ty}"));
            }
            Ok(*ty)
        }
        _ => Ok(Ty::Ptr),
    }
}

fn lanes(op: &Op, a: &[Ty]) -> Result<Ty, Refusal> {
    match op {
        Op::Widen { .. } => {
            let (l, n) = vector(arity::<1>(a)?[0])?;
            let to = double(l).ok_or("i32 lanes do not widen")?;
            if n < 4 {
                return Err(format!("half of {n} lanes is no vector"));
            }
            Ok(Ty::Vec(to, n / 2))
        }
        Op::WidenAll { to, .. } => {
            let (l, n) = vector(arity::<1>(a)?[0])?;
            if to.bits() <= l.bits() {
                return Err(format!("i{} does not widen to i{}", l.bits(), to.bits()));
            }
            Ok(Ty::Vec(*to, n))
        }
        Op::NarrowSat => {
            let [x, y] = arity(a)?;
            let (l, n) = vector(x)?;
            want(y, x)?;
            let r = Ty::Vec(half(l).ok_or("i8 lanes do not narrow")?, n * 2);
            well_formed(r)?;
            Ok(r)
        }
        Op::Trunc { to } => {
            let (l, n) = vector(arity::<1>(a)?[0])?;
            if to.bits() >= l.bits() {
                return Err(format!("i{} does not truncate to i{}", l.bits(), to.bits()));
            }
            Ok(Ty::Vec(*to, n))
        }
        Op::Extract { lane } => {
            let (_, n) = vector(arity::<1>(a)?[0])?;
            if *lane >= n { Err(format!("lane {lane} of {n}")) } else { Ok(Ty::I32) }
        }
        Op::Insert { lane } => {
            let [v, x] = arity(a)?;
            let (_, n) = vector(v)?;
            want(x, Ty::I32)?;
            if *lane >= n { Err(format!("lane {lane} of {n}")) } else { Ok(v) }
        }
        Op::Shuffle(mask) => {
            let [x, y] = arity(a)?;
            let (_, n) = vector(x)?;
            want(y, x)?;
            if mask.len() != n as usize || mask.iter().any(|&m| m >= 2 * n) {
                return Err(format!("mask {mask:?} does not pick {n} of {} lanes", 2 * n));
            }
            Ok(x)
        }
        Op::ReduceAdd => {
            vector(arity::<1>(a)?[0])?;
            Ok(Ty::I32)
        }
        _ => Err("is not a lane operation".into()),
    }
}

/// The result type of `op` on operands of types `a`, or why there is none.
pub(crate) fn result(op: &Op, a: &[Ty], rows: &[Row]) -> Result<Ty, Refusal> {
    match op {
        Op::Const(_, ty) => {
            arity::<0>(a)?;
            if *ty == Ty::Ptr { Err("a pointer cannot be a constant".into()) } else { Ok(*ty) }
        }
        Op::Bin(b) => {
            let [x, y] = arity(a)?;
            want(y, x)?;
            match (b, x) {
                (_, Ty::Ptr) => Err("pointers take part in ptr_add only".into()),
                (Bin::MulHi, Ty::Vec(Lane::I8 | Lane::I16, _)) => Err(format!("mulhi has i32 lanes only, has {x}")),
                _ => Ok(x),
            }
        }
        Op::Cmp(_) => {
            let [x, y] = arity(a)?;
            want(x, Ty::I32)?;
            want(y, Ty::I32)?;
            Ok(Ty::I32)
        }
        Op::Select => {
            let [c, x, y] = arity(a)?;
            want(c, Ty::I32)?;
            want(y, x)?;
            if matches!(x, Ty::Vec(..)) { Err("select takes scalars and pointers".into()) } else { Ok(x) }
        }
        Op::PtrAdd { scale, .. } => {
            want(*a.first().ok_or("takes a pointer")?, Ty::Ptr)?;
            if a.len() == 1 {
                return if *scale == 0 { Ok(Ty::Ptr) } else { Err(format!("scale {scale} without an index")) };
            }
            want(arity::<2>(a)?[1], Ty::I32)?;
            Ok(Ty::Ptr)
        }
        Op::DataAddr { .. } => {
            arity::<0>(a)?;
            Ok(Ty::Ptr)
        }
        Op::Load { .. } | Op::LoadBcast { .. } => memory(op, a),
        Op::Splat(ty) | Op::SplatBits(ty) => {
            want(arity::<1>(a)?[0], Ty::I32)?;
            vector(*ty)?;
            if matches!(op, Op::SplatBits(_)) && ty.bytes() % 4 != 0 {
                return Err(format!("four bytes do not fill {ty}"));
            }
            Ok(*ty)
        }
        Op::Contract { row, lane } => {
            let r = rows.get(*row as usize).ok_or(format!("there is no row {row}"))?;
            let [acc, x, w] = arity(a)?;
            want(acc, r.acc_ty())?;
            want(x, r.a_ty())?;
            want(w, r.w_ty())?;
            match (r.form, r.a_ty()) {
                (crate::Form::Lane, Ty::Vec(_, n)) if (u32::from(*lane) + 1) * u32::from(r.k) <= n.into() => {}
                (crate::Form::Lane, _) => return Err(format!("group {lane} of {} elements is not in the operand", r.k)),
                (_, _) if *lane != 0 => return Err("only a `lane` row has a lane".into()),
                _ => {}
            }
            Ok(acc)
        }
        Op::Mac => {
            let [acc, x, w] = arity(a)?;
            let (l, n) = vector(acc)?;
            if l != Lane::I32 {
                return Err(format!("accumulates in i32 lanes, has {acc}"));
            }
            for t in [x, w] {
                let (l, m) = vector(t)?;
                if m != n || l == Lane::I32 {
                    return Err(format!("operand is {t}, should be i8x{n} or i16x{n}"));
                }
            }
            Ok(acc)
        }
        Op::Rescale(r) => {
            let [acc, m] = arity(a)?;
            want(m, acc)?;
            if !matches!(acc, Ty::I32 | Ty::Vec(Lane::I32, _)) {
                return Err(format!("rescales i32, has {acc}"));
            }
            r.check()?;
            Ok(acc)
        }
        Op::Sxtb16 { .. } => {
            want(arity::<1>(a)?[0], Ty::I32)?;
            Ok(Ty::I32)
        }
        _ => lanes(op, a),
    }
}
