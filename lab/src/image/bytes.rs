//! Reading an image without trusting it.

use super::error::{LoadError, Part};

/// Bytes of a file or of a mapped image, and what part of it is being read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    part: Part,
}

impl<'a> Bytes<'a> {
    pub(super) const fn new(bytes: &'a [u8], part: Part) -> Self {
        Self { bytes, part }
    }

    /// `length` bytes at `offset`.
    pub(super) fn slice(self, offset: u64, length: u64) -> Result<&'a [u8], LoadError> {
        let out_of_bounds = LoadError::OutOfBounds { part: self.part, offset, bytes: length };
        let slice = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.bytes.get(offset..))
            .zip(usize::try_from(length).ok())
            .and_then(|(rest, length)| rest.get(..length));
        slice.ok_or(out_of_bounds)
    }

    fn array<const N: usize>(self, offset: u64) -> Result<[u8; N], LoadError> {
        let slice = self.slice(offset, N as u64)?;
        let out_of_bounds = LoadError::OutOfBounds { part: self.part, offset, bytes: N as u64 };
        slice.try_into().map_err(|_| out_of_bounds)
    }

    pub(super) fn u16(self, offset: u64) -> Result<u16, LoadError> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, offset: u64) -> Result<u32, LoadError> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, offset: u64) -> Result<u64, LoadError> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// A string that ends with a zero, without it. Bytes that are not UTF-8 are replaced: such a
    /// name is nobody's anyway.
    pub(super) fn string(self, offset: u64) -> Result<String, LoadError> {
        const LONGEST: u64 = 4096;
        let rest = (self.bytes.len() as u64).saturating_sub(offset).min(LONGEST);
        let bytes = self.slice(offset, rest)?;
        let out_of_bounds = LoadError::OutOfBounds { part: self.part, offset, bytes: rest + 1 };
        let end = bytes.iter().position(|&byte| byte == 0).ok_or(out_of_bounds)?;
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}
