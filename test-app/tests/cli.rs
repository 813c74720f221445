//! The program as it is called: exit codes, help, lists. What it does to a driver is for
//! `verify` itself to show.

use std::process::{Command, Output};

fn test_app(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_test-app"))
        .args(arguments)
        .env_remove("PAGEWISE_LAB")
        .output()
        .expect("the program was built with this test")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

#[test]
fn the_help_lists_verbs_and_exit_codes() {
    let output = test_app(&["--help"]);
    let help = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 0);
    let verbs = "verify status sections map page reset lock unlock touch ballast trim watch \
                 install uninstall doctor";
    for verb in verbs.split(' ') {
        assert!(help.contains(&format!("  {verb} ")), "{verb} is missing in {help}");
    }
    assert!(help.contains("77  skipped"), "{help}");
}

#[test]
fn nonsense_is_a_usage_error() {
    assert_eq!(code(&test_app(&["frobnicate"])), 2);
    assert_eq!(code(&test_app(&["touch", "9-7"])), 2);
    assert_eq!(code(&test_app(&["verify", "--only", "nothing.*"])), 2);
    assert_eq!(code(&test_app(&["verify", "--driver", "/nonexistent/pagewise.sys"])), 2);
}

#[test]
fn checks_are_listed_without_a_machine() {
    let output = test_app(&["verify", "--list", "--only", "locks.*"]);
    let list = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 0);
    assert!(list.lines().count() > 3);
    assert!(list.lines().all(|line| line.starts_with("locks.")), "{list}");
}

#[test]
fn without_a_machine_there_is_no_device() {
    for verb in [&["status"][..], &["verify"], &["map", "--json"]] {
        let output = test_app(verb);
        let error = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), 3, "{error}");
        assert!(error.contains("help: "), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_socket_that_nobody_listens_on_is_named() {
    let output = test_app(&["--lab", "/nonexistent/machine.sock", "status"]);
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 3);
    assert!(error.contains("/nonexistent/machine.sock"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_takes_an_nt_host_is_skipped_with_the_reason() {
    for verb in [&["install"][..], &["install", "--trust", "--json"], &["uninstall"], &["doctor"]] {
        let output = test_app(verb);
        let error = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), 77, "{error}");
        assert!(error.contains("skipped: ") && error.contains("Wine"), "{error}");
    }
}
