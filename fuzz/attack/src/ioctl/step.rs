//! From bytes to steps.
//!
//! Most bytes choose among things that lead somewhere; all values can be reached. Each step takes a
//! few bytes, so that a mutation changes one step and leaves its neighbours alone.

use pagewise_contract::{Ioctl, residency};
use test_app::verify::oracle::lengths;

/// The longest input of a request.
pub const LONGEST: usize = 64;

/// The most room for an answer: more than any request that is accepted can use.
const MOST_ROOM: u32 = 1 << 16;

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the driver.
    Request(Request),
    /// Take every pageable page out of the working set.
    Trim,
    /// Write them to the paging file, too.
    Evict,
    /// Turn force IRQL checking on or off.
    ForceIrql(bool),
    /// Close a handle and open it again.
    Reopen,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The control code.
    pub code: u32,
    /// Whether the handle can only read.
    pub read_only: bool,
    /// The input is the first `length` bytes.
    pub bytes: [u8; LONGEST],
    /// See `bytes`.
    pub length: usize,
    /// Room for the answer.
    pub room: u32,
}

impl Request {
    /// The input.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The steps in some bytes.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    rest: &'a [u8],
    pages: u32,
    sections: u32,
}

impl<'a> Steps<'a> {
    /// For a driver of so many pages and sections.
    #[must_use]
    pub fn new(data: &'a [u8], pages: u32, sections: u32) -> Self {
        Self { rest: data, pages, sections }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// A number: near `limit`, at the edges of its type, or any.
    fn number(&mut self, limit: u32) -> Option<u32> {
        const EDGES: [u32; 8] =
            [0, 1, u32::MAX, u32::MAX - 1, 0x7fff_ffff, 0x8000_0000, 0xffff, 0x1_0000];
        let byte = self.byte()?;
        Some(match byte {
            0..0xc0 => u32::from(byte) % (limit + 2),
            0xc0..0xf0 => {
                EDGES[usize::from(byte) % EDGES.len()].wrapping_sub(limit & u32::from(byte > 0xe0))
            }
            _ => {
                let (value, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                u32::from_le_bytes(*value)
            }
        })
    }

    fn request(&mut self, kind: u8) -> Option<Request> {
        let ioctl = Ioctl::ALL.get(usize::from(kind)).copied();
        let code = match ioctl {
            Some(ioctl) => ioctl.code(),
            None => Ioctl::Version.code() ^ self.number(0xffff)?,
        };
        let shape = self.byte()?;
        let mut request =
            Request { code, read_only: shape & 0x80 != 0, bytes: [0; LONGEST], length: 0, room: 0 };
        let (wanted, mut room) = ioctl.map_or((8, 16), lengths);
        match ioctl {
            Some(Ioctl::Residency) => {
                let pages = self.pages_of(&mut request.bytes)?;
                room = residency::reply_bytes(pages.min(1 << 18));
            }
            Some(Ioctl::Touch) => {
                self.pages_of(&mut request.bytes)?;
                put(&mut request.bytes, 8, self.number(3)?);
            }
            Some(Ioctl::SetPaging) => put(&mut request.bytes, 0, self.number(2)?),
            Some(Ioctl::Lock | Ioctl::Unlock) => {
                put(&mut request.bytes, 0, self.number(self.sections)?)
            }
            Some(Ioctl::BallastFill) => {
                put(&mut request.bytes, 0, self.number(5)?);
                put(&mut request.bytes, 4, self.number(0)?.saturating_sub(1));
                put(&mut request.bytes, 8, self.number(3)?);
            }
            Some(Ioctl::BallastChecksum) => put(&mut request.bytes, 0, self.number(5)?),
            Some(Ioctl::Version | Ioctl::State | Ioctl::Sections) => {}
            None => put(&mut request.bytes, 0, self.number(self.pages)?),
        }
        request.length = wanted;
        request.room = u32::try_from(room).unwrap_or(MOST_ROOM).min(MOST_ROOM);
        match shape & 0x0f {
            0..10 => {}
            10 => request.length = wanted.saturating_sub(1 + usize::from(shape >> 4 & 7)),
            11 => request.length = (wanted + 1 + usize::from(shape >> 4 & 7)).min(LONGEST),
            12 => request.length = usize::from(self.byte()?) % (LONGEST + 1),
            13 => request.room = request.room.saturating_sub(1 + u32::from(shape >> 4 & 7)),
            14 => request.room += 1 + (u32::from(shape >> 4 & 7) << 9),
            _ => request.room = self.number(room as u32)?.min(MOST_ROOM),
        }
        Some(request)
    }

    /// Puts a range of pages at the start; its length.
    fn pages_of(&mut self, bytes: &mut [u8; LONGEST]) -> Option<u32> {
        let (first, pages) = (self.number(self.pages)?, self.number(self.pages)?);
        put(bytes, 0, first);
        put(bytes, 4, pages);
        Some(pages)
    }
}

fn put(bytes: &mut [u8; LONGEST], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let kind = self.byte()?;
        Some(match kind {
            0xf0..0xf6 => Step::Trim,
            0xf6..0xfa => Step::Evict,
            0xfa..0xfe => Step::ForceIrql(kind & 1 != 0),
            0xfe.. => Step::Reopen,
            _ => Step::Request(self.request(kind % 11)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bytes_are_a_well_formed_request() {
        let data = [1, 0, 4, 0, 2, 0xf0, 0xfb, 0xff];
        let steps: Vec<_> = Steps::new(&data, 40, 12).collect();
        let [Step::Request(state), Step::Request(paging), rest @ ..] = &steps[..] else {
            panic!("{steps:?}");
        };
        assert_eq!((state.code, state.input()), (Ioctl::State.code(), &[][..]));
        assert_eq!((paging.code, paging.input()), (Ioctl::SetPaging.code(), &[2, 0, 0, 0][..]));
        assert_eq!(rest, [Step::Trim, Step::ForceIrql(true), Step::Reopen]);
    }

    #[test]
    fn any_bytes_are_steps_and_any_cut_is_fewer() {
        let data: Vec<u8> = (0..=255).cycle().step_by(7).take(4096).collect();
        let whole = Steps::new(&data, 40, 12).count();
        assert!(whole > 200);
        for cut in 0..64 {
            assert!(Steps::new(&data[..cut], 40, 12).count() <= cut);
        }
    }
}
