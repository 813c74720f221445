//! References that end the machine, each with the documented code and parameters.

use std::ffi::c_void;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::{BugCheck, Verifier};

use crate::ke::irql;
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, INIT, PAGECODE, PAGEDATA, RDATA, TEXT};
use crate::{image, mm, verifier};

/// The base of the driver in a report.
fn base(report: &BugCheck) -> u64 {
    report.modules.iter().find(|module| module.name == "tiny.sys").unwrap().base
}

#[test]
fn reading_a_trimmed_page_at_dispatch_level_is_0xd1() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        irql::raise(2);
        driver.read(driver.at(PAGEDATA + 8));
    });
    let (target, pc) = (base(&report) + PAGEDATA as u64 + 8, base(&report) + TEXT as u64);
    assert_eq!((report.code, report.parameters), (0xD1, [target, 2, 0, pc]));
    assert_eq!(report.name, "DRIVER_IRQL_NOT_LESS_OR_EQUAL");
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
    assert_eq!(report.victim.as_deref(), Some("tiny.sys"));
    assert_eq!(report.section.as_deref(), Some("PAGEDATA"));
    assert_eq!(report.irql, 2);
    assert!(report.advice.contains("pageable by its name"), "{}", report.advice);
}

#[test]
fn reading_a_valid_pageable_page_at_dispatch_level_goes_unseen() {
    survives(test_path!(), || {
        let driver = Driver::load();
        irql::raise(2);
        driver.read(driver.at(PAGEDATA));
        irql::lower(0);
    });
}

#[test]
fn force_irql_checking_makes_it_seen() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        verifier::set(&Verifier { force_irql: true, ..Verifier::default() });
        irql::raise(2);
        driver.read(driver.at(PAGEDATA));
    });
    assert_eq!(report.code, 0xD1);
}

#[test]
fn force_irql_checking_leaves_resident_memory_alone() {
    survives(test_path!(), || {
        let driver = Driver::load();
        verifier::set(&Verifier { force_irql: true, ..Verifier::default() });
        let old = irql::raise(2);
        driver.read(driver.at(DATA_SECTION));
        irql::lower(old);
        driver.read(driver.at(PAGEDATA));
        assert_eq!(mm::counters().trims, 1);
    });
}

#[test]
fn writing_a_purged_page_at_dispatch_level_is_0xd1() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        mm::purge();
        irql::raise(5);
        driver.write(driver.at(PAGEDATA), 1);
    });
    assert_eq!((report.code, report.parameters[1], report.parameters[2]), (0xD1, 5, 1));
}

#[test]
fn executing_a_trimmed_page_at_dispatch_level_is_0xd1_with_its_own_address_twice() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        irql::raise(2);
        driver.call(driver.at(PAGECODE));
    });
    let target = base(&report) + PAGECODE as u64;
    assert_eq!((report.code, report.parameters), (0xD1, [target, 2, 8, target]));
    // The stack leads from the page that was not there through the driver into the machine.
    let frames: Vec<_> =
        report.stack.iter().map(|frame| (frame.module.as_deref(), frame.rva)).collect();
    assert_eq!(frames[0], (Some("tiny.sys"), Some(PAGECODE as u32)));
    assert_eq!(frames[1], (Some("tiny.sys"), Some(TEXT as u32 + 0x26)));
    assert_eq!(report.stack[2].module.as_deref(), Some("ntoskrnl.exe"));
    let function = report.stack[2].function.as_deref().unwrap();
    assert!(function.contains("Driver::call"), "{function}");
}

#[test]
fn the_machine_touching_a_drivers_page_at_dispatch_level_is_0xd3_naming_the_driver() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.ask("MmPageEntireDriver", driver.at(TEXT));
        mm::trim();
        let _raised = irql::Raised::to(2);
        // SAFETY: mapped, but nobody may fault here: the handler stops the machine.
        unsafe { driver.at(DATA_SECTION).cast::<u64>().write_volatile(1) };
    });
    assert_eq!((report.code, report.parameters[1], report.parameters[2]), (0xD3, 2, 1));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
    assert_eq!(report.section.as_deref(), Some(".data"));
    assert!(report.advice.contains("MmPageEntireDriver"), "{}", report.advice);
}

#[test]
fn another_driver_touching_the_page_is_named_and_the_owner_is_the_victim() {
    let report = bug_check_of(test_path!(), || {
        let owner = Driver::load();
        let other = Driver::load_as("framework.sys").unwrap();
        owner.ask("MmPageEntireDriver", owner.at(TEXT));
        mm::trim();
        irql::raise(2);
        other.read(owner.at(DATA_SECTION));
    });
    assert_eq!(report.code, 0xD1);
    assert_eq!(report.blamed.as_deref(), Some("framework.sys"));
    assert_eq!(report.victim.as_deref(), Some("tiny.sys"));
    assert!(report.advice.contains("the page is tiny.sys's"), "{}", report.advice);
}

#[test]
fn a_wild_pointer_at_dispatch_level_is_0xd1_too() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        irql::raise(2);
        driver.read(ptr::without_provenance(0x7000));
    });
    assert_eq!((report.code, report.parameters[0]), (0xD1, 0x7000));
    assert_eq!(report.victim, None);
}

