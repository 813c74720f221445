//! The commands of `pagewise-lab`, a file each.

pub mod imports;
pub mod run;
