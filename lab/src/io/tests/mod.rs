//! The I/O manager under a WDM driver.

mod cancelling;
mod noted;
mod properties;
mod requests;
mod stacks;
mod verified;

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use pagewise_lab_wire::Token;

use super::{DeviceControl, OpenFile, Request, Requester, Started};
use crate::io::Device;
use crate::pnp::inf::Installation;
use crate::pnp::{self, RootBus, worker};
use crate::testing::toy::{self, Toy};

/// A device of the toy driver, started.
pub(super) struct Rig {
    pub(super) device: Device,
    pub(super) toy: Arc<Toy>,
}

pub(super) fn rig(name: &'static str) -> Rig {
    let (driver, toy) = toy::load(name);
    let device = worker::run(move || {
        let device = RootBus::get().arrive(Installation::bare(name)).unwrap();
        pnp::add_and_start(device, driver).unwrap();
        device
    });
    toy.take_log();
    Rig { device, toy }
}

impl Rig {
    pub(super) fn open(&self, access: u32) -> Arc<OpenFile> {
        OpenFile::open(self.device, access, Token::Administrator).unwrap()
    }
}

/// `GENERIC_READ`
pub(super) const READ: u32 = 0x8000_0000;
/// `GENERIC_READ | GENERIC_WRITE`
pub(super) const READ_WRITE: u32 = 0xC000_0000;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) id: u64,
    pub(super) status: i32,
    pub(super) information: u32,
    pub(super) output: Vec<u8>,
}

fn end_of(request: &Request) -> End {
    let (information, output) = request.result();
    End { id: request.id(), status: request.status(), information, output: output.to_vec() }
}

/// A client that waits for what pends.
pub(super) struct Client {
    requester: Arc<dyn Requester>,
    ends: mpsc::Receiver<End>,
    pub(super) parked: Mutex<Vec<Arc<Request>>>,
}

struct Ears(Mutex<mpsc::Sender<End>>);

impl Requester for Ears {
    fn completed(&self, request: &Request) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = sender.send(end_of(request));
    }
}

impl Client {
    pub(super) fn new() -> Self {
        let (sender, ends) = mpsc::channel();
        Self { requester: Arc::new(Ears(Mutex::new(sender))), ends, parked: Mutex::default() }
    }

    /// Sends a request; its end, unless it pends.
    pub(super) fn send(
        &self,
        file: &Arc<OpenFile>,
        control: DeviceControl<'_>,
    ) -> Result<Option<End>, i32> {
        let mut request = Request::new(1).unwrap();
        let park = |request: &Arc<Request>| self.parked.lock().unwrap().push(Arc::clone(request));
        match request.start(file, control, &self.requester, park)? {
            Started::Complete => Ok(Some(end_of(&request))),
            Started::Pending => Ok(None),
        }
    }

    /// Sends a request that must complete at once.
    pub(super) fn ask(&self, file: &Arc<OpenFile>, code: u32, input: &[u8], room: u32) -> End {
        let control = DeviceControl { id: 7, code, input, output_length: room };
        self.send(file, control).unwrap().expect("it completes at once")
    }

    /// Waits for the end of one that pends.
    pub(super) fn wait(&self) -> End {
        self.ends.recv_timeout(std::time::Duration::from_secs(10)).expect("a request ends")
    }
}
