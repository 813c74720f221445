//! `pagewise.sys`: a KMDF driver that makes its whole image pageable with `MmPageEntireDriver`,
//! tells what is paged and what is resident, and switches back with `MmResetDriverPaging`.
//!
//! What the driver decides is in `pagewise-core`, which knows no WDK. This crate is the rest: the
//! callbacks, the calls into the framework and the memory manager, and the image itself.
//!
//! The rules that a paged driver must keep, and why, are in `docs/driver-rules.md`. In short:
//! everything runs at `PASSIVE_LEVEL`; what the kernel or the framework may read at a higher IRQL is
//! in non-paged pool, never in this image; paging is reset before anything is torn down.
#![no_std]

mod ballast;
mod context;
mod device;
mod entry;
mod image;
mod kernel;
mod queue;
mod request;
mod status;
mod wdf;

// The panic handler. No callback can reach a panic of its own; see docs/driver-rules.md.
extern crate wdk_panic;

use wdk_alloc::WdkAllocator;

/// The allocator that driver crates expect. This driver never allocates, so that the linker drops
/// it: the image does not import `ExAllocatePool2`.
#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;
