//! The lab's reader of INF files.

use pagewise_lab::pnp::inf;

/// Any bytes can be installed from or are refused.
///
/// # Panics
/// Where the reader does.
pub fn run(data: &[u8]) {
    match inf::from_bytes(data) {
        Ok(installation) => assert!(!installation.service.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
