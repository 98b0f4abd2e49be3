//! How the weights of each layer are kept: [`survey`] measures what each form of each layer would lose, [`Table`] puts beside it what it would cost on the
//! target, and [`Table::choose`] finds the best choice within limits by an exact integer programme.

mod form;
mod program;
mod replay;
mod survey;
mod table;

pub use form::Form;
pub use replay::{largest, less_probable};
pub use survey::{Attempt, Lost, Survey, survey};
pub use table::{Candidate, Choice, Judge, Limits, Price, Row, Table, Want};
