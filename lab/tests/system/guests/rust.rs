//! The guests in Rust.

use super::{
    STATUS_INVALID_DEVICE_REQUEST, STATUS_NO_MORE_ENTRIES, WAYS, answer, boot, code, each_way,
    leave_nothing, numbers, open,
};
use crate::common::READ_WRITE;
use pagewise_lab_wire::{Client, Control, Error, Token, Verifier};

const STATUS_QUOTA_EXCEEDED: u32 = 0xC000_0044;
const STATUS_INVALID_DEVICE_STATE: u32 = 0xC000_0184;

fn ask(client: &mut Client, handle: u32, function: u32) -> Vec<u32> {
    numbers(client.ioctl(handle, code(function, 0, 0), &[], 12).unwrap())
}

fn status(client: &mut Client, handle: u32, function: u32) -> u32 {
    client.ioctl(handle, code(function, 0, 0), &[], 64).unwrap().status
}

const GREET: u32 = 0x800;
const FIGURES: u32 = 0x801;

fn greeting(client: &mut Client, handle: u32) -> String {
    let bytes = answer(client.ioctl(handle, code(GREET, 0, 0), &[], 64).unwrap());
    let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(u16::from_le_bytes).collect();
    String::from_utf16(&units).unwrap()
}

#[test]
fn a_driver_is_set_up_by_its_services_registry_values() {
    for way in WAYS {
        let values = ["--parameter", "Greeting=moin", "--parameter", "Limit=0x1"];
        let booted = boot("parameters", &[way, &values[..]].concat());
        let mut client = booted.connect();
        let handle = open(&mut client, r"\\.\Parameters");
        assert_eq!(greeting(&mut client, handle), "moin");
        assert_eq!(status(&mut client, handle, GREET), STATUS_QUOTA_EXCEEDED);
        client.close(handle).unwrap();
        leave_nothing(&mut client);
        booted.shut_down();
    }
}

#[test]
fn a_file_object_has_a_context_and_a_name_of_its_own() {
    each_way("parameters", |client| {
        let first = open(client, r"\\.\Parameters");
        let second = open(client, r"\\.\Parameters\a\file");
        assert_eq!(greeting(client, first), "hello", "the default");
        assert_eq!(greeting(client, first), "hello");
        assert_eq!(status(client, first, GREET), STATUS_QUOTA_EXCEEDED);
        assert_eq!(greeting(client, second), "hello", "the other handle's own count");
        assert_eq!(ask(client, first, FIGURES), [2, 3, 0]);
        assert_eq!(ask(client, second, FIGURES), [2, 1, 7], r"\a\file");
        client.close(second).unwrap();
        assert_eq!(ask(client, first, FIGURES), [1, 3, 0]);
        assert_eq!(status(client, first, 0x900), STATUS_INVALID_DEVICE_REQUEST);
        client.close(first).unwrap();
    });
}

#[test]
fn a_control_device_is_its_sddl_s() {
    each_way("parameters", |client| {
        let opened = client.open_name(r"\\.\Parameters", READ_WRITE, Token::User).unwrap();
        assert_eq!(opened.status, super::STATUS_ACCESS_DENIED);
        assert_eq!(opened.handle, 0);
    });
}

fn add(client: &mut Client, handle: u32, number: u32) {
    let end = client.ioctl(handle, code(0x800, 0, 0), &number.to_le_bytes(), 0).unwrap();
    assert_eq!(end.status, 0);
}

const TAKE: u32 = 0x801;
const COUNT: u32 = 0x802;

