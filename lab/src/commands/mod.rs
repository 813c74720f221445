//! The commands of `pagewise-lab`, a file each, and what they share.

mod client;
pub mod debug;
mod framework;
pub mod imports;
pub mod ioctl;
mod parameter;
pub mod report;
pub mod run;
pub mod schedule;
pub mod symbols;
pub mod verifier;
