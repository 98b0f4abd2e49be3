//! What a choice is made for.

use crate::request::{Ask, Request};
use crate::stages::Front;
use mcompc_compress::{Options, Stats};

/// What a choice of forms is made for.
pub(crate) struct Task<'a> {
    pub o: &'a Request,
    pub ask: &'a Ask,
    pub front: &'a Front,
    pub stats: &'a Stats,
    pub options: &'a Options,
}
