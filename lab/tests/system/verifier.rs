//! The verifier as a judge: each sin of `sins.sys` (lab/wdf/exercise/sins.c) is found out, with the
//! documented code and parameters; and the shipping driver is guilty of none.

use crate::common::{Booted, READ_WRITE, artifacts, boot, boot_with, control};
use crate::twins::verdict;
use pagewise_contract::Guid;
use pagewise_lab_wire::{
    BugCheck, Client, Completion, Control, ControlReply, Detail, Error, Frame, Token,
};

const INTERFACE: Guid = Guid {
    data1: 0x5149_e05e,
    data2: 0x6a30,
    data3: 0x4f6b,
    data4: [0x8c, 0x4e, 0x73, 0x69, 0x6e, 0x73, 0x69, 0x73],
};

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, FILE_ANY_ACCESS)`
const fn code(function: u32) -> u32 {
    0x22 << 16 | function << 2
}

const NO_SIN: u32 = code(0x800);
const LEAK: u32 = code(0x801);
const OVERRUN: u32 = code(0x802);
const OVERRUN_TAIL: u32 = code(0x803);
const UNDERRUN: u32 = code(0x804);
const USE_AFTER_FREE: u32 = code(0x805);
const DOUBLE_FREE: u32 = code(0x806);
const READ_BEYOND: u32 = code(0x807);
const PAGED_OVERRUN: u32 = code(0x808);
const PAGED_USE_AFTER_FREE: u32 = code(0x809);
const PAGED_AT_DISPATCH: u32 = code(0x80a);
const ONE_BIT: u32 = code(0x80b);
const FREE_INSIDE: u32 = code(0x80c);

const RTL_AT_DISPATCH: u32 = code(0x810);
const ZW_AT_APC: u32 = code(0x811);
const WAIT_AT_DISPATCH: u32 = code(0x812);
const COMPLETE_TWICE: u32 = code(0x820);
const NEVER_COMPLETE: u32 = code(0x821);
const COMPLETE_CANCELLED: u32 = code(0x822);
const PAGED_EVENT: u32 = code(0x830);
const SECTION_TIMER: u32 = code(0x831);
const PAGED_SPIN_LOCK: u32 = code(0x832);
const PAGED_FAST_MUTEX: u32 = code(0x833);
const PAGED_RESOURCE: u32 = code(0x834);
const PAGED_MUTEX: u32 = code(0x835);
const LOCK_ORDER: u32 = code(0x840);
const MUTEX_ORDER: u32 = code(0x841);
const MIXED_ORDER: u32 = code(0x842);
const WRONG_RELEASE: u32 = code(0x843);
const TRY_ALLOCATE: u32 = code(0x850);
const CARELESS: u32 = code(0x851);

/// Profiles and settings on the command line.
const QUICK: &[&str] = &["--verifier", "quick"];
const STANDARD: &[&str] = &["--verifier", "standard"];
const TORTURE: &[&str] = &["--verifier", "torture"];

fn sinner(arguments: &[&str]) -> Booted {
    boot_with(&artifacts().join("sins.sys"), arguments)
}

fn open(client: &mut Client) -> u32 {
    let opened = client.open(&INTERFACE, READ_WRITE, Token::Administrator).expect("an answer");
    assert_eq!(opened.status, 0, "open: NTSTATUS {:#010x}", opened.status);
    opened.handle
}

fn sin(client: &mut Client, handle: u32, code: u32) -> Result<Completion, Error> {
    client.ioctl(handle, code, &[], 0)
}

/// The bug check that a sin ends in.
fn judged(arguments: &[&str], code: u32) -> BugCheck {
    let booted = sinner(arguments);
    let mut client = booted.connect();
    let handle = open(&mut client);
    let end = sin(&mut client, handle, code);
    assert!(matches!(end, Err(Error::MachineGone)), "{code:#x}: {end:?}");
    booted.bug_check()
}

/// A sin goes unpunished, and the machine shuts down as if nothing were wrong.
fn unnoticed(arguments: &[&str], code: u32) {
    let booted = sinner(arguments);
    let mut client = booted.connect();
    let handle = open(&mut client);
    let end = sin(&mut client, handle, code).expect("a machine");
    assert_eq!(end.status, 0, "{code:#x}");
    client.close(handle).unwrap();
    drop(client);
    booted.shut_down();
}

/// The place is in the driver, in this function, and the PDB tells the line.
fn is_at(at: Option<&Frame>, function: &str) {
    let frame = at.expect("a place");
    assert_eq!(frame.module.as_deref(), Some("sins.sys"), "{frame:?}");
    assert_eq!(frame.function.as_deref(), Some(function), "{frame:?}");
    assert!(frame.source.as_deref().is_some_and(|line| line.contains("sins.c:")), "{frame:?}");
}

fn detail<'a>(report: &'a BugCheck, words: &str) -> &'a Detail {
    let found = report.details.iter().find(|detail| detail.what.contains(words));
    found.unwrap_or_else(|| panic!("no {words:?} in {:#?}", report.details))
}

#[test]
fn a_driver_without_sin_is_found_guilty_of_nothing() {
    for profile in [QUICK, STANDARD, TORTURE] {
        unnoticed(profile, NO_SIN);
    }
}

#[test]
fn the_shipping_driver_passes_every_check_under_every_profile() {
    for profile in [QUICK, STANDARD, TORTURE] {
        let booted = boot(profile);
        // What the machine cannot decide while it evicts all the time is skipped, and failed is none.
        assert_eq!(verdict(&booted), (Some(0), Vec::new()), "{profile:?}");
        // And the machine has nothing to say against it.
        booted.shut_down();
    }
}

#[test]
fn torture_outlasts_what_a_client_turns_off() {
    let booted = sinner(TORTURE);
    let mut client = booted.connect();
    control(&mut client, &Control::Verify(Default::default()));
    let handle = open(&mut client);
    let end = sin(&mut client, handle, USE_AFTER_FREE);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    assert_eq!(booted.bug_check().code, 0xD5);
}

#[test]
fn a_leak_is_told_by_tag_and_place_when_the_driver_is_unloaded() {
    let booted = sinner(QUICK);
    let mut client = booted.connect();
    let handle = open(&mut client);
    assert_eq!(sin(&mut client, handle, LEAK).unwrap().status, 0);
    client.close(handle).unwrap();
    control(&mut client, &Control::Unplug { surprise: false });
    let end = client.control(&Control::Unload);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!((report.code, report.parameters[0]), (0xC4, 0x62));
    assert_eq!(report.parameters[3], 3, "{:#?}", report.details);
    assert_eq!(report.details.len(), 2, "{:#?}", report.details);
    let paged = detail(&report, r#"1 block of paged pool, 500 bytes, tag "PSin""#);
    is_at(paged.at.as_ref(), "Allocate");
    let nonpaged = detail(&report, r#"2 blocks of nonpaged pool, 200 bytes, tag "PSin""#);
    is_at(nonpaged.at.as_ref(), "Allocate");
    assert_ne!(nonpaged.at, paged.at);
}

#[test]
fn a_leak_goes_unseen_where_pool_is_not_tracked() {
    unnoticed(&[], LEAK);
}

#[test]
fn an_overrun_and_a_use_after_free_fault_in_special_pool() {
    let cases = [
        (STANDARD, OVERRUN, 0xD6, 1),
        (STANDARD, PAGED_OVERRUN, 0xD6, 1),
        (STANDARD, READ_BEYOND, 0xCD, 0),
        (STANDARD, USE_AFTER_FREE, 0xD5, 0),
        (TORTURE, PAGED_USE_AFTER_FREE, 0xD5, 0),
        (&["--special-pool", "start"], UNDERRUN, 0xD6, 1),
    ];
    for (arguments, code, expected, access) in cases {
        let report = judged(arguments, code);
        assert_eq!((report.code, report.parameters[1]), (expected, access), "{code:#x}");
        let block = detail(&report, r#"64 bytes of"#);
        assert!(block.what.contains("\"PSin\""), "{block:?}");
        is_at(block.at.as_ref(), "Allocate");
        if matches!(code, USE_AFTER_FREE | PAGED_USE_AFTER_FREE) {
            is_at(detail(&report, "it was freed").at.as_ref(), "Free");
        }
        let driver = expected != 0xCD;
        assert_eq!(report.blamed.as_deref() == Some("sins.sys"), driver, "{:?}", report.blamed);
        assert!(report.stack.iter().any(|frame| {
            frame.module.as_deref() == Some("sins.sys") && frame.source.is_some()
        }));
    }
}

#[test]
fn what_was_written_beside_a_block_is_found_when_it_is_freed() {
    for (code, fourth, distance) in
        [(OVERRUN_TAIL, 0x24, 100), (UNDERRUN, 0x23, -1), (ONE_BIT, 0x32, -1)]
    {
        let report = judged(STANDARD, code);
        assert_eq!((report.code, report.parameters[3]), (0xC1, fourth), "{code:#x}");
        let at = report.parameters[1].wrapping_sub(report.parameters[0]).cast_signed();
        assert_eq!(at, distance);
        assert_eq!(report.blamed.as_deref(), Some("sins.sys"));
    }
}

#[test]
fn blocks_are_freed_once_and_at_their_beginning_and_allocated_where_they_may_be() {
    let twice = judged(STANDARD, DOUBLE_FREE);
    assert_eq!((twice.code, twice.parameters[0]), (0xC4, 0x13));
    is_at(detail(&twice, "it was freed").at.as_ref(), "Free");
    let inside = judged(STANDARD, FREE_INSIDE);
    assert_eq!((inside.code, inside.parameters[3]), (0xC1, 0x21));
    let paged = judged(QUICK, PAGED_AT_DISPATCH);
    assert_eq!((paged.code, &paged.parameters[..]), (0xC4, &[0x1, 2, 1, 64][..]));
    let unverified = judged(&[], PAGED_AT_DISPATCH);
    assert_eq!((unverified.code, &unverified.parameters[..]), (0xC2, &[0x8, 2, 1, 64][..]));
}

#[test]
fn routines_are_called_at_the_irql_of_their_pages() {
    let passive = judged(QUICK, RTL_AT_DISPATCH);
    assert_eq!((passive.code, passive.parameters[0], passive.parameters[1]), (0xC4, 0xE5, 2));
    assert!(passive.meaning[2].contains("RtlCompareUnicodeString"), "{:?}", passive.meaning);
    let registry = judged(QUICK, ZW_AT_APC);
    assert_eq!((registry.code, registry.parameters[0]), (0xC4, 0x2001F));
    let wait = judged(QUICK, WAIT_AT_DISPATCH);
    assert_eq!((wait.code, wait.parameters[0], wait.parameters[1]), (0xC4, 0x3B, 2));
    for report in [passive, registry, wait] {
        assert_eq!(report.blamed.as_deref(), Some("sins.sys"));
        let caller = report.stack.iter().find(|frame| frame.module.as_deref() == Some("sins.sys"));
        is_at(caller, "SinOfIrql");
    }
}

/// The places that were failed so far: the innermost return address in the driver itself.
fn failed_sites(client: &mut Client) -> Vec<String> {
    match client.control(&Control::AllocationSites).expect("a machine") {
        ControlReply::AllocationSites { sites } => {
            sites.into_iter().filter_map(|site| site.places.last().cloned()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_place_that_allocates_fails_once_and_then_none_any_more() {
    // The driver starts although everything that its start allocates fails once.
    let booted = sinner(&["--low-resources", "systematic", "--verifier", "quick"]);
    let mut client = booted.connect();
    let mut handle = None;
    while handle.is_none() {
        let opened = client.open(&INTERFACE, READ_WRITE, Token::Administrator).unwrap();
        handle = (opened.status == 0).then_some(opened.handle);
    }
    let handle = handle.expect("opened");
    let mut failures = 0;
    while sin(&mut client, handle, TRY_ALLOCATE).unwrap().status != 0 {
        failures += 1;
        assert!(failures < 100, "{:#?}", failed_sites(&mut client));
    }
    // Pool, an IRP, an MDL, a work item, a string, and what the framework allocates for a memory.
    assert!(failures >= 6, "{failures}: {:#?}", failed_sites(&mut client));
    let sites = failed_sites(&mut client);
    let own = sites.iter().filter(|place| place.starts_with("sins.sys+"));
    assert!(own.count() >= failures, "{sites:#?}");
    for _ in 0..20 {
        assert_eq!(sin(&mut client, handle, TRY_ALLOCATE).unwrap().status, 0);
    }
    assert_eq!(failed_sites(&mut client), sites, "no place is come by that has not failed");
    client.close(handle).unwrap();
    drop(client);
    // And nothing of what failed halfway is left behind.
    booted.shut_down();
}

#[test]
fn who_does_not_look_whether_there_was_memory_dies_of_it() {
    unnoticed(&["--low-resources", "1000000", "--seed", "1"], CARELESS);
    let report = {
        let booted = sinner(&["--low-resources", "systematic"]);
        let mut client = booted.connect();
        let handle = loop {
            let opened = client.open(&INTERFACE, READ_WRITE, Token::Administrator).unwrap();
            if opened.status == 0 {
                break opened.handle;
            }
        };
        // The framework's own allocation for the request may be what fails first.
        let end = (0..10).find_map(|_| sin(&mut client, handle, CARELESS).err());
        assert!(matches!(end, Some(Error::MachineGone)), "{end:?}");
        booted.bug_check()
    };
    assert_eq!((report.code, report.parameters[0]), (0x1E, 0xC000_0005));
    assert_eq!(report.blamed.as_deref(), Some("sins.sys"));
}

#[test]
fn the_shipping_driver_survives_the_failure_of_each_place_once() {
    let booted = boot(&["--low-resources", "systematic", "--verifier", "quick"]);
    let mut client = booted.connect();
    // Everything that the checks come by fails at least once: they may fail, the machine may not.
    for _ in 0..3 {
        verdict(&booted);
    }
    let sites = failed_sites(&mut client);
    assert!(sites.len() >= 8, "{sites:#?}");
    let (code, failed) = verdict(&booted);
    assert_eq!((code, failed), (Some(0), Vec::new()), "{sites:#?}");
    drop(client);
    booted.shut_down();
}

#[test]
fn synchronisation_objects_in_pageable_memory_are_found() {
    let objects = [
        PAGED_EVENT,
        SECTION_TIMER,
        PAGED_SPIN_LOCK,
        PAGED_FAST_MUTEX,
        PAGED_RESOURCE,
        PAGED_MUTEX,
    ];
    for code in objects {
        let report = judged(&["--force-irql"], code);
        assert_eq!((report.code, report.parameters[0]), (0xC4, 0xE1), "{code:#x}");
        assert_eq!(report.blamed.as_deref(), Some("sins.sys"), "{code:#x}");
        if code == SECTION_TIMER {
            let place = (report.victim.as_deref(), report.section.as_deref());
            assert_eq!(place, (Some("sins.sys"), Some("PAGEDATA")));
        }
    }
    unnoticed(&["--verifier", "quick"], SECTION_TIMER);
}

#[test]
fn locks_that_are_taken_both_ways_round_are_found_before_anybody_waits() {
    for (code, function) in
        [(LOCK_ORDER, "Both"), (MUTEX_ORDER, "BothMutexes"), (MIXED_ORDER, "SinOfOrder")]
    {
        let report = judged(&["--deadlock"], code);
        assert_eq!((report.code, report.parameters[0]), (0xC4, 0x1001), "{code:#x}");
        assert_eq!(report.details.len(), 4, "{:#?}", report.details);
        for step in &report.details {
            let frame = step.at.as_ref().expect("a place");
            assert_eq!(frame.module.as_deref(), Some("sins.sys"), "{step:?}");
            assert!(frame.source.as_deref().is_some_and(|line| line.contains("sins.c:")));
            let known = [function, "SinOfOrder"].contains(&frame.function.as_deref().unwrap());
            assert!(known, "{step:?}");
        }
        unnoticed(QUICK, code);
    }
    let release = judged(QUICK, WRONG_RELEASE);
    assert_eq!(release.code, 0x10, "SPIN_LOCK_NOT_OWNED");
}

#[test]
fn a_request_that_is_completed_twice_is_found() {
    let twice = judged(QUICK, COMPLETE_TWICE);
    assert_eq!((twice.code, twice.parameters[0]), (0x10D, 5), "the handle is none any more");
    let special = judged(STANDARD, COMPLETE_TWICE);
    // Under special pool even the look at the handle is one too many.
    assert_eq!((special.code, special.blamed.as_deref()), (0xD5, Some("wdfldr.sys")));
    let booted = sinner(QUICK);
    let mut client = booted.connect();
    let handle = open(&mut client);
    let id = client.start(handle, COMPLETE_CANCELLED, &[], 0).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    client.cancel(id).unwrap();
    let end = client.wait(id).and_then(|_| client.control(&Control::Counters));
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let cancelled = booted.bug_check();
    assert_eq!((cancelled.code, &cancelled.parameters[..2]), (0x10D, &[6, 2][..]));
}

#[test]
fn a_request_that_is_never_completed_is_found_when_its_device_goes() {
    let booted = sinner(QUICK);
    let mut client = booted.connect();
    let handle = open(&mut client);
    client.start(handle, NEVER_COMPLETE, &[], 0).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let end = client.control(&Control::Unplug { surprise: true });
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!((report.code, report.parameters[1]), (0x1D5, 0));
    assert!(report.parameters[3] >= 10_000, "{:?}", report.parameters);
    assert!(report.meaning[0].contains("pagewise"), "the INF's service: {:?}", report.meaning);
}
