//! A point of the front of choices.

use serde::Serialize;

/// A choice on the front.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// Bytes of flash.
    pub flash_bytes: u64,
    /// Sum of what layers lose one at a time, end to end.
    pub error: f64,
    /// What an inference costs by the target's cost table; 0 where it has none.
    pub cost: f64,
    /// Bits of a weight of every layer: a width, or what coded ones take on average.
    pub bits: Vec<f64>,
}
