//! The guest's engine on a machine that does everything wrong that a machine can, at every moment:
//! every built-in plan, every line of the journal, every step, and every pair of these for the
//! shortest plan.

mod check;
mod machine;

use std::collections::BTreeSet;

use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::{Action, Plan, Profile};
use pagewise_vm_plan::state::Progress;

use check::check;
use machine::{Fault, Mishap, Run, Twin, play};

/// Everything that can go wrong once in a run that has so many lines, steps and restarts.
fn mishaps(plan: &Plan) -> Vec<Mishap> {
    let whole = play(plan, &[], Twin::None);
    let at_line = |line| Fault::LINE.map(|fault| Mishap { fault, at: line });
    let at_step = |step| Fault::STEP.map(|fault| Mishap { fault, at: step });
    let at_restart = |restart| Fault::RESTART.map(|fault| Mishap { fault, at: restart });
    let lines = (1..=whole.appends).flat_map(at_line);
    let steps = (0..plan.steps.len()).flat_map(at_step);
    let restarts = (1..=whole.restarts).flat_map(at_restart);
    lines.chain(steps).chain(restarts).collect()
}

#[test]
fn whatever_goes_wrong_once_every_plan_comes_to_its_end() {
    for plan in Plan::all_built_in() {
        check(&plan, &play(&plan, &[], Twin::None)).unwrap();
        for mishap in mishaps(&plan) {
            let run = play(&plan, &[mishap], Twin::None);
            check(&plan, &run).unwrap_or_else(|what| panic!("{}, {mishap:?}: {what}", plan.name));
        }
    }
}

#[test]
fn whatever_goes_wrong_twice_the_plan_comes_to_its_end() {
    let plan = Plan::plain();
    // To the next boot it is all the same who ended the line.
    let alike =
        |mishap: &Mishap| matches!(mishap.fault, Fault::ResetBeforeLine | Fault::ProgramEnds);
    let all: Vec<_> = mishaps(&plan).into_iter().filter(|mishap| !alike(mishap)).collect();
    for (index, &first) in all.iter().enumerate() {
        for &second in &all[index..] {
            let both = [first, second];
            let run = play(&plan, &both, Twin::None);
            check(&plan, &run).unwrap_or_else(|what| panic!("{both:?}: {what}"));
        }
    }
}

/// In the longest plan, every two steps in every way that differs to what follows.
#[test]
fn any_two_steps_of_the_longest_plan_may_go_wrong() {
    let plan = Plan::built_in(Some(Profile::Torture), true);
    let kinds =
        [Fault::StepFails, Fault::ResetInStep, Fault::BugCheckInStep, Fault::AsksForRestart];
    let at_step = |at| kinds.map(|fault| Mishap { fault, at });
    let all: Vec<_> = (0..plan.steps.len()).flat_map(at_step).collect();
    for &first in &all {
        for &second in all.iter().filter(|second| second.at > first.at) {
            let both = [first, second];
            let run = play(&plan, &both, Twin::None);
            check(&plan, &run).unwrap_or_else(|what| panic!("{both:?}: {what}"));
        }
    }
}

/// Everything goes wrong in every step.
#[test]
fn a_machine_that_goes_down_in_every_step_comes_to_its_end() {
    for plan in Plan::all_built_in() {
        for fault in [Fault::ResetInStep, Fault::BugCheckInStep, Fault::AsksForRestart] {
            let all: Vec<_> = (0..plan.steps.len()).map(|at| Mishap { fault, at }).collect();
            let run = play(&plan, &all, Twin::None);
            check(&plan, &run).unwrap_or_else(|what| panic!("{fault:?}: {what}"));
        }
    }
}

/// A machine that never stays up long enough to run anything does so no more after a while.
#[test]
fn a_machine_that_resets_at_every_start_runs_nothing() {
    let plan = Plan::plain();
    let always = Mishap { fault: Fault::ResetAfterLine, at: usize::MAX };
    let run = play(&plan, &[always], Twin::None);
    assert!(run.acted.is_empty(), "{:?}", run.acted);
    assert!(run.over && run.state.finished().is_some());
}

#[test]
fn engines_that_are_broken_on_purpose_are_caught() {
    let plan = Plan::verifier(Profile::Quick);
    let caught = |twin| {
        let wrong = mishaps(&plan).into_iter().filter(|&mishap| {
            let run = play(&plan, &[mishap], twin);
            check(&plan, &run).is_err()
        });
        wrong.count()
    };
    assert_eq!(caught(Twin::None), 0);
    for twin in Twin::BROKEN {
        assert!(caught(twin) > 0, "{twin:?}");
    }
}

fn outcome<'a>(run: &'a Run, id: &str) -> &'a Outcome {
    let found = run.state.steps().find(|(step, _)| step.id == id).map(|(_, progress)| progress);
    match found {
        Some(Progress::Ended(outcome)) => outcome,
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn a_bug_check_is_told_with_code_and_parameters_and_the_plan_goes_on() {
    let plan = Plan::plain();
    let at = plan.steps.iter().position(|step| step.id == "install").unwrap();
    let run = play(&plan, &[Mishap { fault: Fault::BugCheckInStep, at }], Twin::None);
    let Outcome::Failed { what, code, help } = outcome(&run, "install") else { panic!() };
    assert!(what.contains("0x1, 0x2, 0x3, 0x4"), "{what}");
    assert_eq!(code.as_deref(), Some("0xc4"));
    assert!(help.as_ref().is_some_and(|help| help.contains("!analyze")));
    assert_eq!(
        outcome(&run, "doctor"),
        &Outcome::skipped("it needs install, which failed".to_owned())
    );
    assert_eq!(
        outcome(&run, "verify-plain"),
        &Outcome::skipped("it needs doctor, which was skipped".to_owned())
    );
    assert!(outcome(&run, "uninstall").is_passed() && outcome(&run, "collect").is_passed());
}

#[test]
fn without_mishaps_all_passes_in_as_few_boots_as_there_are_restarts() {
    for plan in Plan::all_built_in() {
        let run = play(&plan, &[], Twin::None);
        let tally = run.state.finished().unwrap();
        assert_eq!(tally.passed as usize, plan.steps.len());
        assert_eq!(run.state.boot() as usize, run.restarts + 1);
        let ran: BTreeSet<_> = run.acted.iter().collect();
        assert_eq!(ran.len(), plan.steps.len());
        assert!(plan.steps.iter().any(|step| matches!(step.action, Action::Collect)));
    }
}
