//! Each thing that a guest can do, and the verdict of the host.

use serde_json::Value;

use super::run::Run;

#[test]
fn a_guest_that_does_well_passes() {
    let files = [("--json", "windows.json"), ("--junit", "junit.xml")];
    let run = Run::with_files(&["--profile", "quick"], &files);
    run.is("passed", 0);
    // The first, and the two that the plan asks for.
    assert_eq!(run.report["boots"], 3);
    assert_eq!(run.report["resets"], 2);
    assert_eq!(run.report["crashes"], serde_json::json!([]));
    for step in ["signing", "install", "verify-plain", "verify-quick", "uninstall", "collect"] {
        assert_eq!(run.step(step), "passed", "{step}");
    }
    let files = run.report["files"].as_array().unwrap();
    assert!(!files.is_empty() && files.iter().all(|file| file["state"] == "whole"), "{files:?}");
    // By the disk and by the line it is the same; and it is what was asked for.
    let by_disk = std::fs::read(run.file("out/verify-quick.json")).unwrap();
    assert_eq!(by_disk, std::fs::read(run.file("line/verify-quick.json")).unwrap());
    assert_eq!(by_disk, std::fs::read(run.beside("windows.json")).unwrap());
    let results: Value = serde_json::from_slice(&by_disk).unwrap();
    assert!(results["checks"].is_array());
    let junit = std::fs::read_to_string(run.beside("junit.xml")).unwrap();
    assert!(junit.contains(r#"<testcase name="verify-quick" time="#), "{junit}");
    assert!(junit.contains(r#"<testsuite name="verify-plain""#), "{junit}");
    // The guest's journal is the host's.
    let theirs = std::fs::read(run.file("out/journal.log")).unwrap();
    assert_eq!(theirs, std::fs::read(run.file("journal.log")).unwrap());
    assert!(run.said.contains("stand-in guest, which is not Windows"), "{}", run.said);
}

#[test]
fn a_check_that_fails_fails_the_run() {
    let run = Run::misbehaving("check-fails", &[]);
    run.is("failed", 1);
    assert_eq!(run.step("verify-plain"), "failed");
    assert_eq!(run.report["checks"][0]["failed"], 1);
    assert!(!run.file("screenshot.png").exists());
}

#[test]
fn a_bug_check_is_told_and_the_plan_goes_on() {
    let run = Run::misbehaving("bug-check:doctor", &[]);
    run.is("bug-check", 20);
    assert_eq!(run.report["back"], true);
    assert_eq!(run.report["crashes"][0]["step"], "doctor");
    assert!(run.report["crashes"][0]["dump"]["code"].as_u64().unwrap() > 0, "{:#}", run.report);
    assert_eq!(run.step("doctor"), "failed");
    assert_eq!(run.step("verify-plain"), "skipped");
    assert_eq!(run.step("collect"), "passed");
    assert_eq!(run.report["boots"], 2);
}

#[test]
fn a_reset_without_a_dump_is_taken_for_a_bug_check() {
    let run = Run::misbehaving("reset:doctor", &[]);
    run.is("bug-check", 20);
    assert_eq!(run.report["crashes"][0]["step"], "doctor");
    assert_eq!(run.report["crashes"][0]["dump"], Value::Null);
    assert_eq!(run.step("collect"), "passed");
}

#[test]
fn a_guest_that_hangs_is_shot_and_ended() {
    let run = Run::misbehaving("hang:doctor", &["--silence-limit", "15"]);
    run.is("hang", 21);
    assert_eq!(run.report["how"], "silent");
    assert_eq!(run.report["step"], "doctor");
    assert_eq!(run.step("install"), "passed");
    assert_eq!(run.step("doctor"), "");
    let screenshot = std::fs::read(run.file("screenshot.png")).unwrap();
    assert!(screenshot.starts_with(b"\x89PNG"));
}

#[test]
fn a_guest_that_stops_answering_hangs() {
    let run = Run::misbehaving("stop-answering:doctor", &["--silence-limit", "15"]);
    run.is("hang", 21);
    assert_eq!(run.report["how"], "silent");
}

#[test]
fn a_flooded_line_changes_nothing() {
    let run = Run::misbehaving("flood", &[]);
    run.is("passed", 0);
    assert!(run.report["line"]["noise"]["bytes"].as_u64().unwrap() > 10_000, "{:#}", run.report);
}

#[test]
fn a_garbled_line_changes_nothing() {
    let run = Run::misbehaving("garble:30", &[]);
    run.is("passed", 0);
    let line = &run.report["line"];
    assert!(line["noise"]["broken"].as_u64().unwrap() > 0, "{line:#}");
    let theirs = std::fs::read(run.file("out/journal.log")).unwrap();
    assert_eq!(theirs, std::fs::read(run.file("journal.log")).unwrap());
}

#[test]
fn a_guest_that_never_starts_never_came() {
    let run = Run::misbehaving("never-starts", &["--boot-limit", "10"]);
    run.is("never-came", 23);
    assert!(run.file("screenshot.png").is_file());
}

#[test]
fn a_machine_that_starts_again_and_again_is_a_boot_loop() {
    let run = Run::misbehaving("boot-loop", &[]);
    run.is("boot-loop", 22);
    assert_eq!(run.report["resets"], 4);
}

#[test]
fn a_changed_byte_of_the_hand_over_is_refused_by_name() {
    let run = Run::misbehaving("corrupt-hand-over", &[]);
    run.is("refused", 24);
    assert!(run.said.contains("package/pagewise-stand-in"), "{}", run.said);
}

#[test]
fn without_a_base_image_it_says_how_to_make_one() {
    let mut xtask = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = xtask.args(["vm", "run", "--base", "no-such-image"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(77), "{said}");
    assert!(said.contains("cargo xtask vm prepare --iso"), "{said}");
}

/// Whatever a guest makes of its disk, its reader ends in order.
#[test]
fn a_disk_without_a_file_system_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk.img");
    let garbage: Vec<u8> = (0..4 << 20).map(|at: u32| (at % 251) as u8).collect();
    std::fs::write(&disk, garbage).unwrap();
    let mut xtask = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = xtask.args(["vm", "pull"]).args([&disk, folder.path()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot read the file system on"), "{said}");
}
