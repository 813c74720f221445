//! Which bug check a reference is that could not be resolved.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x*. Who is named follows
//! from where the program counter is, not from whose memory it was: a framework that touches a
//! client's evicted page is named itself.

use crate::bugcheck::names::*;
use crate::mm::Access;

const APC_LEVEL: u8 = 1;

/// A reference to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) address: u64,
    pub(crate) access: Access,
    pub(crate) program_counter: u64,
    pub(crate) irql: u8,
}

/// What an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A loaded driver.
    Driver,
    /// An unloaded driver.
    Unloaded,
    /// Paged pool.
    PagedPool,
    /// A block of special pool that was freed.
    FreedSpecialPool,
    /// Outside a block of special pool.
    BeyondSpecialPool,
    /// The machine itself, or nothing known.
    Elsewhere,
}

/// Why the reference could not be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The page is not valid, and the IRQL forbids waiting for it.
    IrqlTooHigh,
    /// There is no page, or not any more.
    NoPage,
    /// The page does not allow that access.
    Forbidden,
    /// The page could not be read; the NTSTATUS.
    InPageError(u32),
}

/// The code and the four parameters.
pub(crate) fn classify(
    reference: Reference,
    address: Place,
    program_counter: Place,
    why: Why,
) -> (u32, [u64; 4]) {
    let Reference { address: target, access, program_counter: pc, irql } = reference;
    let irql = u64::from(irql);
    // Nothing is there at any IRQL.
    if let Some(code) = special_pool(address, program_counter) {
        return (code, [target, is_write(access), pc, 0]);
    }
    match why {
        Why::Forbidden if access == Access::Execute => {
            (ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, [target, 0, 0, 0])
        }
        Why::Forbidden => (ATTEMPTED_WRITE_TO_READONLY_MEMORY, [target, 0, 0, 0]),
        // Lock type 1, for which the third parameter is zero.
        Why::InPageError(status) => (KERNEL_DATA_INPAGE_ERROR, [1, u64::from(status), 0, target]),
        _ if reference.irql <= APC_LEVEL => low(reference, address),
        _ if address == Place::Unloaded => (
            SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD,
            [target, irql, is_write(access), pc],
        ),
        _ => match (program_counter, address) {
            (Place::Driver | Place::Unloaded, _) => {
                (DRIVER_IRQL_NOT_LESS_OR_EQUAL, [target, irql, driver_access(access), pc])
            }
            (_, Place::Driver) => {
                (DRIVER_PORTION_MUST_BE_NONPAGED, [target, irql, is_write(access), pc])
            }
            _ => (IRQL_NOT_LESS_OR_EQUAL, [target, irql, kernel_access(access), pc]),
        },
    }
}

/// Pages: bug-check-0xcc, -0xcd, -0xd5 and -0xd6. The last two are for references by a driver.
fn special_pool(address: Place, program_counter: Place) -> Option<u32> {
    let by_driver = matches!(program_counter, Place::Driver | Place::Unloaded);
    match (address, by_driver) {
        (Place::FreedSpecialPool, false) => Some(PAGE_FAULT_IN_FREED_SPECIAL_POOL),
        (Place::FreedSpecialPool, true) => Some(DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL),
        (Place::BeyondSpecialPool, false) => Some(PAGE_FAULT_BEYOND_END_OF_ALLOCATION),
        (Place::BeyondSpecialPool, true) => Some(DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION),
        _ => None,
    }
}

/// At an IRQL at which a fault is allowed, there is just no page.
fn low(reference: Reference, address: Place) -> (u32, [u64; 4]) {
    const LOWEST_SYSTEM_ADDRESS: u64 = 0x1_0000;
    const FREED: u64 = 0;
    const NOT_MAPPED: u64 = 2;
    const NOT_CANONICAL: u64 = 4;
    const ACCESS_VIOLATION: u64 = 0xc000_0005;
    let Reference { address: target, access, program_counter: pc, .. } = reference;
    if address == Place::Unloaded {
        let parameters = [target, is_write(access), pc, 0];
        return (DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, parameters);
    }
    if target < LOWEST_SYSTEM_ADDRESS {
        // A user address: an exception, which nobody handles.
        let operation = driver_access(access);
        return (KMODE_EXCEPTION_NOT_HANDLED, [ACCESS_VIOLATION, pc, operation, target]);
    }
    let operation = match access {
        Access::Read => 0,
        Access::Write => 2,
        Access::Execute => 0x10,
    };
    let kind = match address {
        Place::Driver | Place::PagedPool => FREED,
        _ if !is_canonical(target) => NOT_CANONICAL,
        _ => NOT_MAPPED,
    };
    (PAGE_FAULT_IN_NONPAGED_AREA, [target, operation, pc, kind])
}

