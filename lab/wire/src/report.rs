//! The report of a bug check, as the machine leaves it behind.

use serde::{Deserialize, Serialize};

/// A bug check: the documented code and parameters, and what the machine knows beyond them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BugCheck {
    /// The bug check code.
    pub code: u32,
    /// Its documented name, such as `DRIVER_IRQL_NOT_LESS_OR_EQUAL`.
    pub name: String,
    /// The four parameters.
    pub parameters: [u64; 4],
    /// What they mean, a sentence each, the numbers put in.
    pub meaning: Vec<String>,
    /// File name of the image that holds the program counter: whom Windows would name.
    pub blamed: Option<String>,
    /// File name of the image that holds the referenced address: whose page it was.
    pub victim: Option<String>,
    /// Section of the victim that holds the address.
    pub section: Option<String>,
    /// IRQL of the processor at the time.
    pub irql: u8,
    /// Number of the processor.
    pub processor: u32,
    /// Call stack, innermost first.
    pub stack: Vec<Frame>,
    /// The loaded images.
    pub modules: Vec<Module>,
    /// What to do about it.
    pub advice: String,
    /// What the machine knows beyond the parameters, such as each leak of a driver that leaked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A part of what led to a bug check, and the place in a driver where it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// A sentence.
    pub what: String,
    /// Who did it.
    pub at: Option<Frame>,
}

/// One frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The address.
    pub address: u64,
    /// File name of the image that holds it.
    pub module: Option<String>,
    /// Its offset in that image.
    pub rva: Option<u32>,
    /// Function, where the PDB tells.
    pub function: Option<String>,
    /// `file:line`, where the PDB tells.
    pub source: Option<String>,
}

/// A loaded image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// File name.
    pub name: String,
    /// Base address.
    pub base: u64,
    /// Size in bytes.
    pub size: u32,
}
