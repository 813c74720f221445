//! What all actions need: programs whose output is kept, and what there is to tell.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::guest::{Acted, Ended};
use pagewise_vm_plan::outcome::Outcome;
use pagewise_vm_plan::plan::Step;
use pagewise_vm_plan::play::{note, note_inline};

use super::super::system::{Call, Program, Ran, System};

/// Bytes of a program's output that are looked at.
const LOOKED_AT: u64 = 256 * 1024;

/// Time that a program is given at least, where the step's own limit is not shorter.
const LITTLE: Duration = Duration::from_secs(5);

/// One step at work.
pub struct Desk<'a> {
    pub system: &'a mut dyn System,
    pub handover: &'a Path,
    pub out: &'a Path,
    pub step: &'a Step,
    events: Vec<Event>,
    exit_code: Option<i64>,
    start: Instant,
}

/// A program that ran.
pub struct Result {
    /// How it ended.
    pub ran: Ran,
    /// What it was.
    name: String,
    /// What it wrote.
    pub output: String,
    /// Its errors.
    errors: String,
}

impl<'a> Desk<'a> {
    pub fn new(
        system: &'a mut dyn System,
        handover: &'a Path,
        out: &'a Path,
        step: &'a Step,
    ) -> Self {
        let start = Instant::now();
        Self { system, handover, out, step, events: Vec::new(), exit_code: None, start }
    }

    /// Runs one of the system's programs; its output is kept as `NAME` in `out`.
    pub fn tool(&mut self, tool: &'static str, arguments: &[&str], name: &str) -> Result {
        self.run(Program::Tool(tool), arguments, name)
    }

    /// Runs this program with a verb.
    pub fn own(&mut self, arguments: &[&str], name: &str) -> Result {
        self.run(Program::Own, arguments, name)
    }

    fn run(&mut self, program: Program, arguments: &[&str], name: &str) -> Result {
        let errors_name = format!("{name}.errors.txt");
        let (output, errors) = (self.out.join(name), self.out.join(&errors_name));
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let call = Call {
            program,
            arguments: &arguments,
            output: &output,
            errors: &errors,
            limit: self.left(),
        };
        let ran = self.system.run(&call);
        if let Ran::Ended(code) = ran {
            self.exit_code = Some(code);
        }
        for (file, name) in [(&output, name), (&errors, &errors_name)] {
            self.keep(file, name);
        }
        let first = arguments.first().map(String::as_str).unwrap_or_default();
        let name = match program {
            Program::Own => format!("test-app {first}"),
            Program::Tool(tool) => format!("{tool} {first}"),
        };
        Result { ran, name, output: look(&output), errors: look(&errors) }
    }

    /// What is left of the step's time; a little even where all is spent, so that clearing up is
    /// tried.
    pub fn left(&self) -> Duration {
        let limit = Duration::from_secs(self.step.limit_seconds);
        limit.saturating_sub(self.start.elapsed()).max(LITTLE.min(limit))
    }

    /// Tells of a file in `out`; one with nothing in it goes.
    fn keep(&mut self, file: &Path, name: &str) {
        match file.metadata() {
            Ok(found) if found.len() > 0 => {
                self.events.push(note(self.out, name, &self.step.id));
            }
            _ => {
                // It stays empty where it cannot be removed.
                let _ = fs::remove_file(file);
            }
        }
    }

    /// Tells of a file that another program put into `out`.
    pub fn note(&mut self, name: &str) {
        self.events.push(note(self.out, name, &self.step.id));
    }

    /// The same, and sends it along.
    pub fn note_inline(&mut self, name: &str) {
        let file = |event: &Event| matches!(event, Event::File { name: told, .. } if told == name);
        self.events.retain(|event| !file(event));
        self.events.extend(note_inline(self.out, name, &self.step.id));
    }

    /// A remark for people.
    pub fn say(&mut self, text: impl Into<String>) {
        self.events.push(Event::said(text));
    }

    /// Something to tell.
    pub fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Folder of the package.
    pub fn package(&self) -> PathBuf {
        self.handover.join(pagewise_vm_plan::manifest::PACKAGE)
    }

    /// What it did.
    pub fn acted(self, ended: Ended) -> Acted {
        Acted { events: self.events, ended, exit_code: self.exit_code }
    }
}

impl Result {
    /// Whether it ended with this code.
    pub fn ended_with(&self, code: i64) -> bool {
        self.ran == Ran::Ended(code)
    }

    /// Why it did not do what it was to do. A program that the system does not have is skipped.
    pub fn failure(&self, help: Option<&str>) -> Outcome {
        let name = &self.name;
        let help = help.map(str::to_owned);
        match &self.ran {
            Ran::Ended(code) => {
                let (what, own_help) = self.told();
                let what = format!("{name} ended with code {code}{what}");
                Outcome::Failed { what, code: Some(code.to_string()), help: own_help.or(help) }
            }
            Ran::TimedOut => Outcome::Failed {
                what: format!("{name} did not end in time, and was ended"),
                code: None,
                help: Some(
                    "what it wrote is in out; a driver that holds a request keeps it from ending"
                        .to_owned(),
                ),
            },
            Ran::Missing => Outcome::skipped(format!("this system has no program for {name}")),
            Ran::NotStarted(why) => Outcome::failed(format!("{name} could not be started: {why}")),
        }
    }

    /// What it said went wrong, and its advice.
    fn told(&self) -> (String, Option<String>) {
        // An answer for programs is no message.
        let readable = |text: &&str| !text.trim().is_empty() && !text.starts_with('{');
        let said = [&*self.errors, &*self.output].into_iter().find(readable).unwrap_or_default();
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        let marked = |mark: &str| lines().find_map(|line| line.strip_prefix(mark));
        let what = marked("error: ").or_else(|| lines().next_back());
        let what = what.map_or_else(String::new, |what| format!(": {what}"));
        (what, marked("help: ").map(str::to_owned))
    }
}

/// The beginning of a file as text: what tools write may be in any code page.
fn look(path: &Path) -> String {
    let mut bytes = Vec::new();
    // Without a file there is nothing to look at.
    let _ = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
