//! Counted strings of bytes. The machine's ANSI code page is Latin-1.

use std::ptr;

use pagewise_lab_nt as nt;

use super::unicode::{self, TAG, UnicodeString};
use crate::mm::pool;

type AnsiString = nt::STRING;

/// The bytes of a string; none of a null one.
///
/// # Safety
/// `string` is null or points to an initialised string, which nobody changes meanwhile.
pub(super) unsafe fn bytes<'a>(string: *const AnsiString) -> &'a [u8] {
    // SAFETY: the caller vouches for it.
    let Some(string) = (unsafe { string.as_ref() }) else { return &[] };
    if string.Length == 0 || string.Buffer.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { std::slice::from_raw_parts(string.Buffer.cast(), usize::from(string.Length)) }
}

/// Bytes before the null; 0 of a null pointer.
///
/// # Safety
/// `text` is null or points to a null-terminated string.
pub(super) unsafe fn length(text: *const u8) -> usize {
    if text.is_null() {
        return 0;
    }
    let mut length = 0;
    // SAFETY: the caller vouches for it, and no null was seen so far.
    while unsafe { text.wrapping_add(length).read() } != 0 {
        length += 1;
    }
    length
}

/// A unit as the code page has it; a question mark where it has not.
pub(super) fn narrow(unit: u16) -> u8 {
    u8::try_from(unit).unwrap_or(b'?')
}

/// Makes a string of a null-terminated one, which it goes on using.
///
/// Page: wdm/nf-wdm-rtlinitansistring.
///
/// # IRQL
/// Any; above `APC_LEVEL` the strings have to be resident.
///
/// # Safety
/// `to` can be written, and `text` is null or points to a null-terminated string.
pub unsafe extern "win64" fn RtlInitAnsiString(to: *mut AnsiString, text: *const u8) {
    // SAFETY: the caller vouches for it.
    let bytes = unsafe { length(text) }.min(0xfffe) as u16;
    let maximum = if text.is_null() { 0 } else { bytes + 1 };
    let string =
        AnsiString { Length: bytes, MaximumLength: maximum, Buffer: text.cast_mut().cast() };
    // SAFETY: the caller vouches for it.
    unsafe { to.write(string) };
}

/// Converts to the code page, into a new buffer if that is asked for, with a null after it.
/// `STATUS_BUFFER_OVERFLOW` where there is no room, `STATUS_NO_MEMORY` where there is no buffer.
///
/// Page: wdm/nf-wdm-rtlunicodestringtoansistring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings; with `allocate` the first need not be.
pub unsafe extern "win64" fn RtlUnicodeStringToAnsiString(
    to: *mut AnsiString,
    from: *const UnicodeString,
    allocate: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let text: Vec<u8> = unsafe { unicode::units(from) }.iter().copied().map(narrow).collect();
    let with_null = text.len() + 1;
    if allocate != 0 {
        let caller = RtlUnicodeStringToAnsiString as *const () as usize;
        let buffer = pool::allocate(pool::Kind::Paged, with_null, TAG, caller);
        if buffer.is_null() {
            return nt::STATUS_NO_MEMORY;
        }
        let maximum = with_null as u16;
        let empty = AnsiString { Length: 0, MaximumLength: maximum, Buffer: buffer.cast() };
        // SAFETY: the caller vouches for it.
        unsafe { to.write(empty) };
    }
    // SAFETY: the caller vouches for it, or it was written above.
    let to = unsafe { &mut *to };
    if with_null > usize::from(to.MaximumLength) {
        return nt::STATUS_BUFFER_OVERFLOW;
    }
    let buffer = to.Buffer.cast::<u8>();
    // SAFETY: there is room.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len()) };
    // SAFETY: there is room for the null, too.
    unsafe { buffer.wrapping_add(text.len()).write(0) };
    to.Length = text.len() as u16;
    nt::STATUS_SUCCESS
}

