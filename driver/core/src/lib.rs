//! What `pagewise.sys` decides, kept apart from what it calls.
//!
//! Everything here is plain Rust: it imports no WDK, holds no pointer, has no unsafe code and runs
//! in unit tests on any host. The driver crate supplies two things, the kernel ([`Kernel`]) and the
//! request at hand ([`Request`]), and [`Driver::serve`] does the rest.
//!
//! Nothing in this crate can panic: no indexing, no unchecked arithmetic, no slicing without `get`.
//! A panic in a driver is a bug check.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod clock;
mod dispatch;
mod image;
mod kernel;
mod paging;
mod pe;
mod place;
mod refusal;
mod request;
mod residency;
#[cfg(test)]
mod testing;
pub mod text;
mod touch;

pub use clock::Counter;
pub use dispatch::{Driver, KMDF_VERSION};
pub use image::{Image, WalkError};
pub use kernel::{Answer, CodePage, Kernel, LivePage, WritablePage};
pub use paging::Paging;
pub use place::Place;
pub use refusal::Refusal;
pub use request::Request;
