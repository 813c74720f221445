//! One driver under one tool, on a machine of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pagewise_lab_wire::{BUG_CHECK_EXIT, BugCheck, Launch, LaunchError, Machine};
use serde::Deserialize;

use super::fuzzed::Fuzzer;
use super::record::{Cell, Finding};
use super::tool::Tool;

/// Beside the seconds that a check may take, all others, of which those after one that hangs are
/// skipped.
const OTHER_CHECKS: u64 = 60;
/// An orderly end. The verifier gives a removal ten seconds before it complains.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);
/// Rounds in which each place that allocates fails, before the one that counts.
const SYSTEMATIC_ROUNDS: usize = 3;
/// Machines that have failures by chance, each with a seed of its own.
const RANDOM_ROUNDS: u64 = 3;
/// A driver may be refused the memory to start with: so many seeds are tried.
const SEEDS: u64 = 24;
/// What the test app's own exit code says: the machine is gone, or no longer answers.
const MACHINE_GONE: i32 = 7;

/// A driver to be tried.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in the table.
    pub name: String,
    /// Its image.
    pub image: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What its machine is started with besides.
    pub machine: Vec<String>,
}

/// What is needed to try drivers.
pub struct Bench {
    /// Where the programs and the framework are.
    pub artifacts: PathBuf,
    /// What fuzzes, where that is asked for.
    pub fuzzer: Option<Fuzzer>,
}

impl Bench {
    /// Tries a driver.
    pub fn run(&self, subject: &Subject, tool: Tool) -> Result<Cell> {
        let found = match tool {
            Tool::Fuzz => {
                let fuzzer = self.fuzzer.as_ref().context("the fuzzer was not built")?;
                fuzzer.run(subject, &self.artifacts)?
            }
            Tool::Random => self.by_chance(subject)?,
            _ => match self.once(subject, tool, 0)? {
                End::NotStarted(found) | End::Found(found) => Some(found),
                End::Survived => None,
            },
        };
        Ok(found.map_or(Cell::Survived, Cell::Caught))
    }

    /// Under failures by chance, with several seeds.
    fn by_chance(&self, subject: &Subject) -> Result<Option<Finding>> {
        let mut booted = 0;
        for seed in 1..=SEEDS {
            match self.once(subject, Tool::Random, seed)? {
                End::NotStarted(found @ Finding::BugCheck { .. }) | End::Found(found) => {
                    return Ok(Some(found));
                }
                // Without a bug check, it was but refused the memory to start with.
                End::NotStarted(_) => {}
                End::Survived => booted += 1,
            }
            if booted == RANDOM_ROUNDS {
                return Ok(None);
            }
        }
        let how = format!("with {SEEDS} seeds it came up {booted} times");
        Ok((booted == 0).then_some(Finding::Machine { how }))
    }

    fn once(&self, subject: &Subject, tool: Tool, seed: u64) -> Result<End> {
        let folder = tempfile::tempdir().context("cannot make a folder for the machine")?;
        let mut launch = Launch {
            driver: subject.image.clone(),
            log: Some(folder.path().join("machine.log")),
            ..Launch::from_artifacts(&self.artifacts)
        };
        let options = tool.machine(seed).into_iter().chain(subject.machine.iter().cloned());
        launch.arguments = options.map(Into::into).collect();
        let machine = match launch.start(folder.path()) {
            Ok(machine) => machine,
            Err(LaunchError::NotReady { status }) => {
                return Ok(End::NotStarted(ended(folder.path(), status, "its start")));
            }
            Err(error) => return Err(error.into()),
        };
        let rounds = if tool == Tool::Systematic { SYSTEMATIC_ROUNDS } else { 0 };
        for _ in 0..rounds {
            let strict = Strict::MachineOnly;
            if let Some(found) = self.verify(&machine, folder.path(), tool, strict)? {
                return Ok(End::Found(found));
            }
        }
        let strict = if tool == Tool::Random { Strict::MachineOnly } else { Strict::Everything };
        if let Some(found) = self.verify(&machine, folder.path(), tool, strict)? {
            return Ok(End::Found(found));
        }
        let status = shut_down(machine).context("cannot wait for the machine")?;
        if status.success() {
            return Ok(End::Survived);
        }
        Ok(End::Found(ended(folder.path(), status, "its shutdown")))
    }

