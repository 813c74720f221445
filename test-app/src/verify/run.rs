//! Running checks one after the other, each from the same state, none for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use pagewise_contract::State;
use pagewise_lab_wire::BugCheck;

use crate::driver::Driver;
use crate::error::Error;
use crate::exit::Exit;
use crate::machine::{Access, Kind, Machine};
use crate::verify::report::{CheckResult, DriverFile, Report, Status};
use crate::verify::restore::restore;
use crate::verify::{Check, Context, Output, Stop, Verdict};

/// What to run, and how.
pub struct Options {
    /// The checks.
    pub checks: Vec<Check>,
    /// Seed of the random ones.
    pub seed: u64,
    /// The driver's file, for the report.
    pub driver: DriverFile,
    /// Where the machine leaves a report if it bug-checks.
    pub bug_check: Option<PathBuf>,
    /// How long a check may take.
    pub timeout: Duration,
}

/// Runs the checks. How the run ends is in the second part.
///
/// # Errors
/// [`Error`] where the driver could not even be opened, or the output failed.
pub fn run(
    machine: &Arc<dyn Machine>,
    options: Options,
    output: &mut Output<'_>,
) -> Result<(Report, Exit), Error> {
    let began = SystemTime::now();
    let first = first_state(machine, options.timeout)?;
    let context = Context::new(Arc::clone(machine), options.seed, first);
    let mut report = Report::new(&**machine, options.driver);
    let mut lost: Option<String> = None;
    output.begin(options.checks.len());
    for check in options.checks {
        output.running(&check);
        let begun = Instant::now();
        let verdict = match &lost {
            Some(why) => Err(Stop::Skipped(why.clone())),
            None => match run_one(&context, check, options.timeout) {
                End::Decided(Err(Stop::Gone)) => {
                    let report = options.bug_check.as_deref();
                    let what = last_words(machine.kind(), report, began);
                    lost = Some(format!("the machine was lost in {}", check.id));
                    Err(Stop::Failed(what))
                }
                End::Decided(verdict) => verdict,
                End::TimedOut => {
                    lost = Some(format!("the machine no longer answered after {}", check.id));
                    let seconds = options.timeout.as_secs();
                    Err(Stop::Failed(format!("no end within {seconds} s")))
                }
            },
        };
        let result = result_of(check, verdict, &context.take_notes(), begun.elapsed());
        output.ended(&result)?;
        report.add(result);
    }
    if lost.is_none() {
        // For whoever uses the device next. No check is left that could tell if it fails.
        let nothing = Check { id: "", title: "", run: |_| Ok(()) };
        run_one(&context, nothing, options.timeout);
    }
    output.end(&report, options.seed)?;
    let exit = match (lost, report.summary.failed) {
        (Some(_), _) => Exit::MachineGone,
        (None, 0) => Exit::Ok,
        (None, _) => Exit::CheckFailed,
    };
    Ok((report, exit))
}

/// The state before any check changes it. A driver that cannot be asked, or never answers, is for the
/// checks to report; that there is none, or none that may be opened, is said at once.
fn first_state(machine: &Arc<dyn Machine>, timeout: Duration) -> Result<Option<State>, Error> {
    let (sender, receiver) = mpsc::channel();
    let machine = Arc::clone(machine);
    thread::spawn(move || {
        let state = match Driver::open(&*machine, Access::Read) {
            Ok(mut driver) => Ok(driver.state().ok()),
            Err(error @ (Error::NoDevice | Error::SeveralDevices(_) | Error::Open { .. })) => {
                Err(error)
            }
            Err(_) => Ok(None),
        };
        let _ = sender.send(state);
    });
    receiver.recv_timeout(timeout).unwrap_or(Ok(None))
}

/// How the thread of a check ended.
enum End {
    Decided(Verdict),
    TimedOut,
}

/// Runs one check in a thread of its own, from the restored state. A thread that does not end in
/// time is left behind: nothing can wake it, and the process is about to end.
fn run_one(context: &Context, check: Check, timeout: Duration) -> End {
    let (sender, receiver) = mpsc::channel();
    let context = context.clone();
    thread::spawn(move || {
        let _ = sender.send(decide(&context, check));
    });
    match receiver.recv_timeout(timeout) {
        Ok(verdict) => End::Decided(verdict),
        Err(mpsc::RecvTimeoutError::Timeout) => End::TimedOut,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            End::Decided(Err(Stop::Failed("the check itself panicked".to_owned())))
        }
    }
}

