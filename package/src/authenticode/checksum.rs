//! The checksum in a PE file's headers.

use super::layout::Layout;
use super::{Error, Result};

/// The checksum that a file should carry whose checksum field is at `field`: the sum of its 16-bit
/// words with the carry added back, the field counted as zero, plus the file's length (what
/// `CheckSumMappedFile` computes:
/// learn.microsoft.com/windows/win32/api/imagehlp/nf-imagehlp-checksummappedfile).
///
/// The length counts modulo 2^32, as no PE image is longer.
pub fn checksum(file: &[u8], field: usize) -> u32 {
    let mut sum = 0_u32;
    for (index, word) in file.chunks(2).enumerate() {
        let at = index * 2;
        if at == field || at == field + 2 {
            continue;
        }
        let low = word.first().copied().unwrap_or(0);
        let high = word.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_le_bytes([low, high]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum.wrapping_add(file.len() as u32)
}

/// Writes the checksum into the headers.
pub fn set(file: &mut [u8]) -> Result<()> {
    let field = Layout::of(file)?.checksum;
    if u32::try_from(file.len()).is_err() {
        return Err(Error::Large { length: file.len() });
    }
    let value = checksum(file, field.start);
    if let Some(bytes) = file.get_mut(field) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far from the few bytes of a test.
    const NO_FIELD: usize = 1000;

    #[test]
    fn the_checksum_adds_words_carries_and_the_length() {
        assert_eq!(checksum(&[1, 0, 2, 0], NO_FIELD), 3 + 4);
        // 0xffff + 0x0002 = 0x10001, and the carry comes back: 0x0002.
        assert_eq!(checksum(&[0xff, 0xff, 2, 0], NO_FIELD), 2 + 4);
        // An odd byte counts as a word of its own.
        assert_eq!(checksum(&[1, 0, 7], NO_FIELD), 8 + 3);
    }

    #[test]
    fn the_checksum_does_not_count_itself() {
        assert_eq!(checksum(&[1, 0, 9, 9, 9, 9, 2, 0], 2), 3 + 8);
    }
}
