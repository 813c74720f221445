//! What the machine knows of a bug check beyond its parameters.

use super::crash::Crash;
use super::names::*;
use crate::image;
use crate::mm::pool;
use crate::verifier::deadlock;

/// Sentences, each with the address of the return to the driver that it is about.
pub(super) type Details = Vec<(String, Option<u64>)>;

/// See the module.
pub(super) fn details(crash: &Crash) -> Details {
    let [p1, p2, p3, p4] = crash.parameters;
    match (crash.code, p1) {
        (DRIVER_VERIFIER_DETECTED_VIOLATION, pool::NOT_FREED_AT_UNLOAD) => image::loaded()
            .find(|image| image.name().as_ptr() as u64 == p2)
            .map(pool::leaks)
            .unwrap_or_default(),
        (DRIVER_VERIFIER_DETECTED_VIOLATION, deadlock::HIERARCHY) => deadlock::story(),
        (DRIVER_VERIFIER_DETECTED_VIOLATION, 0x11 | 0x12) => pool::story(p4 as usize),
        (DRIVER_VERIFIER_DETECTED_VIOLATION, 0x13) => pool::story(p3 as usize),
        (
            PAGE_FAULT_IN_FREED_SPECIAL_POOL
            | PAGE_FAULT_BEYOND_END_OF_ALLOCATION
            | DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL
            | DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
            address,
        ) => pool::story_of_fault(address as usize),
        (SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, address) => pool::story(address as usize),
        _ => Vec::new(),
    }
}
