//! The program that drives and verifies `pagewise.sys` from user mode: on the lab through its
//! socket, on Windows through the device interface, by the same code but for [`machine`].

pub mod advice;
pub mod cli;
pub mod doctor;
pub mod driver;
pub mod error;
pub mod exit;
pub mod guest;
pub mod machine;
pub mod map;
pub mod pages;
pub mod problem;
pub mod setup;
pub mod snapshot;
pub mod status;
pub mod terminal;
pub mod verbs;
pub mod verify;
#[cfg(windows)]
pub mod win32;
