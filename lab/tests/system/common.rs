//! What the whole-system tests share: machines that run the real images.

use std::path::{Path, PathBuf};

use pagewise_contract::INTERFACE_GUID;
use pagewise_lab_wire::{BUG_CHECK_EXIT, BugCheck, Client, Control, ControlReply, Error, Launch};
use pagewise_lab_wire::{Machine, Token};
use tempfile::TempDir;

/// `GENERIC_READ`
pub const READ: u32 = 0x8000_0000;
/// `GENERIC_READ | GENERIC_WRITE`
pub const READ_WRITE: u32 = 0xC000_0000;

/// Where `cargo xtask build --twins` put the images.
pub fn artifacts() -> PathBuf {
    let folder = std::env::var_os("PAGEWISE_ARTIFACTS").expect(
        "PAGEWISE_ARTIFACTS is not set: run `cargo xtask test`, or `cargo xtask build --twins` and \
         set it to the absolute path of target/pagewise",
    );
    PathBuf::from(folder)
}

/// A booted machine, and the folder its socket lies in.
pub struct Booted {
    pub machine: Machine,
    pub folder: TempDir,
}

/// Boots a machine with the shipping driver.
pub fn boot(arguments: &[&str]) -> Booted {
    boot_with(&artifacts().join("pagewise.sys"), arguments)
}

/// Boots a machine with a driver broken on purpose.
pub fn boot_twin(name: &str, arguments: &[&str]) -> Booted {
    boot_with(&artifacts().join("twins").join(name).join("pagewise.sys"), arguments)
}

/// Boots a machine with any driver.
pub fn boot_with(driver: &Path, arguments: &[&str]) -> Booted {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = Launch::from_artifacts(&artifacts());
    launch.driver = driver.to_owned();
    launch.arguments = arguments.iter().map(Into::into).collect();
    let machine = launch.start(folder.path()).unwrap();
    Booted { machine, folder }
}

impl Booted {
    /// A new connection.
    pub fn connect(&self) -> Client {
        self.machine.connect().unwrap()
    }

    /// The machine has bug-checked: its exit code and its report say so.
    pub fn bug_check(mut self) -> BugCheck {
        let status = self.machine.wait().unwrap();
        assert_eq!(status.code(), Some(BUG_CHECK_EXIT), "the machine ended with {status}");
        self.machine.report().expect("a machine that bug-checks leaves a report")
    }

    /// Shuts down, and nothing was wrong.
    pub fn shut_down(self) {
        let status = self.machine.shut_down().unwrap();
        assert!(status.success(), "the machine ended with {status}");
        drop(self.folder);
    }
}

/// Opens the device as an administrator.
pub fn open(client: &mut Client, access: u32) -> u32 {
    let opened = client.open(&INTERFACE_GUID, access, Token::Administrator).unwrap();
    assert_eq!(opened.status, 0, "open: NTSTATUS {:#010x}", opened.status);
    opened.handle
}

/// Carries out a control command that must succeed.
pub fn control(client: &mut Client, command: &Control) -> ControlReply {
    let reply = client.control(command).unwrap();
    if let ControlReply::Done { status } = reply {
        assert_eq!(status, 0, "{command:?}: NTSTATUS {status:#010x}");
    }
    reply
}

/// Carries out a control command that kills the machine.
pub fn fatal(client: &mut Client, command: &Control) {
    match client.control(command) {
        Err(Error::MachineGone) => {}
        other => panic!("{command:?} should have killed the machine, but: {other:?}"),
    }
}
