//! The life of a machine, with the real images: boot in the real order, plug, unplug, reload, and
//! what clients see meanwhile.

use crate::common::{Booted, READ, READ_WRITE, artifacts, boot, control, open};
use pagewise_contract::{INTERFACE_GUID, Ioctl, State, VersionReply};
use pagewise_lab_wire::{Client, Control, ControlReply, Launch, Token};

const STATUS_OBJECT_NAME_NOT_FOUND: u32 = 0xC000_0034;
const STATUS_ACCESS_DENIED: u32 = 0xC000_0022;
const STATUS_INVALID_HANDLE: u32 = 0xC000_0008;
const STATUS_PLUGPLAY_QUERY_VETOED: u32 = 0x8000_0028;

fn opens(client: &mut Client, access: u32, token: Token) -> u32 {
    client.open(&INTERFACE_GUID, access, token).unwrap().status
}

fn done(client: &mut Client, command: &Control) -> u32 {
    match client.control(command).unwrap() {
        ControlReply::Done { status } => status,
        other => panic!("{command:?}: {other:?}"),
    }
}

fn asks_state(client: &mut Client, handle: u32) -> u32 {
    client.ioctl(handle, Ioctl::State.code(), &[], size_of::<State>() as u32).unwrap().status
}

fn images(client: &mut Client) -> Vec<String> {
    match client.control(&Control::Images).unwrap() {
        ControlReply::Images { images } => images.into_iter().map(|image| image.name).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_machine_boots_step_by_step() {
    let booted = boot(&["--no-load"]);
    let mut client = booted.connect();
    assert_eq!(images(&mut client), ["wdfldr.sys"]);
    let early = client.control(&Control::Plug).unwrap_err().to_string();
    assert!(early.contains("not loaded"), "{early}");
    assert_eq!(done(&mut client, &Control::Load), 0);
    assert_eq!(images(&mut client), ["wdfldr.sys", "pagewise.sys"]);
    let twice = client.control(&Control::Load).unwrap_err().to_string();
    assert!(twice.contains("already"), "{twice}");
    let closed = opens(&mut client, READ, Token::Administrator);
    assert_eq!(closed, STATUS_OBJECT_NAME_NOT_FOUND);
    assert_eq!(done(&mut client, &Control::Plug), 0);
    assert_eq!(opens(&mut client, READ, Token::Administrator), 0);
    booted.shut_down();
}

#[test]
fn the_inf_s_descriptor_decides_who_may_open() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    assert_eq!(opens(&mut client, READ_WRITE, Token::Administrator), 0);
    assert_eq!(opens(&mut client, READ_WRITE, Token::System), 0);
    assert_eq!(opens(&mut client, READ, Token::User), STATUS_ACCESS_DENIED);
    booted.shut_down();
}

#[test]
fn without_an_inf_the_default_descriptor_decides() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch { inf: None, ..Launch::from_artifacts(&artifacts()) };
    let machine = launch.start(folder.path()).unwrap();
    let mut client = machine.connect().unwrap();
    assert_eq!(opens(&mut client, READ, Token::User), 0, "everyone may, as on Windows");
    assert!(machine.shut_down().unwrap().success());
}

#[test]
fn handles_belong_to_their_connection() {
    let booted = boot(&[]);
    let (mut first, mut second) = (booted.connect(), booted.connect());
    let handle = open(&mut first, READ);
    assert_eq!(asks_state(&mut second, handle), STATUS_INVALID_HANDLE);
    assert_eq!(asks_state(&mut first, handle), 0);
    assert_eq!(first.close(handle).unwrap(), 0);
    assert_eq!(first.close(handle).unwrap(), STATUS_INVALID_HANDLE);
    booted.shut_down();
}

#[test]
fn an_open_handle_vetoes_removal_until_its_client_vanishes() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    let mut holder = booted.connect();
    let handle = open(&mut holder, READ);
    let orderly = Control::Unplug { surprise: false };
    assert_eq!(done(&mut client, &orderly), STATUS_PLUGPLAY_QUERY_VETOED);
    assert_eq!(asks_state(&mut holder, handle), 0, "the device works on");
    drop(holder);
    until(|| done(&mut client, &orderly) == 0);
    booted.shut_down();
}

#[test]
fn a_device_pulled_out_is_removed_with_its_last_handle() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    assert_eq!(done(&mut client, &Control::Unplug { surprise: true }), 0);
    assert_ne!(asks_state(&mut client, handle), 0);
    assert_eq!(opens(&mut client, READ, Token::System), STATUS_OBJECT_NAME_NOT_FOUND);
    let held = client.control(&Control::Unload).unwrap_err().to_string();
    assert!(held.contains("devices"), "{held}");
    assert_eq!(client.close(handle).unwrap(), 0);
    until(|| client.control(&Control::Unload).is_ok());
    assert_eq!(images(&mut client), ["wdfldr.sys"]);
    booted.shut_down();
}

#[test]
fn a_rebalance_is_transparent_to_open_handles() {
    let booted = boot(&[]);
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    assert_eq!(done(&mut client, &Control::Rebalance), 0);
    assert_eq!(asks_state(&mut client, handle), 0);
    booted.shut_down();
}

#[test]
fn a_failed_start_leaves_a_device_that_can_be_started_later() {
    let booted = boot(&["--no-plug"]);
    let mut client = booted.connect();
    control(&mut client, &Control::FailStart { status: 0xC000_00A3 });
    assert_eq!(done(&mut client, &Control::Plug), 0xC000_00A3);
    assert_eq!(opens(&mut client, READ, Token::System), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_eq!(done(&mut client, &Control::Plug), 0);
    assert_eq!(opens(&mut client, READ, Token::System), 0);
    booted.shut_down();
}

#[test]
fn a_driver_can_be_reloaded_under_force_irql_checking() {
    let booted = boot(&["--force-irql"]);
    let mut client = booted.connect();
    for _ in 0..3 {
        control(&mut client, &Control::Evict);
        assert_eq!(done(&mut client, &Control::Unplug { surprise: false }), 0);
        assert_eq!(done(&mut client, &Control::Unload), 0);
        assert_eq!(done(&mut client, &Control::Load), 0);
        assert_eq!(done(&mut client, &Control::Plug), 0);
        let handle = open(&mut client, READ_WRITE);
        let length = size_of::<VersionReply>() as u32;
        let end = client.ioctl(handle, Ioctl::Version.code(), &[], length).unwrap();
        assert_eq!((end.status, end.output.len()), (0, size_of::<VersionReply>()));
        client.close(handle).unwrap();
    }
    booted.shut_down();
}

#[test]
fn many_clients_are_served_at_once() {
    let booted = boot(&[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| ask_often(&booted));
        }
    });
    booted.shut_down();
}

fn ask_often(booted: &Booted) {
    let mut client = booted.connect();
    let handle = open(&mut client, READ);
    for _ in 0..200 {
        assert_eq!(asks_state(&mut client, handle), 0);
    }
}

/// Waits for what another thread of the machine does on its own.
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "it never came about");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