#[test]
fn a_collection_is_counted_by_a_work_item() {
    each_way("stock", |client| {
        let handle = open(client, r"\\.\Stock");
        assert_eq!(ask(client, handle, COUNT), [0, 0, 1]);
        assert_eq!(status(client, handle, TAKE), STATUS_NO_MORE_ENTRIES);
        for number in [3, 5, 7] {
            add(client, handle, number);
        }
        assert_eq!(ask(client, handle, COUNT), [15, 3, 2]);
        assert_eq!(ask(client, handle, TAKE), [3]);
        assert_eq!(ask(client, handle, COUNT), [12, 2, 3]);
        let counts: Vec<u64> =
            (0..20).map(|_| client.start(handle, code(COUNT, 0, 0), &[], 12).unwrap()).collect();
        let mut runs: Vec<u32> =
            counts.iter().map(|&id| numbers(client.wait(id).unwrap())[2]).collect();
        runs.sort_unstable();
        assert_eq!(runs, (4..24).collect::<Vec<_>>(), "each was counted once, under the wait lock");
        client.close(handle).unwrap();
        // What is left in the collection goes with the device.
    });
}

#[test]
fn a_device_can_come_back() {
    let booted = boot("stock", &["--force-irql"]);
    let mut client = booted.connect();
    for _ in 0..3 {
        let handle = open(&mut client, r"\\.\Stock");
        add(&mut client, handle, 1);
        assert_eq!(ask(&mut client, handle, COUNT), [1, 1, 1], "a new device has a new context");
        client.close(handle).unwrap();
        client.control(&Control::Unplug { surprise: false }).unwrap();
        let gone = client.open_name(r"\\.\Stock", READ_WRITE, Token::System).unwrap().status;
        assert_eq!(gone, super::STATUS_OBJECT_NAME_NOT_FOUND, "and the link goes with the old");
        client.control(&Control::Plug).unwrap();
    }
    leave_nothing(&mut client);
    booted.shut_down();
}

const LOW: u32 = 0x800;
const LOCK: u32 = 0x801;
const UNLOCK: u32 = 0x802;
const HIGH: u32 = 0x803;
const RASH: u32 = 0x804;
const RESIDENT: u32 = 0x805;

#[test]
fn a_pageable_section_that_is_locked_can_be_used_under_a_spin_lock() {
    each_way("pageable", |client| {
        let handle = open(client, r"\\.\Pageable");
        client.control(&Control::Evict).unwrap();
        let low = ask(client, handle, LOW);
        assert_eq!(status(client, handle, HIGH), STATUS_INVALID_DEVICE_STATE);
        assert_eq!(status(client, handle, UNLOCK), STATUS_INVALID_DEVICE_STATE);
        for _ in 0..2 {
            assert_eq!(status(client, handle, LOCK), 0);
        }
        client.control(&Control::Evict).unwrap();
        assert_eq!(ask(client, handle, HIGH), low);
        assert_eq!(status(client, handle, UNLOCK), 0);
        assert_eq!(ask(client, handle, HIGH), low, "one lock is left");
        assert_eq!(status(client, handle, UNLOCK), 0);
        assert_eq!(status(client, handle, HIGH), STATUS_INVALID_DEVICE_STATE);
        assert_eq!(ask(client, handle, RESIDENT), [302], "100 at level 0, 200 at level 2");
        client.close(handle).unwrap();
    });
}

#[test]
fn a_pageable_section_that_is_not_locked_stops_the_machine_by_name() {
    let booted = boot("pageable", &[]);
    let mut client = booted.connect();
    let handle = open(&mut client, r"\\.\Pageable");
    // Without eviction it goes well by chance, as on a machine with much memory.
    ask(&mut client, handle, LOW);
    assert_eq!(status(&mut client, handle, RASH), 0);
    let force = Verifier { force_irql: true, ..Verifier::default() };
    client.control(&Control::Verify(force)).unwrap();
    let end = client.ioctl(handle, code(RASH, 0, 0), &[], 4);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!((report.code, report.parameters[1]), (0xD1, 2));
    assert_eq!(report.parameters[2], 8, "an instruction was to be fetched");
    assert_eq!(report.victim.as_deref(), Some("pageable.sys"));
    assert_eq!(report.section.as_deref(), Some("PAGELK"));
}
