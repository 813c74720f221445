//! Negative twins: every check passes on an honest machine and fails on one that is wrong about
//! just what it checks.

use std::sync::Arc;

use super::context::Context;
use super::fake::{Fake, Lie};
use super::report::{DriverFile, Status};
use super::run::decide;
use super::{Check, DEFAULT_SEED, Options, Output, Stop, all, run};
use crate::exit::Exit;
use crate::machine::Machine;

/// Each lie, and the checks that have to see through it.
const CAUGHT: &[(Lie, &[&str])] = &[
    (Lie::OtherKmdf, &["handshake.version"]),
    (Lie::GapInSections, &["handshake.sections"]),
    (Lie::ConstantData, &["handshake.ballast"]),
    (Lie::NeverPaged, &["paging.at-start", "paging.evicts", "paging.counters"]),
    (Lie::StartsAsLinked, &["paging.at-start"]),
    (Lie::OtherBase, &["paging.base"]),
    (Lie::ResetDoesNothing, &["paging.reset", "paging.pageable-stays", "witness.total"]),
    (Lie::CountIsDeaf, &["witness.total", "witness.resident"]),
    (Lie::ResidentIsDeaf, &["witness.resident"]),
    (Lie::ResetBringsAllIn, &["paging.reset"]),
    (Lie::ResetPinsAll, &["paging.pageable-stays"]),
    (Lie::SecondPageUndoes, &["paging.twice"]),
    (Lie::CountsTwice, &["paging.counters", "concurrency.clients"]),
    (Lie::LosesModified, &["paging.cycles", "content.evicted", "content.true-bytes"]),
    (Lie::RaisesIrql, &["paging.force-irql"]),
    (Lie::VerifierIsOff, &["paging.force-irql"]),
    (Lie::AlwaysResident, &["residency.truth", "residency.pattern"]),
    (Lie::AskingTouches, &["residency.disturbs-nothing"]),
    (Lie::RangesFromZero, &["residency.ranges"]),
    (Lie::StrayBits, &["residency.ranges"]),
    (Lie::BadConstant, &["content.linked", "content.true-bytes", "concurrency.clients"]),
    (Lie::LosesText, &["content.image"]),
    (Lie::CallsNothing, &["content.code-runs"]),
    (Lie::WriteTouchSpoils, &["content.written-back"]),
    (Lie::OnlyHardFaults, &["content.faults"]),
    (Lie::LockHoldsNothing, &["locks.hold", "locks.count", "concurrency.clients"]),
    (Lie::LocksAreBoolean, &["locks.count"]),
    (Lie::AcceptsOverUnlock, &["locks.over-unlock"]),
    (Lie::LocksWhilePaged, &["locks.state"]),
    (Lie::LocksAnything, &["locks.kinds"]),
    (Lie::NoLimit, &["locks.limit"]),
    (Lie::AcceptsShort, &["input.short", "input.random"]),
    (Lie::AcceptsLong, &["input.long", "input.random"]),
    (Lie::AcceptsNoRoom, &["input.no-room", "input.random"]),
    (Lie::PadsAnswers, &["input.room-to-spare"]),
    (Lie::AcceptsUnknown, &["input.unknown-codes", "input.random"]),
    (Lie::AcceptsEmptyRanges, &["input.values"]),
    (Lie::OtherStatus, &["input.values", "input.random"]),
    (Lie::ChangesOnFailure, &["input.short", "input.long", "input.no-room", "input.values"]),
    (Lie::ForgetsOddFills, &["input.random", "concurrency.clients"]),
    (Lie::ReadersMayChange, &["access.read-only"]),
    (Lie::WritersMayAsk, &["access.write-only"]),
    (Lie::UsersMayOpen, &["access.users"]),
    (Lie::LeaksBase, &["access.no-address"]),
    (Lie::CountsBackwards, &["concurrency.clients"]),
    (Lie::CancelTears, &["concurrency.cancel"]),
    (Lie::CloseLeavesLock, &["concurrency.close"]),
    (Lie::DiesWithoutReset, &["teardown.removal", "teardown.surprise", "teardown.unload"]),
    (Lie::NoResetOnRemoval, &["teardown.removal"]),
    (Lie::StaysThere, &["teardown.removal"]),
    (Lie::AnswersOnceGone, &["teardown.surprise", "teardown.open-handle"]),
    (Lie::RebalanceForgetsPaging, &["teardown.rebalance"]),
    (Lie::KeepsLocks, &["teardown.locks", "teardown.reinstall"]),
    (Lie::VetoesAndGoes, &["teardown.open-handle"]),
    (Lie::FailedStartStays, &["teardown.failed-start"]),
    (Lie::StaysLoaded, &["teardown.unload"]),
    (Lie::KeepsOldPages, &["teardown.unload"]),
    (Lie::LeaksPool, &["teardown.pool"]),
    (Lie::FrameworkGrows, &["teardown.pool"]),
    (Lie::WearsOut, &["teardown.again"]),
];

