//! The certificate table: putting a signature in, reading it, taking it out.

use super::layout::{ALIGNMENT, Layout, u16_at, u32_at};
use super::{Error, Result, checksum};

/// The head of `WIN_CERTIFICATE`: length, revision, type.
const HEAD: usize = 8;
/// `WIN_CERT_REVISION_2_0`.
const REVISION: u16 = 0x200;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS_SIGNED_DATA: u16 = 2;

/// The image with `signature`, a DER-encoded PKCS#7 SignedData, in its certificate table, and with
/// its checksum made right. The image must not be signed.
pub fn embed(file: &[u8], signature: &[u8]) -> Result<Vec<u8>> {
    let layout = Layout::of(file)?;
    if layout.signed {
        return Err(Error::Signed);
    }
    let too_large = Error::Large { length: file.len().saturating_add(signature.len()) };
    let length = (HEAD + signature.len()).next_multiple_of(ALIGNMENT);
    let mut signed = file.to_vec();
    signed.extend_from_slice(layout.padding());
    let start = u32::try_from(signed.len()).map_err(|_| too_large)?;
    let size = u32::try_from(length).map_err(|_| too_large)?;
    start.checked_add(size).ok_or(too_large)?;

    signed.extend_from_slice(&size.to_le_bytes());
    signed.extend_from_slice(&REVISION.to_le_bytes());
    signed.extend_from_slice(&PKCS_SIGNED_DATA.to_le_bytes());
    signed.extend_from_slice(signature);
    signed.resize(start as usize + length, 0);
    set_entry(&mut signed, &layout, start, size);
    checksum::set(&mut signed)?;
    Ok(signed)
}

/// The image without its certificate table, its checksum made right. Zeros that were added to align
/// the table stay: nothing tells them from content.
pub fn strip(file: &[u8]) -> Result<Vec<u8>> {
    let layout = Layout::of(file)?;
    if !layout.signed {
        return Err(Error::Unsigned);
    }
    let mut bare = file.to_vec();
    bare.truncate(layout.content_end);
    set_entry(&mut bare, &layout, 0, 0);
    checksum::set(&mut bare)?;
    Ok(bare)
}

/// The PKCS#7 of the one entry that the table must hold, as long as its DER says.
pub fn signature<'a>(file: &'a [u8], layout: &Layout) -> Result<&'a [u8]> {
    if !layout.signed {
        return Err(Error::Unsigned);
    }
    let at = layout.content_end;
    let length = u32_at(file, at, "the certificate table")?;
    let revision = u16_at(file, at + 4, "the certificate table")?;
    let kind = u16_at(file, at + 6, "the certificate table")?;
    if revision != REVISION {
        return Err(Error::Magic { what: "its certificate's revision", found: revision.into() });
    }
    if kind != PKCS_SIGNED_DATA {
        return Err(Error::Magic { what: "its certificate's type", found: kind.into() });
    }
    let left = file.len() - at;
    if (length as usize) < HEAD || (length as usize).next_multiple_of(ALIGNMENT) != left {
        return Err(Error::Magic { what: "its certificate's length", found: length });
    }
    let entry = file.get(at + HEAD..at + length as usize).unwrap_or_default();
    let pkcs7 = der_length(entry).and_then(|length| entry.get(..length));
    pkcs7.ok_or(Error::Short { what: "the end of the signature", length: file.len() })
}

/// How many bytes the DER value at the start of `bytes` says that it has.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = der::SliceReader::new(bytes).ok()?;
    let header = <der::Header as der::Decode>::decode(&mut reader).ok()?;
    let head = u32::from(der::Reader::position(&reader));
    usize::try_from(head.checked_add(u32::from(header.length))?).ok()
}

fn set_entry(file: &mut [u8], layout: &Layout, offset: u32, size: u32) {
    if let Some(bytes) = file.get_mut(layout.entry.clone()) {
        let (first, second) = bytes.split_at_mut(4);
        first.copy_from_slice(&offset.to_le_bytes());
        second.copy_from_slice(&size.to_le_bytes());
    }
}
