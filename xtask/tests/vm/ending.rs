//! However a run ends, its machine ends with it.

use std::process::Command;

use super::run::{hand_over_of, machines_of, short_plan, started, within};

fn signal(name: &str, process: u32) {
    let status =
        Command::new("kill").args([name, &process.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

#[test]
fn a_signal_ends_the_machine_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let child = started(&results, &short_plan(folder.path()));
    signal("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert_eq!(machines_of(&results), 0);
    let report = std::fs::read_to_string(results.join("report.json")).unwrap();
    assert!(report.contains(r#""verdict": "interrupted""#), "{report}");
}

/// Not even a kill leaves a machine behind; and the next run clears away its disks.
#[test]
fn a_kill_takes_the_machine_along() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, results) = (short_plan(folder.path()), folder.path().join("results"));
    let mut child = started(&results, &plan);
    let disk = hand_over_of(&results);
    assert!(disk.is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(within(10, || machines_of(&results) == 0), "the machine lives");
    let next = folder.path().join("next");
    let child = started(&next, &plan);
    signal("-TERM", child.id());
    child.wait_with_output().unwrap();
    assert_eq!(machines_of(&next), 0);
    assert!(!disk.exists(), "{} is left behind", disk.display());
}
