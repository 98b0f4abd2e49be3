//! How kernel types are held: scalars in integer registers, vectors in 128-bit pieces.

use cranelift_codegen::ir::{Type, types};
use mcompc_kernel::{Lane, Ty};

/// Bytes of a vector register.
pub(crate) const REG: usize = 16;

/// Cranelift type of one piece.
pub(crate) fn piece(lane: Lane) -> Type {
    match lane {
        Lane::I8 => types::I8X16,
        Lane::I16 => types::I16X8,
        Lane::I32 => types::I32X4,
    }
}

/// Cranelift type of one lane.
pub(crate) fn element(lane: Lane) -> Type {
    match lane {
        Lane::I8 => types::I8,
        Lane::I16 => types::I16,
        Lane::I32 => types::I32,
    }
}

/// Lanes of a full piece.
pub(crate) fn per_piece(lane: Lane) -> usize {
    REG / lane.bytes()
}

/// Number of values that hold a kernel value, and their type.
pub(crate) fn layout(ty: Ty) -> (usize, Type) {
    match ty {
        Ty::I32 => (1, types::I32),
        Ty::Ptr => (1, types::I64),
        Ty::Vec(l, _) => (ty.bytes().div_ceil(REG), piece(l)),
    }
}

/// The lane of twice the width.
pub(crate) fn wider(lane: Lane) -> Option<Lane> {
    match lane {
        Lane::I8 => Some(Lane::I16),
        Lane::I16 => Some(Lane::I32),
        Lane::I32 => None,
    }
}

/// The lane of half the width.
pub(crate) fn narrower(lane: Lane) -> Option<Lane> {
    match lane {
        Lane::I8 => None,
        Lane::I16 => Some(Lane::I8),
        Lane::I32 => Some(Lane::I16),
    }
}
