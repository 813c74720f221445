//! What to do about a bug check.

use pagewise_lab_wire::{BugCheck, Holder, Page, PageState};

use super::names::*;

/// A paragraph on the likely mistake and its cure.
pub(super) fn advice(report: &BugCheck) -> String {
    let page = report.page.as_ref();
    match report.code {
        DRIVER_IRQL_NOT_LESS_OR_EQUAL
        | IRQL_NOT_LESS_OR_EQUAL
        | DRIVER_PORTION_MUST_BE_NONPAGED => raised(report, page),
        PAGE_FAULT_IN_NONPAGED_AREA => freed(report, page),
        MEMORY_MANAGEMENT => section_lock(report.parameters[0]),
        DRIVER_PNP_WATCHDOG => {
            "A framework holds back the removal of a device until its driver has completed every \
             request that it was given: look for one that was kept and never completed, not even \
             when its device was stopped or its file closed."
                .into()
        }
        PAGE_FAULT_IN_FREED_SPECIAL_POOL | DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL => {
            "The block was freed before: the details say by whom. Whoever still has its address \
             must forget it, or hold a reference that keeps it."
                .into()
        }
        PAGE_FAULT_BEYOND_END_OF_ALLOCATION | DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION => {
            "Compare the offset into the block with its size in the details: a length was not \
             checked, or counts something else than bytes."
                .into()
        }
        SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION => {
            "Something wrote beside the block some time before it was freed. `special_pool` set to \
             `start` makes a write before a block fault at once, `end` one beyond it."
                .into()
        }
        BAD_POOL_CALLER => "Each block is freed once, by its own tag, and not above the IRQL of \
             its pool type."
            .into(),
        DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
        | SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD => {
            "The driver left a timer, a DPC, a work item, a thread or a callback behind when it \
             was unloaded. Cancel them and wait for them in the unload routine."
                .into()
        }
        DRIVER_VERIFIER_DETECTED_VIOLATION if report.parameters[0] == 0x62 => {
            "Free every block before the unload routine returns: the details name each tag, and \
             who allocated it."
                .into()
        }
        DRIVER_VERIFIER_DETECTED_VIOLATION if report.parameters[0] == 0x1001 => {
            "Take the locks in one order everywhere, or never hold one while taking the other: two \
             threads that do as the details say at the same time wait for each other for good."
                .into()
        }
        DRIVER_VERIFIER_DETECTED_VIOLATION if report.parameters[0] == 0xE1 => {
            "Keep events, timers, DPCs, mutexes and spin locks in nonpaged pool: an object in the \
             image of a driver that has called MmPageEntireDriver is pageable."
                .into()
        }
        ATTEMPTED_WRITE_TO_READONLY_MEMORY | ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY => {
            "The section's flags in the image do not allow this access.".into()
        }
        KERNEL_DATA_INPAGE_ERROR => {
            "The paging file could not be read: look at the host's disk.".into()
        }
        _ => {
            "The page of this bug check code on learn.microsoft.com tells its usual causes.".into()
        }
    }
}

/// Pageable memory above APC_LEVEL.
fn raised(report: &BugCheck, page: Option<&Page>) -> String {
    let victim = report.victim.as_deref();
    let of_image = |(_, page): &(&str, &Page)| page.holder == Holder::Image;
    let Some((victim, page)) = victim.zip(page).filter(of_image) else {
        return match page {
            Some(page) if is_paged_pool(page) => {
                "Paged pool may be touched at APC_LEVEL at most: allocate what is used above from \
                 nonpaged pool."
                    .into()
            }
            _ => "Above APC_LEVEL only memory that is always valid may be touched: the pointer is \
                  wrong, or its memory is gone."
                .into(),
        };
    };
    let section = report.section.as_deref().unwrap_or("the headers");
    if page.state == Some(PageState::Freed) {
        return format!(
            "{section} of {victim} was given back after DriverEntry: nothing may refer to it \
             afterwards."
        );
    }
    let why = if page.overridden {
        format!("{victim} had called MmPageEntireDriver, which makes every section pageable")
    } else {
        format!("{section} is pageable by its name")
    };
    let whose = match report.blamed.as_deref() {
        Some(blamed) if blamed != victim => format!(
            "{blamed} is named, but the page is {victim}'s: {blamed} reads it at a raised IRQL by \
             right. {victim} must have called MmResetDriverPaging in a callback at PASSIVE_LEVEL \
             before that can happen."
        ),
        _ if page.overridden => {
            "Call MmResetDriverPaging before code or data of the image is used \
             above APC_LEVEL."
                .to_owned()
        }
        _ => "Move it to a section that is resident, or lock the section \
             (MmLockPagableCodeSection, MmLockPagableDataSection) while it is needed."
            .to_owned(),
    };
    format!(
        "The page in {section} was not valid, and above APC_LEVEL nobody can wait for it: {why}. {whose}"
    )
}

/// Paged pool, be it special.
fn is_paged_pool(page: &Page) -> bool {
    page.holder == Holder::PagedPool || page.holder == Holder::SpecialPool && page.pageable
}

fn freed(report: &BugCheck, page: Option<&Page>) -> String {
    let freed = page.is_some_and(|page| page.state == Some(PageState::Freed));
    match (report.victim.as_deref(), report.section.as_deref()) {
        (Some(victim), Some(section)) if freed => format!(
            "{section} of {victim} was given back after DriverEntry (IMAGE_SCN_MEM_DISCARDABLE): \
             nothing may call or read it afterwards, and a walk over the image must leave it out."
        ),
        _ if page.is_some_and(is_paged_pool) => {
            "The pool page was freed before: look for a use after ExFreePool.".into()
        }
        _ => "The pointer is wrong, or its memory is gone.".into(),
    }
}

fn section_lock(subcode: u64) -> String {
    match subcode {
        0x1010 => "Each MmUnlockPagableImageSection needs its own lock: keep the balance in the \
             driver."
            .into(),
        0x1234 => "Only a section whose name begins with PAGE can be locked, and not one that was \
             given back after DriverEntry. What a lock does while MmPageEntireDriver is in effect \
             is not documented: policy `lock-after-page-entire` chooses; policy \
             `lock-resident-section` is for the others."
            .into(),
        _ => "The page of bug check 0x1A lists the subcodes.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(blamed: &str) -> BugCheck {
        BugCheck {
            code: DRIVER_IRQL_NOT_LESS_OR_EQUAL,
            blamed: Some(blamed.into()),
            victim: Some("pagewise.sys".into()),
            section: Some(".data".into()),
            irql: 2,
            ..BugCheck::default()
        }
    }

    #[test]
    fn the_framework_is_not_told_off_for_its_clients_page() {
        let told = |blamed, overridden| {
            let page = Page {
                address: 0,
                holder: Holder::Image,
                state: Some(PageState::Transition),
                gone: None,
                number: 3,
                protection: "rw-".into(),
                pageable: true,
                overridden,
                locks: 0,
            };
            advice(&BugCheck { page: Some(page), ..report(blamed) })
        };
        let framework = told("wdfldr.sys", true);
        assert!(framework.contains("the page is pagewise.sys's"), "{framework}");
        let own = told("pagewise.sys", true);
        assert!(own.contains("Call MmResetDriverPaging before"), "{own}");
        let locked = told("pagewise.sys", false);
        assert!(locked.contains("MmLockPagableCodeSection"), "{locked}");
    }
}
