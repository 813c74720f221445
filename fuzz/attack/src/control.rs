//! What a client can have the lab do, as JSON, and what a machine leaves behind.

use pagewise_lab_wire::{BugCheck, Control, ControlReply};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Any bytes are a command, an answer or a report, or are refused; what is one is written and read
/// again as the same.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    round_trip::<Control>(data);
    round_trip::<ControlReply>(data);
    round_trip::<BugCheck>(data);
}

fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, value);
}
