//! Clients in other processes: the machine's end of the protocol in `lab/wire`.
//!
//! A thread a connection, which is the client's thread in the machine: it sends the IRP itself, as
//! a thread that calls `DeviceIoControl` does, and answers when the IRP is complete. Only a request
//! that pends is answered by another thread.

mod clients;
mod connection;
mod control;
mod handles;
mod operations;
mod outbox;

pub(crate) use control::mapped;

use std::io;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use crate::machine::Machine;
use crate::ps;

/// How long accepting rests after a failure that may pass, such as too many open files.
const REST: Duration = Duration::from_millis(50);

/// Ends every connection; handles that clients left open are closed as at the end of a process.
/// False where a driver holds one of their requests and does not let go.
pub fn hang_up() -> bool {
    clients::CLIENTS.hang_up()
}

/// Has memory for large frames go back to the host when it is freed. Left to itself, the host's
/// allocator would keep the largest frame of each client's thread.
fn give_back_large() {
    // SAFETY: only sets a number of the allocator's own.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, connection::LARGE as libc::c_int) };
}

/// Serves clients until the process ends.
///
/// # Errors
/// The listener's own failure, once it is unusable.
pub fn run(machine: &'static Machine, listener: &UnixListener) -> io::Result<()> {
    give_back_large();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                // One too many is hung up on.
                let place = stream.try_clone().ok().and_then(|it| clients::CLIENTS.enter(it));
                if let Some(place) = place {
                    ps::spawn_outside("client", move || connection::serve(machine, stream, place));
                }
            }
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => return Err(error),
            Err(_) => thread::sleep(REST),
        }
    }
}
