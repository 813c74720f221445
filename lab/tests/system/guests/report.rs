//! `pagewise-lab report`.

use std::process::Command;

use serde_json::Value;

use super::image;
use crate::common::artifacts;

/// The report of one request to a guest.
fn report(guest: &str, client: &[&str]) -> Value {
    let program = artifacts().join("pagewise-lab");
    let mut command = Command::new(&program);
    command.arg("report").arg(image(guest)).arg("--json").arg("--");
    command.arg(&program).arg("ioctl").args(client);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // The client's own line comes first.
    let json = &text[text.find("\n{").expect("an object") + 1..];
    serde_json::from_str(json).unwrap()
}

fn function<'a>(report: &'a Value, name: &str) -> &'a Value {
    let functions = report["functions"].as_array().unwrap();
    let found = functions.iter().find(|it| it["name"].as_str().unwrap().ends_with(name));
    found.unwrap_or_else(|| panic!("no {name} in {functions:#?}"))
}

fn irqls(function: &Value) -> Vec<u64> {
    function["irqls"].as_array().unwrap().iter().filter_map(Value::as_u64).collect()
}

#[test]
fn functions_are_told_apart_by_the_irql_they_run_at() {
    let report = report("pageable", &[r"\\.\Pageable", "0x222014", "--output", "4"]);
    assert_eq!(report["named"], true);
    let low = function(&report, "only_low");
    assert_eq!((irqls(low), &low["verdict"]), (vec![0], &"movable".into()));
    let high = function(&report, "only_high");
    assert_eq!((irqls(high), &high["verdict"]), (vec![2], &"resident".into()));
    let both = function(&report, "under_lock");
    assert_eq!((irqls(both), &both["verdict"]), (vec![0, 2], &"resident".into()));
    let paged = function(&report, "control");
    assert_eq!((irqls(paged), &paged["verdict"]), (vec![0], &"pageable".into()));
    let never = function(&report, "checksum");
    assert_eq!((irqls(never), &never["section"]), (vec![], &"PAGELK".into()));
    let entry = function(&report, "driver_entry");
    assert_eq!((irqls(entry), &entry["verdict"]), (vec![0], &"discarded".into()));
    let movable = report["movable_bytes"].as_u64().unwrap();
    assert!(movable >= low["bytes"].as_u64().unwrap());
}

#[test]
fn what_is_pageable_and_runs_at_dispatch_level_is_misplaced() {
    let report = report("pageable", &[r"\\.\Pageable", "0x222010", "--output", "4"]);
    let rash = function(&report, "checksum");
    assert_eq!((irqls(rash), &rash["verdict"]), (vec![2], &"misplaced".into()));
    let pages = report["pages"].as_array().unwrap();
    let page = pages.iter().find(|page| page["section"] == "PAGELK").unwrap();
    assert_eq!(page["executed"], serde_json::json!([2]));
    assert_eq!(function(&report, "only_low")["verdict"], "untouched");
}

#[test]
fn a_report_needs_a_client() {
    let mut command = Command::new(artifacts().join("pagewise-lab"));
    let output = command.arg("report").arg(image("pageable")).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("CLIENT"), "{error}");
}
