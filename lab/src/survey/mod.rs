//! What a driver needs of the machine, looked up in its file before anything of it runs.

mod imports;
mod partial;

pub use imports::{Import, imports};
pub use partial::{FRAMEWORK_LIMITS, KERNEL_LIMITS, limit_of};

use crate::exports;

/// The framework's file name.
const FRAMEWORK: &str = "wdfldr.sys";

/// What the framework exports: the four by which clients bind to it.
const FRAMEWORK_EXPORTS: [&str; 4] =
    ["WdfVersionBind", "WdfVersionUnbind", "WdfVersionBindClass", "WdfVersionUnbindClass"];

/// How a machine stands to something that a driver needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Provided,
    /// It is there, and does not do all that its page says; what it leaves out.
    Partial(&'static str),
    /// It is not there. Of an import: the driver cannot be loaded.
    Missing,
}

impl Standing {
    /// In one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Provided => "provided",
            Self::Partial(_) => "partial",
            Self::Missing => "missing",
        }
    }

    /// Of an import. Of other images than the kernel, the HAL and the framework the machine has
    /// nothing.
    #[must_use]
    pub fn of(import: &Import) -> Self {
        if import.dll.eq_ignore_ascii_case(FRAMEWORK) {
            return if FRAMEWORK_EXPORTS.contains(&import.name.as_str()) {
                Self::Provided
            } else {
                Self::Missing
            };
        }
        if exports::resolve(&import.dll, &import.name).is_none() {
            return Self::Missing;
        }
        limit_of(&import.name).map_or(Self::Provided, Self::Partial)
    }
}
