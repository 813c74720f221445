//! `guest`.

use std::io::Write;

use pagewise_vm_plan::plan::Plan;

use super::print_json;
use crate::cli::Guest;
use crate::error::Error;
use crate::exit::Exit;
use crate::guest::{self, Ended, Options, Status};

pub(super) fn guest(what: &Guest, out: &mut dyn Write) -> Result<Exit, Error> {
    match what {
        Guest::Run { handover, serial } => {
            let options = Options { handover: handover.clone(), serial: serial.clone() };
            Ok(match guest::run(&options)? {
                Ended::Over(true) => Exit::Ok,
                Ended::Over(false) => Exit::CheckFailed,
                Ended::Restarting => Exit::Restart,
            })
        }
        Guest::Setup { serial } => {
            tell(&guest::setup(serial)?, out)?;
            writeln!(
                out,
                "the guest starts with the next boot; `test-app guest remove` undoes it"
            )?;
            Ok(Exit::Ok)
        }
        Guest::HandOver(options) => {
            let plan = Plan::built_in(options.profile.into(), options.memory_integrity);
            tell(&guest::hand_over(&options.package, &options.out, &plan)?, out)?;
            Ok(Exit::Ok)
        }
        Guest::Status { handover, json } => {
            let status = guest::status(handover.as_deref())?;
            if *json {
                return print_json(out, &status);
            }
            tell_status(&status, out)?;
            Ok(Exit::Ok)
        }
        Guest::Remove => {
            let done = guest::remove()?;
            if done.is_empty() {
                writeln!(out, "there was nothing to remove")?;
            }
            tell(&done, out)?;
            Ok(Exit::Ok)
        }
    }
}

fn tell(lines: &[String], out: &mut dyn Write) -> Result<(), Error> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}

fn tell_status(status: &Status, out: &mut dyn Write) -> Result<(), Error> {
    let yes = |yes| if yes { "yes" } else { "no" };
    writeln!(out, "starts at boot  {}", yes(status.task))?;
    match &status.handover {
        Some(root) => writeln!(out, "hand-over disk  {}", root.display())?,
        None => writeln!(out, "hand-over disk  none")?,
    }
    if let Some(plan) = &status.plan {
        let over = if status.finished { "over" } else { "not over" };
        writeln!(out, "plan            {plan}, {over}; {} starts", status.boots)?;
    }
    for (step, word) in &status.steps {
        writeln!(out, "  {word:<8} {step}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_step_by_step() {
        let status = Status {
            schema: 1,
            task: true,
            handover: Some("X:".into()),
            plan: Some("plain".to_owned()),
            boots: 2,
            steps: vec![("install".to_owned(), "passed"), ("doctor".to_owned(), "waiting")],
            finished: false,
        };
        let mut text = Vec::new();
        tell_status(&status, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "starts at boot  yes\nhand-over disk  X:\nplan            plain, not over; 2 starts\n  \
             passed   install\n  waiting  doctor\n"
        );
    }
}
