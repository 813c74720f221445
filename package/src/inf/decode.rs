//! From bytes to text. Every file has some text: what fits no Unicode encoding is ANSI.

/// How the bytes of an INF file stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes below 0x80 only: the same text under each of the other 8-bit encodings.
    Ascii,
    /// UTF-8 with other characters than ASCII. Windows takes it for some 8-bit code page.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Marked,
    /// UTF-16, the low byte first, with or without a byte order mark.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Some 8-bit code page; which one the file does not say. Read as Latin-1.
    Ansi,
}

/// The text of a file, without a byte order mark, and how it was written.
#[must_use]
pub fn decode(bytes: &[u8]) -> (String, Encoding) {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return (String::from_utf8_lossy(rest).into_owned(), Encoding::Utf8Marked);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return (utf16(rest, u16::from_le_bytes), Encoding::Utf16Le);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return (utf16(rest, u16::from_be_bytes), Encoding::Utf16Be);
    }
    // The first character of an INF is ASCII: a zero beside it is the other half of a UTF-16 unit.
    if let [1..=0x7F, 0, ..] = bytes {
        return (utf16(bytes, u16::from_le_bytes), Encoding::Utf16Le);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => (text.to_owned(), Encoding::Ascii),
        Ok(text) => (text.to_owned(), Encoding::Utf8),
        Err(_) => (bytes.iter().copied().map(char::from).collect(), Encoding::Ansi),
    }
}

/// A half unit at the end becomes a replacement character, as half a pair does.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| unit(pair)).chain(rest.first().map(|_| 0xD800));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_each_encoding() {
        let little: Vec<u8> = "[a]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "[a]".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, encoding) in [
            (b"[a]".to_vec(), Encoding::Ascii),
            (b"\xEF\xBB\xBF[a]".to_vec(), Encoding::Utf8Marked),
            ([b"\xFF\xFE", little.as_slice()].concat(), Encoding::Utf16Le),
            (little.clone(), Encoding::Utf16Le),
            ([b"\xFE\xFF", big.as_slice()].concat(), Encoding::Utf16Be),
        ] {
            assert_eq!(decode(&bytes), ("[a]".to_owned(), encoding));
        }
    }

    #[test]
    fn eight_bits_are_utf_8_where_they_can_be() {
        assert_eq!(decode("\u{e4}".as_bytes()), ("\u{e4}".to_owned(), Encoding::Utf8));
        assert_eq!(decode(b"\xE4"), ("\u{e4}".to_owned(), Encoding::Ansi));
    }

    #[test]
    fn half_a_unit_is_no_reason_to_stop() {
        assert_eq!(decode(b"\xFF\xFEa\0b").0, "a\u{FFFD}");
    }
}
