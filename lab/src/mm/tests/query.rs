//! What drivers may ask.

use std::ffi::c_void;
use std::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_nt as nt;

use crate::testing::child::{survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, INIT, PAGEDATA, TEXT};
use crate::{exports, image, mm};

fn is_valid(driver: Driver, address: *const c_void) -> bool {
    driver.ask("MmIsAddressValid", address) & 0xff != 0
}

#[test]
fn an_address_is_valid_while_its_page_is() {
    survives(test_path!(), || {
        let driver = Driver::load();
        assert!(is_valid(driver, driver.at(PAGEDATA + PAGE_SIZE - 1)));
        mm::trim();
        assert!(!is_valid(driver, driver.at(PAGEDATA + PAGE_SIZE - 1)), "in transition");
        assert!(is_valid(driver, driver.at(DATA_SECTION)));
        mm::purge();
        assert!(!is_valid(driver, driver.at(PAGEDATA)), "on disk");
        assert_eq!(mm::counters().hard_faults, 0, "asking brings nothing in");
        driver.read(driver.at(PAGEDATA));
        assert!(is_valid(driver, driver.at(PAGEDATA)));
        image::discard_init(driver.0);
        assert!(!is_valid(driver, driver.at(INIT)), "freed");
    });
}

#[test]
fn outside_images_the_host_is_asked() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let gone = Driver::load_as("gone.sys").unwrap();
        let heap = Box::new(0_u64);
        assert!(is_valid(driver, ptr::from_ref(&*heap).cast()));
        assert!(!is_valid(driver, ptr::null()));
        assert!(!is_valid(driver, ptr::without_provenance(0x6000_0000_0000)));
        assert!(!is_valid(driver, ptr::without_provenance(usize::MAX)));
        image::unload(gone.0);
        assert!(!is_valid(driver, gone.at(TEXT)), "unloaded");
    });
}

#[test]
fn routines_are_found_by_name_or_not_at_all() {
    survives(test_path!(), || {
        let driver = Driver::load();
        let find = |name: &str| {
            let units: Vec<u16> = name.encode_utf16().collect();
            let string = nt::unicode_string(&units).unwrap();
            driver.ask("MmGetSystemRoutineAddress", ptr::from_ref(&string).cast())
        };
        let expected = exports::resolve(exports::KERNEL, "MmPageEntireDriver").unwrap();
        assert_eq!(find("MmPageEntireDriver"), expected);
        assert_eq!(find("MmDoesNotExist"), 0);
        assert_eq!(find(""), 0);
    });
}
