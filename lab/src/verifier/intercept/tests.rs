use std::ffi::c_void;

use pagewise_lab_wire::{BugCheck, Verifier};

use super::table::{ROWS, WITHOUT_PAGE};
use super::*;
use crate::exports;
use crate::ke::irql::{APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::Driver;
use crate::verifier;

fn compliance() {
    verifier::set(&Verifier { ddi_compliance: true, ..Verifier::default() });
}

/// Has the driver call the routine by its import.
fn call(driver: Driver, name: &str, arguments: [usize; 2]) -> usize {
    let target = exports::resolve(exports::KERNEL, name).unwrap();
    driver.call_with(entry(name, target), arguments)
}

#[test]
fn every_routine_that_is_provided_has_a_row_and_every_row_a_routine() {
    let exports: HashSet<_> = exports::all().map(exports::Export::name).collect();
    for name in &exports {
        // Variables are not called.
        let variable = matches!(*name, "NtBuildNumber" | "KeNumberProcessors")
            || name.ends_with("Type")
            || name.ends_with("ObjectType");
        let known = ROWS.iter().any(|row| row.name == *name) || WITHOUT_PAGE.contains(name);
        assert!(known || variable, "{name}: add what its page says of the IRQL to table.rs");
    }
    for row in ROWS {
        assert!(exports.contains(row.name), "{} is not provided", row.name);
    }
    assert!(ROWS.is_sorted_by_key(|row| row.name));
}

#[test]
fn a_routine_is_reached_with_all_its_arguments_whether_it_is_looked_at_or_not() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let mut string = [0_u64; 2];
        let text: Vec<u16> = "abc\0".encode_utf16().collect();
        for on in [false, true] {
            verifier::set(&Verifier { ddi_compliance: on, ..Verifier::default() });
            string[0] = 0;
            let to = (&raw mut string).addr();
            call(driver, "RtlInitUnicodeString", [to, text.as_ptr().addr()]);
            // Between the lengths and the address there is padding.
            assert_eq!((string[0] as u32, string[1]), (8 << 16 | 6, text.as_ptr().addr() as u64));
            // Two strings, and a third argument that is whatever it is.
            let equal = call(driver, "RtlCompareUnicodeString", [to, to]);
            assert_eq!(equal as u32, 0);
        }
    });
}

fn at(level: u8, name: &str, test: &str) -> BugCheck {
    bug_check_of(test, || {
        let driver = Driver::load();
        compliance();
        irql::raise(level);
        let nothing = [0_u64; 64];
        call(driver, name, [nothing.as_ptr().addr(); 2]);
    })
}

#[test]
fn a_rule_is_the_first_parameter_and_its_words_are_the_second() {
    let report = at(DISPATCH_LEVEL, "ExDeleteResourceLite", test_path!());
    assert_eq!((report.code, report.parameters[0]), (0xC4, 0x20007));
    assert_eq!(report.parameters[2..], [0, 0]);
    let words = &report.meaning[1];
    assert!(words.contains("ExDeleteResourceLite") && words.contains("IRQL <= 1"), "{words}");
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
}

#[test]
fn where_no_rule_has_a_number_it_is_the_incorrect_irql() {
    let report = at(APC_LEVEL, "RtlCompareUnicodeString", test_path!());
    assert_eq!((report.code, report.parameters[0], report.parameters[1]), (0xC4, 0xE5, 1));
    assert!(report.meaning[2].contains("RtlCompareUnicodeString"), "{:?}", report.meaning);
}

#[test]
fn a_level_that_is_too_low_is_found_too() {
    let report = at(PASSIVE_LEVEL, "KeReleaseInStackQueuedSpinLockFromDpcLevel", test_path!());
    assert_eq!((report.code, report.parameters[0], report.parameters[1]), (0xC4, 0xE5, 0));
}

#[test]
fn nothing_is_looked_at_while_nothing_is_on() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let string = [0_u64; 2];
        let old = irql::raise(DISPATCH_LEVEL);
        let same = call(driver, "RtlCompareUnicodeString", [string.as_ptr().addr(); 2]);
        irql::lower(old);
        assert_eq!(same as u32, 0);
    });
}

#[test]
fn allocations_beside_pool_fail_too_and_say_so_in_their_own_way() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let irp = || call(driver, "IoAllocateIrp", [1, 0]);
        assert_ne!(irp(), 0);
        verifier::set(&Verifier { low_resources: 1, ..Verifier::default() });
        assert_eq!(irp(), 0);
        let device: *const c_void = std::ptr::null();
        assert_eq!(call(driver, "IoAllocateWorkItem", [device.addr(), 0]), 0);
        verifier::set(&Verifier::default());
        assert_ne!(irp(), 0);
    });
}
