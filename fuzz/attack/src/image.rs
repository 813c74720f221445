//! The lab's PE loader.

use pagewise_lab::image::{LoadError, examine};

/// Any bytes are an image that can be loaded or are refused. The checksum, which no mutation would
/// get right, is put right first.
///
/// # Panics
/// Where the loader does, or where it refuses a checksum that it has computed itself.
pub fn run(data: &[u8]) {
    let Err(LoadError::Checksum { computed, .. }) = examine(data) else { return };
    let mut file = data.to_vec();
    let Some(field) = checksum_field(&mut file) else { panic!("a checksum without a place") };
    field.copy_from_slice(&computed.to_le_bytes());
    let again = examine(&file);
    assert!(!matches!(again, Err(LoadError::Checksum { .. })), "{again:?}");
}

/// Where the checksum of an image is.
fn checksum_field(file: &mut [u8]) -> Option<&mut [u8]> {
    const NEW_HEADER: usize = 0x3c;
    /// From the signature: that, the file header, and what precedes it in the optional header.
    const CHECK_SUM: usize = 4 + 20 + 64;
    let start = u32::from_le_bytes(file.get(NEW_HEADER..)?.first_chunk().copied()?);
    file.get_mut((start as usize).checked_add(CHECK_SUM)?..)?.get_mut(..4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_headers_has_no_checksum() {
        assert!(checksum_field(&mut [0xff; 0x40]).is_none());
        assert_eq!(checksum_field(&mut [0; 0x80]).map(|field| field.len()), Some(4));
    }
}
