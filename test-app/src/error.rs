//! What can go wrong, with the code it came with and the next thing to try.

use std::io;
use std::path::PathBuf;

use pagewise_contract::ContractVersion;

use crate::advice;
use crate::exit::Exit;
use crate::machine::{Access, Code, Failure};
use crate::problem;
use crate::status::{NtStatus, Win32};

/// An error of any verb.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No machine was named.
    #[error("no machine to look for the device on")]
    NoMachine,
    /// Nothing answers where the machine should be.
    #[error("no machine answers at {place}: {source}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What the way there said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine has no such device.
    #[error("no device offers the interface of pagewise.sys")]
    NoDevice,
    /// It has more than one.
    #[error("{} devices offer the interface of pagewise.sys:\n  {}", .0.len(), .0.join("\n  "))]
    SeveralDevices(Vec<String>),
    /// The device was not opened.
    #[error("opening the device for {} failed: {code}", .access.name())]
    Open {
        /// What for.
        access: Access,
        /// Why not.
        code: Code,
    },
    /// The driver refused a request.
    #[error("{operation} failed: {code}")]
    Request {
        /// Name of the IOCTL.
        operation: &'static str,
        /// Why.
        code: Code,
    },
    /// The driver is of another time.
    #[error(
        "the driver speaks contract {}.{}, this program {}.{}",
        .theirs.major, .theirs.minor, .ours.major, .ours.minor
    )]
    Contract {
        /// What this program was built for.
        ours: ContractVersion,
        /// What the driver answered.
        theirs: ContractVersion,
    },
    /// An answer that the contract does not have.
    #[error("{operation} answered what the contract does not have: {what}")]
    Reply {
        /// Name of the IOCTL.
        operation: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The lab could not carry out an order.
    #[error("the lab could not carry out {command}: {message}")]
    Control {
        /// The order.
        command: String,
        /// The lab's words.
        message: String,
    },
    /// The machine is gone.
    #[error("the machine is gone (it was shut down, or it bug-checked)")]
    Gone,
    /// The way to the machine failed.
    #[error("the way to the machine failed: {0}")]
    Broken(String),
    /// An argument makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the host said.
        source: io::Error,
    },
    /// A function of the system failed.
    #[error("{operation} failed: {code}")]
    Win32 {
        /// The function, and what it was for.
        operation: String,
        /// `GetLastError`, or the HRESULT.
        code: Win32,
    },
    /// A function of the system failed, and set no error.
    #[error("{operation} failed, and the system does not say why")]
    Mute {
        /// The function, and what it was for.
        operation: String,
    },
    /// A function of the system answered with an NTSTATUS.
    #[error("{operation} failed: {status}")]
    Native {
        /// The function, and what it was for.
        operation: String,
        /// What it answered.
        status: NtStatus,
    },
    /// A function of the configuration manager failed.
    #[error("{operation} failed: CONFIGRET {code:#x}")]
    Configuration {
        /// The function, and what it was for.
        operation: String,
        /// What it answered.
        code: u32,
    },
    /// The rights of an administrator are missing.
    #[error("the rights of an administrator are missing: Win32 {}", Win32::ELEVATION_REQUIRED)]
    NotElevated,
    /// The folder is no driver package.
    #[error("{} is no driver package: {} missing", .folder.display(), .missing.join(", "))]
    Package {
        /// The folder.
        folder: PathBuf,
        /// The files that it lacks.
        missing: Vec<&'static str>,
    },
    /// The system reported success, and no driver is on the node.
    #[error("no driver was installed on {node}: the system found none in the INF that fits it")]
    NothingInstalled {
        /// Instance id of the node.
        node: String,
    },
    /// The driver is installed, and its device does not work.
    #[error("the device {node} did not start: {}", problem::told(*.problem))]
    NotStarted {
        /// Instance id of the node.
        node: String,
        /// The problem that the system tells, if any.
        problem: Option<u32>,
    },
    /// Installing failed, and so did undoing it.
    #[error("{error}\nand left behind:\n  {}", .left.join("\n  "))]
    HalfInstalled {
        /// Why it failed.
        error: Box<Self>,
        /// What is left.
        left: Vec<String>,
    },
    /// A hand-over disk that the guest does not go on with.
    #[error("the hand-over is refused: {0}")]
    HandOver(String),
    /// A program of the system did not do what it was to do.
    #[error("{tool} {what}")]
    Tool {
        /// Which, with its first argument.
        tool: String,
        /// What it did instead.
        what: String,
    },
    /// The terminal or the pipe that is written to failed.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// This machine cannot do that.
    #[error("skipped: {0}")]
    Skipped(String),
}

impl From<Failure> for Error {
    /// For orders to the lab, which have no code of their own.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone => Self::Gone,
            Failure::Broken(what) => Self::Broken(what),
            Failure::Refused(code) => Self::Broken(code.to_string()),
        }
    }
}

impl Error {
    /// Of a failed open.
    pub fn of_open(access: Access, failure: Failure) -> Self {
        match failure {
            failure if failure.is_no_device() => Self::NoDevice,
            Failure::Refused(code) => Self::Open { access, code },
            other => Self::from(other),
        }
    }

    /// Of a failed request.
    pub fn of_request(operation: &'static str, failure: Failure) -> Self {
        match failure {
            Failure::Refused(code) => Self::Request { operation, code },
            other => Self::from(other),
        }
    }

