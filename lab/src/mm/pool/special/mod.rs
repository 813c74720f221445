//! Special pool: a block has a page of its own, between pages that fault.
//!
//! Under Verify End a block ends where its page does, so that what lies beyond faults at once; under
//! Verify Start it begins where the page does. The rest of the page holds a pattern, which is looked
//! at when the block is freed. A page that was freed stays away as long as there are others.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/devtest/special-pool. As there, a block of a
//! page or more, and one for which no page is left, comes from ordinary pool.

mod arena;
mod fault;

pub(crate) use fault::{Verdict, verdict};

use std::sync::atomic::{AtomicBool, Ordering};

use super::Kind;
use crate::bugcheck::{SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, bug_check};
use crate::verifier::{self, Check};
use arena::Arena;

/// What fills a page around its block.
const PATTERN: u8 = 0x6b;

/// Fourth parameters of 0xC1
/// (learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc1--special-pool-detected-memory-corruption).
const BAD_ADDRESS: u64 = 0x21;
const NEARBY_CORRUPTED: u64 = 0x23;
const BEYOND_END_CORRUPTED: u64 = 0x24;
const NEARBY_SINGLE_BIT: u64 = 0x32;

/// Which end of a block touches the page that faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// Verify End: finds overruns.
    End,
    /// Verify Start: finds underruns.
    Start,
}

impl Alignment {
    /// What an `EX_POOL_PRIORITY` asks for
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtagpriority).
    pub(super) const fn of_priority(priority: u32) -> Option<Self> {
        match priority & 0xf {
            8 => Some(Self::End),
            9 => Some(Self::Start),
            _ => None,
        }
    }

    /// What the verifier is set to.
    fn chosen() -> Self {
        static LAST_WAS_END: AtomicBool = AtomicBool::new(false);
        match (verifier::on(Check::SpecialPoolEnd), verifier::on(Check::SpecialPoolStart)) {
            (true, true) if LAST_WAS_END.fetch_xor(true, Ordering::Relaxed) => Self::Start,
            (false, true) => Self::Start,
            _ => Self::End,
        }
    }
}

/// Room for `bytes` bytes, where special pool is on and has it.
#[inline]
pub(super) fn allocate(kind: Kind, bytes: usize, alignment: Option<Alignment>) -> Option<usize> {
    let on = verifier::on(Check::SpecialPoolEnd) || verifier::on(Check::SpecialPoolStart);
    if !on { None } else { take(kind, bytes, alignment) }
}

#[cold]
#[inline(never)]
fn take(kind: Kind, bytes: usize, alignment: Option<Alignment>) -> Option<usize> {
    Arena::of(kind)?.allocate(bytes, alignment.unwrap_or_else(Alignment::chosen))
}

/// Gives a block back; false of one that is not from special pool. What was written around it is
/// bug check 0xC1.
pub(super) fn free(kind: Kind, address: usize) -> bool {
    let Some(arena) = Arena::find(address) else { return false };
    debug_assert_eq!(arena.kind(), kind);
    if let Some((at, found)) = arena.corruption(address) {
        let subcode = match found {
            Found::Beyond => BEYOND_END_CORRUPTED,
            Found::SingleBit => NEARBY_SINGLE_BIT,
            Found::Nearby => NEARBY_CORRUPTED,
        };
        let parameters = [address as u64, at as u64, 0, subcode];
        bug_check(SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, parameters);
    }
    arena.free(address);
    true
}

/// What was found around a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Beyond,
    Nearby,
    SingleBit,
}

/// Bug check 0xC1 if `address` is inside a block of special pool rather than at its beginning.
pub(super) fn check_freed_address(address: usize) {
    let Some(slot) = Arena::find(address).and_then(|arena| arena.live_at(address)) else { return };
    let parameters = [address as u64, slot.bytes as u64, slot.room() as u64, BAD_ADDRESS];
    bug_check(SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, parameters);
}

#[cfg(test)]
mod tests;