    /// All checks; what they find.
    fn verify(
        &self,
        machine: &Machine,
        folder: &Path,
        tool: Tool,
        strict: Strict,
    ) -> Result<Option<Finding>> {
        let seconds = tool.check_seconds();
        let json = folder.join("verify.json");
        let report = machine.report_path();
        let mut verify = Command::new(self.artifacts.join("test-app"));
        verify.arg("--lab").arg(machine.socket()).arg("verify").arg("--json").arg(&json);
        verify.arg("--report").arg(&report).arg("--timeout").arg(seconds.to_string());
        verify.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let code = within(verify, Duration::from_secs(seconds + OTHER_CHECKS))
            .context("cannot run test-app")?;
        let checks = failed(&json);
        match code.and_then(|status| status.code()) {
            Some(0) => Ok(None),
            Some(MACHINE_GONE) => {
                let last = checks.last().map_or("the checks", |check| check.id.as_str());
                let report = read_report(&report).map(|report| Finding::bug_check(&report, last));
                let why = checks.last().and_then(|check| check.reason.as_deref());
                let how = format!("{last}: {}", why.unwrap_or_default());
                Ok(report.or(Some(Finding::Machine { how })))
            }
            Some(_) if strict == Strict::MachineOnly => Ok(None),
            Some(1) => {
                let ids = checks.into_iter().map(|check| check.id).collect();
                Ok(Some(Finding::Checks { ids }))
            }
            Some(other) => {
                let how = format!("test-app ended with {other}: the device cannot be used");
                Ok(Some(Finding::Machine { how }))
            }
            None => Ok(Some(Finding::Machine { how: "verify did not end".to_owned() })),
        }
    }
}

/// How one machine ended.
enum End {
    /// It did not come up.
    NotStarted(Finding),
    /// Something was found.
    Found(Finding),
    /// Nothing was.
    Survived,
}

/// What counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strict {
    /// That the machine lives and answers.
    MachineOnly,
    /// That, and each check.
    Everything,
}

/// Why a machine ended by itself.
fn ended(folder: &Path, status: ExitStatus, during: &str) -> Finding {
    let report = read_report(&folder.join("bugcheck.json"));
    match report.filter(|_| status.code() == Some(BUG_CHECK_EXIT)) {
        Some(report) => Finding::bug_check(&report, during),
        None => Finding::Machine { how: format!("the machine ended in {during} ({status})") },
    }
}

fn read_report(path: &Path) -> Option<BugCheck> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// What a result of `verify` says, as far as it is read here.
#[derive(Deserialize)]
struct Results {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    id: String,
    status: String,
    reason: Option<String>,
}

/// The checks that failed, in order.
fn failed(json: &Path) -> Vec<Check> {
    let results = fs::read(json).ok().and_then(|it| serde_json::from_slice::<Results>(&it).ok());
    let checks = results.map_or_else(Vec::new, |results| results.checks);
    checks.into_iter().filter(|check| check.status == "failed").collect()
}

/// Runs a program for no longer than this; nothing where it had to be killed.
pub fn within(mut command: Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Shuts a machine down; one that does not end in time is killed, which its status then says.
fn shut_down(machine: Machine) -> io::Result<ExitStatus> {
    let id = machine.id().to_string();
    let (done, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(SHUTDOWN_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Where it has just ended by itself, there is nothing to kill.
                let _ = Command::new("kill").args(["-9", &id]).stderr(Stdio::null()).status();
            }
        });
        let status = machine.shut_down();
        drop(done);
        status
    })
}
