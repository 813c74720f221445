//! How clients in other processes talk to the lab's machine: a Unix stream socket, frames of a
//! fixed [`Header`] and a payload.
//!
//! Two kinds of traffic share it. Device traffic (open, IOCTL, cancel, close) is what an
//! application does with `CreateFile` and `DeviceIoControl`; it is binary and fast. [`Control`] is
//! what only the lab can do (trim, purge, unplug, look at the true page states); it is JSON.
//!
//! A machine that bug-checks is gone: every read on the socket ends, and the report lies in the
//! file that the machine was started with ([`BugCheck`]).
//!
//! The socket's end is for Unix; the words of the protocol are there on every host, so that one
//! client can know them and run elsewhere too.

#[cfg(unix)]
mod client;
mod control;
mod frame;
mod history;
#[cfg(unix)]
mod launch;
#[cfg(unix)]
mod polling;
mod report;
mod verifier;

#[cfg(unix)]
pub use client::{Client, Completion, Error, Opened};
pub use control::{
    Control, ControlReply, Counters, ImageInfo, MappedImage, PageState, PageTruth, PoolBlock,
};
pub use frame::{Header, Kind, MAX_PAYLOAD, Token, interface_class, read_frame, write_frame};
pub use history::{ControlCode, Gone, Holder, Outcome, Page, Paging, PagingAction, Request};
#[cfg(unix)]
pub use launch::{BUG_CHECK_EXIT, Launch, LaunchError, Machine};
#[cfg(unix)]
pub use polling::Polling;
pub use report::{AtFault, BugCheck, Detail, Frame, Module};
pub use verifier::{AllocationSite, Profile, SpecialPool, Verifier};
