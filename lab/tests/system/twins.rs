//! Drivers broken on purpose, each caught: by a bug check with the documented code and parameters
//! where Windows would die, by the test app where the driver merely lies. Beside each stands the
//! shipping driver under the same treatment, which must survive it.

use std::process::Command;

use crate::common::{Booted, READ_WRITE, artifacts, boot, boot_twin, control, fatal, open};
use pagewise_contract::{
    Ioctl, LockReply, LockRequest, PagingAction, PagingRequest, SectionKind, Sections, State,
    TouchKind, TouchReply, TouchRequest,
};
use pagewise_lab_wire::{Client, Completion, Control, ControlReply, Error, Verifier};
use serde_json::Value;
use zerocopy::{FromBytes, IntoBytes};

const DRIVER_IRQL_NOT_LESS_OR_EQUAL: u32 = 0xD1;
const MEMORY_MANAGEMENT: u32 = 0x1A;
const PAGE_FAULT_IN_NONPAGED_AREA: u32 = 0x50;
const DISPATCH_LEVEL: u64 = 2;
const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;

/// Pages everything out and then pulls the device.
fn unplug_while_evicted(booted: &Booted) -> Result<(), Error> {
    let mut client = booted.connect();
    control(&mut client, &Control::Evict);
    client.control(&Control::Unplug { surprise: false }).map(drop)
}

/// Asks for everything, and touches every page, under force IRQL checking.
fn ask_everything(booted: &Booted) -> Result<(), Error> {
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    let verifier = Verifier { force_irql: true, ..Verifier::default() };
    control(&mut client, &Control::Verify(verifier));
    for ioctl in Ioctl::ALL {
        // Empty requests: most are refused, and being refused is a path, too.
        client.ioctl(handle, ioctl.code(), &[], 4096)?;
    }
    let page = PagingRequest { action: PagingAction::PageEntire as u32 };
    let length = size_of::<State>() as u32;
    client.ioctl(handle, Ioctl::SetPaging.code(), page.as_bytes(), length)?;
    let end = client.ioctl(handle, Ioctl::State.code(), &[], length)?;
    let state = State::read_from_bytes(&end.output).expect("STATE has its size");
    for first_page in 0..state.pages {
        let touch = TouchRequest { first_page, pages: 1, kind: TouchKind::Read as u32 };
        let length = size_of::<TouchReply>() as u32;
        client.ioctl(handle, Ioctl::Touch.code(), touch.as_bytes(), length)?;
    }
    Ok(())
}

/// Locks a section once and unlocks it twice; how the last of the three ended.
fn unlock_too_often(booted: &Booted) -> Result<Completion, Error> {
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    let reset = PagingRequest { action: PagingAction::Reset as u32 };
    let length = size_of::<State>() as u32;
    let end = client.ioctl(handle, Ioctl::SetPaging.code(), reset.as_bytes(), length)?;
    assert_eq!(end.status, 0);
    let request = LockRequest { section: pageable_section(&mut client, handle)? };
    let length = size_of::<LockReply>() as u32;
    for ioctl in [Ioctl::Lock, Ioctl::Unlock] {
        let end = client.ioctl(handle, ioctl.code(), request.as_bytes(), length)?;
        assert_eq!(end.status, 0, "{}", ioctl.name());
    }
    client.ioctl(handle, Ioctl::Unlock.code(), request.as_bytes(), length)
}

fn pageable_section(client: &mut Client, handle: u32) -> Result<u32, Error> {
    let end = client.ioctl(handle, Ioctl::Sections.code(), &[], size_of::<Sections>() as u32)?;
    let sections = Sections::read_from_bytes(&end.output).expect("SECTIONS has its size");
    let index = sections
        .records()
        .iter()
        .position(|section| section.kind() == Some(SectionKind::Pageable))
        .expect("the driver has pageable sections");
    Ok(u32::try_from(index).expect("few sections"))
}

/// What `test-app verify` says of a driver: its exit code, and the ids of the checks that failed.
pub fn verdict(booted: &Booted) -> (Option<i32>, Vec<String>) {
    let json = booted.folder.path().join("verdict.json");
    let output = Command::new(artifacts().join("test-app"))
        .arg("--lab")
        .arg(booted.machine.socket())
        .args(["verify", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&json).unwrap_or_else(|error| {
        panic!("no results ({error}); it said: {}", String::from_utf8_lossy(&output.stderr))
    });
    let results: Value = serde_json::from_str(&text).unwrap();
    let failed = results["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "failed")
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    (output.status.code(), failed)
}

fn assert_caught(twin: &str, check: &str) {
    let (code, failed) = verdict(&boot_twin(twin, &[]));
    assert_eq!(code, Some(1), "verify passed the twin {twin}");
    assert!(failed.iter().any(|id| id == check), "{twin}: not {check} but {failed:?} failed");
}

#[test]
fn the_shipping_driver_passes_every_check() {
    let (code, failed) = verdict(&boot(&[]));
    assert_eq!((code, failed), (Some(0), Vec::new()));
}

#[test]
fn never_paged_is_caught_by_what_does_not_leave() {
    assert_caught("never-paged", "paging.evicts");
}

#[test]
fn always_resident_is_caught_by_the_ground_truth() {
    assert_caught("always-resident", "residency.truth");
}

#[test]
fn lost_data_is_caught_by_its_checksum() {
    assert_caught("lost-data", "paging.cycles");
}

#[test]
fn kernel_address_is_caught_by_the_images_ground_truth() {
    assert_caught("kernel-address", "access.no-address");
}

#[test]
fn no_reset_dies_in_the_framework_on_a_page_of_the_driver() {
    let booted = boot_twin("no-reset", &[]);
    let end = unplug_while_evicted(&booted);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.code, DRIVER_IRQL_NOT_LESS_OR_EQUAL);
    assert_eq!(report.parameters[1], DISPATCH_LEVEL);
    assert_eq!(report.parameters[2], 0, "a read");
    assert_eq!(report.blamed.as_deref(), Some("wdfldr.sys"));
    assert_eq!(report.victim.as_deref(), Some("pagewise.sys"));
    let victim = report.modules.iter().find(|module| module.name == "pagewise.sys").unwrap();
    let image = victim.base..victim.base + u64::from(victim.size);
    assert!(image.contains(&report.parameters[0]), "P1 lies in the driver's own image");
}

#[test]
fn with_the_reset_the_same_removal_is_survived() {
    let booted = boot(&[]);
    unplug_while_evicted(&booted).unwrap();
    booted.shut_down();
}

#[test]
fn spin_lock_dies_in_the_driver_under_force_irql_checking() {
    let booted = boot_twin("spin-lock", &[]);
    let end = ask_everything(&booted);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.code, DRIVER_IRQL_NOT_LESS_OR_EQUAL);
    assert_eq!(report.parameters[1], DISPATCH_LEVEL);
    assert_eq!(report.blamed.as_deref(), Some("pagewise.sys"));
    assert_eq!(report.victim.as_deref(), Some("pagewise.sys"));
}

