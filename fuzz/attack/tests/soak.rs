//! The soak, in short.

use std::path::PathBuf;

use pagewise_attack::ioctl::ARTIFACTS;
use pagewise_attack::soak::{Plan, Progress, soak};

#[test]
fn a_hundred_thousand_requests_of_sixteen_clients_are_answered_rightly() {
    let artifacts = std::env::var_os(ARTIFACTS).map(PathBuf::from);
    let Some(artifacts) = artifacts else {
        panic!("run `cargo xtask test`, which sets {ARTIFACTS}")
    };
    let plan = Plan {
        artifacts,
        requests: 100_000,
        clients: 16,
        seed: 0x5047,
        machine: vec!["--force-irql".to_owned()],
    };
    let tally = soak(&plan, &Progress::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(tally.requests, plan.requests);
    assert!(tally.accepted > plan.requests / 8, "{tally:?}");
    assert!(tally.evictions > 0 && tally.faults > tally.evictions, "{tally:?}");
}
