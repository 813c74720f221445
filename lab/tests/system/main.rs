//! Whole-system tests: machines in processes of their own, which run the real images.
//!
//! `cargo xtask test` builds what they need and says where it is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod boot;
mod common;
mod debugger;
mod determinism;
mod evidence;
mod framework;
mod guests;
mod hostile;
mod report;
mod twins;
mod verifier;
