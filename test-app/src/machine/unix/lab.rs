//! The lab, through its socket. Every handle has a connection of its own, so that handles are as
//! independent of each other as those of different processes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pagewise_contract::INTERFACE_GUID;
use pagewise_lab_wire::{Client, Completion, Control, ControlReply, Error as WireError, Token};

use crate::error::Error;
use crate::machine::{
    Access, Asked, DriverPages, Failure, Handle, Kind, Lab, Machine, Plug, Ticket,
};
use crate::status::NtStatus;

/// A machine of the lab.
pub struct LabMachine {
    socket: PathBuf,
    control: Mutex<Client>,
}

impl LabMachine {
    /// Connects to the socket of a running machine.
    ///
    /// # Errors
    /// [`Error::Unreachable`]
    pub fn connect(socket: &Path) -> Result<Self, Error> {
        let control = Client::connect(socket).map_err(|source| Error::Unreachable {
            place: socket.display().to_string(),
            source: Box::new(source),
        })?;
        Ok(Self { socket: socket.to_owned(), control: Mutex::new(control) })
    }
}

impl Machine for LabMachine {
    fn kind(&self) -> Kind {
        Kind::Lab
    }

    fn name(&self) -> String {
        "the lab".to_owned()
    }

    fn open(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        self.open_as(access, Token::Administrator)
    }

    fn open_as_user(&self, access: Access) -> Result<Box<dyn Handle>, Failure> {
        self.open_as(access, Token::User)
    }

    fn driver_pages(&self) -> Result<Option<DriverPages>, Error> {
        (self as &dyn Lab).driver_pages().map(Some)
    }

    fn try_means(&self, number: usize) -> Option<Result<Asked, Error>> {
        (self as &dyn Lab).try_means(number)
    }

    fn plug(&self) -> Option<&dyn Plug> {
        Some(self)
    }

    fn lab(&self) -> Option<&dyn Lab> {
        Some(self)
    }
}

impl Lab for LabMachine {
    fn open_as(&self, access: Access, token: Token) -> Result<Box<dyn Handle>, Failure> {
        // The machine listened when it was connected to first; if it no longer does, it is gone.
        let mut client = Client::connect(&self.socket).map_err(|_| Failure::Gone)?;
        let opened = client.open(&INTERFACE_GUID, access.bits(), token).map_err(failure)?;
        let status = NtStatus(opened.status);
        if !status.is_success() {
            return Err(Failure::status(status));
        }
        Ok(Box::new(LabHandle { client, handle: opened.handle }))
    }

    fn control(&self, command: &Control) -> Result<ControlReply, Error> {
        let mut client = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        client.control(command).map_err(|error| match error {
            WireError::Refused(message) => {
                Error::Control { command: format!("{command:?}"), message }
            }
            other => Error::from(failure(other)),
        })
    }
}

struct LabHandle {
    client: Client,
    handle: u32,
}

impl Handle for LabHandle {
    fn start(&mut self, code: u32, input: &[u8], capacity: u32) -> Result<Ticket, Failure> {
        self.client.start(self.handle, code, input, capacity).map(Ticket).map_err(failure)
    }

    fn cancel(&mut self, ticket: Ticket) -> Result<(), Failure> {
        self.client.cancel(ticket.0).map_err(failure)
    }

    fn wait(&mut self, ticket: Ticket) -> Result<Vec<u8>, Failure> {
        let Completion { status, information, output } =
            self.client.wait(ticket.0).map_err(failure)?;
        let status = NtStatus(status);
        if !status.is_success() {
            return Err(Failure::status(status));
        }
        if output.len() != information as usize {
            return Err(Failure::Broken(format!(
                "the lab sent {} bytes of output and called them {information}",
                output.len()
            )));
        }
        Ok(output)
    }
}

impl Drop for LabHandle {
    fn drop(&mut self) {
        // Closing can fail only where the machine is gone, and the handle with it.
        let _ = self.client.close(self.handle);
    }
}

fn failure(error: WireError) -> Failure {
    match error {
        WireError::MachineGone => Failure::Gone,
        other => Failure::Broken(chain(&other)),
    }
}

/// The error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
