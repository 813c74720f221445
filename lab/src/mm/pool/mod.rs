//! Paged and nonpaged pool.
//!
//! Every block is tracked: its tag, its size, and the image that allocated it. Nonpaged pool is
//! never executable here.

mod nonpaged;
mod paged;
mod routines;
mod tracking;

pub use routines::EXPORTS;

use std::ffi::c_void;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PoolBlock;

use crate::bugcheck::{BAD_POOL_CALLER, DRIVER_VERIFIER_DETECTED_VIOLATION, bug_check};
use crate::image::{self, Image};
use crate::ke::freed;
use crate::ke::irql::{self, APC_LEVEL, DISPATCH_LEVEL};
use crate::verifier;
use tracking::Block;

/// Where a block comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Always in memory.
    NonPaged,
    /// Pageable: not to be touched above `APC_LEVEL`.
    Paged,
}

impl Kind {
    /// As `POOL_TYPE` numbers it.
    const fn number(self) -> u64 {
        match self {
            Self::NonPaged => 0,
            Self::Paged => 1,
        }
    }

    /// The highest IRQL at which blocks may be allocated and freed.
    const fn highest_irql(self) -> u8 {
        match self {
            Self::NonPaged => DISPATCH_LEVEL,
            Self::Paged => APC_LEVEL,
        }
    }
}

/// What a block contains at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Zeroes,
    /// Nothing that anyone may rely on; the lab makes it something that nobody will.
    Uninitialized,
}

/// What memory holds that is not initialised.
const UNINITIALIZED: u8 = 0xa5;
/// What memory holds that was freed.
const FREED: u8 = 0xdd;

/// Subcodes of 0xC2 (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc2--bad-pool-caller).
const ALREADY_FREED: u64 = 0x7;
const ALLOCATED_AT_BAD_IRQL: u64 = 0x8;
const FREED_AT_BAD_IRQL: u64 = 0x9;
const WRONG_TAG: u64 = 0xA;
const NEVER_IN_POOL: u64 = 0x42;

/// Subcodes of 0xC4.
const ZERO_BYTES: u64 = 0x0;
const NOT_FREED_AT_UNLOAD: u64 = 0x62;

/// Allocates `bytes` zeroed bytes; null when there is no memory, or the verifier simulates that.
/// `caller` is an address in the image on whose behalf this is.
///
/// An IRQL that `kind` does not allow is bug check 0xC2/0x8.
pub fn allocate(kind: Kind, bytes: usize, tag: u32, caller: usize) -> *mut c_void {
    allocate_with(kind, bytes, tag, Content::Zeroes, caller)
}

pub(crate) fn allocate_with(
    kind: Kind,
    bytes: usize,
    tag: u32,
    content: Content,
    caller: usize,
) -> *mut c_void {
    let irql = irql::current();
    if irql > kind.highest_irql() {
        let parameters = [ALLOCATED_AT_BAD_IRQL, irql.into(), kind.number(), bytes as u64];
        bug_check(BAD_POOL_CALLER, parameters);
    }
    let owner = image::find(caller);
    if bytes == 0 && owner.is_some() && verifier::active() {
        let parameters = [ZERO_BYTES, irql.into(), kind.number(), 0];
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
    if owner.is_some() && verifier::fails_allocation() {
        return ptr::null_mut();
    }
    let room = bytes.max(1);
    let address = match kind {
        Kind::NonPaged => nonpaged::allocate(room),
        Kind::Paged => paged::allocate(room),
    };
    let Some(address) = address else { return ptr::null_mut() };
    tracking::add(address, Block { kind, bytes, tag, owner });
    let first: *mut u8 = ptr::with_exposed_provenance_mut(address);
    let fill = if content == Content::Zeroes { 0 } else { UNINITIALIZED };
    // SAFETY: a new block of `room` bytes, known to nobody else so far. Paged pool is only
    // allocated at an IRQL at which its pages may fault.
    unsafe { first.write_bytes(fill, room) };
    first.cast()
}

/// Frees a block, which must have been allocated with `tag`, if one is given.
///
/// What is no block, or none any more, has another tag, or is freed above the IRQL that its kind
/// allows, is bug check 0xC2.
pub fn free(block: *mut c_void, tag: Option<u32>) {
    let address = block.expose_provenance();
    let irql = irql::current();
    let found = match tracking::remove(address, tag) {
        Ok(found) => found,
        Err(tracking::NotFreed::Never) => {
            bug_check(BAD_POOL_CALLER, [NEVER_IN_POOL, address as u64, 0, 0]);
        }
        Err(tracking::NotFreed::Already(was)) => {
            let header = u64::from(was.tag) << 32 | was.bytes as u64 & 0xffff_ffff;
            bug_check(BAD_POOL_CALLER, [ALREADY_FREED, 0, header, address as u64]);
        }
        Err(tracking::NotFreed::OtherTag { allocated, given }) => {
            let parameters = [WRONG_TAG, address as u64, allocated.into(), given.into()];
            bug_check(BAD_POOL_CALLER, parameters);
        }
    };
    if irql > found.kind.highest_irql() {
        let parameters = [FREED_AT_BAD_IRQL, irql.into(), found.kind.number(), address as u64];
        bug_check(BAD_POOL_CALLER, parameters);
    }
    let room = found.bytes.max(1);
    freed::check(&(address..address + room));
    // SAFETY: a block of `room` bytes that its owner has given up; paged pool may fault here.
    unsafe { block.cast::<u8>().write_bytes(FREED, room) };
    match found.kind {
        Kind::NonPaged => nonpaged::free(address, room),
        Kind::Paged => paged::free(address, room),
    }
}

/// The blocks that are allocated at present.
#[must_use]
pub fn blocks() -> Vec<PoolBlock> {
    tracking::all()
        .into_iter()
        .map(|block| PoolBlock {
            tag: tag_name(block.tag),
            bytes: block.bytes as u64,
            owner: block.owner.map_or(crate::exports::KERNEL, Image::name).to_owned(),
            paged: block.kind == Kind::Paged,
        })
        .collect()
}

/// Bug check 0xC4/0x62 when pool is tracked and `image`, which is about to go, still owns some.
pub(crate) fn check_unloaded(image: &Image) {
    let left = tracking::owned_by(image);
    if left > 0 && verifier::pool_tracking() {
        let name = image.name().as_ptr() as u64;
        let parameters = [NOT_FREED_AT_UNLOAD, name, 0, left as u64];
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
}

/// The four characters of a tag. It is written back to front in C, so that it reads right in
/// memory.
#[must_use]
pub fn tag_name(tag: u32) -> String {
    tag.to_le_bytes()
        .iter()
        .map(|&byte| if matches!(byte, b' '..=b'~') { byte as char } else { '.' })
        .collect()
}

/// How a block is aligned: by a page if it fills one, else so that it crosses no page boundary
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool2).
const fn alignment(bytes: usize) -> usize {
    if bytes >= PAGE_SIZE { PAGE_SIZE } else { 16 }
}

#[cfg(test)]
mod tests;
