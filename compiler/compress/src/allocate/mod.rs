//! Which layer takes how many bits: [`survey`] measures what each width of each layer would lose, [`Table`] puts beside it what it would cost on the
//! target, and [`Table::choose`] finds the best choice within limits by an exact integer programme.

mod program;
mod replay;
mod survey;
mod table;

pub use replay::{largest, less_probable};
pub(crate) use survey::survey_of;
pub use survey::{Lost, Survey, survey};
pub use table::{Candidate, Choice, Judge, Limits, Price, Prices, Row, Table, Want};
