//! What a run came to, for people and for machines.

mod files;
mod junit;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use console::style;
use pagewise_vm_plan::event::{Checks, Event};
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::{Action, Plan};
use pagewise_vm_plan::receiver::Traffic;
use pagewise_vm_plan::state::Progress;
use serde::Serialize;

use super::follow::Followed;
use super::view::plain;
use super::watch::{Crash, Verdict};

pub use files::{Found, Integrity, compare};
pub use junit::write as write_junit;

/// Version of the report's form.
const VERSION: u32 = 1;

/// What ran the guest.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// `base-image`, or `stand-in`, which is never to be taken for Windows.
    pub guest: &'static str,
    /// The base image's name; none for the stand-in.
    pub base: Option<String>,
    /// `kvm` or `tcg`.
    pub accelerator: &'static str,
    /// The guest's memory.
    pub memory_mib: u32,
    /// The guest's processors.
    pub processors: u32,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    #[serde(flatten)]
    verdict: Verdict,
    /// The verdict in words.
    text: String,
    help: Option<&'static str>,
    plan: String,
    host: Host,
    /// The system, as the guest names it.
    os: Option<String>,
    seconds: u64,
    boots: u32,
    resets: u32,
    crashes: Vec<Crash>,
    steps: Vec<Step>,
    checks: Vec<Checks>,
    files: Vec<Found>,
    /// Why files are missing as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_files: Option<String>,
    line: Traffic,
    said: Vec<String>,
}

/// A step of the plan.
#[derive(Debug, Serialize)]
struct Step {
    id: String,
    /// None: it did not end.
    #[serde(flatten)]
    outcome: Option<Outcome>,
    started: bool,
    exit_code: Option<i64>,
    seconds: Option<u64>,
}

impl Report {
    /// Of a run that took so long.
    pub fn of(
        followed: &Followed,
        host: Host,
        files: std::result::Result<Vec<Found>, String>,
        took: Duration,
    ) -> Self {
        let state = followed.watch.state();
        let (files, no_files) = match files {
            Ok(files) => (files, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let checks = followed.events.iter().filter_map(|event| match event {
            Event::Checks(checks) => Some(checks.clone()),
            _ => None,
        });
        let said = followed.events.iter().filter_map(|event| match event {
            Event::Said { text } => Some(text.clone()),
            _ => None,
        });
        Self {
            version: VERSION,
            verdict: followed.verdict.clone(),
            text: followed.verdict.to_string(),
            help: followed.verdict.help(),
            plan: state.plan().name.clone(),
            host,
            os: followed.os(),
            seconds: took.as_secs(),
            boots: state.boot(),
            resets: followed.watch.resets(),
            crashes: followed.watch.all_crashes(),
            steps: steps(followed),
            checks: checks.collect(),
            files,
            no_files,
            line: followed.traffic,
            said: said.collect(),
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("the report is no JSON")?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether a file of the guest's is what it told of.
    pub fn state_of(&self, name: &str) -> Option<Integrity> {
        self.files.iter().find(|file| file.name == name).map(|file| file.state)
    }

    /// Tells the user.
    pub fn print(&self, results: &Path) {
        let verdict = style(&self.text).for_stderr().bold();
        let verdict = if self.verdict == Verdict::Passed { verdict.green() } else { verdict.red() };
        eprintln!("\nVerdict: {verdict}");
        for crash in &self.crashes {
            eprintln!("  {}", told(crash));
        }
        for file in self.files.iter().filter(|file| file.state != Integrity::Whole) {
            eprintln!("  out/{}: {}", plain(&file.name), file.state.told());
        }
        if let Some(why) = &self.no_files {
            eprintln!("  no file came from the hand-over disk: {}", plain(why));
        }
        if matches!(self.verdict, Verdict::NeverCame { .. }) {
            eprintln!("  {}", heard(&self.line));
        }
        if let Some(help) = self.help {
            eprintln!("  try: {help}");
        }
        eprintln!("Results: {}", results.display());
    }
}

/// What a line carried that no guest is known of by.
fn heard(line: &Traffic) -> String {
    let (bytes, tail) = (line.noise.bytes, line.noise.tail.text());
    match tail.trim() {
        "" => format!("its line carried {bytes} bytes, none of them a guest's"),
        tail => format!("its line carried {bytes} bytes of noise, at last: {}", plain(tail)),
    }
}

fn told(crash: &Crash) -> String {
    let step =
        crash.step.as_deref().map_or("between two steps".to_owned(), |it| format!("in {it}"));
    match &crash.dump {
        None => format!("the machine went down {step}, without a dump"),
        Some(dump) => {
            let parameters = dump.parameters.map(|one| format!("{one:#x}")).join(", ");
            format!("bug check {:#x} ({parameters}) {step}; dump {}", dump.code, plain(&dump.file))
        }
    }
}

fn steps(followed: &Followed) -> Vec<Step> {
    let ended = |id: &str| {
        followed.events.iter().find_map(|event| match event {
            Event::StepEnded { step, exit_code, seconds, .. } if step == id => {
                Some((*exit_code, *seconds))
            }
            _ => None,
        })
    };
    let steps = followed.watch.state().steps().map(|(step, progress)| {
        let outcome = match progress {
            Progress::Ended(outcome) | Progress::BrokenOff(outcome) => Some(outcome.clone()),
            _ => None,
        };
        let (exit_code, seconds) = ended(&step.id).unzip();
        Step {
            id: step.id.clone(),
            outcome,
            started: *progress != Progress::Waiting,
            exit_code: exit_code.flatten(),
            seconds,
        }
    });
    steps.collect()
}

/// The file of the results that the plan is there for: of its last verify.
pub fn main_results(followed: &Followed) -> Option<String> {
    all_results(followed.watch.state().plan()).pop()
}

/// The files of the results of every verify.
pub fn all_results(plan: &Plan) -> Vec<String> {
    let labels = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Verify { label } => Some(format!("verify-{label}.json")),
        _ => None,
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use pagewise_vm_plan::receiver::Receiver;

    use super::*;

    #[test]
    fn a_line_with_noise_alone_is_told_from_a_silent_one() {
        let mut receiver = Receiver::new(0);
        assert_eq!(heard(&receiver.traffic()), "its line carried 0 bytes, none of them a guest's");
        receiver.feed(b"BdsDxe: No bootable device\x1b[2J");
        let said = heard(&receiver.traffic());
        assert!(said.starts_with("its line carried 30 bytes of noise, at last: BdsDxe"), "{said}");
    }
}
