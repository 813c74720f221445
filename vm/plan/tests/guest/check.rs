//! What must be true of every run, whatever went wrong.

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::Plan;
use pagewise_vm_plan::state::Progress;

use crate::machine::{Fault, Mishap, Run};

/// # Errors
/// What is not true.
pub fn check(plan: &Plan, run: &Run) -> Result<(), String> {
    let mishaps = &run.hit;
    is_over(plan, mishaps, run)?;
    nothing_ran_twice(run)?;
    one_outcome_each(plan, run)?;
    clearing_up_ran(plan, mishaps, run)?;
    nothing_is_glossed_over(mishaps, run)
}

fn is_over(plan: &Plan, mishaps: &[Mishap], run: &Run) -> Result<(), String> {
    if !run.over {
        return Err("it does not come to its end".to_owned());
    }
    let boots = run.state.boot() as usize;
    let bound = run.state.hopeless_from() as usize + mishaps.len();
    if boots > bound {
        return Err(format!("{boots} boots, {bound} at most"));
    }
    let asked = run.restarts;
    if asked >= plan.most_boots as usize {
        return Err(format!("{asked} restarts, and the plan allows {} boots", plan.most_boots));
    }
    let ends = run.events.iter().filter(|event| matches!(event, Event::Finished { .. })).count();
    let late = |mishap: &&Mishap| mishap.fault == Fault::BugCheckAfterLine;
    let most = 1 + mishaps.iter().filter(late).count();
    if (1..=most).contains(&ends) { Ok(()) } else { Err(format!("finished {ends} times")) }
}

fn nothing_ran_twice(run: &Run) -> Result<(), String> {
    let twice =
        run.acted.iter().find(|one| run.acted.iter().filter(|other| other == one).count() > 1);
    twice.map_or(Ok(()), |step| Err(format!("{step} ran twice")))
}

fn one_outcome_each(plan: &Plan, run: &Run) -> Result<(), String> {
    let ended: Vec<&String> = run
        .events
        .iter()
        .filter_map(|event| match event {
            Event::StepEnded { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    for step in &plan.steps {
        let count = ended.iter().filter(|other| **other == &step.id).count();
        if count != 1 {
            return Err(format!("{} ended {count} times", step.id));
        }
    }
    Ok(())
}

/// Whether a step never started, though nothing took the machine down but a few mishaps.
fn clearing_up_ran(plan: &Plan, mishaps: &[Mishap], run: &Run) -> Result<(), String> {
    for step in plan.steps.iter().filter(|step| step.always) {
        // Its start may be on the disk, and the machine went down before it began.
        let cut_short = mishaps.iter().any(|mishap| mishap.fault.takes_down());
        let started = run.started.contains(&step.id);
        if !started || (!run.acted.contains(&step.id) && !cut_short) {
            return Err(format!("{} did not run", step.id));
        }
    }
    Ok(())
}

fn nothing_is_glossed_over(mishaps: &[Mishap], run: &Run) -> Result<(), String> {
    for (index, (step, progress)) in run.state.steps().enumerate() {
        let Progress::Ended(outcome) = progress else {
            return Err(format!("{} has not ended", step.id));
        };
        let acted = run.acted.contains(&step.id);
        let spoilt = mishaps.iter().any(|mishap| mishap.at == index && mishap.fault.spoils_step());
        if outcome.is_passed() && (spoilt || !acted) {
            return Err(format!("{} is said to have passed", step.id));
        }
        if acted && matches!(outcome, Outcome::Skipped { .. }) {
            return Err(format!("{} ran and is said to be skipped", step.id));
        }
        let met = step.needs.iter().all(|need| run.passed(need));
        if run.started.contains(&step.id) && !step.always && !met {
            return Err(format!("{} ran without what it needs", step.id));
        }
    }
    let tally = run.state.finished().ok_or("not finished")?;
    if tally != run.state.tally() {
        return Err(format!("it came to {:?}, and says {tally:?}", run.state.tally()));
    }
    let bug_checks = mishaps.iter().filter(|mishap| mishap.fault == Fault::BugCheckInStep);
    if (tally.bug_checks as usize) < bug_checks.count() {
        return Err("a bug check is not told".to_owned());
    }
    Ok(())
}
