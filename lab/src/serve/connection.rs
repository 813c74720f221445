//! One client's connection.

use std::collections::HashMap;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;
use pagewise_lab_wire::{Header, Kind, MAX_PAYLOAD, Polling, Token, read_frame};

use super::clients::Place;
use super::control;
use super::handles::Handles;
use super::operations;
use super::outbox::Outbox;
use crate::ex;
use crate::io::{Ask, OpenFile, Request, Requester, Started, open_name};
use crate::ke::schedule;
use crate::machine::Machine;
use crate::trail;

/// Bytes of reply that a payload has room for beside its header; what a client asks beyond is
/// refused before any driver sees it.
const MOST_OUTPUT: u32 = MAX_PAYLOAD;

/// Memory for more bytes than that is not kept for the next frame.
pub(super) const LARGE: usize = 1 << 18;

/// Requests that a client can have under way at a time.
const MOST_PENDING: usize = 4096;

/// Serves one client until it goes.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in a thread of its own.
pub(super) fn serve(machine: &'static Machine, stream: UnixStream, _place: Place) {
    trail::requests::serve_client();
    let Ok(writer) = stream.try_clone() else { return };
    let Some(request) = Request::new(1) else { return };
    let client =
        Arc::new(Client { outbox: Outbox::new(writer), pending: Mutex::new(HashMap::new()) });
    let requester: Arc<dyn Requester> = Arc::new(Arc::clone(&client));
    let mut connection =
        Connection { machine, client, requester, handles: Handles::default(), request };
    let mut reader = BufReader::new(Polling::new(stream));
    let mut payload = Vec::new();
    // A stream that is cut or speaks another protocol cannot be answered: its frames have no ends.
    while let Ok(Some(header)) = read_frame(&mut reader, &mut payload) {
        let Some(kind) = Kind::from_u32(header.kind) else { break };
        let turn = schedule::arrive();
        if !connection.frame(kind, header, &payload) {
            break;
        }
        drop(turn);
        connection.client.outbox.wait_for_room();
        if payload.len() > LARGE {
            payload = Vec::new();
        }
    }
    if connection.has_something_open() {
        schedule::arrive().keep();
        connection.run_down();
    }
}

/// What completions on other threads need of a client.
struct Client {
    outbox: Outbox,
    pending: Mutex<HashMap<u64, Arc<Request>>>,
}

impl Client {
    /// Held for moments only, and never while a driver runs.
    fn pending(&self) -> MutexGuard<'_, HashMap<u64, Arc<Request>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) {
        let (information, output) = request.result();
        self.outbox.reply(request.id(), request.status().cast_unsigned(), information, output);
    }
}

impl Requester for Arc<Client> {
    fn completed(&self, request: &Request) {
        let Some(request) = self.pending().remove(&request.id()) else { return };
        let client = Arc::clone(self);
        // The IRP may have been completed under a spin lock.
        ex::queue_system_work(Box::new(move || {
            // A client that has its answer and closes its handle has nothing open any more.
            request.release_file();
            client.answer(&request);
            schedule::end();
        }));
    }
}

struct Connection {
    machine: &'static Machine,
    client: Arc<Client>,
    requester: Arc<dyn Requester>,
    handles: Handles,
    /// Used again for each request that does not pend.
    request: Arc<Request>,
}

impl Connection {
    /// Handles one frame. False where the client does not speak the protocol.
    fn frame(&mut self, kind: Kind, header: Header, payload: &[u8]) -> bool {
        match kind {
            Kind::Ioctl | Kind::IoctlBoth | Kind::Read | Kind::Write => {
                self.request(kind, header, payload);
            }
            Kind::Open => self.open(header, self.opened(header, payload)),
            Kind::OpenName => self.open(header, opened_by_name(header, payload)),
            Kind::Cancel => self.cancel(header.id),
            Kind::Close => self.close(header),
            Kind::Control => {
                let reply = control::carry_out(self.machine, payload);
                self.client.outbox.reply(header.id, 0, 0, &reply);
            }
            Kind::Reply => return false,
        }
        true
    }

