//! Guests: drivers written as for Windows (lab/guests), driven by their clients, without and with
//! force IRQL checking.

mod c;
mod command;
mod exceptions;
mod inline;
mod report;
mod rust;

use std::path::PathBuf;

use crate::common::{Booted, READ_WRITE, artifacts};
use pagewise_lab_wire::{Client, Completion, Control, ControlReply, Launch, Token};

pub const STATUS_CANCELLED: u32 = 0xC000_0120;
pub const STATUS_INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
pub const STATUS_INVALID_PARAMETER: u32 = 0xC000_000D;
pub const STATUS_BUFFER_TOO_SMALL: u32 = 0xC000_0023;
pub const STATUS_OBJECT_NAME_NOT_FOUND: u32 = 0xC000_0034;
pub const STATUS_ACCESS_DENIED: u32 = 0xC000_0022;
pub const STATUS_NO_MORE_ENTRIES: u32 = 0x8000_001A;

/// The ways in which each guest is run.
pub const WAYS: [&[&str]; 2] = [&[], &["--force-irql", "--ddi-compliance"]];

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, method, access)`
pub const fn code(function: u32, method: u32, access: u32) -> u32 {
    0x22 << 16 | access << 14 | function << 2 | method
}

pub fn image(name: &str) -> PathBuf {
    artifacts().join("guests").join(name).with_extension("sys")
}

/// Boots a machine with a guest, which has no INF.
pub fn boot(name: &str, arguments: &[&str]) -> Booted {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = Launch::from_artifacts(&artifacts());
    launch.driver = image(name);
    launch.inf = None;
    launch.arguments = arguments.iter().map(Into::into).collect();
    let machine = launch.start(folder.path()).unwrap();
    Booted { machine, folder }
}

/// Runs `test` against a guest in each way; nothing of the guest may be left after unload.
pub fn each_way(name: &str, test: impl Fn(&mut Client)) {
    for way in WAYS {
        let booted = boot(name, way);
        let mut client = booted.connect();
        test(&mut client);
        leave_nothing(&mut client);
        booted.shut_down();
    }
}

/// Unplugs and unloads the driver: all its pool is freed.
pub fn leave_nothing(client: &mut Client) {
    // A driver that is none of Plug and Play has no device to unplug.
    client.control(&Control::Unplug { surprise: false }).ok();
    let unloaded = client.control(&Control::Unload).unwrap();
    assert_eq!(unloaded, ControlReply::Done { status: 0 });
    let pool = client.control(&Control::Pool).unwrap();
    assert_eq!(pool, ControlReply::Pool { blocks: Vec::new() });
}

pub fn open(client: &mut Client, name: &str) -> u32 {
    let opened = client.open_name(name, READ_WRITE, Token::Administrator).unwrap();
    assert_eq!(opened.status, 0, "{name}: NTSTATUS {:#010x}", opened.status);
    opened.handle
}

/// An answer that must be a success.
pub fn answer(completion: Completion) -> Vec<u8> {
    assert_eq!(completion.status, 0, "NTSTATUS {:#010x}", completion.status);
    completion.output
}

/// The answer as numbers.
pub fn numbers(completion: Completion) -> Vec<u32> {
    let output = answer(completion);
    output.as_chunks().0.iter().copied().map(u32::from_le_bytes).collect()
}

#[test]
fn a_device_is_opened_by_any_of_its_names_and_by_no_other() {
    let booted = boot("buffers", &[]);
    let mut client = booted.connect();
    for name in [r"\\.\Buffers", r"\\?\BUFFERS", r"\??\Buffers", r"\Device\Buffers"] {
        let handle = open(&mut client, name);
        assert_eq!(client.close(handle).unwrap(), 0);
    }
    let mut status = |name, token| client.open_name(name, READ_WRITE, token).unwrap().status;
    let not_found = STATUS_OBJECT_NAME_NOT_FOUND;
    assert_eq!(status(r"\\.\Buffer", Token::System), not_found);
    assert_eq!(status(r"\\.\Buffers2\x", Token::System), not_found);
    assert_eq!(status("Buffers", Token::System), 0xC000_003B, "no path");
    drop(client);
    booted.shut_down();
}

#[test]
fn an_open_device_keeps_its_driver_in_memory() {
    let booted = boot("buffers", &[]);
    let mut client = booted.connect();
    let handle = open(&mut client, r"\\.\Buffers");
    let held = client.control(&Control::Unload).unwrap_err().to_string();
    assert!(held.contains("devices"), "{held}");
    client.close(handle).unwrap();
    leave_nothing(&mut client);
    let gone = client.open_name(r"\\.\Buffers", READ_WRITE, Token::System).unwrap().status;
    assert_eq!(gone, STATUS_OBJECT_NAME_NOT_FOUND, "DriverUnload has deleted it");
    booted.shut_down();
}
