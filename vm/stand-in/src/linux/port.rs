//! The serial port.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

/// Opens a terminal device: 115200 8N1, raw. Reading waits a tenth of a second at most.
pub fn open(path: &Path) -> io::Result<File> {
    // Or else a terminal without carrier would wait for one, and become this process's own.
    let flags = i32::try_from((OFlags::NOCTTY | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let port = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    let mut terminal = tcgetattr(&port)?;
    terminal.make_raw();
    terminal.control_modes |= rustix::termios::ControlModes::CLOCAL;
    terminal.special_codes[SpecialCodeIndex::VMIN] = 0;
    terminal.special_codes[SpecialCodeIndex::VTIME] = 1;
    // A pseudo terminal has no speed, and says so.
    let _ = terminal.set_speed(115_200);
    tcsetattr(&port, OptionalActions::Now, &terminal)?;
    let now = rustix::fs::fcntl_getfl(&port)?;
    rustix::fs::fcntl_setfl(&port, now - OFlags::NONBLOCK)?;
    Ok(port)
}
