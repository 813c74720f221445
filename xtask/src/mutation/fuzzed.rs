//! The fuzzer of the driver's requests as one tool among others: the kept corpus, then as many new
//! inputs as were asked for, from a fixed seed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use pagewise_lab_wire::BUG_CHECK_EXIT;

use super::judge::{Subject, within};
use super::record::Finding;
use crate::fuzz;
use crate::workspace::Workspace;

/// How libFuzzer ends over an input that takes too long: by default with the same code as a machine
/// that bug-checks.
const TOO_LONG: i32 = 78;
/// All inputs.
const LIMIT: Duration = Duration::from_secs(600);

/// The built target.
pub struct Fuzzer {
    program: PathBuf,
    corpus: PathBuf,
    inputs: u32,
}

impl Fuzzer {
    /// Builds the target.
    pub fn build(workspace: &Workspace, inputs: u32) -> Result<Self> {
        let program = fuzz::ioctl(workspace)?;
        let corpus = workspace.root().join("fuzz/corpus/ioctl");
        Ok(Self { program, corpus, inputs })
    }

    /// What it finds in a driver.
    pub fn run(&self, subject: &Subject, artifacts: &Path) -> Result<Option<Finding>> {
        let folder = tempfile::tempdir().context("cannot make a folder for the fuzzer")?;
        let folder = folder.path();
        link(&subject.image, &folder.join("pagewise.sys"))?;
        for file in ["wdfldr.sys", "pagewise.inf"] {
            link(&artifacts.join(file), &folder.join(file))?;
        }
        let (corpus, log) = (folder.join("corpus"), folder.join("log"));
        fs::create_dir(&corpus).context("cannot make a folder for the corpus")?;
        let kept = fs::read_dir(&self.corpus).context("cannot list fuzz/corpus/ioctl")?.count();
        let runs = u64::from(self.inputs).saturating_add(kept as u64);
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-runs={runs}"))
            .args(["-seed=1", "-max_len=512", "-timeout=20", "-rss_limit_mb=4096"])
            .arg(format!("-timeout_exitcode={TOO_LONG}"))
            .arg(format!("-artifact_prefix={}/", folder.display()))
            .args([&corpus, &self.corpus])
            .current_dir(folder)
            .env("PAGEWISE_ARTIFACTS", folder)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).context("cannot write the fuzzer's log")?);
        let status = within(command, LIMIT).context("cannot run the fuzz target")?;
        let said = fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        Ok(match status.and_then(|status| status.code()) {
            Some(0) => None,
            Some(BUG_CHECK_EXIT) => Some(bug_check(&said)),
            Some(TOO_LONG) => Some(Finding::Machine { how: "an input never ended".to_owned() }),
            Some(_) => Some(panic(&said)),
            None => Some(Finding::Machine { how: "it was killed, or never ended".to_owned() }),
        })
    }
}

fn link(target: &Path, link: &Path) -> Result<()> {
    symlink(target, link).with_context(|| format!("cannot link {}", link.display()))
}

/// Letters of a message that are kept.
const ENOUGH: usize = 160;

/// What a panic says, as far as it fits. Whoever ends the process without one is not the judge: it is
/// the host's memory that was spoilt.
fn panic(said: &str) -> Finding {
    let enough = |line: &str| line.chars().take(ENOUGH).collect();
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    match lines.next() {
        Some(message) => Finding::Judge { said: enough(message) },
        None => {
            let ours = |line: &&str| !line.is_empty() && !line.starts_with(['#', 'I', 'W']);
            let last = said.lines().filter(ours).nth(1).unwrap_or_default();
            let last: String = enough(last);
            Finding::Machine { how: format!("it ended without a word of the judge: {last}") }
        }
    }
}

/// What the screen of a bug check says: `*** STOP 0x000000D1 NAME`, and the parameters in the line
/// below.
fn bug_check(said: &str) -> Finding {
    let hexadecimal = |text: &str| {
        let digits = text.trim_matches(|letter| "(), ".contains(letter)).strip_prefix("0x")?;
        u64::from_str_radix(digits, 16).ok()
    };
    let mut lines = said.lines().skip_while(|line| !line.starts_with("*** STOP "));
    let mut words = lines.next().unwrap_or_default().split_whitespace().skip(2);
    let code = words.next().and_then(hexadecimal).and_then(|code| u32::try_from(code).ok());
    let name = words.next().unwrap_or_default().to_owned();
    let below = lines.next().unwrap_or_default();
    Finding::BugCheck {
        code: code.unwrap_or_default(),
        name,
        parameters: below.split(',').filter_map(hexadecimal).collect(),
        during: "fuzzing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_screen_of_a_bug_check() {
        let said = "wdfldr.sys: hello\n\n*** STOP 0x000000D1 DRIVER_IRQL_NOT_LESS_OR_EQUAL\n    \
                    (0x7ff084c30000, 0x2, 0x0, 0x7ff084c3e450)\n\n  P1  memory\n";
        let Finding::BugCheck { code, name, parameters, .. } = bug_check(said) else { panic!() };
        assert_eq!((code, name.as_str()), (0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"));
        assert_eq!(parameters, [0x7ff0_84c3_0000, 2, 0, 0x7ff0_84c3_e450]);
        let nothing = bug_check("gone");
        assert!(matches!(nothing, Finding::BugCheck { code: 0, .. }), "{nothing:?}");
    }

    #[test]
    fn reads_what_the_judge_said() {
        let said = "x\nthread 'main' (1) panicked at attack/src/ioctl/answer.rs:1:1:\nSTATE\nstack";
        assert_eq!(panic(said), Finding::Judge { said: "STATE".to_owned() });
        let how = "it ended without a word of the judge: free(): invalid".to_owned();
        assert_eq!(panic("INFO: x\nhello\nfree(): invalid\n#2"), Finding::Machine { how });
    }
}