fn decided(fake: Fake, check: Check) -> Result<(), Stop> {
    decide(&Context::new(fake.shared(), DEFAULT_SEED, None), check)
}

fn check(id: &str) -> Check {
    all().into_iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no check {id}"))
}

#[test]
fn an_honest_machine_passes_every_check() {
    for check in all().into_iter().filter(|check| !is_question(check)) {
        assert_eq!(decided(Fake::lab(Lie::None), check), Ok(()), "{}", check.id);
    }
}

#[test]
fn every_lie_is_caught() {
    let pairs = CAUGHT.iter().flat_map(|(lie, ids)| ids.iter().map(|id| (*lie, *id)));
    let missed: Vec<_> = pairs
        .filter_map(|(lie, id)| match decided(Fake::lab(lie), check(id)) {
            Err(Stop::Failed(reason)) if !reason.starts_with("restoring the state") => None,
            Err(Stop::Gone) if [Lie::DiesWithoutReset, Lie::RaisesIrql].contains(&lie) => None,
            other => Some((lie, id, other)),
        })
        .collect();
    assert!(missed.is_empty(), "not caught by the check itself: {missed:#?}");
}

#[test]
fn every_check_sees_through_something() {
    for check in all().into_iter().filter(|check| !is_question(check)) {
        let caught = CAUGHT.iter().any(|(_, ids)| ids.contains(&check.id));
        assert!(caught, "{} has no negative twin", check.id);
    }
}

fn is_question(check: &Check) -> bool {
    check.id.starts_with("question.")
}

fn answer(fake: Fake, id: &str) -> String {
    match decided(fake, check(id)) {
        Err(Stop::Observed(seen)) => seen,
        other => panic!("{id}: {other:?}"),
    }
}

/// A question has no wrong answer; its twin is a machine of which another is true.
#[test]
fn every_question_is_answered_by_what_the_machine_does() {
    let twins = [
        (Fake::windows as fn(Lie) -> Fake, Lie::NeverPaged, "question.system"),
        (Fake::lab, Lie::PagingTakesOut, "question.paging"),
        (Fake::lab, Lie::ResetDoesNothing, "question.reset"),
        (Fake::lab, Lie::NeverPaged, "question.trim"),
    ];
    for check in all().into_iter().filter(is_question) {
        let (machine, lie, id) = twins.iter().find(|(.., id)| *id == check.id).unwrap();
        assert_ne!(answer(machine(Lie::None), id), answer(machine(*lie), id), "{id}");
    }
    assert_eq!(
        answer(Fake::lab(Lie::None), "question.reset"),
        "of the pages that are resident by link, the driver sees 2 of 18 before, 18 of 18 after"
    );
}

#[test]
fn the_page_of_questions_names_every_one() {
    let page = include_str!("../../../docs/windows-questions.md");
    for check in all().into_iter().filter(is_question) {
        assert!(page.contains(&format!("`{}`", check.id)), "{}", check.id);
    }
    let ids = page.split('`').filter(|word| word.starts_with("question.") && *word != "question.*");
    for id in ids {
        assert!(all().iter().any(|check| check.id == id), "there is no check {id}");
    }
}

/// The checks that ask which pages are resident right after they were touched.
const NEED_PEACE: [&str; 5] = [
    "residency.truth",
    "residency.pattern",
    "witness.resident",
    "content.code-runs",
    "content.faults",
];

#[test]
fn what_a_machine_that_evicts_by_itself_cannot_decide_is_skipped_with_the_reason() {
    for check in all().into_iter().filter(|check| !is_question(check)) {
        match decided(Fake::lab(Lie::EvictsByItself), check) {
            Err(Stop::Skipped(reason)) if NEED_PEACE.contains(&check.id) => {
                assert!(reason.contains("evicts by itself"), "{reason}");
            }
            Ok(()) if !NEED_PEACE.contains(&check.id) => {}
            other => panic!("{}: {other:?}", check.id),
        }
    }
}