fn is_canonical(address: u64) -> bool {
    matches!(address >> 47, 0 | 0x1_ffff)
}

fn is_write(access: Access) -> u64 {
    u64::from(access == Access::Write)
}

/// 0 read, 1 write, 8 execute: the numbers of 0xD1.
fn driver_access(access: Access) -> u64 {
    match access {
        Access::Read => 0,
        Access::Write => 1,
        Access::Execute => 8,
    }
}

/// Bit 0 write, bit 3 execute: the bits of 0xA, which make the same numbers.
fn kernel_access(access: Access) -> u64 {
    driver_access(access)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: u64 = 0x7000_1234;
    const PC: u64 = 0x7000_0040;

    fn at(irql: u8, access: Access) -> Reference {
        Reference { address: TARGET, access, program_counter: PC, irql }
    }

    fn high(access: Access, address: Place, pc: Place) -> (u32, [u64; 4]) {
        classify(at(2, access), address, pc, Why::IrqlTooHigh)
    }

    #[test]
    fn above_apc_level_the_program_counter_decides() {
        use Place::{Driver, Elsewhere, PagedPool};
        assert_eq!(high(Access::Read, Driver, Driver), (0xd1, [TARGET, 2, 0, PC]));
        assert_eq!(high(Access::Write, PagedPool, Driver), (0xd1, [TARGET, 2, 1, PC]));
        assert_eq!(high(Access::Execute, Driver, Driver), (0xd1, [TARGET, 2, 8, PC]));
        assert_eq!(high(Access::Write, Driver, Elsewhere), (0xd3, [TARGET, 2, 1, PC]));
        assert_eq!(high(Access::Read, PagedPool, Elsewhere), (0xa, [TARGET, 2, 0, PC]));
        assert_eq!(high(Access::Execute, Elsewhere, Elsewhere), (0xa, [TARGET, 2, 8, PC]));
    }

    #[test]
    fn special_pool_has_codes_of_its_own_at_any_irql() {
        use Place::{BeyondSpecialPool, Driver, Elsewhere, FreedSpecialPool};
        let at = |irql, address, pc| classify(at(irql, Access::Write), address, pc, Why::NoPage);
        assert_eq!(at(0, FreedSpecialPool, Elsewhere), (0xcc, [TARGET, 1, PC, 0]));
        assert_eq!(at(2, FreedSpecialPool, Driver), (0xd5, [TARGET, 1, PC, 0]));
        assert_eq!(at(2, BeyondSpecialPool, Elsewhere), (0xcd, [TARGET, 1, PC, 0]));
        assert_eq!(at(0, BeyondSpecialPool, Driver), (0xd6, [TARGET, 1, PC, 0]));
    }

    #[test]
    fn an_unloaded_driver_is_found_out_at_any_irql() {
        use Place::{Elsewhere, Unloaded};
        assert_eq!(high(Access::Execute, Unloaded, Unloaded), (0xd4, [TARGET, 2, 0, PC]));
        let low = classify(at(0, Access::Write), Unloaded, Elsewhere, Why::NoPage);
        assert_eq!(low, (0xce, [TARGET, 1, PC, 0]));
    }

    #[test]
    fn at_apc_level_only_a_missing_page_is_fatal() {
        use Place::{Driver, Elsewhere};
        let freed = classify(at(1, Access::Execute), Driver, Driver, Why::NoPage);
        assert_eq!(freed, (0x50, [TARGET, 0x10, PC, 0]));
        let wild = classify(at(0, Access::Write), Elsewhere, Driver, Why::NoPage);
        assert_eq!(wild, (0x50, [TARGET, 2, PC, 2]));
        let mut reference = at(0, Access::Read);
        reference.address = 0x1234_5678_9abc_def0;
        let (code, parameters) = classify(reference, Elsewhere, Driver, Why::NoPage);
        assert_eq!((code, parameters[3]), (0x50, 4));
        reference.address = 8;
        let null = classify(reference, Elsewhere, Driver, Why::NoPage);
        assert_eq!(null, (0x1e, [0xc000_0005, PC, 0, 8]));
    }

    #[test]
    fn protection_and_in_page_errors_have_codes_of_their_own() {
        use Place::Driver;
        let write = classify(at(2, Access::Write), Driver, Driver, Why::Forbidden);
        assert_eq!(write, (0xbe, [TARGET, 0, 0, 0]));
        let execute = classify(at(0, Access::Execute), Driver, Driver, Why::Forbidden);
        assert_eq!(execute, (0xfc, [TARGET, 0, 0, 0]));
        let error = Why::InPageError(0xc000_0185);
        let failed = classify(at(0, Access::Read), Driver, Driver, error);
        assert_eq!(failed, (0x7a, [1, 0xc000_0185, 0, TARGET]));
    }
}
