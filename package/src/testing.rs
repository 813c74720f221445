//! What tests share: small files of the kinds that a package has, and one key for all tests.

use std::sync::LazyLock;

use crate::certificate::Identity;

/// 2026-11-22 00:00:00 UTC, when throw-away certificates of tests are made.
pub const NOW: u64 = 1_795_305_600;

/// Made once: a key takes long.
pub static IDENTITY: LazyLock<Identity> = LazyLock::new(|| Identity::throw_away(NOW).unwrap());

/// Where the headers of [`image`] end.
pub const HEADERS: usize = 0x200;

/// A PE32+ image with as many sections of 512 bytes as asked for, their bytes being their numbers,
/// followed by `trailing`.
pub fn image(sections: u16, trailing: &[u8]) -> Vec<u8> {
    let mut file = vec![0; HEADERS];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    put(0x44, &0x8664_u16.to_le_bytes());
    put(0x46, &sections.to_le_bytes());
    put(0x54, &240_u16.to_le_bytes());
    put(0x58, &0x20b_u16.to_le_bytes());
    put(0x58 + 60, &(HEADERS as u32).to_le_bytes());
    put(0x58 + 108, &16_u32.to_le_bytes());
    for index in 0..usize::from(sections) {
        let at = 0x58 + 240 + index * 40;
        put(at, &[b'.', b'a' + index as u8]);
        put(at + 16, &0x200_u32.to_le_bytes());
        put(at + 20, &((HEADERS + index * 0x200) as u32).to_le_bytes());
    }
    for index in 0..sections {
        file.extend([index as u8; 0x200]);
    }
    file.extend(trailing);
    file
}