    /// How the program ends with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoMachine
            | Self::Unreachable { .. }
            | Self::NoDevice
            | Self::SeveralDevices(_) => Exit::NoDevice,
            Self::Open { code, .. } | Self::Request { code, .. }
                if code.is(NtStatus::ACCESS_DENIED) =>
            {
                Exit::AccessDenied
            }
            Self::NotElevated => Exit::AccessDenied,
            Self::Win32 { code, .. } if code.is_denied() => Exit::AccessDenied,
            Self::Native { status, .. } if advice::is_privilege(*status) => Exit::AccessDenied,
            Self::HalfInstalled { .. } => Exit::System,
            Self::Win32 { .. }
            | Self::Mute { .. }
            | Self::Native { .. }
            | Self::Configuration { .. }
            | Self::NothingInstalled { .. }
            | Self::Tool { .. }
            | Self::NotStarted { .. } => Exit::System,
            Self::Contract { .. } => Exit::Contract,
            Self::Open { .. }
            | Self::Request { .. }
            | Self::Reply { .. }
            | Self::Control { .. } => Exit::Refused,
            Self::Gone | Self::Broken(_) => Exit::MachineGone,
            Self::Usage(_)
            | Self::File { .. }
            | Self::Package { .. }
            | Self::HandOver(_)
            | Self::Output(_) => Exit::Usage,
            Self::Skipped(_) => Exit::Skipped,
        }
    }

    /// The next thing to try.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoMachine => {
                "name the socket of a lab machine with --lab SOCKET or PAGEWISE_LAB; \
                 `cargo xtask verify` starts a machine by itself"
            }
            Self::Unreachable { .. } => {
                "start the machine (`pagewise-lab run`), or check the path of its socket"
            }
            Self::NoDevice => {
                "install the driver and see that its device is started; in the lab, plug it in"
            }
            Self::SeveralDevices(_) => "choose one with --device PATH",
            Self::Contract { .. } => "use the test-app that was built with this driver",
            Self::Reply { .. } => "the driver and its contract disagree: report it",
            Self::Gone => {
                "read the bug check report that the machine left, if it left one; under Wine, \
                 `wineserver -k` clears up, and the next program starts the driver again"
            }
            Self::Open { code, .. } | Self::Request { code, .. } => return help_for(*code),
            Self::NotElevated => advice::ELEVATE,
            Self::Win32 { code, .. } => return advice::for_win32(*code),
            Self::Native { status, .. } => return advice::for_status(*status),
            Self::Mute { .. } => advice::SETUP_LOG,
            Self::Configuration { .. } => {
                "`test-app doctor` says what the system knows of the device"
            }
            Self::Package { .. } => {
                "name the folder with --package FOLDER; `cargo xtask package` makes one"
            }
            Self::NothingInstalled { .. } => {
                "see the end of %SystemRoot%\\INF\\setupapi.dev.log; the INF must name \
                 ROOT\\PAGEWISE for this version of the system"
            }
            Self::NotStarted { problem, .. } => return Some(problem::fix(*problem)),
            Self::HalfInstalled { error, .. } => return error.help(),
            Self::HandOver(_) => {
                "make the disk again: `cargo xtask vm run` does; what is in its out folder stays \
                 readable"
            }
            Self::Tool { .. } => "run it as an administrator; `schtasks /query` shows the tasks",
            _ => return None,
        })
    }
}

fn help_for(code: Code) -> Option<&'static str> {
    let advice = [
        (NtStatus::ACCESS_DENIED, "run it as an administrator; changes need write access"),
        (
            NtStatus::INVALID_DEVICE_STATE,
            "section locks and paging the entire image exclude each other: `test-app reset` \
             before locking, unlock everything before `test-app page`",
        ),
        (NtStatus::NOT_LOCKED, "`test-app sections` shows which sections hold locks"),
        (
            NtStatus::NOT_SUPPORTED,
            "`test-app sections` shows what each section is: only those pageable by link can be \
             locked, discarded ones are gone, only writable ones can be written",
        ),
        (NtStatus::INVALID_PARAMETER, "`test-app sections` shows the pages and sections there are"),
        (NtStatus::QUOTA_EXCEEDED, "unlock the section first: it holds as many locks as it may"),
    ];
    advice.into_iter().find(|(status, _)| code.is(*status)).map(|(_, help)| help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_end_with_the_code_that_the_help_names() {
        let denied = Failure::status(NtStatus::ACCESS_DENIED);
        let none = Failure::status(NtStatus::NO_SUCH_DEVICE);
        let locked = Failure::status(NtStatus::NOT_LOCKED);
        assert_eq!(Error::of_open(Access::Read, denied.clone()).exit(), Exit::AccessDenied);
        assert_eq!(Error::of_request("LOCK", denied).exit(), Exit::AccessDenied);
        assert_eq!(Error::of_open(Access::Read, none).exit(), Exit::NoDevice);
        assert_eq!(Error::of_request("UNLOCK", locked).exit(), Exit::Refused);
        assert_eq!(Error::of_request("LOCK", Failure::Gone).exit(), Exit::MachineGone);
    }

    #[test]
    fn a_refusal_names_operation_code_and_next_step() {
        let error = Error::of_request("UNLOCK", Failure::status(NtStatus::NOT_LOCKED));
        assert_eq!(
            error.to_string(),
            "UNLOCK failed: STATUS_NOT_LOCKED (0xc000002a), Win32 ERROR_NOT_LOCKED (158)"
        );
        assert!(error.help().unwrap().contains("test-app sections"));
    }
}
