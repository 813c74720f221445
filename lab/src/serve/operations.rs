//! What the frames of requests ask for.

use pagewise_lab_nt as nt;
use pagewise_lab_wire::{Header, Kind};

use crate::io::{Ask, Operation};

/// The handle and the request of a frame.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` where the payload is too short for its kind, or no kind of request.
pub(super) fn of(kind: Kind, header: Header, payload: &[u8]) -> Result<(u32, Ask<'_>), i32> {
    let (operation, output_length) = match kind {
        Kind::Ioctl => {
            let (length, input) = first(payload)?;
            let operation = Operation::Control { code: header.b, input, output: &[] };
            (operation, u32::from_le_bytes(length))
        }
        Kind::IoctlBoth => {
            let (length, rest) = first(payload)?;
            let (input, output) = rest
                .split_at_checked(u32::from_le_bytes(length) as usize)
                .ok_or(nt::STATUS_INVALID_PARAMETER)?;
            // A payload's length is a `u32`.
            (Operation::Control { code: header.b, input, output }, output.len() as u32)
        }
        Kind::Read => {
            let (offset, _) = first(payload)?;
            (Operation::Read { offset: u64::from_le_bytes(offset) }, header.b)
        }
        Kind::Write => {
            let (offset, data) = first(payload)?;
            (Operation::Write { offset: u64::from_le_bytes(offset), data }, 0)
        }
        _ => return Err(nt::STATUS_INVALID_PARAMETER),
    };
    Ok((header.a, Ask { id: header.id, operation, output_length }))
}

fn first<const N: usize>(payload: &[u8]) -> Result<([u8; N], &[u8]), i32> {
    let (first, rest) = payload.split_first_chunk().ok_or(nt::STATUS_INVALID_PARAMETER)?;
    Ok((*first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(kind: Kind, payload: &[u8]) -> Option<i32> {
        of(kind, Header::new(kind, 1, 2, 3, 0), payload).err()
    }

    #[test]
    fn payloads_too_short_for_their_kind_are_refused() {
        let refused = Some(nt::STATUS_INVALID_PARAMETER);
        assert_eq!(status(Kind::Ioctl, &[0; 3]), refused);
        assert_eq!(status(Kind::Read, &[0; 7]), refused);
        assert_eq!(status(Kind::Write, &[0; 7]), refused);
        assert_eq!(status(Kind::IoctlBoth, &[3, 0, 0, 0, 1, 2]), refused);
        assert_eq!(status(Kind::IoctlBoth, &[255; 9]), refused);
        assert_eq!(status(Kind::Close, &[0; 64]), refused);
    }

    #[test]
    fn the_two_buffers_of_a_control_request_are_told_apart() {
        let payload = [2, 0, 0, 0, 10, 11, 12];
        let header = Header::new(Kind::IoctlBoth, 9, 4, 0x22_2000, 0);
        let (handle, ask) = of(Kind::IoctlBoth, header, &payload).unwrap();
        assert_eq!((handle, ask.id, ask.output_length), (4, 9, 1));
        let Operation::Control { code, input, output } = ask.operation else {
            panic!("{:?}", ask.operation);
        };
        assert_eq!((code, input, output), (0x22_2000, &[10_u8, 11][..], &[12_u8][..]));
    }
}
