//! UTF-16 at compile time, for the strings that the kernel takes.

/// The ASCII text `text` in UTF-16, with a terminating zero.
///
/// # Panics
/// At compile time, if the text is not ASCII or not `N - 1` bytes long.
#[must_use]
pub const fn utf16<const N: usize>(text: &str) -> [u16; N] {
    assert!(text.is_ascii() && text.len() + 1 == N);
    let bytes = text.as_bytes();
    let mut wide = [0; N];
    let mut index = 0;
    while index < bytes.len() {
        wide[index] = bytes[index] as u16;
        index += 1;
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_and_terminates() {
        const WIDE: [u16; 3] = utf16("D:");
        assert_eq!(WIDE, [0x44, 0x3a, 0]);
    }
}