/// Runs one check from the restored state.
pub(crate) fn decide(context: &Context, check: Check) -> Verdict {
    restore(context).map_err(|stop| stop.during("restoring the state before the check"))?;
    (check.run)(context)
}

fn result_of(check: Check, verdict: Verdict, notes: &[String], took: Duration) -> CheckResult {
    let notes = || (!notes.is_empty()).then(|| notes.join("; "));
    let (status, reason, note) = match verdict {
        Ok(()) => (Status::Passed, None, notes()),
        Err(Stop::Failed(reason)) => (Status::Failed, Some(reason), None),
        Err(Stop::Skipped(reason)) => (Status::Skipped, Some(reason), None),
        Err(Stop::Observed(seen)) => {
            let all: Vec<String> = [Some(seen), notes()].into_iter().flatten().collect();
            (Status::Observed, None, Some(all.join("\n")))
        }
        Err(Stop::Gone) => (Status::Failed, Some("the machine is gone".to_owned()), None),
    };
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    CheckResult { id: check.id, title: check.title, status, reason, note, millis }
}

/// What the machine left behind. The report of an earlier machine does not count.
fn last_words(kind: Kind, path: Option<&Path>, began: SystemTime) -> String {
    const GONE: &str = "the machine is gone";
    if kind == Kind::Wine {
        return format!("{GONE}: the process that the driver ran in, winedevice.exe, has ended");
    }
    let Some(path) = path else {
        return format!("{GONE}; name its bug check report with --report to see why");
    };
    // The socket closes before the report is on disk, if the machine's process is slow to end.
    for _ in 0..20 {
        let fresh = fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|at| at >= began);
        let report = fs::read(path).ok().filter(|_| fresh);
        if let Some(report) = report.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return format!("{GONE}: {}", summary_of(&report));
        }
        thread::sleep(Duration::from_millis(100));
    }
    format!("{GONE}, and left no bug check report")
}

fn summary_of(report: &BugCheck) -> String {
    let [p1, p2, p3, p4] = report.parameters;
    let mut text = format!(
        "bug check {:#x} {} ({p1:#x}, {p2:#x}, {p3:#x}, {p4:#x})",
        report.code, report.name
    );
    let unknown = "unknown".to_owned();
    text += &format!(" blamed on {}", report.blamed.as_ref().unwrap_or(&unknown));
    if let Some(victim) = &report.victim {
        let section = report.section.as_ref().unwrap_or(&unknown);
        text += &format!("; the address is in {victim}, section {section}");
    }
    text + &format!("; IRQL {}", report.irql)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> BugCheck {
        BugCheck {
            code: 0xd1,
            name: "DRIVER_IRQL_NOT_LESS_OR_EQUAL".to_owned(),
            parameters: [0x7000_1000, 2, 0, 0x7100_0000],
            blamed: Some("wdfldr.sys".to_owned()),
            victim: Some("pagewise.sys".to_owned()),
            section: Some(".rdata".to_owned()),
            irql: 2,
            ..BugCheck::default()
        }
    }

    #[test]
    fn a_bug_check_is_told_in_one_line() {
        assert_eq!(
            summary_of(&report()),
            "bug check 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL (0x70001000, 0x2, 0x0, 0x71000000) \
             blamed on wdfldr.sys; the address is in pagewise.sys, section .rdata; IRQL 2"
        );
    }

    #[test]
    fn an_old_report_is_not_taken_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bugcheck.json");
        fs::write(&path, serde_json::to_vec(&report()).unwrap()).unwrap();
        let now = SystemTime::now();
        let before = now - Duration::from_secs(60);
        let after = now + Duration::from_secs(60);
        assert!(last_words(Kind::Lab, Some(&path), before).contains("0xd1"));
        assert!(last_words(Kind::Lab, Some(&path), after).contains("left no"));
        assert!(last_words(Kind::Wine, None, before).contains("winedevice.exe"));
    }
}
