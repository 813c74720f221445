//! What a Windows driver package is made of besides the driver: the INF that installs it, the
//! catalog that lists its files, and the signatures on both.
//!
//! Everything here works on bytes and runs on any host; nothing is asked of Windows or the WDK.

pub mod inf;
