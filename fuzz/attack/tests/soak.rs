//! The soak, in short.

use std::path::PathBuf;

use pagewise_attack::ioctl::ARTIFACTS;
use pagewise_attack::soak::{Plan, Progress, soak};

fn soaked(requests: u64, machine: &[&str]) {
    let artifacts = std::env::var_os(ARTIFACTS).map(PathBuf::from);
    let Some(artifacts) = artifacts else {
        panic!("run `cargo xtask test`, which sets {ARTIFACTS}")
    };
    let machine = machine.iter().map(|option| (*option).to_owned()).collect();
    let plan = Plan { artifacts, requests, clients: 16, seed: 0x5047, machine };
    let tally = soak(&plan, &Progress::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(tally.requests, plan.requests);
    assert!(tally.accepted > plan.requests / 8, "{tally:?}");
    assert!(tally.evictions > 0 && tally.faults > tally.requests, "{tally:?}");
}

#[test]
fn a_hundred_thousand_requests_of_sixteen_clients_are_answered_rightly() {
    soaked(100_000, &["--force-irql"]);
}

/// Special pool, the order of locks, leaks and all; and evictions go to the paging file.
#[test]
fn ten_thousand_requests_under_torture_are_answered_rightly() {
    soaked(10_000, &["--verifier", "torture"]);
}
