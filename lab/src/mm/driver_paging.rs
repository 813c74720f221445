//! Making a whole driver pageable, and undoing that.
//!
//! The pair is a boolean, not a count: a second call changes nothing, and one reset undoes any
//! number of them. Neither trims anything: pageable pages stay valid until they are taken.
#![expect(non_snake_case, reason = "the routines' own names")]

use std::arch::naked_asm;
use std::ptr;

use pagewise_lab_nt::PVOID;
use pagewise_lab_wire::Paging;

use crate::ke::ddi::{self, Rule};
use crate::ke::irql::APC_LEVEL;
use crate::mm::counters::{PAGE_ENTIRE_CALLS, RESET_CALLS};
use crate::mm::fault::in_page_error;
use crate::mm::policy::{PageEntireUnknownAddress, PagingExecutive};
use crate::mm::region::{Kind, Region};
use crate::mm::registry;
use crate::trail;

/// Makes every section of the driver that holds `address` pageable, whatever its link says; the
/// driver's base address. What an address in no driver gives is policy
/// `page-entire-unknown-address`; with policy `paging-executive` disabled nothing changes.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmpageentiredriver
///
/// # IRQL
/// At most `APC_LEVEL` (0xC4/0x20019 under DDI compliance checking).
#[unsafe(naked)]
pub(super) extern "win64" fn MmPageEntireDriver(address: PVOID) -> PVOID {
    naked_asm!("mov rdx, [rsp]", "jmp {}", sym MmPageEntireDriver_for)
}

/// `caller` is the return address.
extern "win64" fn MmPageEntireDriver_for(address: PVOID, caller: usize) -> PVOID {
    ddi::at_most(APC_LEVEL, Rule::MmApcLte);
    PAGE_ENTIRE_CALLS.increment();
    let Some(image) = image_of(address) else {
        return match PageEntireUnknownAddress::get() {
            PageEntireUnknownAddress::Null => ptr::null_mut(),
            PageEntireUnknownAddress::Echo => address,
        };
    };
    trail::paging::note(Paging::PageEntire, 0, address.addr(), caller);
    if PagingExecutive::get() == PagingExecutive::Enabled {
        image.override_paging();
    }
    ptr::with_exposed_provenance_mut(image.base())
}

/// Gives the sections of the driver that holds `address` the pageability of their link again, and
/// makes those that are resident by link valid; sections that are pageable by link come in when
/// they are referenced. Nothing when `MmPageEntireDriver` is not in effect.
///
/// A page that cannot be read is bug check 0x7A: the routine has no other way to say so.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmresetdriverpaging
///
/// # IRQL
/// At most `APC_LEVEL` (0xC4/0x20019 under DDI compliance checking).
#[unsafe(naked)]
pub(super) extern "win64" fn MmResetDriverPaging(address: PVOID) {
    naked_asm!("mov rdx, [rsp]", "jmp {}", sym MmResetDriverPaging_for)
}

/// `caller` is the return address.
extern "win64" fn MmResetDriverPaging_for(address: PVOID, caller: usize) {
    ddi::at_most(APC_LEVEL, Rule::MmApcLte);
    RESET_CALLS.increment();
    let Some(image) = image_of(address) else { return };
    trail::paging::note(Paging::Reset, 0, address.addr(), caller);
    if let Err(error) = image.reset_paging() {
        in_page_error(error, image.base());
    }
}

/// The image that holds `address`, as the memory manager sees it.
pub(super) fn image_of(address: PVOID) -> Option<&'static Region> {
    registry::find(address.addr()).filter(|region| region.kind() == Kind::Image)
}
