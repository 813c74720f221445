//! Registry keys
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfregistry).

mod assign;
mod key;
mod open;
mod query;

pub use assign::*;
pub use open::*;
pub use query::*;
