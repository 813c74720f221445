//! The run-time library: memory, strings, conversions, printing, and what the compiler itself calls.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

pub mod ansi;
pub mod convert;
pub mod guid;
pub mod log;
pub mod memory;
pub mod print;
mod printf;
pub mod runtime;
pub mod unicode;
pub mod version;

pub use unicode::upcase;
pub use version::WINDOWS_VERSION;
