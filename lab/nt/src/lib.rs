//! NT structures, constants and prototypes as Windows x64 lays them out, generated from the
//! public-domain DDK headers of mingw-w64: the same headers that the driver is built with on a
//! host without the WDK.
//!
//! Two machines use it. The lab (a Linux process) is the other end of these structures: it makes
//! the IRPs and device objects that drivers read. `lab/wdf` is a driver itself; with the feature
//! `imports` it gets the routines of `ntoskrnl.exe` as linkable imports, so it just calls
//! `nt::KeSetEvent`.
//!
//! Function pointers and routines have the Windows x64 calling convention (`extern "win64"`) on
//! either side. Layouts are asserted at compile time twice: each against what clang computes for
//! the Windows target, and the ones that matter against published figures.
#![no_std]

mod bindings;
pub mod ctypes;
mod irp;
mod layout;
mod list;
#[cfg(all(feature = "imports", windows))]
mod routines;
mod status;
mod string;

pub use bindings::*;
pub use irp::*;
pub use layout::DEVICE_OBJECT_SIZE;
pub use list::*;
#[cfg(all(feature = "imports", windows))]
pub use routines::*;
pub use status::*;
pub use string::*;
