//! How clients in other processes talk to the lab's machine: a Unix stream socket, frames of a
//! fixed [`Header`] and a payload.
//!
//! Two kinds of traffic share it. Device traffic (open, IOCTL, cancel, close) is what an
//! application does with `CreateFile` and `DeviceIoControl`; it is binary and fast. [`Control`] is
//! what only the lab can do (trim, purge, unplug, look at the true page states); it is JSON.
//!
//! A machine that bug-checks is gone: every read on the socket ends, and the report lies in the
//! file that the machine was started with ([`BugCheck`]).
#![cfg(unix)]

mod client;
mod control;
mod frame;
mod launch;
mod report;

pub use client::{Client, Completion, Error, Opened};
pub use control::{
    Control, ControlReply, Counters, ImageInfo, PageState, PageTruth, PoolBlock, Verifier,
};
pub use frame::{Header, Kind, MAX_PAYLOAD, Token, read_frame, write_frame};
pub use launch::{BUG_CHECK_EXIT, Launch, LaunchError, Machine};
pub use report::{BugCheck, Frame, Module};
