//! What the user sees of a run: a line for each step that ended, and one that moves.

use std::time::Duration;

use console::style;
use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::receiver::Received;
use pagewise_vm_plan::state::Progress;

use super::monitor;
use super::watch::Watch;
use crate::progress::Step;

/// Before this, a guest that says nothing is none to worry about.
const QUIET: Duration = Duration::from_secs(15);

/// The live view.
pub struct View {
    step: Step,
}

impl View {
    /// Announces a plan.
    pub fn start(plan: &str) -> Self {
        Self { step: Step::start(format!("Running the plan {plan}")) }
    }

    /// Shows what came over the line.
    pub fn received(&self, received: &Received) {
        let text = match received {
            Received::Line(_, event) => line(event),
            Received::Rewound { have, .. } => {
                Some(format!("  the guest's journal is shorter than {have} lines"))
            }
            Received::Refused(what) => Some(format!("  refused: {what}")),
            Received::Hello(_) | Received::Alive(_) => None,
        };
        if let Some(text) = text {
            self.step.line(&text);
        }
    }

    /// Shows what QEMU told.
    pub fn machine(&self, event: monitor::Event, watch: &Watch) {
        let at = match watch.state().current() {
            Some(step) => format!(", in {}", step.id),
            None => String::new(),
        };
        match event {
            monitor::Event::Reset { guest: true } => {
                self.step.line(&format!("  the machine starts again{at}"));
            }
            monitor::Event::Shutdown { guest: true } => {
                self.step.line(&format!("  the machine goes off{at}"));
            }
            monitor::Event::Panicked => self.step.line(&format!("  the guest panicked{at}")),
            _ => {}
        }
    }

    /// Shows where it stands.
    pub fn tick(&self, watch: &Watch, since: Duration, now: Duration) {
        let state = watch.state();
        let ended = state.steps().filter(|(_, it)| matches!(it, Progress::Ended(_))).count();
        let what = match state.current() {
            Some(step) => format!("{} ({} s)", step.id, now.saturating_sub(since).as_secs()),
            None => "waiting for the guest".to_owned(),
        };
        let silent = watch.silent_for(now);
        let silent = if silent > QUIET {
            format!("; silent for {} s", silent.as_secs())
        } else {
            String::new()
        };
        let steps = state.plan().steps.len();
        self.step.detail(&format!("boot {}, {ended} of {steps}: {what}{silent}", state.boot()));
    }

    /// Shows these words in the line that moves.
    pub fn say(&self, words: &str) {
        self.step.detail(words);
    }

    /// Ends it.
    pub fn done(self) {
        self.step.done();
    }
}

/// An event as a line, if it is for people.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Booted(booted) => {
            let dump = booted.dump.as_ref().map_or_else(String::new, |dump| {
                format!("; it bug-checked: {:#x}, dump {}", dump.code, dump.file)
            });
            format!("  boot {}: {}{dump}", booted.boot, booted.os)
        }
        Event::RestartAsked { step, why } => format!("  {step:<24} restarts: {why}"),
        Event::StepEnded { step, outcome, seconds, .. } => {
            format!("  {step:<24} {} ({seconds} s){}", word(outcome), more(outcome))
        }
        Event::Checks(checks) => format!(
            "  {:<24} {} checks passed, {} failed, {} skipped",
            checks.step, checks.passed, checks.failed, checks.skipped
        ),
        Event::Said { text } => format!("  | {}", plain(text)),
        Event::StepStarted { .. }
        | Event::File { .. }
        | Event::InlineFile { .. }
        | Event::Finished { .. }
        | Event::Unknown => return None,
    })
}

fn word(outcome: &Outcome) -> String {
    let word = style(outcome.word()).for_stderr();
    match outcome {
        Outcome::Passed => word.green(),
        Outcome::Failed { .. } => word.red(),
        Outcome::Skipped { .. } => word.yellow(),
    }
    .to_string()
}

fn more(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => String::new(),
        Outcome::Skipped { reason } => format!(": {}", plain(reason)),
        Outcome::Failed { what, code, help } => {
            let code = code.as_ref().map_or_else(String::new, |code| format!(" [{}]", plain(code)));
            let help = help
                .as_ref()
                .map_or_else(String::new, |help| format!("\n    try: {}", plain(help)));
            format!(": {}{code}{help}", plain(what))
        }
    }
}

/// A guest's words without what could command a terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_failed_tells_all_of_it() {
        let outcome = Outcome::Failed {
            what: "pnputil said \u{1b}[2Jno".to_owned(),
            code: Some("0x5 (ERROR_ACCESS_DENIED)".to_owned()),
            help: Some("an elevated prompt".to_owned()),
        };
        let event =
            Event::StepEnded { step: "install".to_owned(), outcome, exit_code: None, seconds: 3 };
        let text = console::strip_ansi_codes(&line(&event).unwrap()).into_owned();
        assert_eq!(
            text,
            "  install                  failed (3 s): pnputil said  [2Jno [0x5 (ERROR_ACCESS_DENIED)]\n    \
             try: an elevated prompt"
        );
    }
}
