//! What the test VM's guest and host agree on. But for [`play`], nothing here reads or writes
//! anything: bytes, times and events go in, bytes and decisions come out, so that all of it is
//! tested without a machine.
//!
//! - [`plan`]: what the guest is to do, in a small versioned file.
//! - [`event`], [`journal`]: what it did, one numbered line each. The state of a run is the fold
//!   over these lines and nothing else, so that it survives whatever happens to the machine.
//! - [`state`], [`guest`]: what comes next, and the loop that does it.
//! - [`frame`], [`sender`], [`receiver`]: the lines on a serial port that loses, garbles and floods.
//! - [`manifest`]: the disk by which the host hands everything over.
//! - [`play`]: the guest's program but for what its system has of its own: files, the port, the end.

pub mod control;
pub mod event;
pub mod frame;
pub mod guest;
pub mod inline;
pub mod journal;
pub mod manifest;
pub mod outcome;
pub mod plan;
pub mod play;
pub mod receiver;
pub mod sender;
pub mod state;
pub mod text;
