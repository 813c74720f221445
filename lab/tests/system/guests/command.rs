//! The commands for other people's drivers.

use std::process::{Command, Output};

use super::image;
use crate::common::artifacts;

fn lab() -> Command {
    let mut command = Command::new(artifacts().join("pagewise-lab"));
    command.env_remove("PAGEWISE_LAB");
    command
}

/// Runs a guest for one `pagewise-lab ioctl`.
fn run(guest: &str, options: &[&str], client: &[&str]) -> (i32, String) {
    let mut command = lab();
    command.arg("run").arg(image(guest)).args(options).arg("--");
    command.arg(artifacts().join("pagewise-lab")).arg("ioctl").args(client);
    end(&command.output().unwrap())
}

fn end(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("it ends by itself"), text)
}

#[test]
fn a_machine_lives_as_long_as_its_client() {
    let ask = [r"\\.\Buffers", "0x222000", "--input", "010203", "--output", "3"];
    let (code, text) = run("buffers", &[], &ask);
    assert_eq!((code, text.as_str()), (0, "status 0x00000000 information 3 output 030201\n"));
    let (code, text) = run("echo", &["--verifier", "standard"], &[r"\\.\Echo"]);
    assert_eq!((code, text.as_str()), (0, "\\\\.\\Echo can be opened\n"), "the framework is found");
}

#[test]
fn the_failure_of_a_client_is_told_from_a_machine_s() {
    assert_eq!(run("buffers", &[], &[r"\\.\Buffers", "0x22ffff"]).0, 4);
    let mut nobody = lab();
    nobody.arg("run").arg(image("buffers")).args(["--", "/nonexistent/client"]);
    assert_eq!(end(&nobody.output().unwrap()).0, 1);
}

fn imports(guest: &str) -> (i32, serde_json::Value) {
    let output = lab().arg("imports").arg("--json").arg(image(guest)).output().unwrap();
    let (code, text) = end(&output);
    (code, serde_json::from_str(&text).unwrap())
}

#[test]
fn imports_are_judged_before_a_driver_runs() {
    let (code, report) = imports("buffers");
    assert_eq!(code, 0);
    let needs = report["needs"].as_array().unwrap();
    let of = |name: &str| needs.iter().find(|need| need["name"] == name).unwrap();
    assert_eq!(of("IoCreateDevice")["standing"], "provided");
    assert_eq!(of("ProbeForRead")["standing"], "partial");
    assert!(of("ProbeForRead")["limit"].as_str().unwrap().contains("address space"));
    assert!(report["note"].is_null());
    let (_, report) = imports("echo");
    assert!(report["note"].as_str().unwrap().contains("do not name"), "{report}");
}

#[test]
fn a_missing_import_is_named_and_counts() {
    // The same driver, but that a name it imports is none of the kernel's.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("buffers.sys");
    let mut bytes = std::fs::read(image("buffers")).unwrap();
    let name = b"IoCreateSymbolicLink\0";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at + 2..at + 8].copy_from_slice(b"Repair");
    std::fs::write(&path, bytes).unwrap();
    let (code, text) = end(&lab().arg("imports").arg(&path).output().unwrap());
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("missing   ntoskrnl.exe!IoRepairSymbolicLink"), "{text}");
    assert!(text.trim_end().ends_with("1 missing"), "{text}");
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.sys");
    std::fs::write(&path, "This is no driver.").unwrap();
    let output = lab().arg("imports").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("text.sys") && error.contains("PE32+"), "{error}");
}
