//! `cargo xtask fuzz`: coverage-guided fuzzing with cargo-fuzz, on the stable toolchain.
//!
//! The targets and what each of them looks for: docs/fuzzing.md.

mod log;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::build;
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{cargo, run, setup};
use log::Log;

/// The cargo-fuzz that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";

/// How a machine ends that bug-checks: without a word to the fuzzer.
const BUG_CHECK: i32 = pagewise_lab_wire::BUG_CHECK_EXIT;

/// The host that the targets are built for.
const HOST: &str = "x86_64-unknown-linux-gnu";

/// What the user can say.
#[derive(clap::Args)]
pub struct Arguments {
    /// The targets; all but symbols where none is named: the crate that reads PDBs is known to
    /// panic on broken ones.
    #[arg(value_parser = TARGETS.map(|target| target.name))]
    targets: Vec<String>,
    /// Fuzz each target for so long.
    #[arg(long, value_name = "N", default_value_t = 60, conflicts_with = "runs")]
    seconds: u64,
    /// Fuzz each target with so many inputs.
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// Add to the corpora in fuzz/corpus what covers more than they do.
    #[arg(long)]
    keep: bool,
}

/// A fuzz target.
struct Target {
    name: &'static str,
    /// No input is longer, in bytes.
    longest: u32,
}

/// docs/fuzzing.md says how.
const KNOWN_TO_FAIL: &str = "symbols";

const TARGETS: [Target; 12] = [
    Target { name: "ioctl", longest: 512 },
    Target { name: "image", longest: 8192 },
    Target { name: "wire", longest: 1024 },
    Target { name: "control", longest: 1024 },
    Target { name: "contract", longest: 1024 },
    Target { name: "inf", longest: 8192 },
    Target { name: "lint", longest: 8192 },
    Target { name: "catalog", longest: 8192 },
    Target { name: "authenticode", longest: 8192 },
    Target { name: "symbols", longest: 1 << 17 },
    Target { name: "security", longest: 1024 },
    Target { name: "unwind", longest: 4096 },
];

/// Builds the targets and fuzzes one after the other.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    provide()?;
    let fuzzer = Fuzzer::build(workspace, None)?;
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| {
            let named = arguments.targets.iter().any(|name| name == target.name);
            named || arguments.targets.is_empty() && target.name != KNOWN_TO_FAIL
        })
        .collect();
    if chosen.iter().any(|target| target.name == "ioctl") {
        build::run(workspace, &build::Arguments::default())?;
    }
    let mut failed = Vec::new();
    for target in chosen {
        if !fuzzer.fuzz(target, arguments)? {
            failed.push(target.name);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("found something: {}", failed.join(", "))
}

/// Builds the target of the driver's requests; its program.
pub fn ioctl(workspace: &Workspace) -> Result<PathBuf> {
    provide()?;
    let fuzzer = Fuzzer::build(workspace, Some("ioctl"))?;
    Ok(fuzzer.program("ioctl"))
}

/// Installs cargo-fuzz and what compiles libFuzzer.
fn provide() -> Result<()> {
    setup::provide(setup::FUZZERS)?;
    let installed = run::command("cargo").args(["fuzz", "--version"]).output();
    if installed.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let step = Step::start(format!("cargo install cargo-fuzz {CARGO_FUZZ}"));
    let mut install = run::command("cargo");
    install.args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]);
    cargo::run(&mut install, &step)?;
    step.done();
    Ok(())
}

/// The built targets.
struct Fuzzer {
    /// `fuzz/` of the checkout.
    sources: PathBuf,
    /// Where everything goes that is made.
    out: PathBuf,
    artifacts: PathBuf,
}

impl Fuzzer {
    /// Builds one target, or all.
    fn build(workspace: &Workspace, target: Option<&str>) -> Result<Self> {
        let fuzzer = Self {
            sources: workspace.root().join("fuzz"),
            out: workspace.root().join("target/fuzz"),
            artifacts: workspace.artifacts(),
        };
        let step = Step::start("Building the fuzz targets");
        let mut command = run::command("cargo");
        command
            .args(["fuzz", "build"])
            .args(target)
            .args(["--release", "--sanitizer", "none", "--target", HOST])
            .arg("--fuzz-dir")
            .arg(&fuzzer.sources)
            .current_dir(workspace.root())
            .env("CARGO_TARGET_DIR", &fuzzer.out);
        cargo::run(&mut command, &step)?;
        step.done();
        Ok(fuzzer)
    }

