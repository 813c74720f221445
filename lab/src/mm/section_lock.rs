//! Locking pageable sections of a driver in memory.
//!
//! Each section has a count; it is pageable only while that is zero. None of the routines can fail:
//! misuse is bug check 0x1A
//! (learn.microsoft.com/windows-hardware/drivers/kernel/locking-pageable-code-or-data,
//! learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x1a--memory-management).
#![expect(non_snake_case, reason = "the routines' own names")]

use std::arch::naked_asm;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_nt::PVOID;
use pagewise_lab_wire::{PageState, Paging};

use crate::bugcheck::{MEMORY_MANAGEMENT, bug_check};
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::APC_LEVEL;
use crate::mm::driver_paging::image_of;
use crate::mm::fault::in_page_error;
use crate::mm::group::{ByLink, Group};
use crate::mm::policy::{LockAfterPageEntire, LockResidentSection};
use crate::mm::region::{Kind, Region};
use crate::mm::registry;
use crate::trail;

/// A section was unlocked that holds no lock.
const NOT_LOCKED: u64 = 0x1010;
/// A pageable section was locked that does not exist.
const NO_SUCH_SECTION: u64 = 0x1234;

/// Locks the section that holds `address`; its handle, which stays good while the driver is loaded.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmlockpagabledatasection
///
/// # IRQL
/// At most `APC_LEVEL` (0xC4/0x20019 under DDI compliance checking).
#[unsafe(naked)]
pub(super) extern "win64" fn MmLockPagableDataSection(address: PVOID) -> PVOID {
    naked_asm!("mov rdx, [rsp]", "jmp {}", sym MmLockPagableDataSection_for)
}

/// `caller` is the return address.
extern "win64" fn MmLockPagableDataSection_for(address: PVOID, caller: usize) -> PVOID {
    ddi::at_most(APC_LEVEL, Rule::MmApcLte);
    let Some(image) = image_of(address) else {
        bug_check(MEMORY_MANAGEMENT, [NO_SUCH_SECTION, address.addr() as u64, 0, 0]);
    };
    let group = image.group_of(image.page_of(address.addr()));
    lock(image, group, address, caller);
    ptr::from_ref(group).cast_mut().cast()
}

/// Locks a section by its handle.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmlockpagablesectionbyhandle
///
/// # IRQL
/// At most `APC_LEVEL` (0xC4/0x20019 under DDI compliance checking).
#[unsafe(naked)]
pub(super) extern "win64" fn MmLockPagableSectionByHandle(handle: PVOID) {
    naked_asm!("mov rdx, [rsp]", "jmp {}", sym MmLockPagableSectionByHandle_for)
}

/// `caller` is the return address.
extern "win64" fn MmLockPagableSectionByHandle_for(handle: PVOID, caller: usize) {
    ddi::at_most(APC_LEVEL, Rule::MmApcLte);
    let Some((image, group)) = section_of(handle) else {
        bug_check(MEMORY_MANAGEMENT, [NO_SUCH_SECTION, handle.addr() as u64, 0, 0]);
    };
    lock(image, group, handle, caller);
}

/// Undoes one lock of a section.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunlockpagableimagesection
///
/// # IRQL
/// At most `APC_LEVEL` (0xC4/0x20019 under DDI compliance checking).
#[unsafe(naked)]
pub(super) extern "win64" fn MmUnlockPagableImageSection(handle: PVOID) {
    naked_asm!("mov rdx, [rsp]", "jmp {}", sym MmUnlockPagableImageSection_for)
}

/// `caller` is the return address.
extern "win64" fn MmUnlockPagableImageSection_for(handle: PVOID, caller: usize) {
    ddi::at_most(APC_LEVEL, Rule::MmApcLte);
    let Some((image, group)) = section_of(handle) else {
        bug_check(MEMORY_MANAGEMENT, [NOT_LOCKED, handle.addr() as u64, 0, 0]);
    };
    trail::paging::note(Paging::Unlock, 0, first_of(image, group), caller);
    let ignored = image.overridden() && LockAfterPageEntire::get() == LockAfterPageEntire::Ignored;
    if !ignored && !image.unlock_group(group) {
        let parameters = [NOT_LOCKED, handle.addr() as u64, image.base() as u64, 0];
        bug_check(MEMORY_MANAGEMENT, parameters);
    }
}

/// One lock more, where what is documented and the policies allow one. `asked` is what the driver
/// asked with, and returns to.
fn lock(image: &Region, group: &Group, asked: PVOID, caller: usize) {
    trail::paging::note(Paging::Lock, 0, first_of(image, group), caller);
    let exists = image.state(group.pages.start) != PageState::Freed;
    let allowed = exists
        && if image.overridden() {
            LockAfterPageEntire::get() != LockAfterPageEntire::BugCheck
        } else {
            group.by_link == ByLink::Pageable
                || LockResidentSection::get() == LockResidentSection::Counted
        };
    if !allowed {
        let parameters = [NO_SUCH_SECTION, asked.addr() as u64, image.base() as u64, 0];
        bug_check(MEMORY_MANAGEMENT, parameters);
    }
    if image.overridden() && LockAfterPageEntire::get() == LockAfterPageEntire::Ignored {
        return;
    }
    if let Err(error) = image.lock_group(group) {
        in_page_error(error, image.base());
    }
}

/// Address of a section's first page.
fn first_of(image: &Region, group: &Group) -> usize {
    image.base() + group.pages.start * PAGE_SIZE
}

/// The section that a handle stands for: it is the address of its group.
fn section_of(handle: PVOID) -> Option<(&'static Region, &'static Group)> {
    let of_image = |region: &&Region| region.kind() == Kind::Image;
    registry::all().filter(of_image).find_map(|region| {
        let group = region.groups().iter().find(|group| ptr::addr_eq(*group, handle))?;
        Some((region, group))
    })
}