#[test]
fn without_the_spin_lock_the_same_questions_are_survived() {
    let booted = boot(&[]);
    ask_everything(&booted).unwrap();
    booted.shut_down();
}

/// Enumerates a device that then fails to start, everything being out since `DriverEntry`.
fn fail_the_first_start(booted: &Booted) -> Result<ControlReply, Error> {
    let mut client = booted.connect();
    control(&mut client, &Control::FailStart { status: STATUS_UNSUCCESSFUL });
    control(&mut client, &Control::Evict);
    client.control(&Control::Plug)
}

#[test]
fn no_reset_at_add_dies_when_the_first_start_fails() {
    let booted = boot_twin("no-reset-at-add", &["--no-plug", "--force-irql"]);
    let end = fail_the_first_start(&booted);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.code, DRIVER_IRQL_NOT_LESS_OR_EQUAL);
    assert_eq!(report.blamed.as_deref(), Some("wdfldr.sys"));
    assert_eq!(report.victim.as_deref(), Some("pagewise.sys"));
}

#[test]
fn with_the_reset_at_add_the_same_failure_is_survived() {
    let booted = boot(&["--no-plug", "--force-irql"]);
    let end = fail_the_first_start(&booted).unwrap();
    assert_eq!(end, ControlReply::Done { status: STATUS_UNSUCCESSFUL });
    let mut client = booted.connect();
    control(&mut client, &Control::FailStart { status: 0 });
    control(&mut client, &Control::Plug);
    open(&mut client, READ_WRITE);
    drop(client);
    booted.shut_down();
}

#[test]
fn locks_kept_is_caught_where_locks_outlast_page_entire() {
    let booted = boot_twin("locks-kept", &["--policy", "page-entire-with-locks=kept"]);
    let (code, failed) = verdict(&booted);
    assert_eq!(code, Some(1));
    assert!(failed.iter().any(|id| id == "teardown.locks"), "{failed:?}");
}

#[test]
fn over_unlock_dies_with_the_documented_subcode() {
    let booted = boot_twin("over-unlock", &[]);
    let end = unlock_too_often(&booted);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!((report.code, report.parameters[0]), (MEMORY_MANAGEMENT, 0x1010));
}

#[test]
fn the_shipping_driver_refuses_to_over_unlock() {
    const STATUS_NOT_LOCKED: u32 = 0xC000_002A;
    let booted = boot(&[]);
    assert_eq!(unlock_too_often(&booted).unwrap().status, STATUS_NOT_LOCKED);
    booted.shut_down();
}

/// Touches one page more than the image has, from its first; how that ended.
fn touch_past_end(booted: &Booted) -> Result<Completion, Error> {
    let mut client = booted.connect();
    let handle = open(&mut client, READ_WRITE);
    let length = size_of::<State>() as u32;
    let end = client.ioctl(handle, Ioctl::State.code(), &[], length)?;
    let state = State::read_from_bytes(&end.output).expect("STATE has its size");
    let pages = state.pages + 1;
    let touch = TouchRequest { first_page: 0, pages, kind: TouchKind::Read as u32 };
    let length = size_of::<TouchReply>() as u32;
    client.ioctl(handle, Ioctl::Touch.code(), touch.as_bytes(), length)
}

#[test]
fn touch_past_end_dies_on_a_page_that_is_gone() {
    let booted = boot_twin("touch-past-end", &[]);
    let end = touch_past_end(&booted);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
    let report = booted.bug_check();
    assert_eq!(report.code, PAGE_FAULT_IN_NONPAGED_AREA);
    assert_eq!(report.blamed.as_deref(), Some("pagewise.sys"));
}

#[test]
fn the_shipping_driver_refuses_to_touch_past_the_end() {
    const STATUS_INVALID_PARAMETER: u32 = 0xC000_000D;
    let booted = boot(&[]);
    assert_eq!(touch_past_end(&booted).unwrap().status, STATUS_INVALID_PARAMETER);
    booted.shut_down();
}

#[test]
fn a_dead_machine_fails_its_clients() {
    let booted = boot_twin("no-reset", &[]);
    let mut bystander = booted.connect();
    let handle = open(&mut bystander, READ_WRITE);
    let mut client = booted.connect();
    control(&mut client, &Control::Evict);
    fatal(&mut client, &Control::Unplug { surprise: true });
    let end = bystander.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32);
    assert!(matches!(end, Err(Error::MachineGone)), "{end:?}");
}
