//! How far a base image is, and what an interrupted preparation goes on with.

use serde::{Deserialize, Serialize};

/// Bytes that Setup has written at the least when it first restarts the machine from its disk. One
/// that gave up before has written less.
const COPIED: u64 = 2 << 30;

/// How far a base image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Setup, if it runs at all, runs from its medium: its disk is worth nothing without it.
    Blank,
    /// The disk starts by itself and goes on by itself.
    Copied,
    /// The guest's program has been heard of.
    Met,
    /// It was shut down in order.
    Ready,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The machine started again, when so many bytes were on the disk.
    Restart(u64),
    /// The guest spoke.
    Guest,
    /// The plan of the preparation is through, and the machine is off.
    Through,
}

/// What a preparation begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// An empty disk, and the medium.
    Anew,
    /// The disk as it is.
    GoOn,
}

impl Stage {
    /// After something was seen. It never goes back.
    pub const fn after(self, seen: Seen) -> Self {
        match (self, seen) {
            (Self::Blank, Seen::Restart(stored)) if stored >= COPIED => Self::Copied,
            (Self::Blank | Self::Copied, Seen::Guest) => Self::Met,
            (_, Seen::Through) => Self::Ready,
            (stage, _) => stage,
        }
    }

    /// How a preparation that was interrupted here goes on.
    pub const fn start(self) -> Start {
        match self {
            Self::Blank => Start::Anew,
            Self::Copied | Self::Met | Self::Ready => Start::GoOn,
        }
    }

    /// What goes on, for people.
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Blank => "Windows Setup copies",
            Self::Copied => "Windows sets itself up",
            Self::Met => "the guest is there",
            Self::Ready => "ready",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_that_gave_up_early_is_begun_anew() {
        let stage = Stage::Blank.after(Seen::Restart(50 << 20));
        assert_eq!((stage, stage.start()), (Stage::Blank, Start::Anew));
    }

    #[test]
    fn it_goes_forth_and_never_back() {
        let seen = [Seen::Restart(0), Seen::Restart(COPIED), Seen::Guest, Seen::Through];
        let order = [Stage::Blank, Stage::Copied, Stage::Met, Stage::Ready];
        for (from, stage) in order.into_iter().enumerate() {
            for seen in seen {
                let to = order.iter().position(|&other| other == stage.after(seen)).unwrap();
                assert!(to >= from, "{stage:?} after {seen:?}");
            }
        }
        let through = seen.into_iter().fold(Stage::Blank, Stage::after);
        assert_eq!(through, Stage::Ready);
    }

    #[test]
    fn a_disk_that_was_brought_along_meets_its_guest_at_once() {
        assert_eq!(Stage::Copied.after(Seen::Guest), Stage::Met);
        assert_eq!(Stage::Copied.start(), Start::GoOn);
        assert_eq!(Stage::Met.after(Seen::Restart(COPIED)), Stage::Met);
    }
}
