//! Counted UTF-16 strings
//! (learn.microsoft.com/windows/win32/api/ntdef/ns-ntdef-_unicode_string).

use core::slice;

use crate::UNICODE_STRING;

/// A `UNICODE_STRING` over `text`, without copying it; `None` when it has more than 32767 units,
/// which the structure cannot say. Nobody may write through it.
#[must_use]
pub const fn unicode_string(text: &[u16]) -> Option<UNICODE_STRING> {
    let bytes = size_of_val(text);
    if bytes > u16::MAX as usize {
        return None;
    }
    let length = bytes as u16;
    Some(UNICODE_STRING { Length: length, MaximumLength: length, Buffer: text.as_ptr().cast_mut() })
}

/// The units of `string`; an odd last byte is left out.
///
/// # Safety
/// `string.Buffer` is valid for `string.Length` bytes for as long as `'a`, and nobody writes to
/// them meanwhile.
#[must_use]
pub unsafe fn units<'a>(string: &UNICODE_STRING) -> &'a [u16] {
    let count = usize::from(string.Length) / 2;
    if count == 0 || string.Buffer.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for the buffer; a UNICODE_STRING's buffer is 2-aligned.
    unsafe { slice::from_raw_parts(string.Buffer, count) }
}

/// UTF-16 of an ASCII literal, for constants: `utf16(b"text")`.
///
/// # Panics
/// At compile time, when `text` is not ASCII.
#[must_use]
pub const fn utf16<const N: usize>(text: &[u8; N]) -> [u16; N] {
    let mut units = [0; N];
    let mut index = 0;
    while index < N {
        assert!(text[index].is_ascii());
        units[index] = text[index] as u16;
        index += 1;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_round_trips() {
        const TEXT: [u16; 5] = utf16(b"PAGE!");
        let string = unicode_string(&TEXT).unwrap();
        assert_eq!((string.Length, string.MaximumLength), (10, 10));
        // SAFETY: `string` borrows the constant.
        assert_eq!(unsafe { units(&string) }, TEXT);
    }

    #[test]
    fn what_the_length_cannot_hold_is_refused() {
        assert!(unicode_string(&[0; 32767]).is_some());
        assert!(unicode_string(&[0; 32768]).is_none());
    }
}
