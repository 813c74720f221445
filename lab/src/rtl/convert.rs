//! Numbers and strings.

use pagewise_lab_nt as nt;

use super::unicode::{UnicodeString, give, units};

/// Writes a number into a string. `STATUS_INVALID_PARAMETER` for a base other than 0, 2, 8, 10 or
/// 16, `STATUS_BUFFER_OVERFLOW` where there is no room.
///
/// Page: wdm/nf-wdm-rtlintegertounicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `to` points to an initialised string.
pub unsafe extern "win64" fn RtlIntegerToUnicodeString(
    value: u32,
    base: u32,
    to: *mut UnicodeString,
) -> i32 {
    let text = match base {
        2 => format!("{value:b}"),
        8 => format!("{value:o}"),
        0 | 10 => format!("{value}"),
        16 => format!("{value:X}"),
        _ => return nt::STATUS_INVALID_PARAMETER,
    };
    let text: Vec<u16> = text.encode_utf16().collect();
    // SAFETY: the caller vouches for it.
    unsafe { give(to, &text, false) }
}

/// Reads a number from the start of a string, white space and a sign before it. Base 0 goes by a
/// prefix 0x, 0o or 0b. `STATUS_INVALID_PARAMETER` for an empty string or another base; a string that
/// does not begin with a number is 0.
///
/// Page: wdm/nf-wdm-rtlunicodestringtointeger.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `string` points to an initialised string, and `value` can be written.
pub unsafe extern "win64" fn RtlUnicodeStringToInteger(
    string: *const UnicodeString,
    base: u32,
    value: *mut u32,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let units = unsafe { units(string) };
    match parse(units, base) {
        Some(number) => {
            // SAFETY: the caller vouches for it.
            unsafe { value.write(number) };
            nt::STATUS_SUCCESS
        }
        None => nt::STATUS_INVALID_PARAMETER,
    }
}

fn parse(units: &[u16], base: u32) -> Option<u32> {
    if units.is_empty() || !matches!(base, 0 | 2 | 8 | 10 | 16) {
        return None;
    }
    let letters: Vec<char> = char::decode_utf16(units.iter().copied())
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let start = letters.iter().position(|letter| *letter > ' ').unwrap_or(letters.len());
    let (negative, rest) = match letters.get(start) {
        Some('-') => (true, &letters[start + 1..]),
        Some('+') => (false, &letters[start + 1..]),
        _ => (false, &letters[start..]),
    };
    let (base, digits) = match (base, rest) {
        (0, ['0', 'x', digits @ ..]) => (16, digits),
        (0, ['0', 'o', digits @ ..]) => (8, digits),
        (0, ['0', 'b', digits @ ..]) => (2, digits),
        (0, digits) => (10, digits),
        (base, digits) => (base, digits),
    };
    let number = digits
        .iter()
        .map_while(|letter| letter.to_digit(base))
        .fold(0u32, |number, digit| number.wrapping_mul(base).wrapping_add(digit));
    Some(if negative { number.wrapping_neg() } else { number })
}

crate::exports! {
    /// Numbers and strings.
    pub EXPORTS = [
        RtlIntegerToUnicodeString(_, _, _),
        RtlUnicodeStringToInteger(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_page_has_them() {
        // The table of the page, and the prefixes.
        for (text, base, number) in [
            ("123", 10, 123),
            ("-345", 10, 345u32.wrapping_neg()),
            ("xyz", 10, 0),
            ("+678abc", 10, 678),
            ("+678abc", 16, 6_785_724),
            ("007", 10, 7),
            ("789", 8, 7),
            ("FGH", 16, 15),
            (" ", 10, 0),
            ("0x1F", 0, 31),
            ("0o17", 0, 15),
            ("-0b101", 0, 5u32.wrapping_neg()),
            ("\t42 ", 0, 42),
        ] {
            let units: Vec<u16> = text.encode_utf16().collect();
            assert_eq!(parse(&units, base), Some(number), "{text:?} in base {base}");
        }
        assert_eq!(parse(&[], 10), None);
        assert_eq!(parse(&[48], 7), None);
    }

    #[test]
    fn numbers_are_written_where_there_is_room() {
        let mut buffer = [0u16; 4];
        let mut to = UnicodeString { Length: 0, MaximumLength: 8, Buffer: buffer.as_mut_ptr() };
        // SAFETY: it is a string.
        let status = unsafe { RtlIntegerToUnicodeString(0xbeef, 16, &raw mut to) };
        assert_eq!(status, nt::STATUS_SUCCESS);
        // SAFETY: it is a string.
        assert_eq!(String::from_utf16_lossy(unsafe { units(&to) }), "BEEF");
        // SAFETY: it is a string.
        let status = unsafe { RtlIntegerToUnicodeString(12345, 0, &raw mut to) };
        assert_eq!(status, nt::STATUS_BUFFER_OVERFLOW);
        // SAFETY: it is a string.
        let status = unsafe { RtlIntegerToUnicodeString(1, 3, &raw mut to) };
        assert_eq!(status, nt::STATUS_INVALID_PARAMETER);
    }
}
