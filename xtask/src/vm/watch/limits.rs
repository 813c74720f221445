//! How long what may take.

use std::time::Duration;

use super::super::accelerator::Accelerator;

/// How much longer an emulated machine takes.
pub const EMULATED: u32 = 8;

/// Limits of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the machine's start, or restart, to the guest's first word.
    pub boot: Duration,
    /// Between two words of a guest that is there. A machine that writes a crash dump is silent,
    /// too.
    pub silence: Duration,
    /// What a step gets beyond its own limit, which the guest holds it to.
    pub grace: Duration,
    /// Between two steps.
    pub idle: Duration,
    /// From "it will restart", or "it is finished", to the restart or the end.
    pub leave: Duration,
    /// Restarts without a word of the guest.
    pub most_resets: u32,
}

impl Limits {
    /// For a Windows on this host.
    pub fn of_windows(accelerator: &Accelerator) -> Self {
        let minutes = |minutes: u32| Duration::from_secs(60) * minutes;
        let limits = Self {
            boot: minutes(10),
            silence: minutes(4),
            grace: minutes(1),
            idle: minutes(4),
            leave: minutes(5),
            most_resets: 5,
        };
        match accelerator {
            Accelerator::Kvm => limits,
            Accelerator::Tcg { .. } => limits.longer(EMULATED),
        }
    }

    /// For Windows Setup, which takes its time and restarts as often as it likes.
    pub fn of_setup(accelerator: &Accelerator) -> Self {
        let limits = Self::of_windows(accelerator);
        Self { boot: limits.boot * 18, most_resets: 25, ..limits }
    }

    /// For the stand-in, which is up in seconds.
    pub const fn of_stand_in() -> Self {
        // On a host that has other things to do, too.
        let minute = Duration::from_secs(60);
        Self {
            boot: Duration::from_secs(120),
            silence: minute,
            grace: minute,
            idle: minute,
            leave: minute,
            most_resets: 3,
        }
    }

    fn longer(self, times: u32) -> Self {
        Self {
            boot: self.boot * times,
            silence: self.silence * times,
            grace: self.grace * times,
            idle: self.idle * times,
            leave: self.leave * times,
            most_resets: self.most_resets,
        }
    }
}
