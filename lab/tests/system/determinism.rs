//! One processor and a seed: the same seed is the same run, and a run that fails can be repeated.
//!
//! The guest `race` has a mistake of timing: its time-out frees what a request uses. Whether it
//! shows depends on nothing but the schedule.

use std::fs;
use std::path::Path;
use std::process::Command;

use pagewise_contract::Guid;
use pagewise_lab_wire::{BUG_CHECK_EXIT, Control, Detail, Token};
use tempfile::TempDir;

use crate::common::{READ_WRITE, artifacts, boot_with};

/// One job of the guest's, whose answer is how many stamps it took.
const JOB: [&str; 4] = [r"\\.\Race", "0x222000", "--output", "4"];

/// Seeds that are tried until one shows the mistake; about two in five do.
const SEEDS: std::ops::Range<u64> = 1..60;

/// How a machine with a client ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: i32,
    journal: String,
    /// The first line of the bug check's report.
    stop: Option<String>,
    /// The line that has the same run again.
    repeat: Option<String>,
}

fn lab() -> Command {
    let mut command = Command::new(artifacts().join("pagewise-lab"));
    command.env_remove("PAGEWISE_LAB").env("NO_COLOR", "1");
    command
}

fn end(mut command: Command, journal: &Path) -> Ended {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let line = |mark: &str| text.lines().find_map(|line| Some(line.split_once(mark)?.1.to_owned()));
    Ended {
        code: output.status.code().expect("it ends by itself"),
        journal: fs::read_to_string(journal).unwrap_or_default(),
        stop: line("*** STOP "),
        repeat: line("to repeat: "),
    }
}

/// Runs a guest with `options` for a `pagewise-lab ioctl` with `client`.
fn run(folder: &TempDir, guest: &str, options: &[&str], client: &[&str]) -> Ended {
    let journal = folder.path().join("journal");
    let mut command = lab();
    let image = artifacts().join("guests").join(guest).with_extension("sys");
    command.arg("run").arg(image).args(options).args(["--processors", "1", "--journal"]);
    command.arg(&journal).arg("--").arg(artifacts().join("pagewise-lab")).arg("ioctl").args(client);
    end(command, &journal)
}

/// Two runs are the same, journals included; else says where they part.
fn same(run: &Ended, other: &Ended) {
    assert!(!run.journal.is_empty());
    let lines = run.journal.lines().zip(other.journal.lines());
    let part = lines.into_iter().find(|(line, other)| line != other);
    assert_eq!(part, None);
    assert!(run == other, "{:?} and {:?}", (run.code, &run.stop), (other.code, &other.stop));
}

fn race(folder: &TempDir, seed: u64) -> Ended {
    run(folder, "race", &["--seed", &seed.to_string()], &JOB)
}

/// Types a line that the machine has printed.
fn again(folder: &TempDir, line: &str) -> Ended {
    let mut command = Command::new("sh");
    command.env_remove("PAGEWISE_LAB").env("NO_COLOR", "1").args(["-c", line]);
    end(command, &folder.path().join("journal"))
}

#[test]
fn the_line_that_a_failing_run_prints_fails_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let failed = SEEDS.map(|seed| race(&folder, seed)).find(|ended| ended.code != 0);
    let failed = failed.expect("some seed shows the mistake");
    assert_eq!(failed.code, BUG_CHECK_EXIT);
    assert!(failed.stop.as_ref().unwrap().contains("KMODE_EXCEPTION_NOT_HANDLED"));
    let line = failed.repeat.clone().expect("it says how to repeat it");
    for _ in 0..5 {
        same(&again(&folder, &line), &failed);
    }
}

#[test]
fn a_seed_that_passes_passes_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let passed = SEEDS.map(|seed| (seed, race(&folder, seed))).find(|(_, ended)| ended.code == 0);
    let (seed, passed) = passed.expect("some seed does not show the mistake");
    assert_eq!((&passed.stop, &passed.repeat), (&None, &None));
    for _ in 0..5 {
        same(&race(&folder, seed), &passed);
    }
}

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut journals: Vec<_> = (1..=20).map(|seed| race(&folder, seed).journal).collect();
    journals.sort();
    journals.dedup();
    // A schedule that switches nowhere is the same for several seeds.
    assert!(journals.len() >= 10, "20 seeds make {} runs", journals.len());
    assert!(journals.iter().all(|journal| journal.contains("KeSetTimer")));
}

#[test]
fn without_a_schedule_the_mistake_does_not_show() {
    for _ in 0..20 {
        let mut command = lab();
        command.arg("run").arg(artifacts().join("guests/race.sys")).arg("--");
        command.arg(artifacts().join("pagewise-lab")).arg("ioctl").args(JOB);
        assert!(command.output().unwrap().status.success());
    }
}

#[test]
fn a_seed_that_was_chosen_by_chance_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&folder, "race", &["--seed", "random"], &JOB);
    let line = ended.repeat.clone().expect("it is said at the start");
    assert!(!line.contains("random") && line.contains("--seed 0x"), "{line}");
    let repeated = again(&folder, &line);
    assert_eq!(repeated.code, ended.code);
    assert!(repeated.journal == ended.journal);
}

#[test]
fn the_failure_of_a_client_is_repeated_too() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&folder, "buffers", &["--seed", "7"], &[r"\\.\Buffers", "0x22ffff"]);
    assert_eq!(ended.code, 4);
    same(&again(&folder, ended.repeat.as_ref().unwrap()), &ended);
}

