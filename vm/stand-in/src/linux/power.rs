//! The end of the machine, or of the process that stands for it.

use std::process::{ExitCode, exit};
use std::thread;
use std::time::Duration;

use rustix::system::{RebootCommand, reboot};

/// Code for a restart.
const RESTARTS: u8 = 10;
/// Code for a reset.
const WAS_RESET: u8 = 11;

/// What there is to switch off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// The machine.
    Machine,
    /// This process.
    Process,
}

impl Power {
    /// Restarts in good order.
    pub fn restart(self) -> ExitCode {
        rustix::fs::sync();
        self.go(RebootCommand::Restart, RESTARTS)
    }

    /// Switches off in good order.
    pub fn off(self, code: u8) -> ExitCode {
        rustix::fs::sync();
        self.go(RebootCommand::PowerOff, code)
    }

    /// Goes down at once: what is not on the disk is lost.
    pub fn reset(self) -> ExitCode {
        self.go(RebootCommand::Restart, WAS_RESET)
    }

    /// In the middle of something: does not return.
    pub fn reset_now(self) -> ! {
        if self == Self::Machine {
            let _ = reboot(RebootCommand::Restart);
            stand_still();
        }
        exit(WAS_RESET.into());
    }

    /// Nothing more happens.
    pub fn stay(self) -> ExitCode {
        match self {
            Self::Machine => stand_still(),
            Self::Process => ExitCode::SUCCESS,
        }
    }

    fn go(self, how: RebootCommand, code: u8) -> ExitCode {
        if self == Self::Process {
            return ExitCode::from(code);
        }
        if let Err(error) = reboot(how) {
            eprintln!("error: reboot: {error}");
        }
        // Process 1 must not end: the kernel would stop the machine.
        stand_still()
    }
}

/// Does nothing, for ever.
pub fn stand_still() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
