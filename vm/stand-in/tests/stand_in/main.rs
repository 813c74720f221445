//! The stand-in as a program, over a pseudo terminal: what the host sees of each misbehaviour. The
//! same in a machine is in xtask's tests.
#![cfg(target_os = "linux")]

mod host;

use std::time::Duration;

use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::{Plan, Profile};
use pagewise_vm_plan::state::Progress;

use host::{HandOver, Host};

/// How a step ended.
fn outcome(host: &Host, id: &str) -> Outcome {
    let found = host.state.steps().find(|(step, _)| step.id == id);
    match found.map(|(_, progress)| progress) {
        Some(Progress::Ended(outcome)) => outcome.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

fn words(host: &Host) -> Vec<(&str, &'static str)> {
    let word = |progress: &Progress| match progress {
        Progress::Ended(outcome) => outcome.word(),
        _ => "not ended",
    };
    host.state.steps().map(|(step, progress)| (step.id.as_str(), word(progress))).collect()
}

/// Plays a plan to its end with something going wrong.
fn played(plan: Plan, wrong: &str) -> Host {
    let mut host = Host::new(HandOver::new(plan));
    host.play(wrong, 0);
    host
}

#[test]
fn a_plan_is_played_through_its_restarts() {
    let host = played(Plan::built_in(Some(Profile::Standard), true), "");
    assert!(words(&host).iter().all(|(_, word)| *word == "passed"), "{:?}", words(&host));
    assert!(host.state.finished().unwrap().is_good());
    assert_eq!(host.boots, 4);
    let result = host.files.iter().find(|file| file.0 == "verify-standard.json").unwrap();
    assert!(String::from_utf8_lossy(&result.1).contains("\"kind\": \"stand-in\""));
    assert_eq!(host.journal(), host.hand_over.journal());
}

#[test]
fn a_failed_check_is_one() {
    let host = played(Plan::plain(), "check-fails");
    assert!(outcome(&host, "verify-plain").is_failed());
    assert!(outcome(&host, "uninstall").is_passed());
    assert_eq!(host.state.finished().unwrap().failed, 1);
}

#[test]
fn a_bug_check_is_told_with_its_dump_and_the_plan_goes_on() {
    let host = played(Plan::plain(), "bug-check:install");
    let Outcome::Failed { what, code, .. } = outcome(&host, "install") else { panic!() };
    assert!(what.contains("stand-in-dumps/") && code.as_deref() == Some("0xe2"), "{what}");
    assert_eq!(outcome(&host, "doctor").word(), "skipped");
    assert!(outcome(&host, "collect").is_passed());
    assert_eq!(host.state.bug_checks().len(), 1);
}

#[test]
fn a_reset_without_a_dump_is_told_apart() {
    let host = played(Plan::plain(), "reset:verify-plain");
    let Outcome::Failed { what, code, .. } = outcome(&host, "verify-plain") else { panic!() };
    assert!(what.contains("without a new dump") && code.is_none());
    assert!(host.state.bug_checks().is_empty() && outcome(&host, "uninstall").is_passed());
}

#[test]
fn garbled_lines_and_floods_cost_nothing_but_time() {
    for wrong in ["garble:30", "flood,garble:10"] {
        let host = played(Plan::plain(), wrong);
        assert!(host.state.finished().unwrap().is_good(), "{wrong}");
        assert_eq!(host.journal(), host.hand_over.journal(), "{wrong}");
        assert!(host.receiver.traffic().noise.broken > 0, "{wrong}");
    }
}

#[test]
fn a_hang_stops_the_signs_of_life() {
    let mut host = Host::new(HandOver::new(Plan::plain()));
    host.play_until_silent("hang:install", Duration::from_secs(7));
    assert_eq!(host.state.current().unwrap().id, "install");
}

#[test]
fn one_that_stops_answering_is_as_silent() {
    let mut host = Host::new(HandOver::new(Plan::plain()));
    host.play_until_silent("stop-answering:doctor", Duration::from_secs(7));
    assert!(host.state.finished().is_none() && host.greetings > 0);
}

#[test]
fn one_that_never_starts_says_nothing() {
    let mut host = Host::new(HandOver::new(Plan::plain()));
    host.play_until_silent("never-starts", Duration::from_secs(2));
    assert_eq!((host.greetings, host.receiver.have()), (0, 0));
}

#[test]
fn a_boot_loop_says_nothing_and_resets() {
    let mut host = Host::new(HandOver::new(Plan::plain()));
    for _ in 0..5 {
        assert_eq!(host.boot("boot-loop"), 11);
    }
    assert_eq!((host.greetings, host.receiver.have()), (0, 0));
}

#[test]
fn a_changed_file_is_refused_by_name() {
    let hand_over = HandOver::new(Plan::plain());
    hand_over.write("package/pagewise.sys", "other bytes");
    let mut host = Host::new(hand_over);
    host.play("", 12);
    assert!(host.refusals[0].contains("package/pagewise.sys"), "{:?}", host.refusals);
    assert_eq!(host.receiver.have(), 0);
}

#[test]
fn a_damaged_journal_is_refused_and_nothing_runs() {
    let hand_over = HandOver::new(Plan::plain());
    let mut host = Host::new(hand_over);
    assert_eq!(host.boot(""), 10);
    let mut journal = host.hand_over.journal();
    journal[5] ^= 1;
    host.hand_over.write("out/journal.log", &String::from_utf8(journal).unwrap());
    let have = host.receiver.have();
    host.play("", 12);
    assert!(host.refusals[0].contains("damaged"), "{:?}", host.refusals);
    assert_eq!(host.receiver.have(), have);
}
