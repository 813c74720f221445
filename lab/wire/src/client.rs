//! The client's end.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;

use pagewise_contract::Guid;

use crate::{
    Control, ControlReply, Header, Kind, Polling, Token, interface_class, read_frame, write_frame,
};

/// What can go wrong on the way to the machine. An NTSTATUS is not among it: that is an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine's end is closed: it was shut down or it bug-checked.
    #[error("the machine is gone (it was shut down, or it bug-checked: see its report)")]
    MachineGone,
    /// The socket failed.
    #[error("the machine's socket failed")]
    Socket(#[source] io::Error),
    /// The machine sent something that is not of the protocol.
    #[error("the machine sent {0}, which is not of this protocol")]
    Protocol(String),
    /// The machine refused a control command.
    #[error("{0}")]
    Refused(String),
}

/// A connection to the machine. Handles opened on it close with it.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<Polling>,
    writer: UnixStream,
    scratch: Vec<u8>,
    next_id: u64,
    early: HashMap<u64, Completion>,
}

/// A handle to a device, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// NTSTATUS of the open.
    pub status: u32,
    /// The handle, of meaning only where `status` is a success.
    pub handle: u32,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// NTSTATUS.
    pub status: u32,
    /// `IoStatus.Information`; of an open, the handle.
    pub information: u32,
    /// The output.
    pub output: Vec<u8>,
}

impl Client {
    /// Connects to the socket of a running machine.
    ///
    /// # Errors
    /// [`Error::Socket`] where nothing listens there.
    pub fn connect(path: &Path) -> Result<Self, Error> {
        let writer = UnixStream::connect(path).map_err(Error::Socket)?;
        let reader = writer.try_clone().map_err(Error::Socket)?;
        let reader = BufReader::new(Polling::new(reader));
        Ok(Self { reader, writer, scratch: Vec::new(), next_id: 1, early: HashMap::new() })
    }

    /// `CreateFile` on the first device with this interface.
    ///
    /// # Errors
    /// [`Error`]; a refusal by the machine is an [`Opened`] with its status.
    pub fn open(&mut self, interface: &Guid, access: u32, token: Token) -> Result<Opened, Error> {
        let class = interface_class(interface);
        let id = self.send(Kind::Open, access, token as u32, &[&class])?;
        let reply = self.wait(id)?;
        Ok(Opened { status: reply.status, handle: reply.information })
    }

    /// `CreateFile` on a device by its name, such as `\\.\Echo`, or the kernel's `\Device\Echo`.
    ///
    /// # Errors
    /// As of [`Client::open`].
    pub fn open_name(&mut self, name: &str, access: u32, token: Token) -> Result<Opened, Error> {
        let id = self.send(Kind::OpenName, access, token as u32, &[name.as_bytes()])?;
        let reply = self.wait(id)?;
        Ok(Opened { status: reply.status, handle: reply.information })
    }

    /// `ReadFile` of up to `length` bytes: sends the request and returns its id.
    ///
    /// # Errors
    /// [`Error`]
    pub fn start_read(&mut self, handle: u32, offset: u64, length: u32) -> Result<u64, Error> {
        self.send(Kind::Read, handle, length, &[&offset.to_le_bytes()])
    }

    /// `WriteFile`: sends the request and returns its id.
    ///
    /// # Errors
    /// [`Error`]
    pub fn start_write(&mut self, handle: u32, offset: u64, data: &[u8]) -> Result<u64, Error> {
        self.send(Kind::Write, handle, 0, &[&offset.to_le_bytes(), data])
    }

    /// `DeviceIoControl` whose output buffer holds `output` before: sends the request and returns
    /// its id. The output is as long as that at most.
    ///
    /// # Errors
    /// [`Error`]
    pub fn start_both(
        &mut self,
        handle: u32,
        code: u32,
        input: &[u8],
        output: &[u8],
    ) -> Result<u64, Error> {
        // What is too long for a number is too long for a frame, which says so.
        let length = u32::try_from(input.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.send(Kind::IoctlBoth, handle, code, &[&length, input, output])
    }

    /// `DeviceIoControl`: sends the request and waits for its end.
    ///
    /// # Errors
    /// [`Error`]; a failure of the request is a [`Completion`] with its status.
    pub fn ioctl(
        &mut self,
        handle: u32,
        code: u32,
        input: &[u8],
        output_length: u32,
    ) -> Result<Completion, Error> {
        let id = self.start(handle, code, input, output_length)?;
        self.wait(id)
    }

    /// `DeviceIoControl` with `OVERLAPPED`: sends the request and returns its id.
    ///
    /// # Errors
    /// [`Error`]
    pub fn start(
        &mut self,
        handle: u32,
        code: u32,
        input: &[u8],
        output_length: u32,
    ) -> Result<u64, Error> {
        self.send(Kind::Ioctl, handle, code, &[&output_length.to_le_bytes(), input])
    }

    /// `CancelIoEx` of a request that [`Client::start`] sent. It still has to be waited for.
    ///
    /// # Errors
    /// [`Error`]
    pub fn cancel(&mut self, id: u64) -> Result<(), Error> {
        let header = Header::new(Kind::Cancel, id, 0, 0, 0);
        write_frame(&mut self.writer, &mut self.scratch, header, &[]).map_err(gone_or_socket)
    }

    /// `GetOverlappedResult`: waits for the end of a request.
    ///
    /// # Errors
    /// [`Error`]
    pub fn wait(&mut self, id: u64) -> Result<Completion, Error> {
        if let Some(completion) = self.early.remove(&id) {
            return Ok(completion);
        }
        loop {
            let mut output = Vec::new();
            let header = read_frame(&mut self.reader, &mut output)
                .map_err(gone_or_socket)?
                .ok_or(Error::MachineGone)?;
            if Kind::from_u32(header.kind) != Some(Kind::Reply) {
                return Err(Error::Protocol(format!("frame kind {}", header.kind)));
            }
            let completion = Completion { status: header.a, information: header.b, output };
            if header.id == id {
                return Ok(completion);
            }
            self.early.insert(header.id, completion);
        }
    }

    /// `CloseHandle`.
    ///
    /// # Errors
    /// [`Error`]
    pub fn close(&mut self, handle: u32) -> Result<u32, Error> {
        let id = self.send(Kind::Close, handle, 0, &[])?;
        Ok(self.wait(id)?.status)
    }

    /// Carries out a command of the lab.
    ///
    /// # Errors
    /// [`Error::Refused`] with the machine's words where it could not; else [`Error`].
    pub fn control(&mut self, command: &Control) -> Result<ControlReply, Error> {
        let json = serde_json::to_vec(command).map_err(|e| Error::Protocol(e.to_string()))?;
        let id = self.send(Kind::Control, 0, 0, &[&json])?;
        let output = self.wait(id)?.output;
        match serde_json::from_slice(&output) {
            Ok(ControlReply::Failed { message }) => Err(Error::Refused(message)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(Error::Protocol(error.to_string())),
        }
    }

    fn send(&mut self, kind: Kind, a: u32, b: u32, payload: &[&[u8]]) -> Result<u64, Error> {
        let id = self.next_id;
        self.next_id += 1;
        let header = Header::new(kind, id, a, b, 0);
        write_frame(&mut self.writer, &mut self.scratch, header, payload)
            .map_err(gone_or_socket)?;
        Ok(id)
    }
}

fn gone_or_socket(error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => Error::MachineGone,
        _ => Error::Socket(error),
    }
}
