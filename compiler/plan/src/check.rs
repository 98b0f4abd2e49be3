//! The judge of a memory plan; knows nothing of how it was found.

use crate::{Buffer, Plan};
use mcompc_ir::{Code, Error, Result};

/// An error unless all buffers lie aligned inside the arena and no two that live at the same time overlap, but for a buffer that
/// takes over exactly the memory of the one it may alias, in the single step they share.
pub fn check(buffers: &[Buffer], plan: &Plan) -> Result<()> {
    let fail = |m: String| Err(Error::new(Code::Internal, format!("memory plan: {m}")));
    if plan.offsets.len() != buffers.len() {
        return fail(format!("{} offsets for {} buffers", plan.offsets.len(), buffers.len()));
    }
    for (i, (b, &o)) in buffers.iter().zip(&plan.offsets).enumerate() {
        if b.align > 1 && !o.is_multiple_of(b.align) {
            return fail(format!("buffer {i} at {o} is not aligned to {}", b.align));
        }
        if o.checked_add(b.bytes).is_none_or(|e| e > plan.total) {
            return fail(format!("buffer {i} ends behind the arena of {} bytes", plan.total));
        }
        for (j, c) in buffers.iter().enumerate().take(i) {
            let p = plan.offsets[j];
            let apart_in_time = b.last < c.first || c.last < b.first;
            let apart_in_space = o + b.bytes <= p || p + c.bytes <= o;
            let (young, old, at) = if b.may_alias == Some(j) { (b, c, (o, p)) } else { (c, b, (p, o)) };
            let takes_over = (b.may_alias == Some(j) || c.may_alias == Some(i)) && young.first == old.last && at.0 == at.1 && young.bytes <= old.bytes;
            if !(apart_in_time || apart_in_space || takes_over || b.bytes == 0 || c.bytes == 0) {
                return fail(format!("buffers {j} and {i} overlap"));
            }
        }
    }
    Ok(())
}
