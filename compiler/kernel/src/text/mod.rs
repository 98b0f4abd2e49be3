//! Text form of modules.

use crate::Op;

pub(crate) fn mnemonic(op: &Op) -> String {
    format!("{op:?}")
}
