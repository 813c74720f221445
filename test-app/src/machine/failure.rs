//! How a request or an open ends when it does not succeed.

use std::fmt;

use crate::status::{NtStatus, Win32};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request or the open ended with this code.
    #[error("{0}")]
    Refused(Code),
    /// The machine is no longer there.
    #[error("the machine is gone (it was shut down, or it bug-checked)")]
    Gone,
    /// The way to the machine failed, or it said something that is not of the protocol.
    #[error("{0}")]
    Broken(String),
}

/// A code as this host tells it: the lab gives the NTSTATUS, Windows what Win32 made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The NTSTATUS itself.
    Nt(NtStatus),
    /// The Win32 error; several NTSTATUS values share one.
    Win32(Win32),
}

impl Code {
    /// Whether it is what `expected` looks like on this host.
    pub fn is(self, expected: NtStatus) -> bool {
        match self {
            Self::Nt(status) => status == expected,
            Self::Win32(error) => expected.win32() == Some(error),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nt(status) => match status.win32() {
                Some(error) => write!(f, "{status}, Win32 {error}"),
                None => write!(f, "{status}"),
            },
            Self::Win32(error) => write!(f, "{error}"),
        }
    }
}

impl Failure {
    /// Shorthand for a refusal with an NTSTATUS.
    pub const fn status(status: NtStatus) -> Self {
        Self::Refused(Code::Nt(status))
    }

    /// Whether it is a refusal with this status, as far as this host can tell.
    pub fn is(&self, expected: NtStatus) -> bool {
        matches!(self, Self::Refused(code) if code.is(expected))
    }

    /// Whether an open failed because there is nothing to open.
    pub fn is_no_device(&self) -> bool {
        let none = [
            NtStatus::NO_SUCH_DEVICE,
            NtStatus::OBJECT_NAME_NOT_FOUND,
            NtStatus::DEVICE_DOES_NOT_EXIST,
        ];
        none.into_iter().any(|status| self.is(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_win32_error_stands_for_the_status_it_comes_from() {
        assert!(Code::Win32(Win32(122)).is(NtStatus::BUFFER_TOO_SMALL));
        assert!(!Code::Win32(Win32(122)).is(NtStatus::INVALID_PARAMETER));
        assert!(Code::Nt(NtStatus::NOT_LOCKED).is(NtStatus::NOT_LOCKED));
        assert!(!Code::Nt(NtStatus::NOT_LOCKED).is(NtStatus::ACCESS_DENIED));
    }

    #[test]
    fn no_device_is_told_from_no_access() {
        assert!(Failure::status(NtStatus::NO_SUCH_DEVICE).is_no_device());
        assert!(Failure::Refused(Code::Win32(Win32(2))).is_no_device());
        assert!(!Failure::status(NtStatus::ACCESS_DENIED).is_no_device());
        assert!(!Failure::Gone.is_no_device());
    }
}
