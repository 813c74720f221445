//! Paged and nonpaged pool.
//!
//! Every block is tracked: its tag, its size, and the image that allocated it. Nonpaged pool is
//! never executable here.

mod leaks;
mod nonpaged;
mod paged;
mod routines;
pub(crate) mod special;
mod tracking;

pub(crate) use leaks::{leaks, story, story_of_fault};
pub use routines::EXPORTS;

use std::ffi::c_void;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PoolBlock;

use crate::bugcheck::{BAD_POOL_CALLER, DRIVER_VERIFIER_DETECTED_VIOLATION, bug_check};
use crate::image::{self, Image};
use crate::ke::freed;
use crate::ke::irql::{self, APC_LEVEL, DISPATCH_LEVEL};
use crate::verifier::{self, sites, sites::Site};
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

/// On whose behalf a block is allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// An address in the image.
    address: usize,
    /// Where on the stack that address is, if it is a return address.
    frame: Option<usize>,
    /// What it wants of special pool.
    alignment: Option<special::Alignment>,
}

impl Caller {
    /// The driver whose return address is at `frame`, on the stack of this thread.
    pub(crate) fn at(frame: usize) -> Self {
        let place: *const usize = ptr::with_exposed_provenance(frame);
        // SAFETY: the thunks pass the stack pointer as they were entered: a return address is there.
        let address = unsafe { place.read() };
        Self { address, frame: Some(frame), alignment: None }
    }

    /// The place of the call, while blocks are tracked.
    #[inline]
    fn site(self) -> Option<Site> {
        if !verifier::tracks_blocks() {
            return None;
        }
        self.frame.and_then(sites::of)
    }
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

/// Subcodes of 0xC4, for a driver that is verified
/// (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation).
const ZERO_BYTES: u64 = 0x0;
const VERIFIER_ALLOCATED: [u64; 2] = [0x2, 0x1];
const VERIFIER_NEVER_IN_POOL: u64 = 0x10;
const VERIFIER_FREED: [u64; 2] = [0x12, 0x11];
const VERIFIER_ALREADY_FREED: u64 = 0x13;
pub(crate) const NOT_FREED_AT_UNLOAD: u64 = 0x62;

/// Allocates `bytes` zeroed bytes; null when there is no memory, or the verifier simulates that.
/// `caller` is an address in the image on whose behalf this is.
///
/// An IRQL that `kind` does not allow is bug check 0xC2/0x8, or 0xC4 with the verifier on.
pub fn allocate(kind: Kind, bytes: usize, tag: u32, caller: usize) -> *mut c_void {
    let caller = Caller { address: caller, frame: None, alignment: None };
    allocate_with(kind, bytes, tag, Content::Zeroes, caller)
}

pub(crate) fn allocate_with(
    kind: Kind,
    bytes: usize,
    tag: u32,
    content: Content,
    caller: Caller,
) -> *mut c_void {
    let irql = irql::current();
    if irql > kind.highest_irql() {
        let [p2, p3, p4] = [irql.into(), kind.number(), bytes as u64];
        if verifier::active() {
            let subcode = VERIFIER_ALLOCATED[kind as usize];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, [subcode, p2, p3, p4]);
        }
        bug_check(BAD_POOL_CALLER, [ALLOCATED_AT_BAD_IRQL, p2, p3, p4]);
    }
    let owner = image::find(caller.address);
    if bytes == 0 && owner.is_some() && verifier::active() {
        let parameters = [ZERO_BYTES, irql.into(), kind.number(), 0];
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
    }
    if owner.is_some() && verifier::low_resources::fails(caller.frame) {
        return ptr::null_mut();
    }
    let room = bytes.max(1);
    let address = special::allocate(kind, room, caller.alignment).or_else(|| match kind {
        Kind::NonPaged => nonpaged::allocate(room),
        Kind::Paged => paged::allocate(room),
    });
    let Some(address) = address else { return ptr::null_mut() };
    let site = caller.site();
    tracking::add(address, Block { kind, bytes, tag, owner, site, freed_by: None });
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
/// allows, is bug check 0xC2, or 0xC4 with the verifier on.
pub fn free(block: *mut c_void, tag: Option<u32>) {
    free_by(block, tag, None);
}

/// As [`free`], on behalf of a driver.
fn free_by(block: *mut c_void, tag: Option<u32>, caller: Option<Caller>) {
    let address = block.expose_provenance();
    let irql = irql::current();
    let found = match tracking::remove(address, tag, || caller.and_then(Caller::site)) {
        Ok(found) => found,
        Err(tracking::NotFreed::Never) => {
            special::check_freed_address(address);
            if verifier::active() {
                let parameters = [VERIFIER_NEVER_IN_POOL, address as u64, 0, 0];
                bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
            }
            bug_check(BAD_POOL_CALLER, [NEVER_IN_POOL, address as u64, 0, 0]);
        }
        Err(tracking::NotFreed::Already(was)) => {
            let header = u64::from(was.tag) << 32 | was.bytes as u64 & 0xffff_ffff;
            if verifier::active() {
                let parameters = [VERIFIER_ALREADY_FREED, 0, address as u64, header];
                bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
            }
            bug_check(BAD_POOL_CALLER, [ALREADY_FREED, 0, header, address as u64]);
        }
        Err(tracking::NotFreed::OtherTag { allocated, given }) => {
            let parameters = [WRONG_TAG, address as u64, allocated.into(), given.into()];
            bug_check(BAD_POOL_CALLER, parameters);
        }
    };
    if irql > found.kind.highest_irql() {
        let [p2, p3, p4] = [irql.into(), found.kind.number(), address as u64];
        if verifier::active() {
            let subcode = VERIFIER_FREED[found.kind as usize];
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, [subcode, p2, p3, p4]);
        }
        bug_check(BAD_POOL_CALLER, [FREED_AT_BAD_IRQL, p2, p3, p4]);
    }
    let room = found.bytes.max(1);
    freed::check(&(address..address + room));
    if special::free(found.kind, address) {
        return;
    }
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

/// Bug check 0xC4/0x62 when pool is tracked and `image`, which is about to go, still has some. The
/// report tells each leak, by tag and by who allocated it.
pub(crate) fn check_unloaded(image: &Image) {
    if !verifier::pool_tracking() {
        return;
    }
    let left = tracking::owned_by(image).len();
    if left > 0 {
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
