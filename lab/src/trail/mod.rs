//! What the machine did last, for the report of a bug check: requests and paging actions.
//!
//! It is always on, so it costs next to nothing: a record is a dozen words in a ring. Names are
//! looked up when a report is made, by the thread that makes it.

mod clock;
mod functions;
pub(crate) mod paging;
pub(crate) mod requests;
mod ring;

pub(crate) use clock::{in_words, start};
