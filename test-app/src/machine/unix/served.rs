//! The way over a socket: the fake machine at its far end, spoken to as the lab is.

use std::collections::HashMap;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use pagewise_lab_wire::{
    Control, ControlReply, Header, Kind as FrameKind, Token, read_frame, write_frame,
};

use super::lab::LabMachine;
use crate::error::Error;
use crate::machine::{Access, Code, Failure, Handle, Lab, Machine};
use crate::status::NtStatus;
use crate::verify::fake::{Fake, Lie};
use crate::verify::run::decide;
use crate::verify::{Context, DEFAULT_SEED, Stop, all};

/// A served fake, its socket in a folder that goes with it.
struct Served {
    folder: tempfile::TempDir,
}

impl Served {
    fn start(lie: Lie) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("machine.sock")).unwrap();
        let fake = Fake::lab(lie);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let fake = fake.clone();
                thread::spawn(move || serve(&fake, stream.unwrap()));
            }
        });
        Self { folder }
    }

    fn connect(&self) -> LabMachine {
        LabMachine::connect(&self.folder.path().join("machine.sock")).unwrap()
    }
}

/// Serves one connection until it or the machine ends.
fn serve(fake: &Fake, mut stream: UnixStream) {
    let mut handles: HashMap<u32, Box<dyn Handle>> = HashMap::new();
    let (mut payload, mut scratch) = (Vec::new(), Vec::new());
    while let Ok(Some(frame)) = read_frame(&mut stream, &mut payload) {
        let reply = match FrameKind::from_u32(frame.kind) {
            Some(FrameKind::Open) => open(fake, &mut handles, frame),
            Some(FrameKind::Ioctl) => ioctl(&mut handles, frame, &payload),
            Some(FrameKind::Close) => {
                handles.remove(&frame.a);
                Ok((0, 0, Vec::new()))
            }
            Some(FrameKind::Control) => control(fake, &payload),
            // What came first has been answered by now.
            Some(FrameKind::Cancel) => continue,
            other => panic!("the client sent {other:?}"),
        };
        // A machine that is gone closes its sockets.
        let Ok((status, information, output)) = reply else { return };
        let header = Header::new(FrameKind::Reply, frame.id, status, information, 0);
        if write_frame(&mut stream, &mut scratch, header, &[&output]).is_err() {
            return;
        }
    }
}

struct Gone;
type Reply = Result<(u32, u32, Vec<u8>), Gone>;

fn open(fake: &Fake, handles: &mut HashMap<u32, Box<dyn Handle>>, frame: Header) -> Reply {
    let accesses = [Access::Read, Access::Write, Access::ReadWrite];
    let access = accesses.into_iter().find(|access| access.bits() == frame.a).unwrap();
    match fake.open_as(access, Token::from_u32(frame.b).unwrap()) {
        Ok(handle) => {
            let number = (1..).find(|number| !handles.contains_key(number)).unwrap();
            handles.insert(number, handle);
            Ok((0, number, Vec::new()))
        }
        Err(failure) => refusal(failure),
    }
}

fn ioctl(handles: &mut HashMap<u32, Box<dyn Handle>>, frame: Header, payload: &[u8]) -> Reply {
    let (capacity, input) = payload.split_at(4);
    let capacity = u32::from_le_bytes(capacity.try_into().unwrap());
    match handles.get_mut(&frame.a).unwrap().ioctl(frame.b, input, capacity) {
        Ok(output) => Ok((0, u32::try_from(output.len()).unwrap(), output)),
        Err(failure) => refusal(failure),
    }
}

fn control(fake: &Fake, payload: &[u8]) -> Reply {
    let command: Control = serde_json::from_slice(payload).unwrap();
    let reply = match fake.control(&command) {
        Ok(reply) => reply,
        Err(Error::Control { message, .. }) => ControlReply::Failed { message },
        Err(_) => return Err(Gone),
    };
    Ok((0, 0, serde_json::to_vec(&reply).unwrap()))
}

fn refusal(failure: Failure) -> Reply {
    match failure {
        Failure::Refused(Code::Nt(NtStatus(status))) => Ok((status, 0, Vec::new())),
        _ => Err(Gone),
    }
}

#[test]
fn every_check_can_be_made_over_a_socket() {
    let served = Served::start(Lie::None);
    for check in all() {
        let machine: Arc<dyn Machine> = Arc::new(served.connect());
        match decide(&Context::new(machine, DEFAULT_SEED, None), check) {
            Ok(()) => {}
            // This server takes one frame after the other: nothing waits long enough.
            Err(Stop::Skipped(_)) if check.id == "concurrency.cancel" => {}
            // A lab has no settings of a system's.
            Err(Stop::Skipped(_)) if check.id == "question.system" => {}
            Err(Stop::Observed(_)) => {}
            other => panic!("{}: {other:?}", check.id),
        }
    }
}

#[test]
fn a_machine_that_dies_is_told_from_one_that_refuses() {
    let served = Served::start(Lie::DiesWithoutReset);
    let machine = served.connect();
    let mut handle = machine.open(Access::Read).unwrap();
    let refused = handle.ioctl(0x0022_2000, &[], 0);
    assert!(refused.is_err_and(|failure| failure.is(NtStatus::INVALID_DEVICE_REQUEST)));
    let lab = machine.lab().unwrap();
    lab.force_irql(true).unwrap();
    let unplugged = lab.order(&Control::Unplug { surprise: false });
    assert!(matches!(unplugged, Err(Error::Gone)), "{unplugged:?}");
    assert_eq!(handle.ioctl(0x0022_2000, &[], 0), Err(Failure::Gone));
}

#[test]
fn what_the_lab_cannot_do_is_told_in_its_own_words() {
    let served = Served::start(Lie::None);
    let machine = served.connect();
    let error = machine.lab().unwrap().order(&Control::Unload).unwrap_err();
    assert!(error.to_string().contains("the device is there"), "{error}");
}
