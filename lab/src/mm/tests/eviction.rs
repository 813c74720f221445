//! Trim, purge, and the way back.

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::PageState;

use crate::mm;
use crate::testing::child::{survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, INIT, PAGECODE, PAGEDATA, RDATA, TEXT, word};

#[test]
fn only_sections_named_page_are_pageable_by_link() {
    survives(test_path!(), || {
        let driver = Driver::load();
        assert_eq!(driver.pageable(), [2, 3, 6, 7]);
        assert!(driver.pages().iter().all(|page| page.state == PageState::Valid && page.in_memory));
        assert_eq!(mm::trim(), 4);
        assert_eq!(mm::trim(), 0, "nothing is left to trim");
        for offset in [PAGECODE, PAGEDATA] {
            assert_eq!(driver.state(offset), PageState::Transition);
            assert!(!mm::is_valid(driver.0.base() + offset));
        }
        for offset in [0, TEXT, DATA_SECTION, RDATA, INIT] {
            assert_eq!(driver.state(offset), PageState::Valid);
            assert!(mm::is_valid(driver.0.base() + offset));
        }
    });
}

#[test]
fn what_is_in_transition_has_memory_and_what_is_purged_has_none() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let in_memory = || driver.pages()[PAGECODE / PAGE_SIZE].in_memory;
        mm::trim();
        assert!(in_memory());
        assert_eq!(mm::purge(), 4);
        assert_eq!(driver.state(PAGECODE), PageState::OnDisk);
        assert!(!in_memory());
        assert!(driver.pages()[TEXT / PAGE_SIZE].in_memory);
        assert_eq!(driver.call(driver.at(PAGECODE)), 0x1111);
        assert!(in_memory());
        assert_eq!(mm::purge(), 0, "what is valid is not purged");
    });
}

#[test]
fn code_constants_and_modified_data_come_back_intact() {
    survives(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(0));
        for round in 1..4 {
            driver.write(driver.at(PAGEDATA + 8), round);
            driver.write(driver.at(DATA_SECTION + PAGE_SIZE), !round);
            mm::trim();
            if round % 2 == 0 {
                mm::purge();
            }
            assert_eq!(driver.valid(), [] as [usize; 0]);
            assert_eq!(driver.call(driver.at(PAGECODE + PAGE_SIZE)), 0x2222);
            assert_eq!(driver.read(driver.at(RDATA + 64)), word(64));
            assert_eq!(driver.read(driver.at(PAGEDATA + 8)), round);
            assert_eq!(driver.read(driver.at(DATA_SECTION + PAGE_SIZE)), !round);
            assert_eq!(driver.read(driver.at(DATA_SECTION + PAGE_SIZE + 8)), word(PAGE_SIZE + 8));
        }
    });
}

#[test]
fn faults_are_counted_by_where_the_page_was() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let counted = || {
            let counters = mm::counters();
            (counters.soft_faults, counters.hard_faults)
        };
        assert_eq!(counted(), (0, 0));
        mm::trim();
        driver.read(driver.at(PAGEDATA));
        driver.read(driver.at(PAGEDATA + 8));
        assert_eq!(counted(), (1, 0), "one page, one fault");
        mm::trim();
        mm::purge();
        driver.read(driver.at(PAGEDATA));
        driver.read(driver.at(PAGEDATA + PAGE_SIZE));
        assert_eq!(counted(), (1, 2));
        assert_eq!(mm::counters().trims, 2);
    });
}

#[test]
fn the_truth_can_be_read_without_disturbing_it() {
    survives(test_path!(), || {
        let driver = Driver::load();
        driver.write(driver.at(PAGEDATA), 0x1234);
        mm::trim();
        mm::purge();
        let before = driver.pages();
        let first = (PAGEDATA / PAGE_SIZE) as u32;
        let content = mm::contents(driver.0, first, 2).unwrap();
        assert_eq!(content[..8], 0x1234_u64.to_le_bytes());
        assert_eq!(content[PAGE_SIZE..PAGE_SIZE + 8], word(PAGE_SIZE).to_le_bytes());
        assert_eq!(driver.pages(), before);
        assert_eq!(mm::contents(driver.0, 0, before.len() as u32 + 1), None, "past the end");
        assert_eq!(mm::contents(driver.0, u32::MAX, u32::MAX), None);
        crate::image::discard_init(driver.0);
        let init = (INIT / PAGE_SIZE) as u32;
        assert_eq!(mm::contents(driver.0, init, 1), None, "freed");
    });
}

#[test]
fn the_working_set_of_a_second_driver_is_its_own() {
    survives(test_path!(), || {
        let first = Driver::load();
        let second = Driver::load_as("second.sys").unwrap();
        first.ask("MmPageEntireDriver", first.at(TEXT));
        mm::trim();
        assert_eq!(first.valid(), [] as [usize; 0]);
        assert_eq!(second.pageable(), [2, 3, 6, 7]);
        assert_eq!(second.read(first.at(RDATA)), word(0), "one driver may read another");
        assert_eq!(first.valid(), [RDATA / PAGE_SIZE]);
    });
}

#[test]
fn counters_tell_what_is_pageable_and_what_of_it_is_valid() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let pages = || {
            let counters = mm::counters();
            (counters.driver_pages_total, counters.driver_pages_resident)
        };
        assert_eq!(pages(), (4, 4));
        mm::trim();
        assert_eq!(pages(), (4, 0));
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        let all = driver.pages().len() as u64;
        // Of the three pages that the call itself needed, two are resident by link.
        assert_eq!(pages().0, all);
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
        assert_eq!(pages().0, 4);
    });
}
