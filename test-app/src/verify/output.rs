//! What a run shows: a line a check, a progress bar on a terminal, a summary.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::verify::report::{CheckResult, Report, Status};
use crate::verify::{Check, DEFAULT_SEED};

/// Where the lines go.
pub struct Output<'a> {
    out: &'a mut dyn Write,
    bar: ProgressBar,
    colour: bool,
}

impl<'a> Output<'a> {
    /// Lines to `out`; a bar to standard error where that is a terminal.
    pub fn new(out: &'a mut dyn Write, colour: bool, bar: bool) -> Self {
        let target = if bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { out, bar, colour }
    }

    /// So many checks will run.
    pub fn begin(&mut self, checks: usize) {
        self.bar.set_length(checks as u64);
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// This one runs now.
    pub fn running(&mut self, check: &Check) {
        self.bar.set_message(check.id);
    }

    /// It ended.
    ///
    /// # Errors
    /// What the output says.
    pub fn ended(&mut self, result: &CheckResult) -> io::Result<()> {
        let (word, colour) = match result.status {
            Status::Passed => ("ok  ", AnsiColor::Green),
            Status::Failed => ("FAIL", AnsiColor::Red),
            Status::Skipped => ("skip", AnsiColor::Yellow),
            Status::Observed => ("seen", AnsiColor::Cyan),
        };
        let style = if self.colour { colour.on_default() } else { Style::new() };
        let CheckResult { id, title, millis, .. } = result;
        let out = &mut self.out;
        self.bar.suspend(|| {
            writeln!(out, "{style}{word}{style:#}  {id:<26} {title} ({millis} ms)")?;
            match result.reason.as_ref().or(result.note.as_ref()) {
                Some(reason) => writeln!(out, "      {}", reason.replace('\n', "\n      ")),
                None => Ok(()),
            }
        })?;
        self.bar.inc(1);
        Ok(())
    }

    /// All ended.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(&mut self, report: &Report, seed: u64) -> io::Result<()> {
        self.bar.finish_and_clear();
        let summary = report.summary;
        writeln!(
            self.out,
            "{} passed, {} failed, {} skipped, {} observed on {}",
            summary.passed, summary.failed, summary.skipped, summary.observed, report.machine.name
        )?;
        if summary.failed > 0 || seed != DEFAULT_SEED {
            writeln!(self.out, "seed of the random checks: {seed:#x}")?;
        }
        Ok(())
    }
}