#[test]
fn another_major_version_stops_everything() {
    let result = decided(Fake::lab(Lie::OtherMajor), check("paging.base"));
    let Err(Stop::Failed(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("contract 2.0"), "{reason}");
}

#[test]
fn what_windows_cannot_decide_is_skipped_with_a_reason() {
    let (mut passed, mut skipped) = (0, 0);
    let fake = Fake::windows(Lie::None);
    let first = crate::driver::Driver::open(&fake, crate::machine::Access::Read)
        .and_then(|mut driver| driver.state())
        .unwrap();
    for check in all() {
        let context = Context::new(fake.clone().shared(), DEFAULT_SEED, Some(first));
        match decide(&context, check) {
            Ok(()) => passed += 1,
            Err(Stop::Skipped(reason)) => {
                assert!(!reason.is_empty());
                skipped += 1;
            }
            Err(Stop::Observed(_)) if is_question(&check) => {}
            other => panic!("{}: {other:?}", check.id),
        }
    }
    assert!(passed > 15 && skipped > 15, "{passed} passed, {skipped} skipped");
    let Err(Stop::Skipped(reason)) = decided(Fake::windows(Lie::None), check("paging.evicts"))
    else {
        panic!("it takes no orders");
    };
    assert!(reason.starts_with("needs orders to evict: Windows documents"), "{reason}");
}

/// A whole run, its text and its result.
fn whole(fake: Fake, only: &[&str]) -> (String, super::Report, Exit) {
    within(fake, only, std::time::Duration::from_secs(60))
}

fn within(
    fake: Fake,
    only: &[&str],
    timeout: std::time::Duration,
) -> (String, super::Report, Exit) {
    let options = Options {
        checks: only.iter().map(|id| check(id)).collect(),
        seed: DEFAULT_SEED,
        driver: DriverFile { file: Some("pagewise.sys".into()), sha256: Some("00".repeat(32)) },
        bug_check: None,
        timeout,
    };
    let machine: Arc<dyn Machine> = fake.shared();
    let mut text = Vec::new();
    let mut output = Output::new(&mut text, false, false);
    let (mut report, exit) = run(&machine, options, &mut output).unwrap();
    report.checks.iter_mut().for_each(|check| check.millis = 0);
    (String::from_utf8(text).unwrap(), report, exit)
}

#[test]
fn a_lost_machine_fails_one_check_and_skips_the_rest() {
    let only = ["paging.base", "teardown.removal", "teardown.unload"];
    let (text, report, exit) = whole(Fake::lab(Lie::DiesWithoutReset), &only);
    let status: Vec<_> = report.checks.iter().map(|check| check.status).collect();
    assert_eq!(status, [Status::Passed, Status::Failed, Status::Skipped]);
    assert_eq!(exit, Exit::MachineGone);
    assert!(text.contains("the machine was lost in teardown.removal"), "{text}");
}

#[test]
fn a_driver_that_never_answers_ends_the_run_all_the_same() {
    let only = ["handshake.version", "paging.base"];
    let fake = Fake::lab(Lie::NeverAnswers);
    let (text, report, exit) = within(fake, &only, std::time::Duration::from_millis(100));
    assert_eq!((report.checks[0].status, exit), (Status::Failed, Exit::MachineGone));
    assert!(text.contains("no end within 0 s"), "{text}");
}

#[test]
fn the_report_has_its_documented_form() {
    let only = ["handshake.version", "locks.over-unlock"];
    let (_, report, exit) = whole(Fake::lab(Lie::AcceptsOverUnlock), &only);
    assert_eq!(exit, Exit::CheckFailed);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn what_a_check_did_without_is_in_its_result() {
    let only = ["locks.count", "locks.over-unlock"];
    let (text, report, _) = whole(Fake::windows(Lie::None), &only);
    assert_eq!(report.checks[0].note.as_deref(), Some("decided without orders to evict"));
    assert_eq!(report.checks[1].note, None);
    assert!(text.contains("decided without orders to evict"), "{text}");
    let (_, report, _) = whole(Fake::lab(Lie::None), &only);
    assert_eq!(report.checks[0].note, None);
}

#[test]
fn only_a_run_without_failures_ends_with_zero() {
    let (_, report, exit) = whole(Fake::windows(Lie::None), &["paging.base", "paging.evicts"]);
    assert_eq!(exit, Exit::Ok);
    assert_eq!((report.summary.passed, report.summary.skipped), (1, 1));
}
