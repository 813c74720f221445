//! `cargo xtask vm run` as a whole, with the stand-in guest in a real QEMU: the very way that a
//! Windows goes, and a verdict for each thing that a guest can do wrong.
//!
//! Run by `cargo xtask test`, which builds the stand-in. Emulated, so that it is the same everywhere.

mod ending;
mod run;
mod verdicts;
