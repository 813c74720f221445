//! What the user sees while something takes long: a line that moves on a terminal, plain lines in a
//! pipe. Colour follows `NO_COLOR` and the terminal (the console crate's rules).

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// How often the line moves.
const TICK: Duration = Duration::from_millis(100);

/// A step under way.
pub struct Step {
    bar: ProgressBar,
    title: String,
    started: Instant,
}

impl Step {
    /// Announces a step.
    pub fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = ProgressBar::no_length();
        if bar.is_hidden() {
            eprintln!("{title} ...");
        } else {
            let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(title.clone());
            bar.enable_steady_tick(TICK);
        }
        Self { bar, title, started: Instant::now() }
    }

    /// Says what is going on within the step.
    pub fn detail(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Prints a line that stays, above the moving one.
    pub fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// Ends the step; a line tells how long it took, if it took long.
    pub fn done(self) {
        let took = self.started.elapsed();
        self.bar.finish_and_clear();
        if took > Duration::from_secs(1) && std::io::stderr().is_terminal() {
            eprintln!("{}  ({})", self.title, HumanDuration(took));
        }
    }
}

/// A step that fails leaves no line behind: the error says what it was.
impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
