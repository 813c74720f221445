//! `test-app.exe guest run` under Wine: the guest's Win32 side, its files and its serial port, from
//! the hand-over to the end, with the driver installed, verified and removed. Wine has no bcdedit
//! and no Driver Verifier; what needs them is skipped. The plan has no restarts: those are the
//! stand-in's.
//!
//! Run by `cargo xtask test`, which builds what runs here.
#![cfg(target_os = "linux")]

mod host;
mod wine;

use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::{Action, AtEnd, Plan, Step, VERSION};
use pagewise_vm_plan::state::Progress;

use host::{HandOver, Host};
use wine::Wine;

fn plan(steps: &[(&str, Action)]) -> Plan {
    let steps = steps.iter().map(|(id, action)| Step {
        id: (*id).to_owned(),
        action: action.clone(),
        limit_seconds: 120,
        needs: Vec::new(),
        always: *id == "uninstall" || *id == "collect",
    });
    let name = "wine".to_owned();
    Plan { version: VERSION, name, most_boots: 3, at_end: AtEnd::Stay, steps: steps.collect() }
}

fn outcome(host: &Host, id: &str) -> Outcome {
    let found = host.state.steps().find(|(step, _)| step.id == id);
    match found.map(|(_, progress)| progress) {
        Some(Progress::Ended(outcome)) => outcome.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

fn word(host: &Host, id: &str) -> &'static str {
    outcome(host, id).word()
}

#[test]
fn the_guest_installs_verifies_and_removes_the_driver_and_tells_the_host() {
    let wine = Wine::start();
    let plan = plan(&[
        ("trust", Action::Trust),
        ("install", Action::Install),
        ("doctor", Action::Doctor),
        ("verify", Action::Verify { label: "wine".to_owned() }),
        ("verifier", Action::QueryVerifier),
        ("uninstall", Action::Uninstall),
        ("collect", Action::Collect),
    ]);
    let hand_over = HandOver::new(&plan, &wine.package());
    let mut host = Host::new(plan, hand_over);
    wine.plug(&host.serial);
    let code = host.run(wine.task(&host.hand_over));
    let said = host.state.steps().map(|(step, progress)| (&step.id, progress)).collect::<Vec<_>>();
    assert_eq!(code, 0, "{said:?}");
    for id in ["trust", "install", "doctor", "verify", "uninstall", "collect"] {
        assert_eq!(word(&host, id), "passed", "{said:?}");
    }
    // Wine has no verifier.exe: skipped and said, never passed.
    let Outcome::Skipped { reason } = outcome(&host, "verifier") else { panic!("{said:?}") };
    assert!(reason.contains("verifier.exe"), "{reason}");
    assert!(host.state.finished().is_some_and(|tally| tally.is_good() && tally.skipped == 1));

    // What came over the line is what is on the disk.
    assert_eq!(host.journal(), host.hand_over.journal());
    let (_, result) = host.files.iter().find(|file| file.0 == "verify-wine.json").unwrap();
    assert_eq!(result, &host.hand_over.read("out/verify-wine.json"));
    let result: serde_json::Value = serde_json::from_slice(result).unwrap();
    assert_eq!(result["machine"]["kind"], "wine");
    assert_eq!(result["summary"]["failed"], 0);
}

#[test]
fn a_guest_that_dies_goes_on_where_it_was() {
    let wine = Wine::start();
    let plan = plan(&[
        ("install", Action::Install),
        ("doctor", Action::Doctor),
        ("uninstall", Action::Uninstall),
    ]);
    let hand_over = HandOver::new(&plan, &wine.package());
    let mut host = Host::new(plan, hand_over);
    wine.plug(&host.serial);
    // The first run is ended in its first step.
    host.run_until_step(wine.guest(&host.hand_over), "install");
    let code = host.run(wine.guest(&host.hand_over));
    assert_eq!(host.state.boot(), 2);
    let Outcome::Failed { what, .. } = outcome(&host, "install") else { panic!() };
    assert!(what.contains("the guest's program ended in the middle"), "{what}");
    assert_eq!(word(&host, "uninstall"), "passed");
    assert_eq!(code, 1, "a failed step is a failed run");
    assert_eq!(host.journal(), host.hand_over.journal());
}

#[test]
fn a_step_that_takes_too_long_is_ended_and_the_plan_goes_on() {
    let wine = Wine::start();
    let mut plan = plan(&[
        ("install", Action::Install),
        ("verify", Action::Verify { label: "short".to_owned() }),
        ("uninstall", Action::Uninstall),
    ]);
    // All checks take some seconds.
    plan.steps[1].limit_seconds = 1;
    let hand_over = HandOver::new(&plan, &wine.package());
    let mut host = Host::new(plan, hand_over);
    wine.plug(&host.serial);
    host.run(wine.guest(&host.hand_over));
    let Outcome::Failed { what, .. } = outcome(&host, "verify") else { panic!() };
    assert!(what.contains("did not end in time"), "{what}");
    // What it wrote until then is kept.
    let said = host.hand_over.read("out/verify-short.txt");
    assert!(String::from_utf8_lossy(&said).contains("handshake.version"));
    assert_eq!((word(&host, "install"), word(&host, "uninstall")), ("passed", "passed"));
}

#[test]
fn a_changed_package_is_refused_before_anything_is_done() {
    let wine = Wine::start();
    let plan = plan(&[("install", Action::Install)]);
    let hand_over = HandOver::new(&plan, &wine.package());
    hand_over.append("package/pagewise.sys", b"!");
    let mut host = Host::new(plan, hand_over);
    wine.plug(&host.serial);
    // Refused, it switches the machine off, which is the server here.
    host.run(wine.guest(&host.hand_over));
    assert!(host.refusals.iter().any(|what| what.contains("package/pagewise.sys")));
    assert_eq!(host.receiver.have(), 0);
}
