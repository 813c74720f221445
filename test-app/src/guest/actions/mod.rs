//! What a step does on Windows.

mod collect;
mod desk;
mod driver;
mod integrity;
mod signing;
mod verifier;

use std::path::Path;

use pagewise_vm_plan::guest::{Acted, Ended};
use pagewise_vm_plan::plan::{Action, Step};

use super::system::System;
use desk::Desk;

/// Does a step.
#[must_use]
pub fn act(system: &mut dyn System, handover: &Path, out: &Path, step: &Step) -> Acted {
    let mut desk = Desk::new(system, handover, out, step);
    let ended = match &step.action {
        Action::CheckSigning { set } => signing::check(&mut desk, *set),
        Action::MemoryIntegrity { on, set: true } => integrity::set(&mut desk, *on),
        Action::MemoryIntegrity { on, set: false } => integrity::check(&mut desk, *on),
        Action::Trust => driver::trust(&mut desk),
        Action::Install => driver::install(&mut desk),
        Action::Doctor => driver::doctor(&mut desk),
        Action::Verify { label } => driver::verify(&mut desk, label),
        Action::Uninstall => driver::uninstall(&mut desk),
        Action::DriverVerifier { profile } => verifier::set(&mut desk, *profile),
        Action::QueryVerifier => verifier::query(&mut desk),
        Action::ResetVerifier => verifier::reset(&mut desk),
        Action::Reboot => Ended::AfterRestart("the plan wants it".to_owned()),
        Action::Collect => collect::collect(&mut desk),
    };
    desk.acted(ended)
}

#[cfg(test)]
mod tests;
