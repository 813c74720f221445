//! The header of a 64-bit kernel crash dump: `DUMP_HEADER64`, as the Windows SDK's metadata
//! declares it (docs.rs/windows-sys, `Win32::System::Diagnostics::Debug`).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Bytes that are read: up to the parameters.
const LENGTH: usize = 0x60;
/// `Signature` and `ValidDump`.
const SIGNATURE: &[u8; 8] = b"PAGEDU64";
const CODE: usize = 0x38;
const PARAMETERS: usize = 0x40;

/// What a dump says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The bug check's code.
    pub code: u32,
    /// Its parameters.
    pub parameters: [u64; 4],
}

impl Header {
    /// The header of a file; nothing where that is no 64-bit kernel dump, or not yet.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
        Self::parse(&bytes)
    }

    /// The header at the beginning of these bytes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < LENGTH || !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let code = u32::from_le_bytes(bytes.get(CODE..CODE + 4)?.try_into().ok()?);
        let mut parameters = [0; 4];
        for (parameter, bytes) in parameters.iter_mut().zip(bytes[PARAMETERS..].chunks_exact(8)) {
            *parameter = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Self { code, parameters })
    }
}

#[cfg(test)]
pub(super) fn sample(code: u32, parameters: [u64; 4]) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..8].copy_from_slice(SIGNATURE);
    bytes[CODE..CODE + 4].copy_from_slice(&code.to_le_bytes());
    for (index, parameter) in parameters.iter().enumerate() {
        let at = PARAMETERS + 8 * index;
        bytes[at..at + 8].copy_from_slice(&parameter.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_parameters_are_read() {
        let parameters = [0x91, 2, u64::MAX, 0xffff_8000_0000_0000];
        let header = Header::parse(&sample(0xc4, parameters)).unwrap();
        assert_eq!((header.code, header.parameters), (0xc4, parameters));
    }

    #[test]
    fn what_is_none_is_none() {
        assert_eq!(Header::parse(b""), None);
        assert_eq!(Header::parse(b"PAGEDU64"), None);
        // Of 32 bits, and of a user-mode program.
        for signature in [b"PAGEDUMP", b"MDMP\x93\xa7\0\0"] {
            let mut bytes = sample(0xc4, [0; 4]);
            bytes[..8].copy_from_slice(signature);
            assert_eq!(Header::parse(&bytes), None);
        }
    }

    /// The places here are those of the metadata.
    #[cfg(windows)]
    #[test]
    fn the_places_are_those_of_the_declaration() {
        use windows_sys::Win32::System::Diagnostics::Debug::DUMP_HEADER64;
        assert_eq!(std::mem::offset_of!(DUMP_HEADER64, BugCheckCode), CODE);
        assert_eq!(std::mem::offset_of!(DUMP_HEADER64, BugCheckParameter1), PARAMETERS);
        assert_eq!(std::mem::offset_of!(DUMP_HEADER64, BugCheckParameter4), PARAMETERS + 24);
    }
}
