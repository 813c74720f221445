//! What a run came to.

use std::fmt;

use pagewise_vm_plan::outcome::Tally;
use serde::Serialize;

use crate::exit::Exit;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The plan is through, and nothing failed.
    Passed,
    /// The plan is through; steps failed.
    Failed {
        /// How many.
        tally: Tally,
    },
    /// The machine went down by itself.
    BugCheck {
        /// Whether the guest came back and went on to the end.
        back: bool,
    },
    /// The machine runs, and the guest does not go on.
    Hang {
        /// The step under way.
        step: Option<String>,
        /// How it shows.
        how: Hang,
    },
    /// The machine starts again and again.
    BootLoop {
        /// How often.
        resets: u32,
    },
    /// Nothing was ever heard of the guest.
    NeverCame {
        /// Whether the machine is off.
        off: bool,
    },
    /// The guest was there, and is not any more.
    Lost {
        /// What happened.
        what: String,
    },
    /// The guest does not take what it was given.
    Refused {
        /// Why.
        what: String,
    },
    /// QEMU ended by itself.
    Ended,
    /// The user ended it.
    Interrupted,
}

/// How a hang shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hang {
    /// Nothing comes from the guest any more.
    Silent,
    /// It says that it lives, but its step does not end.
    Step,
    /// It says that it lives, but starts no step.
    Idle,
    /// It was to restart, and does not.
    Restart,
}

impl Verdict {
    /// The exit code for it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Passed => Exit::Done,
            Self::Failed { .. } | Self::Ended => Exit::Failed,
            Self::BugCheck { .. } => Exit::GuestBugCheck,
            Self::Hang { .. } => Exit::GuestHang,
            Self::BootLoop { .. } => Exit::GuestBootLoop,
            Self::NeverCame { .. } | Self::Lost { .. } => Exit::GuestLost,
            Self::Refused { .. } => Exit::HandOverRefused,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// What to try next, where something is to be tried.
    pub const fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Passed | Self::Failed { .. } | Self::Interrupted => return None,
            Self::BugCheck { .. } => {
                "open the dump in the results with `windbg -z`, then `!analyze -v`"
            }
            Self::Hang { .. } => "look at the screenshot; run again with --keep",
            Self::BootLoop { .. } | Self::Lost { .. } => {
                "look at the screenshot; if Windows offers repair, prepare the base image anew"
            }
            Self::NeverCame { .. } => {
                "look at the screenshot: is Windows up, and `test-app guest` set to start with it? \
                 (docs/test-vm.md)"
            }
            Self::Refused { .. } => "run again: the hand-over disk is made anew each time",
            Self::Ended => "read qemu.log in the results",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(formatter, "passed"),
            Self::Failed { tally } => write!(formatter, "{} steps failed", tally.failed),
            Self::BugCheck { back: true } => {
                write!(formatter, "bug check; the guest came back and ended the plan")
            }
            Self::BugCheck { back: false } => {
                write!(formatter, "bug check; the guest did not end the plan after it")
            }
            Self::Hang { step, how } => {
                let step = step.as_deref().map_or_else(String::new, |step| format!(" in {step}"));
                write!(formatter, "hang{step}: {how}")
            }
            Self::BootLoop { resets } => {
                write!(formatter, "boot loop: the machine started again {resets} times")
            }
            Self::NeverCame { off: false } => {
                write!(formatter, "lost guest: nothing was ever heard of it")
            }
            Self::NeverCame { off: true } => {
                write!(
                    formatter,
                    "lost guest: the machine went off before anything was heard of it"
                )
            }
            Self::Lost { what } => write!(formatter, "lost guest: {what}"),
            Self::Refused { what } => write!(formatter, "the guest refused its hand-over: {what}"),
            Self::Ended => write!(formatter, "QEMU ended by itself"),
            Self::Interrupted => write!(formatter, "interrupted"),
        }
    }
}

impl fmt::Display for Hang {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Silent => "nothing comes from the guest any more",
            Self::Step => "it lives, and the step does not end within its limit",
            Self::Idle => "it lives, and starts no step",
            Self::Restart => "the machine was to restart, and does not",
        })
    }
}
