//! What a Windows driver package is made of besides the driver: the INF that installs it, the
//! catalog that lists its files, and the signatures on both.
//!
//! Everything here works on bytes and runs on any host; nothing is asked of Windows or the WDK.

pub mod authenticode;
pub mod catalog;
pub mod certificate;
mod indirect;
pub mod inf;
pub mod oid;
pub mod sign;
#[cfg(test)]
mod testing;

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
