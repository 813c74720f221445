//! Exit codes: stable, and listed in `--help`.

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; of `verify` and `doctor`, nothing failed.
    Ok = 0,
    /// A check failed.
    CheckFailed = 1,
    /// The command line was not understood, or a file could not be read or written.
    Usage = 2,
    /// There is no device, or no machine to look for one on.
    NoDevice = 3,
    /// The device may not be opened, or not for what was asked.
    AccessDenied = 4,
    /// The driver speaks another version of the contract.
    Contract = 5,
    /// The driver refused the request.
    Refused = 6,
    /// The machine is gone: it bug-checked, was shut down, or no longer answers.
    MachineGone = 7,
    /// The system refused a step of `install`, `uninstall`, `trim` or `guest`, or something is left
    /// behind.
    System = 8,
    /// Done, and the system has to restart to finish it.
    Restart = 9,
    /// This machine cannot do what was asked.
    Skipped = 77,
}

impl Exit {
    /// The table in `--help`.
    pub const HELP: &str = "\
Exit codes:
   0  done; of `verify` and `doctor`, nothing failed
   1  a check failed
   2  the command line was not understood, or a file could not be read or written
   3  no device, or no machine to look for one on
   4  access denied
   5  the driver speaks another version of the contract
   6  the driver refused the request
   7  the machine is gone: it bug-checked, was shut down, or no longer answers
   8  the system refused a step of a verb such as `install`, or something is left behind
   9  done, and the system has to restart to finish it
  77  skipped: this machine cannot do that";
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let all = [
            Exit::Ok,
            Exit::CheckFailed,
            Exit::Usage,
            Exit::NoDevice,
            Exit::AccessDenied,
            Exit::Contract,
            Exit::Refused,
            Exit::MachineGone,
            Exit::System,
            Exit::Restart,
            Exit::Skipped,
        ];
        for exit in all {
            let number = format!("{:>4}  ", exit as u8);
            assert!(Exit::HELP.lines().any(|line| line.starts_with(&number)), "{exit:?}");
        }
        assert_eq!(Exit::HELP.lines().count(), all.len() + 1);
    }
}