    fn program(&self, target: &str) -> PathBuf {
        self.out.join(HOST).join("release").join(target)
    }

    fn command(&self, target: &Target) -> Command {
        let mut command = run::command(self.program(target.name));
        command
            .arg(format!("-max_len={}", target.longest))
            .env("PAGEWISE_ARTIFACTS", &self.artifacts)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Fuzzes one target; false where it found something.
    fn fuzz(&self, target: &Target, arguments: &Arguments) -> Result<bool> {
        let kept = self.sources.join("corpus").join(target.name);
        let work = self.out.join("corpus").join(target.name);
        let findings = self.sources.join("artifacts").join(target.name);
        for folder in [&work, &findings] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let last = self.out.join(format!("{}.input", target.name));
        let mut command = self.command(target);
        match arguments.runs {
            Some(runs) => command.arg(format!("-runs={runs}")),
            None => command.arg(format!("-max_total_time={}", arguments.seconds)),
        };
        command
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-timeout=20", "-rss_limit_mb=4096"])
            .arg(&work)
            .arg(&kept)
            .env("PAGEWISE_FUZZ_INPUT", &last);
        let step = Step::start(format!("Fuzzing {}", target.name));
        let (status, log) = self.watch(target, &mut command, &step)?;
        step.done();
        println!("{:<12} {}", target.name, log.summary());
        for line in log.figures() {
            println!("{:<12} {line}", "");
        }
        if status.success() {
            if arguments.keep {
                self.keep(target, &kept, &work)?;
            }
            return Ok(true);
        }
        eprintln!("{}\n{}: {status}", log.tail(), target.name);
        self.tell_input(target, status, &last, &findings)?;
        Ok(false)
    }

    fn watch(
        &self,
        target: &Target,
        command: &mut Command,
        step: &Step,
    ) -> Result<(ExitStatus, Log)> {
        let mut child =
            command.spawn().with_context(|| format!("cannot start the target {}", target.name))?;
        let file = self.out.join(format!("{}.log", target.name));
        let mut log = Log::to(&file)?;
        if let Some(stderr) = child.stderr.take() {
            log.read(stderr, step)?;
        }
        let status = child.wait().with_context(|| format!("cannot wait for {}", target.name))?;
        Ok((status, log))
    }

    /// Adds to the kept corpus what covers more than it does.
    fn keep(&self, target: &Target, kept: &Path, work: &Path) -> Result<()> {
        let step = Step::start(format!("Keeping what {} has learned", target.name));
        let mut command = self.command(target);
        command.arg("-merge=1").arg(kept).arg(work);
        let (status, log) = self.watch(target, &mut command, &step)?;
        step.done();
        if !status.success() {
            bail!("the corpora of {} cannot be merged ({status}): {}", target.name, log.tail());
        }
        Ok(())
    }

    /// Says which input it was, and how to repeat it.
    fn tell_input(
        &self,
        target: &Target,
        status: ExitStatus,
        last: &Path,
        findings: &Path,
    ) -> Result<()> {
        if status.code() == Some(BUG_CHECK) {
            let input = fs::read(last).context("cannot read the last input")?;
            let (length, rest) = input.split_first_chunk().unwrap_or((&[0; 8], &[]));
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let path = findings.join("bug-check");
            fs::write(&path, &rest[..length.min(rest.len())])
                .with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("the input that the machine bug-checked with: {}", path.display());
        }
        let program = self.program(target.name);
        eprintln!(
            "  to repeat it: PAGEWISE_ARTIFACTS={} {} {}/FILE",
            self.artifacts.display(),
            program.display(),
            findings.display()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_body_a_program_and_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for target in &TARGETS {
            let name = target.name;
            assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
            assert!(fuzz.join(format!("attack/src/{name}.rs")).is_file(), "{name}");
            assert!(fuzz.join(format!("corpus/{name}")).is_dir(), "{name}");
        }
        let programs = fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count();
        assert_eq!(programs, TARGETS.len());
    }
}
