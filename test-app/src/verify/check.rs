//! What a check is.

use crate::error::Error;
use crate::machine::{Failure, Handle};
use crate::status::NtStatus;
use crate::verify::Context;

/// One property of the driver, and the function that decides it.
#[derive(Clone, Copy)]
pub struct Check {
    /// Stable name: theme, dot, property.
    pub id: &'static str,
    /// The property in a sentence.
    pub title: &'static str,
    /// Decides it.
    pub run: fn(&Context) -> Verdict,
}

/// Passed, or why not.
pub type Verdict = Result<(), Stop>;

/// Why a check did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The property does not hold.
    Failed(String),
    /// This machine cannot decide it.
    Skipped(String),
    /// It was a question that no document answers, and this was seen.
    Observed(String),
    /// The machine went away while it was being decided.
    Gone,
}

impl Stop {
    /// Puts what was going on in front of the reason.
    #[must_use]
    pub fn during(self, what: &str) -> Self {
        match self {
            Self::Failed(reason) => Self::Failed(format!("{what}: {reason}")),
            other => other,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone => Self::Gone,
            Error::Skipped(reason) => Self::Skipped(reason),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone => Self::Gone,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::verify::Stop::Failed(format!($($reason)+)));
        }
    };
}
pub(crate) use ensure;

/// Fails the check unless both sides are equal.
macro_rules! ensure_eq {
    ($got:expr, $wanted:expr, $($what:tt)+) => {
        let (got, wanted) = (&$got, &$wanted);
        if got != wanted {
            let what = format!($($what)+);
            return Err($crate::verify::Stop::Failed(format!("{what}: {got:?}, not {wanted:?}")));
        }
    };
}
pub(crate) use ensure_eq;

/// Fails the check unless the request was refused with one of these.
pub fn ensure_refused(
    result: Result<Vec<u8>, Failure>,
    allowed: &[NtStatus],
    what: &str,
) -> Verdict {
    let wanted = || allowed.iter().map(NtStatus::to_string).collect::<Vec<_>>().join(" or ");
    match result {
        Err(Failure::Refused(code)) if allowed.iter().any(|status| code.is(*status)) => Ok(()),
        Err(Failure::Refused(code)) => {
            Err(Stop::Failed(format!("{what}: {code}, not {}", wanted())))
        }
        Err(other) => Err(Stop::from(other).during(what)),
        Ok(output) => Err(Stop::Failed(format!(
            "{what}: accepted ({} bytes of answer), not {}",
            output.len(),
            wanted()
        ))),
    }
}

/// A request through a handle, refused as [`ensure_refused`] says.
pub fn refused(
    handle: &mut dyn Handle,
    code: u32,
    input: &[u8],
    capacity: u32,
    wanted: NtStatus,
    what: &str,
) -> Verdict {
    ensure_refused(handle.ioctl(code, input, capacity), &[wanted], what)
}
