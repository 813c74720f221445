//! Exit codes of `cargo xtask`.

use std::process;

/// What the process's exit code says. `--help` of the top level lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// A build, a check or a test failed; the message says which.
    Failed = 1,
    /// The command line makes no sense (clap's own code).
    Usage = 2,
    /// A program or package is missing and could not be installed from here.
    Missing = 3,
    /// An image breaks a rule.
    BadImage = 4,
    /// A twin's patch no longer applies to the sources.
    StaleTwin = 5,
    /// Two machines decided the same check differently.
    Disagreement = 6,
    /// An INF breaks a rule.
    BadInf = 7,
}

/// What `--help` says at its end.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  a build, a check or a test failed
  2  the command line makes no sense
  3  a program or package is missing and could not be installed from here
  4  an image breaks a rule (see `cargo xtask check-image --help`)
  5  a twin's patch no longer applies
  6  two machines decided the same check differently
  7  an INF breaks a rule (see `cargo xtask lint-inf --help`)
Once a machine is up, `verify` ends with the test app's code: see `test-app --help`.

Environment:
  PAGEWISE_TOOLCHAIN  rustup or debian: what compiles for Windows; chosen if not set
  NO_COLOR            no colour, whatever the terminal";

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
