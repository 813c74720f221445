//! Frames on the socket, as either end reads and writes them.

use pagewise_lab_wire::{Header, Kind, MAX_PAYLOAD, Token, read_frame, write_frame};

/// Any bytes are frames, up to where they are cut or lie; what is read is written as it was.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    let mut rest = data;
    let (mut payload, mut written) = (Vec::new(), Vec::new());
    loop {
        let before = rest;
        let Ok(Some(header)) = read_frame(&mut rest, &mut payload) else { break };
        assert_eq!(header.length as usize, payload.len());
        assert!(header.length <= MAX_PAYLOAD);
        names(&header);
        let (first, second) = payload.split_at(payload.len() / 2);
        let mut frame = Vec::new();
        write_frame(&mut frame, &mut written, header, &[first, second])
            .expect("what was read can be written");
        assert_eq!(frame, &before[..before.len() - rest.len()]);
    }
    in_pieces(data);
}

/// Numbers and what they name map both ways.
fn names(header: &Header) {
    assert!(Kind::from_u32(header.kind).is_none_or(|kind| kind as u32 == header.kind));
    assert!(Token::from_u32(header.b).is_none_or(|token| token as u32 == header.b));
}

/// However the stream is cut into pieces, the same frames are read.
fn in_pieces(data: &[u8]) {
    let (mut whole, mut cut) = (data, Pieces(data));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        let (one, other) = (read_frame(&mut whole, &mut left), read_frame(&mut cut, &mut right));
        match (one, other) {
            (Ok(Some(one)), Ok(Some(other))) => {
                assert_eq!(one, other);
                assert_eq!(left, right);
            }
            (Ok(None), Ok(None)) | (Err(_), Err(_)) => return,
            (one, other) => panic!("whole: {one:?}; in pieces: {other:?}"),
        }
    }
}

/// A stream that gives three bytes at a time.
struct Pieces<'a>(&'a [u8]);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(3);
        std::io::Read::read(&mut self.0, &mut bytes[..count])
    }
}
