//! What is still to be done when a machine ends by a bug check, and nothing of it runs any more.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs;

use crate::ke::schedule;

/// The socket and its folder.
static OWN: OnceLock<(CString, CString)> = OnceLock::new();

/// The socket, and the folder made for it, are to go with the machine.
pub fn take_along(socket: &Path, folder: &Path) {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes());
    if let (Ok(socket), Ok(folder)) = (name(socket), name(folder)) {
        // There is one machine a process.
        let _ = OWN.set((socket, folder));
    }
}

/// Does it. Async-signal-safe.
pub(crate) fn by_bug_check() {
    schedule::say_how_to_repeat();
    if let Some((socket, folder)) = OWN.get() {
        // What cannot be removed stays: there is nobody to be told.
        let _ = fs::unlink(socket.as_c_str());
        let _ = fs::rmdir(folder.as_c_str());
    }
}
