//! Section locks, and the policies on them.

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PageState;

use crate::image;
use crate::mm;
use crate::mm::policy::{LockAfterPageEntire, LockResidentSection};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, INIT, PAGECODE, PAGEDATA, TEXT};

#[test]
fn a_section_stays_as_long_as_it_holds_a_lock() {
    survives(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        mm::purge();
        let handle = driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA + PAGE_SIZE));
        let pages = [PAGEDATA / PAGE_SIZE, PAGEDATA / PAGE_SIZE + 1];
        assert!(pages.iter().all(|page| driver.valid().contains(page)), "all of it came in");
        driver.kernel("MmLockPagableSectionByHandle", [handle, 0]);
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
        assert_eq!(mm::trim(), 0, "one lock is left");
        assert_eq!(driver.pageable(), [2, 3]);
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
        assert_eq!(driver.pageable(), [2, 3, 6, 7]);
        assert_eq!(driver.state(PAGEDATA), PageState::Valid, "an unlock takes nothing itself");
        assert_eq!(mm::trim(), 2);
        driver.kernel("MmLockPagableSectionByHandle", [handle, 0]);
        assert_eq!(driver.state(PAGEDATA), PageState::Valid, "the handle is good for ever");
    });
}

#[test]
fn locks_of_sections_are_apart() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let data = driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        let code = driver.ask("MmLockPagableDataSection", driver.at(PAGECODE));
        assert_ne!(data, code);
        driver.kernel("MmUnlockPagableImageSection", [data, 0]);
        assert_eq!(driver.pageable(), [6, 7]);
    });
}

#[test]
fn an_unlock_too_many_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        let handle = driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
    });
    assert_eq!((report.code, report.parameters[0]), (0x1A, 0x1010));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
    assert!(report.advice.contains("its own lock"), "{}", report.advice);
}

#[test]
fn a_handle_that_is_none_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.kernel("MmLockPagableSectionByHandle", [0x1234, 0]);
    });
    assert_eq!((report.code, report.parameters[..2].to_vec()), (0x1A, vec![0x1234, 0x1234]));
}

#[test]
fn locking_what_is_resident_by_link_is_a_bug_check_by_default() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmLockPagableDataSection", driver.at(DATA_SECTION));
    });
    assert_eq!((report.code, report.parameters[0]), (0x1A, 0x1234));
    assert_eq!(report.section.as_deref(), Some(".data"));
}

#[test]
fn locking_what_is_resident_by_link_is_counted_by_policy() {
    survives(test_path!(), || {
        LockResidentSection::Counted.set();
        let driver = Driver::load();
        let handle = driver.ask("MmLockPagableDataSection", driver.at(DATA_SECTION));
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
    });
}

#[test]
fn locking_what_was_discarded_is_a_bug_check_whatever_the_policy() {
    let report = bug_check_of(test_path!(), || {
        LockResidentSection::Counted.set();
        let driver = Driver::load();
        image::discard_init(driver.0);
        driver.ask("MmLockPagableDataSection", driver.at(INIT));
    });
    assert_eq!((report.code, report.parameters[0]), (0x1A, 0x1234));
}

#[test]
fn a_lock_after_page_entire_is_a_bug_check_by_default() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
    });
    assert_eq!((report.code, report.parameters[0]), (0x1A, 0x1234));
    assert!(report.advice.contains("lock-after-page-entire"), "{}", report.advice);
}

#[test]
fn a_lock_after_page_entire_counts_by_policy() {
    survives(test_path!(), || {
        LockAfterPageEntire::Locks.set();
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        let handle = driver.ask("MmLockPagableDataSection", driver.at(DATA_SECTION));
        // What it is worth while page-entire is in effect is a policy of its own.
        mm::policy::set("page-entire-with-locks", "kept").unwrap();
        mm::trim();
        assert_eq!(driver.valid(), [4, 5]);
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
    });
}

#[test]
fn a_lock_after_page_entire_is_nothing_by_policy() {
    survives(test_path!(), || {
        LockAfterPageEntire::Ignored.set();
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        let handle = driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        mm::trim();
        assert_eq!(driver.state(PAGEDATA), PageState::Transition);
        driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
        assert_eq!(driver.pageable(), [2, 3, 6, 7], "no lock was kept");
    });
}

#[test]
fn locks_left_at_unload_are_told() {
    survives(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        let leaked = image::unload(driver.0);
        assert_eq!(leaked.len(), 1);
        assert_eq!((leaked[0].section.as_str(), leaked[0].locks), ("PAGEDATA", 2));
        let clean = Driver::load();
        assert_eq!(image::unload(clean.0), []);
    });
}
