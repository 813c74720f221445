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
    /// A guest bug-checked, or its machine went down in the middle of a step.
    GuestBugCheck = 20,
    /// A guest's machine runs, and it does not go on.
    GuestHang = 21,
    /// A guest's machine starts again and again.
    GuestBootLoop = 22,
    /// A guest never came, or is gone.
    GuestLost = 23,
    /// A guest refused what it was handed.
    HandOverRefused = 24,
    /// There is no Windows here to verify on.
    Skipped = 77,
    /// A key press or a signal ended it.
    Interrupted = 130,
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
 20  vm: the guest bug-checked, or went down in the middle of a step
 21  vm: the guest hangs
 22  vm: the guest's machine starts again and again
 23  vm: the guest never came, or is gone
 24  vm: the guest refused what it was handed
 77  skipped: there is no Windows here to verify on
130  interrupted
Once the lab or Wine is up, `verify` ends with the test app's code: see `test-app --help`.

Environment:
  PAGEWISE_TOOLCHAIN  rustup or debian: what compiles for Windows; chosen if not set
  NO_COLOR            no colour, whatever the terminal";

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