    fn fail(&self, id: u64, status: i32) {
        self.client.outbox.reply(id, status.cast_unsigned(), 0, &[]);
    }

    fn open(&mut self, header: Header, opened: Result<Arc<OpenFile>, i32>) {
        match opened {
            Ok(file) => match self.handles.insert(file) {
                Some(handle) => self.client.outbox.reply(header.id, 0, handle, &[]),
                None => self.fail(header.id, nt::STATUS_INSUFFICIENT_RESOURCES),
            },
            Err(status) => self.fail(header.id, status),
        }
    }

    fn opened(&self, header: Header, payload: &[u8]) -> Result<Arc<OpenFile>, i32> {
        let interface = payload.try_into().map_err(|_| nt::STATUS_INVALID_PARAMETER)?;
        let token = Token::from_u32(header.b).ok_or(nt::STATUS_INVALID_PARAMETER)?;
        self.machine.open(interface, header.a, token)
    }

    fn request(&mut self, kind: Kind, header: Header, payload: &[u8]) {
        let mut largest = payload.len();
        let started = operations::of(kind, header, payload).and_then(|(handle, ask)| {
            largest = largest.max(ask.output_length as usize);
            self.start(handle, ask)
        });
        if let Err(status) = started {
            self.fail(header.id, status);
        }
        // The buffers of a request never shrink.
        if largest > LARGE
            && let Some(request) = Request::new(1)
        {
            self.request = request;
        }
    }

    fn start(&mut self, handle: u32, ask: Ask<'_>) -> Result<(), i32> {
        if ask.output_length > MOST_OUTPUT {
            return Err(nt::STATUS_INSUFFICIENT_RESOURCES);
        }
        let file = self.handles.get(handle).ok_or(nt::STATUS_INVALID_HANDLE)?;
        let id = ask.id;
        self.admit(id)?;
        let park = |request: &Arc<Request>| {
            self.client.pending().insert(request.id(), Arc::clone(request));
        };
        if self.request.start(file, ask, &self.requester, park)? == Started::Complete {
            // Where it was completed by another thread just now, that left it to us.
            self.client.pending().remove(&id);
            self.client.answer(&self.request);
            self.request.retire();
        } else {
            schedule::begin();
        }
        Ok(())
    }

    /// Whether one more request may be under way. Two of the same number could not be told apart:
    /// the end of one would be taken for the other's, which nobody could cancel any more.
    fn admit(&self, id: u64) -> Result<(), i32> {
        let pending = self.client.pending();
        if pending.contains_key(&id) {
            return Err(nt::STATUS_INVALID_PARAMETER);
        }
        if pending.len() >= MOST_PENDING {
            return Err(nt::STATUS_INSUFFICIENT_RESOURCES);
        }
        Ok(())
    }

    fn cancel(&self, id: u64) {
        let request = self.client.pending().get(&id).cloned();
        if let Some(request) = request {
            request.cancel();
        }
    }

    fn close(&mut self, header: Header) {
        match self.handles.remove(header.a) {
            Some(file) => {
                file.cleanup();
                drop(file);
                self.client.outbox.reply(header.id, 0, 0, &[]);
            }
            None => self.fail(header.id, nt::STATUS_INVALID_HANDLE),
        }
    }

    /// Whether the end of the client concerns any driver.
    fn has_something_open(&self) -> bool {
        !self.handles.is_empty() || !self.client.pending().is_empty()
    }

    /// The client is gone: cancels what it waits for, and closes its handles, as the end of a
    /// process does.
    fn run_down(&mut self) {
        let pending: Vec<_> = self.client.pending().values().cloned().collect();
        for request in pending {
            request.cancel();
        }
        for file in self.handles.drain() {
            file.cleanup();
        }
    }
}

fn opened_by_name(header: Header, payload: &[u8]) -> Result<Arc<OpenFile>, i32> {
    let name = std::str::from_utf8(payload).map_err(|_| nt::STATUS_OBJECT_NAME_INVALID)?;
    let token = Token::from_u32(header.b).ok_or(nt::STATUS_INVALID_PARAMETER)?;
    open_name(name, header.a, token)
}
