use std::cell::RefCell;
use std::fs;

use pagewise_vm_plan::event::Booted;
use pagewise_vm_plan::journal;

use super::super::dump::sample;
use super::super::fake::Fake;
use super::super::system::DumpFile;
use super::*;

fn journal(events: &[Event]) -> Journal {
    let frames = (1..).zip(events).map(|(number, event)| journal::line(number, event));
    Journal { frames: frames.collect(), whole: 0 }
}

fn booted() -> Event {
    let booted =
        Booted { boot: 1, fresh: true, os: String::new(), clock: String::new(), dump: None };
    Event::Booted(booted)
}

fn started() -> Event {
    Event::StepStarted { step: "verify-plain".to_owned() }
}

/// What a guest finds when a dump appears after so many looks.
fn found(events: &[Event], ticks: u32) -> Found {
    let folder = tempfile::tempdir().unwrap();
    // An earlier start of the run has noted that there was none.
    fs::write(folder.path().join("dumps-before.json"), "[]").unwrap();
    let path = folder.path().join("112326-1-01.dmp");
    fs::write(&path, sample(0xc4, [0x91, 0, 0, 0])).unwrap();
    let file = DumpFile { path, written: None, bytes: 4096 };
    let fake = Fake { late: RefCell::new(Some((ticks, file))), ..Fake::default() };
    Guest::new(fake, PathBuf::new()).found(&journal(events), folder.path())
}

#[test]
fn a_dump_that_is_late_is_waited_for_where_one_is_expected() {
    let found = found(&[booted(), started()], 10);
    let dump = found.dump.unwrap();
    assert_eq!((dump.code, dump.parameters[0]), (0xc4, 0x91));
}

#[test]
fn nobody_waits_for_a_dump_for_ever_or_for_nothing() {
    assert_eq!(found(&[booted(), started()], 1000).dump, None);
    assert_eq!(found(&[booted()], 1).dump, None);
}

#[test]
fn only_the_first_start_after_a_boot_is_fresh() {
    let mut guest = Guest::new(Fake::default(), PathBuf::new());
    let folder = tempfile::tempdir().unwrap();
    let mut fresh = || guest.found(&journal(&[]), folder.path()).fresh;
    assert!(fresh() && !fresh());
}

#[test]
fn a_refused_restart_ends_the_step_with_code_and_help() {
    let fake = Fake { denied: true, ..Fake::default() };
    let refusal = Guest::new(fake, PathBuf::new()).restart().unwrap_err();
    let Outcome::Failed { what, help, .. } = refusal else { panic!() };
    assert!(what.contains("ERROR_ACCESS_DENIED") && help.is_some());
}
