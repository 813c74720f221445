//! Tests that end in a bug check run in a process of their own: this very test, once more.

use std::env;
use std::process::{Command, Output};

use pagewise_lab_wire::{BUG_CHECK_EXIT, BugCheck};

use crate::{bugcheck, mm};

/// Set in the child, to the path for its report.
const CHILD: &str = "PAGEWISE_LAB_TEST_CHILD";

/// Runs `fatal` in a child process and returns the bug check it ends with. `test` is the path of
/// the calling test, as [`crate::testing::test_path!`] gives it: in the child, that test runs again
/// and gets no further than here.
///
/// # Panics
/// When the child ends otherwise.
pub(crate) fn bug_check_of(test: &str, fatal: impl FnOnce()) -> BugCheck {
    let (output, report) = run(test, fatal);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(BUG_CHECK_EXIT), "{:?}: {stderr}", output.status);
    report.unwrap_or_else(|| panic!("no report: {stderr}"))
}

/// Runs `harmless` in a child process, as the negative twin of a bug check.
///
/// # Panics
/// When the child does not get to its end.
pub(crate) fn survives(test: &str, harmless: impl FnOnce()) {
    let (output, report) = run(test, harmless);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
    assert_eq!(report, None);
}

fn run(test: &str, body: impl FnOnce()) -> (Output, Option<BugCheck>) {
    if let Some(report) = env::var_os(CHILD) {
        bugcheck::report_to(report.as_ref());
        mm::boot().unwrap();
        body();
        std::process::exit(0);
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("bugcheck.json");
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &report)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let report = std::fs::read(report).ok();
    (output, report.map(|json| serde_json::from_slice(&json).unwrap()))
}

/// The path of the test function it is used in, as the test harness names it.
macro_rules! test_path {
    () => {{
        fn here() {}
        let path = std::any::type_name_of_val(&here);
        let path = path.strip_suffix("::here").unwrap_or(path);
        path.split_once("::").map_or(path, |(_crate, path)| path)
    }};
}
pub(crate) use test_path;