#[test]
fn the_seed_decides_which_pages_are_taken_and_which_allocations_fail() {
    let folder = tempfile::tempdir().unwrap();
    let options = |seed| ["--evict", "2", "--low-resources", "4", "--seed", seed];
    let ask = [r"\\.\Pageable"];
    let runs = ["1", "2", "3"].map(|seed| {
        let first = run(&folder, "pageable", &options(seed), &ask);
        same(&run(&folder, "pageable", &options(seed), &ask), &first);
        first
    });
    assert!(runs[0].journal != runs[1].journal && runs[1].journal != runs[2].journal);
}

/// Runs the shipping driver, or a twin of it, with the test app.
fn run_pagewise(folder: &TempDir, image: &str, options: &[&str], client: &[&str]) -> Ended {
    let journal = folder.path().join("journal");
    let mut command = lab();
    command.arg("run").arg(artifacts().join(image).join("pagewise.sys"));
    command.arg("--inf").arg(artifacts().join("pagewise.inf"));
    command.args(options).args(["--processors", "1", "--journal"]).arg(&journal);
    command.arg("--").arg(artifacts().join("test-app")).args(client);
    end(command, &journal)
}

/// The driver pages its whole image and runs on the framework, and its test app has one thread and
/// several connections.
#[test]
fn the_shipping_driver_runs_the_same_way_twice_and_passes_its_checks() {
    let folder = tempfile::tempdir().unwrap();
    let checks = ["verify", "--only", "content.*", "--only", "locks.count", "--only", "paging.*"];
    let run = |options: &[&str], client: &[&str]| run_pagewise(&folder, "", options, client);
    let first = run(&["--seed", "5", "--evict", "0"], &checks);
    assert_eq!(first.code, 0);
    same(&run(&["--seed", "5", "--evict", "0"], &checks), &first);
    assert!(!first.journal.contains("evicts"));
    let evicted = run(&["--seed", "5", "--evict", "4"], &["map"]);
    assert_eq!(evicted.code, 0);
    assert!(evicted.journal.contains(" pagewise.sys:"));
    same(&run(&["--seed", "5", "--evict", "4"], &["map"]), &evicted);
}

/// The twin reads pages under a spin lock. It dies as soon as one is taken at the wrong moment.
#[test]
fn evictions_find_what_is_touched_at_dispatch_level() {
    let folder = tempfile::tempdir().unwrap();
    let touch = ["touch", "COLDCODE"];
    let run = |image: &str, seed: u64, evict: &str| {
        let options = ["--seed", &seed.to_string(), "--evict", evict];
        run_pagewise(&folder, image, &options, &touch)
    };
    let (seed, found) = SEEDS
        .map(|seed| (seed, run("twins/spin-lock", seed, "2")))
        .find(|(_, ended)| ended.code == BUG_CHECK_EXIT)
        .expect("some seed takes the page in time");
    assert!(found.stop.as_ref().unwrap().contains("DRIVER_IRQL_NOT_LESS_OR_EQUAL"));
    same(&again(&folder, found.repeat.as_ref().unwrap()), &found);
    assert_eq!(run("twins/spin-lock", seed, "0").code, 0, "without evictions");
    assert_eq!(run("", seed, "2").code, 0, "the shipping driver");
}

/// The machine makes a folder for its socket, and ends in the middle of a call.
#[test]
fn a_bug_check_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let failed = SEEDS.map(|seed| (seed, race(&folder, seed))).find(|(_, ended)| ended.code != 0);
    let (seed, _) = failed.expect("some seed shows the mistake");
    let mut command = lab();
    command.arg("run").arg(artifacts().join("guests/race.sys")).args(["--processors", "1"]);
    command.args(["--seed", &seed.to_string(), "--"]).arg(artifacts().join("pagewise-lab"));
    command.arg("ioctl").args(JOB).env("TMPDIR", temporary.path());
    assert_eq!(command.output().unwrap().status.code(), Some(BUG_CHECK_EXIT));
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

/// Whose a block is follows from who called, and with a schedule a few instructions of the machine's
/// stand between.
#[test]
fn the_verifier_sees_who_calls_with_one_processor_too() {
    const GUID: Guid = Guid {
        data1: 0x5149_e05e,
        data2: 0x6a30,
        data3: 0x4f6b,
        data4: [0x8c, 0x4e, 0x73, 0x69, 0x6e, 0x73, 0x69, 0x73],
    };
    const LEAK: u32 = 0x22_2004;
    const OVERRUN: u32 = 0x22_2008;
    for (profile, sin, expected) in [("quick", LEAK, 0xC4), ("standard", OVERRUN, 0xD6)] {
        let arguments = ["--verifier", profile, "--processors", "1", "--seed", "1"];
        let booted = boot_with(&artifacts().join("sins.sys"), &arguments);
        let mut client = booted.connect();
        let handle = client.open(&GUID, READ_WRITE, Token::Administrator).unwrap().handle;
        // The machine ends with one of these.
        let _ = client.ioctl(handle, sin, &[], 0);
        let _ = client.close(handle);
        let _ = client.control(&Control::Unplug { surprise: false });
        let _ = client.control(&Control::Unload);
        let report = booted.bug_check();
        assert_eq!((report.code, report.processor), (expected, 0));
        let told = |detail: &Detail| detail.what.contains(r#"tag "PSin""#) && detail.at.is_some();
        assert!(report.details.iter().any(told), "{:#?}", report.details);
    }
}

#[test]
fn options_without_a_meaning_are_refused() {
    let refused: [&[&str]; 5] = [
        &["--seed", "7"],
        &["--processors", "2"],
        &["--evict", "4"],
        &["--journal", "x"],
        &["--processors", "1", "--seed", "seven"],
    ];
    for options in refused {
        let mut command = lab();
        command.args(["run", "x.sys", "--socket", "x"]).args(options);
        assert_eq!(command.output().unwrap().status.code(), Some(2), "{options:?}");
    }
}
