//! Frames.

use std::io::{self, Read, Write};

use pagewise_contract::Guid;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest payload either side accepts, in bytes.
pub const MAX_PAYLOAD: u32 = 16 << 20;

/// What a frame is. The meaning of [`Header::a`] and [`Header::b`] follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Open a device by interface class. `a`: desired access (`GENERIC_READ` 0x8000_0000,
    /// `GENERIC_WRITE` 0x4000_0000); `b`: a [`Token`]; payload: the GUID's 16 bytes.
    /// Reply: `a` NTSTATUS, `b` the handle.
    Open = 1,
    /// `a`: handle; `b`: control code; payload: output length (`u32`, little-endian), then the
    /// input. Reply: `a` NTSTATUS, `b` `IoStatus.Information`; payload: that many bytes of output.
    Ioctl = 2,
    /// Cancel the request that has this frame's id. No reply of its own.
    Cancel = 3,
    /// `a`: handle. Reply: `a` NTSTATUS.
    Close = 4,
    /// Payload: a [`Control`](crate::Control) as JSON. Reply: payload: a
    /// [`ControlReply`](crate::ControlReply) as JSON.
    Control = 5,
    /// The answer to the frame with the same id.
    Reply = 6,
    /// Open a device by its name, as [`Kind::Open`] does by its interface. Payload: the name, such
    /// as `\\.\Echo`, in UTF-8.
    OpenName = 7,
    /// `ReadFile`. `a`: handle; `b`: bytes; payload: the offset (`u64`, little-endian). Reply: as
    /// of [`Kind::Ioctl`].
    Read = 8,
    /// `WriteFile`. `a`: handle; payload: the offset (`u64`, little-endian), then the data. Reply:
    /// `a` NTSTATUS, `b` `IoStatus.Information`.
    Write = 9,
    /// [`Kind::Ioctl`] with something in the output buffer, which a driver sees with the three
    /// transfer methods that do not copy it. `a`: handle; `b`: control code; payload: input length
    /// (`u32`, little-endian), the input, then the output buffer, which is as long as the rest.
    IoctlBoth = 10,
}

impl Kind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::Open),
            2 => Some(Self::Ioctl),
            3 => Some(Self::Cancel),
            4 => Some(Self::Close),
            5 => Some(Self::Control),
            6 => Some(Self::Reply),
            7 => Some(Self::OpenName),
            8 => Some(Self::Read),
            9 => Some(Self::Write),
            10 => Some(Self::IoctlBoth),
            _ => None,
        }
    }
}

/// On whose behalf a client opens a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum Token {
    /// `LocalSystem` (SY).
    System = 0,
    /// A member of Administrators (BA).
    #[default]
    Administrator = 1,
    /// An ordinary user: neither of the two.
    User = 2,
}

impl Token {
    /// The token with this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::System),
            1 => Some(Self::Administrator),
            2 => Some(Self::User),
            _ => None,
        }
    }
}

/// What precedes each payload.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Header {
    /// Bytes of payload that follow.
    pub length: u32,
    /// A [`Kind`].
    pub kind: u32,
    /// Chosen by the client; the reply repeats it.
    pub id: u64,
    /// See [`Kind`].
    pub a: u32,
    /// See [`Kind`].
    pub b: u32,
}

const _: () = assert!(size_of::<Header>() == 24);

impl Header {
    /// A header for a payload of `length` bytes.
    #[must_use]
    pub const fn new(kind: Kind, id: u64, a: u32, b: u32, length: u32) -> Self {
        Self { length, kind: kind as u32, id, a, b }
    }
}

/// Writes one frame with one `write`.
///
/// # Errors
/// `InvalidInput` when `payload` is longer than [`MAX_PAYLOAD`]; else what the socket says.
pub fn write_frame(
    socket: &mut impl Write,
    scratch: &mut Vec<u8>,
    mut header: Header,
    payload: &[&[u8]],
) -> io::Result<()> {
    let length: usize = payload.iter().map(|part| part.len()).sum();
    header.length = u32::try_from(length)
        .ok()
        .filter(|&length| length <= MAX_PAYLOAD)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "payload too long"))?;
    scratch.clear();
    scratch.extend_from_slice(header.as_bytes());
    for part in payload {
        scratch.extend_from_slice(part);
    }
    socket.write_all(scratch)
}

/// Reads one frame; `payload` is replaced. `None` at a clean end of the stream.
///
/// # Errors
/// `InvalidData` when the header announces more than [`MAX_PAYLOAD`]; `UnexpectedEof` when the
/// stream ends inside a frame; else what the socket says.
pub fn read_frame(socket: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Option<Header>> {
    let mut header = Header::new(Kind::Reply, 0, 0, 0, 0);
    let bytes = header.as_mut_bytes();
    let first = loop {
        match socket.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    socket.read_exact(&mut bytes[first..])?;
    if header.length > MAX_PAYLOAD {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    read_payload(socket, header.length as usize, payload)?;
    Ok(Some(header))
}

/// Memory is taken as the bytes come: a length is announced more easily than kept.
fn read_payload(socket: &mut impl Read, length: usize, payload: &mut Vec<u8>) -> io::Result<()> {
    const STEP: usize = 1 << 18;
    payload.truncate(length);
    let mut read = 0;
    while read < length {
        let end = length.min(read + STEP);
        payload.resize(end, 0);
        socket.read_exact(&mut payload[read..])?;
        read = end;
    }
    Ok(())
}

/// An interface class as [`Kind::Open`] carries it: the bytes of the GUID as it lies in memory.
#[must_use]
pub fn interface_class(guid: &Guid) -> [u8; 16] {
    let mut class = [0; 16];
    class[..4].copy_from_slice(&guid.data1.to_le_bytes());
    class[4..6].copy_from_slice(&guid.data2.to_le_bytes());
    class[6..8].copy_from_slice(&guid.data3.to_le_bytes());
    class[8..].copy_from_slice(&guid.data4);
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_wire() {
        let mut wire = Vec::new();
        let mut scratch = Vec::new();
        let sent = Header::new(Kind::Ioctl, 7, 1, 2, 0);
        write_frame(&mut wire, &mut scratch, sent, &[b"ab", b"c"]).unwrap();
        let mut payload = Vec::new();
        let got = read_frame(&mut wire.as_slice(), &mut payload).unwrap().unwrap();
        assert_eq!((got.length, got.id, got.a, got.b), (3, 7, 1, 2));
        assert_eq!(payload, b"abc");
        assert!(read_frame(&mut [].as_slice(), &mut payload).unwrap().is_none());
    }

    #[test]
    fn a_cut_or_oversized_frame_is_an_error() {
        let mut payload = Vec::new();
        let huge = Header { length: MAX_PAYLOAD + 1, ..Header::new(Kind::Reply, 0, 0, 0, 0) };
        assert!(read_frame(&mut huge.as_bytes(), &mut payload).is_err());
        let cut = Header { length: 4, ..huge };
        assert!(read_frame(&mut cut.as_bytes(), &mut payload).is_err());
        assert!(read_frame(&mut &cut.as_bytes()[..5], &mut payload).is_err());
    }
}
