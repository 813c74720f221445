//! What is said on the line beside the journal: frames with the number 0, in no order, never
//! acknowledged, and lost without harm.

use serde::{Deserialize, Serialize};

use crate::frame;

/// A frame with the number 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Host: all lines up to this one are on its disk.
    Ack(u64),
    /// Guest: it is there, and waits for an [`Control::Ack`] to know from where to send.
    Hello(Hello),
    /// Guest: it lives.
    Alive(Alive),
    /// Guest: it will not begin: a hash is wrong, a file is missing, the journal is damaged.
    Refused {
        /// Why.
        what: String,
    },
}

/// The guest's first words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// How often its program has started.
    pub boot: u32,
    /// SHA-256 of `plan.json`, in hexadecimal: that it is this run.
    pub plan_sha256: String,
    /// The last line of its journal.
    pub last: u64,
}

/// A sign of life, every [`crate::sender::ALIVE_EVERY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alive {
    /// As in [`Hello`].
    pub boot: u32,
    /// The step under way.
    pub step: Option<String>,
    /// Seconds since it started.
    pub seconds: u64,
}

impl Control {
    /// Its frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let payload = match self {
            Self::Refused { what } => {
                frame::payload(&Self::Refused { what: crate::text::clip(what) })
            }
            other => frame::payload(other),
        };
        frame::encode(0, &payload)
    }
}