#[test]
fn calling_discarded_code_is_0x50_at_passive_level() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        assert_eq!(driver.call(driver.at(INIT)), 0x3333);
        image::discard_init(driver.0);
        driver.call(driver.at(INIT));
    });
    let target = base(&report) + INIT as u64;
    assert_eq!((report.code, report.parameters), (0x50, [target, 0x10, target, 0]));
    assert_eq!(report.section.as_deref(), Some("INIT"));
    assert!(report.advice.contains("IMAGE_SCN_MEM_DISCARDABLE"), "{}", report.advice);
}

#[test]
fn a_wild_pointer_at_passive_level_is_0x50() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.write(ptr::without_provenance_mut(0x6000_0000_0000), 1);
    });
    assert_eq!(report.code, 0x50);
    assert_eq!((report.parameters[0], report.parameters[1]), (0x6000_0000_0000, 2));
    assert_eq!(report.parameters[3], 2);
}

#[test]
fn a_null_pointer_at_passive_level_is_an_unhandled_access_violation() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.read(ptr::null::<c_void>());
    });
    let pc = base(&report) + TEXT as u64;
    assert_eq!((report.code, report.parameters), (0x1E, [0xc000_0005, pc, 0, 0]));
}

#[test]
fn writing_constants_is_0xbe_at_any_irql() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        irql::raise(2);
        driver.write(driver.at(RDATA), 1);
    });
    assert_eq!((report.code, report.parameters[0]), (0xBE, base(&report) + RDATA as u64));
}

#[test]
fn executing_data_is_0xfc() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.call(driver.at(DATA_SECTION));
    });
    assert_eq!((report.code, report.parameters[0]), (0xFC, base(&report) + DATA_SECTION as u64));
}

#[test]
fn a_page_that_cannot_be_read_is_0x7a() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        mm::purge();
        mm::paging_file().unwrap().file().set_len(0).unwrap();
        driver.read(driver.at(PAGEDATA));
    });
    let target = base(&report) + PAGEDATA as u64;
    assert_eq!((report.code, report.parameters), (0x7A, [1, 0xc000_0185, 0, target]));
}

#[test]
fn code_of_an_unloaded_driver_is_0xce_or_0xd4() {
    let low = bug_check_of(test_path!(), || {
        let gone = Driver::load_as("gone.sys").unwrap();
        let driver = Driver::load();
        image::unload(gone.0);
        driver.call(gone.at(PAGECODE));
    });
    assert_eq!(low.code, 0xCE);
    assert_eq!(low.blamed.as_deref(), Some("gone.sys"));
    assert_eq!(low.stack[1].module.as_deref(), Some("tiny.sys"), "who called it");
}

#[test]
fn data_of_an_unloaded_driver_is_0xd4_at_dispatch_level() {
    let report = bug_check_of(test_path!(), || {
        let gone = Driver::load_as("gone.sys").unwrap();
        let driver = Driver::load();
        image::unload(gone.0);
        irql::raise(2);
        driver.write(gone.at(DATA_SECTION), 1);
    });
    assert_eq!((report.code, report.parameters[1], report.parameters[2]), (0xD4, 2, 1));
    assert_eq!(report.victim.as_deref(), Some("gone.sys"));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
}

#[test]
fn traps_are_unhandled_exceptions() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        // What follows the routines is int3.
        driver.call(driver.at(TEXT + 0x800));
    });
    let at = base(&report) + TEXT as u64 + 0x800;
    assert_eq!((report.code, report.parameters), (0x1E, [0x8000_0003, at, 0, 0]));
}

#[test]
fn a_driver_that_asks_for_it_is_named() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        driver.kernel("KeBugCheck", [0xE2, 0]);
    });
    assert_eq!((report.code, report.name.as_str()), (0xE2, "MANUALLY_INITIATED_CRASH"));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
    let kernel = &report.stack[0];
    assert_eq!(kernel.module.as_deref(), Some("ntoskrnl.exe"));
    assert!(kernel.function.as_deref().unwrap().contains("KeBugCheck"), "{kernel:?}");
}

#[test]
fn the_first_of_many_bug_checks_is_the_one() {
    let report = bug_check_of(test_path!(), || {
        let driver = Driver::load();
        mm::trim();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    mm::attach_thread();
                    irql::raise(2);
                    driver.read(driver.at(PAGEDATA + PAGE_SIZE));
                });
            }
        });
    });
    assert_eq!(report.code, 0xD1);
}

#[test]
fn a_stack_that_is_used_up_is_a_double_fault() {
    #[expect(unconditional_recursion, reason = "the point of it")]
    fn recurse(depth: u64) -> u64 {
        let room = std::hint::black_box([depth; 64]);
        recurse(room[1] + 1) + room[0]
    }
    let report = bug_check_of(test_path!(), || {
        let thread = std::thread::spawn(|| {
            mm::attach_thread();
            recurse(0)
        });
        thread.join().unwrap();
    });
    assert_eq!((report.code, report.parameters[0]), (0x7F, 8));
}
