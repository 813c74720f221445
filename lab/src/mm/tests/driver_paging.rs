//! `MmPageEntireDriver`, `MmResetDriverPaging`, and the policies on them.

use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PageState;

use crate::ke::irql;
use crate::mm;
use crate::mm::policy::{PageEntireUnknownAddress, PageEntireWithLocks, PagingExecutive};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, INIT, PAGECODE, PAGEDATA, TEXT};
use crate::verifier;

#[test]
fn a_driver_is_pageable_as_a_whole_until_it_is_reset() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let all: Vec<_> = (0..driver.pages().len()).collect();
        let base = driver.ask("MmPageEntireDriver", driver.at(DATA_SECTION + 5));
        assert_eq!(base, driver.0.base());
        assert!(driver.0.overridden());
        assert_eq!(driver.pageable(), all);
        assert_eq!(driver.valid(), all, "it allows trimming, and trims nothing");
        mm::trim();
        mm::purge();
        assert_eq!(driver.valid(), [] as [usize; 0]);
        driver.ask("MmResetDriverPaging", driver.at(INIT));
        assert!(!driver.0.overridden());
        let pageable: Vec<_> = [PAGECODE, PAGEDATA]
            .map(|at| at / PAGE_SIZE)
            .into_iter()
            .flat_map(|first| [first, first + 1])
            .collect();
        assert_eq!(driver.pageable(), pageable);
        // What is resident by link came in, and nothing else.
        let resident: Vec<_> = all.into_iter().filter(|page| !pageable.contains(page)).collect();
        assert_eq!(driver.valid(), resident);
        assert_eq!(driver.state(PAGECODE), PageState::OnDisk);
        assert_eq!(driver.call(driver.at(PAGECODE)), 0x1111);
    });
}

#[test]
fn the_pair_is_a_boolean() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let before = driver.pages();
        driver.ask("MmResetDriverPaging", driver.at(0));
        assert_eq!(driver.pages(), before, "a reset alone changes nothing");
        driver.ask("MmPageEntireDriver", driver.at(0));
        let once = driver.pages();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        assert_eq!(driver.pages(), once, "twice is once");
        driver.ask("MmResetDriverPaging", driver.at(0));
        assert_eq!(driver.pages(), before, "one reset undoes both");
        let counters = mm::counters();
        assert_eq!((counters.page_entire_calls, counters.reset_calls), (2, 2));
    });
}

#[test]
fn reset_brings_nothing_back_that_was_discarded() {
    survives(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(0));
        crate::image::discard_init(driver.0);
        driver.ask("MmResetDriverPaging", driver.at(0));
        assert_eq!(driver.state(INIT), PageState::Freed);
    });
}

#[test]
fn an_unknown_address_gives_null_by_default() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let nowhere = ptr::without_provenance(0x1234);
        assert_eq!(driver.ask("MmPageEntireDriver", nowhere), 0);
        driver.ask("MmResetDriverPaging", nowhere);
        assert!(!driver.0.overridden());
    });
}

#[test]
fn an_unknown_address_gives_itself_by_policy() {
    survives(test_path!(), || {
        PageEntireUnknownAddress::Echo.set();
        let driver = Driver::load();
        let nowhere = ptr::without_provenance(0x1234);
        assert_eq!(driver.ask("MmPageEntireDriver", nowhere), 0x1234);
        assert_eq!(driver.ask("MmPageEntireDriver", driver.at(TEXT)), driver.0.base());
    });
}

#[test]
fn without_a_paging_executive_nothing_is_pageable_and_the_base_is_returned_all_the_same() {
    survives(test_path!(), || {
        PagingExecutive::Disabled.set();
        let driver = Driver::load();
        assert_eq!(driver.ask("MmPageEntireDriver", driver.at(TEXT)), driver.0.base());
        assert!(!driver.0.overridden());
        assert_eq!(driver.pageable(), [] as [usize; 0]);
        assert_eq!(mm::trim(), 0);
    });
}

#[test]
fn by_default_a_lock_does_not_outlive_page_entire() {
    survives(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        mm::trim();
        assert_eq!(driver.state(PAGEDATA), PageState::Transition);
        // The reset gives the lock its due.
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
        assert_eq!(driver.state(PAGEDATA), PageState::Valid);
        assert_eq!(driver.state(PAGECODE), PageState::Transition);
    });
}

#[test]
fn by_policy_a_lock_outlives_page_entire() {
    survives(test_path!(), || {
        PageEntireWithLocks::Kept.set();
        let driver = Driver::load();
        driver.ask("MmLockPagableDataSection", driver.at(PAGEDATA));
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        mm::trim();
        assert_eq!(driver.valid(), [PAGEDATA / PAGE_SIZE, PAGEDATA / PAGE_SIZE + 1]);
    });
}

#[test]
fn above_apc_level_ddi_compliance_objects() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        verifier::set(&pagewise_lab_wire::Verifier { ddi_compliance: true, ..Default::default() });
        irql::raise(2);
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
    });
    assert_eq!((report.code, report.parameters[0]), (0xC4, 0x20019));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
}

#[test]
fn at_apc_level_ddi_compliance_does_not_object() {
    survives(test_path!(), || {
        let driver = Driver::load();
        verifier::set(&pagewise_lab_wire::Verifier { ddi_compliance: true, ..Default::default() });
        irql::raise(1);
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
        irql::lower(0);
    });
}

#[test]
fn a_reset_that_cannot_read_is_an_in_page_error() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        mm::trim();
        mm::purge();
        driver.read(driver.at(DATA_SECTION));
        mm::paging_file().unwrap().file().set_len(0).unwrap();
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
    });
    assert_eq!((report.code, report.parameters[0..3].to_vec()), (0x7A, vec![1, 0xc000_0185, 0]));
}
