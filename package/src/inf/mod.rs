//! INF files: read, stamped, and linted without Windows.
//!
//! [`Inf::read`] takes any bytes. [`stamp`] makes of an INX what `stampinf` makes of it, with the
//! date and the version that it is given, so that the same commit gives the same file. [`lint`]
//! holds a file against the rules for Windows driver packages, as far as public documents state
//! them; it is no replacement for InfVerif, which runs on Windows only.

mod decode;
mod document;
mod finding;
mod lint;
mod parse;
mod rules;
mod stamp;

pub use decode::Encoding;
pub use document::{Defect, DefectKind, Entry, Inf, Section, same};
pub use finding::{Finding, Rule, Severity};
pub use lint::{Options, lint};
pub use rules::ALL as RULES;
pub use stamp::{Date, Stamp, StampError, stamp};
