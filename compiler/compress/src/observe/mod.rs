//! What a layer reads and should give: both networks, the float one and the coded one so far, run side by side on calibration samples,
//! operator by operator, and the moments of a layer's patches taken from there.

mod flow;
mod moments;
mod patches;
mod sums;

pub(crate) use flow::Flow;
pub(crate) use moments::{Moments, Observed};
