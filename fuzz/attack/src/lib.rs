//! Attacks on the machine and on what reads foreign data: the bodies of the fuzz targets, and the
//! soak.
//!
//! A body is a function `run` that takes one input and panics where a property does not hold. They
//! are apart from the targets of cargo-fuzz (`fuzz/fuzz_targets`), so that plain tests can put the
//! kept corpora through the very same code.

pub mod authenticode;
pub mod catalog;
pub mod contract;
pub mod control;
pub mod image;
pub mod inf;
pub mod ioctl;
pub mod lint;
pub mod security;
pub mod soak;
pub mod symbols;
pub mod unwind;
pub mod wire;
