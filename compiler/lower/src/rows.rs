//! Rows of a machine by what they are for.

use mcompc_kernel::{Elem, Form, Machine, Row};

/// The row that multiplies pairs of `mac_lanes` i16 lanes.
pub fn pair_row(m: &Machine) -> Option<&Row> {
    m.contract.iter().find(|r| r.form == Form::Dot && r.a == Elem::I16 && r.k == 2 && r.n * 2 == m.mac_lanes)
}