/// Converts from the code page, into a new buffer if that is asked for.
///
/// Page: wdm/nf-wdm-rtlansistringtounicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings; with `allocate` the first need not be.
pub unsafe extern "win64" fn RtlAnsiStringToUnicodeString(
    to: *mut UnicodeString,
    from: *const AnsiString,
    allocate: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let text: Vec<u16> = unsafe { bytes(from) }.iter().copied().map(u16::from).collect();
    // SAFETY: the caller vouches for it.
    unsafe { unicode::give(to, &text, allocate != 0) }
}

/// Frees a string's buffer that the library allocated.
///
/// Page: wdm/nf-wdm-rtlfreeansistring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `string` points to a string whose buffer is null or was allocated by the library.
pub unsafe extern "win64" fn RtlFreeAnsiString(string: *mut AnsiString) {
    // SAFETY: the caller vouches for it.
    let string = unsafe { &mut *string };
    if !string.Buffer.is_null() {
        pool::free(string.Buffer.cast(), None);
    }
    *string = AnsiString { Length: 0, MaximumLength: 0, Buffer: ptr::null_mut() };
}

crate::exports! {
    /// Counted strings of bytes.
    pub EXPORTS = [
        RtlInitAnsiString(_, _),
        "RtlInitString" = RtlInitAnsiString(_, _),
        RtlUnicodeStringToAnsiString(_, _, _),
        RtlAnsiStringToUnicodeString(_, _, _),
        RtlFreeAnsiString(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_is_latin_1_and_needs_room_for_the_null() {
        let wide: Vec<u16> = "aä€".encode_utf16().collect();
        let from = nt::unicode_string(&wide).unwrap();
        let mut buffer = [9u8; 5];
        let mut to = AnsiString { Length: 0, MaximumLength: 4, Buffer: buffer.as_mut_ptr().cast() };
        // SAFETY: both are strings.
        let status = unsafe { RtlUnicodeStringToAnsiString(&raw mut to, &from, 0) };
        assert_eq!((status, to.Length), (0, 3));
        assert_eq!(buffer, [b'a', 0xe4, b'?', 0, 9]);
        to.MaximumLength = 3;
        // SAFETY: both are strings.
        let status = unsafe { RtlUnicodeStringToAnsiString(&raw mut to, &from, 0) };
        assert_eq!(status, nt::STATUS_BUFFER_OVERFLOW);
    }

    #[test]
    fn what_was_allocated_is_freed_and_forgotten() {
        let text = c"page\xe4";
        let mut from = AnsiString { Length: 0, MaximumLength: 0, Buffer: ptr::null_mut() };
        // SAFETY: the text is terminated.
        unsafe { RtlInitAnsiString(&raw mut from, text.as_ptr().cast()) };
        assert_eq!((from.Length, from.MaximumLength), (5, 6));
        let mut wide = nt::unicode_string(&[]).unwrap();
        // SAFETY: the first is to be allocated, the second is a string.
        let status = unsafe { RtlAnsiStringToUnicodeString(&raw mut wide, &from, 1) };
        assert_eq!((status, wide.Length, wide.MaximumLength), (0, 10, 12));
        // SAFETY: it was made above.
        assert_eq!(String::from_utf16_lossy(unsafe { unicode::units(&wide) }), "page\u{e4}");
        let mut narrow = AnsiString { Length: 0, MaximumLength: 0, Buffer: ptr::null_mut() };
        // SAFETY: the first is to be allocated, the second is a string.
        let status = unsafe { RtlUnicodeStringToAnsiString(&raw mut narrow, &wide, 1) };
        // SAFETY: it was made above.
        assert_eq!((status, unsafe { bytes(&narrow) }), (0, text.to_bytes()));
        // SAFETY: its buffer was allocated by the library.
        unsafe { RtlFreeAnsiString(&raw mut narrow) };
        // SAFETY: as above.
        unsafe { unicode::RtlFreeUnicodeString(&raw mut wide) };
        assert!(narrow.Buffer.is_null() && wide.Buffer.is_null());
        // SAFETY: a string without a buffer may be freed.
        unsafe { RtlFreeAnsiString(&raw mut narrow) };
    }
}
