//! Counted UTF-16 strings.
//!
//! Case: the simple upper-case mapping of each UTF-16 unit as Unicode has it. The kernel's own table
//! differs in a few letters that neither file names nor device names use.

use std::cmp::Ordering;
use std::ptr;

use pagewise_lab_nt as nt;

use crate::mm::pool;

pub(super) type UnicodeString = nt::UNICODE_STRING;

/// The tag of a string's buffer that the library allocates.
pub(super) const TAG: u32 = u32::from_le_bytes(*b"Strg");

/// The upper case of a UTF-16 unit; itself where it has none of its own length.
#[must_use]
pub fn upcase(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => u16::try_from(u32::from(upper)).unwrap_or(unit),
        _ => unit,
    }
}

/// The lower case of a UTF-16 unit; itself where it has none of its own length.
fn downcase(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => u16::try_from(u32::from(lower)).unwrap_or(unit),
        _ => unit,
    }
}

/// The units of a string; none of a null one.
///
/// # Safety
/// `string` is null or points to an initialised string, which nobody changes meanwhile.
pub(crate) unsafe fn units<'a>(string: *const UnicodeString) -> &'a [u16] {
    // SAFETY: the caller vouches for it.
    let string = unsafe { string.as_ref() };
    // SAFETY: as above.
    string.map_or(&[], |string| unsafe { nt::units(string) })
}

/// Units before the null of a null-terminated string; 0 of a null pointer.
///
/// # Safety
/// `text` is null or points to a null-terminated string.
pub(super) unsafe fn length(text: *const u16) -> usize {
    if text.is_null() {
        return 0;
    }
    let mut length = 0;
    // SAFETY: the caller vouches for it, and no null was seen so far.
    while unsafe { text.wrapping_add(length).read_unaligned() } != 0 {
        length += 1;
    }
    length
}

/// Writes `units` at unit `at` of a buffer, and a null after them if there is room.
///
/// # Safety
/// `to` points to a string whose buffer has `MaximumLength` bytes, of which the units need no more.
unsafe fn put(to: &mut UnicodeString, at: usize, units: &[u16]) {
    let from = units.as_ptr();
    // The source may be part of the destination.
    // SAFETY: the caller vouches for the room.
    unsafe { ptr::copy(from, to.Buffer.wrapping_add(at), units.len()) };
    let end = at + units.len();
    to.Length = (end * 2) as u16;
    if end < usize::from(to.MaximumLength) / 2 {
        // SAFETY: there is room for one more.
        unsafe { to.Buffer.wrapping_add(end).write(0) };
    }
}

/// A buffer from paged pool; null where there is none.
pub(super) fn allocate(bytes: usize) -> *mut u16 {
    pool::allocate(pool::Kind::Paged, bytes, TAG, allocate as *const () as usize).cast()
}

/// Makes a string of a null-terminated one, which it goes on using.
///
/// Page: wdm/nf-wdm-rtlinitunicodestring. More than 32766 units are cut, as the lengths are 16 bits
/// of bytes.
///
/// # IRQL
/// Any; above `APC_LEVEL` the strings have to be resident.
///
/// # Safety
/// `to` can be written, and `text` is null or points to a null-terminated string.
pub unsafe extern "win64" fn RtlInitUnicodeString(to: *mut UnicodeString, text: *const u16) {
    // SAFETY: the caller vouches for it.
    let bytes = (unsafe { length(text) } * 2).min(0xfffc) as u16;
    let maximum = if text.is_null() { 0 } else { bytes + 2 };
    let string = UnicodeString { Length: bytes, MaximumLength: maximum, Buffer: text.cast_mut() };
    // SAFETY: the caller vouches for it.
    unsafe { to.write(string) };
}

/// Makes a string of a null-terminated one. `STATUS_NAME_TOO_LONG` with more than 32766 units.
///
/// Page: wdm/nf-wdm-wdmlibrtlinitunicodestringex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`RtlInitUnicodeString`].
pub unsafe extern "win64" fn RtlInitUnicodeStringEx(
    to: *mut UnicodeString,
    text: *const u16,
) -> i32 {
    // SAFETY: the caller vouches for it.
    if unsafe { length(text) } > 32766 {
        return nt::STATUS_NAME_TOO_LONG;
    }
    // SAFETY: the caller vouches for it.
    unsafe { RtlInitUnicodeString(to, text) };
    nt::STATUS_SUCCESS
}

/// Copies as much of a string as there is room for.
///
/// Page: wdm/nf-wdm-rtlcopyunicodestring.
///
/// # IRQL
/// Any; above `APC_LEVEL` the strings have to be resident.
///
/// # Safety
/// `to` points to an initialised string, `from` is null or does.
pub unsafe extern "win64" fn RtlCopyUnicodeString(
    to: *mut UnicodeString,
    from: *const UnicodeString,
) {
    // SAFETY: the caller vouches for it.
    let from = unsafe { units(from) };
    // SAFETY: the caller vouches for it.
    let to = unsafe { &mut *to };
    let room = usize::from(to.MaximumLength) / 2;
    let part = &from[..from.len().min(room)];
    if part.is_empty() {
        to.Length = 0;
        return;
    }
    // SAFETY: the part has been cut to the room.
    unsafe { put(to, 0, part) };
}

unsafe fn append(to: *mut UnicodeString, units: &[u16]) -> i32 {
    // SAFETY: the callers' callers vouch for it.
    let to = unsafe { &mut *to };
    let at = usize::from(to.Length) / 2;
    if at + units.len() > usize::from(to.MaximumLength) / 2 {
        return nt::STATUS_BUFFER_TOO_SMALL;
    }
    if !units.is_empty() {
        // SAFETY: there is room.
        unsafe { put(to, at, units) };
    }
    nt::STATUS_SUCCESS
}

/// Appends a null-terminated string. `STATUS_BUFFER_TOO_SMALL` changes nothing.
///
/// Page: wdm/nf-wdm-rtlappendunicodetostring.
///
/// # IRQL
/// Any; above `APC_LEVEL` the strings have to be resident.
///
/// # Safety
/// `to` points to an initialised string, `text` is null or points to a null-terminated one.
pub unsafe extern "win64" fn RtlAppendUnicodeToString(
    to: *mut UnicodeString,
    text: *const u16,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let length = unsafe { length(text) };
    if length == 0 {
        return nt::STATUS_SUCCESS;
    }
    // SAFETY: the caller vouches for it, and so many units come before the null.
    let units = unsafe { std::slice::from_raw_parts(text, length) };
    // SAFETY: the caller vouches for it.
    unsafe { append(to, units) }
}

/// Appends a string. `STATUS_BUFFER_TOO_SMALL` changes nothing.
///
/// Page: wdm/nf-wdm-rtlappendunicodestringtostring.
///
/// # IRQL
/// Any; above `APC_LEVEL` the strings have to be resident.
///
/// # Safety
/// Both point to initialised strings.
pub unsafe extern "win64" fn RtlAppendUnicodeStringToString(
    to: *mut UnicodeString,
    from: *const UnicodeString,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let units = unsafe { units(from) };
    // SAFETY: the caller vouches for it.
    unsafe { append(to, units) }
}

fn compare(a: &[u16], b: &[u16], ignore_case: bool) -> Ordering {
    if ignore_case {
        a.iter().copied().map(upcase).cmp(b.iter().copied().map(upcase))
    } else {
        a.cmp(b)
    }
}

/// Compares strings, by unit: negative, zero or positive.
///
/// Page: wdm/nf-wdm-rtlcompareunicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings.
pub unsafe extern "win64" fn RtlCompareUnicodeString(
    a: *const UnicodeString,
    b: *const UnicodeString,
    ignore_case: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let a = unsafe { units(a) };
    // SAFETY: the caller vouches for it.
    compare(a, unsafe { units(b) }, ignore_case != 0) as i32
}

/// Whether two strings are equal.
///
/// Page: wdm/nf-wdm-rtlequalunicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings.
pub unsafe extern "win64" fn RtlEqualUnicodeString(
    a: *const UnicodeString,
    b: *const UnicodeString,
    ignore_case: u8,
) -> u8 {
    // SAFETY: the caller vouches for it.
    u8::from(unsafe { RtlCompareUnicodeString(a, b, ignore_case) } == 0)
}

/// Whether the second string begins with the first.
///
/// Page: ntddk/nf-ntddk-rtlprefixunicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings.
pub unsafe extern "win64" fn RtlPrefixUnicodeString(
    prefix: *const UnicodeString,
    string: *const UnicodeString,
    ignore_case: u8,
) -> u8 {
    // SAFETY: the caller vouches for it.
    let prefix = unsafe { units(prefix) };
    // SAFETY: the caller vouches for it.
    let head = unsafe { units(string) }.get(..prefix.len());
    u8::from(head.is_some_and(|head| compare(prefix, head, ignore_case != 0).is_eq()))
}

/// The upper case of a unit.
///
/// Page: wdm/nf-wdm-rtlupcaseunicodechar.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub extern "win64" fn RtlUpcaseUnicodeChar(unit: u16) -> u16 {
    upcase(unit)
}

/// The lower case of a unit.
///
/// Page: wdm/nf-wdm-rtldowncaseunicodechar.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub extern "win64" fn RtlDowncaseUnicodeChar(unit: u16) -> u16 {
    downcase(unit)
}

/// Copies a string in upper case, to a new buffer if that is asked for. `STATUS_BUFFER_OVERFLOW`
/// where there is no room, `STATUS_NO_MEMORY` where there is no buffer.
///
/// Page: wdm/nf-wdm-rtlupcaseunicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// Both point to initialised strings; with `allocate` the first need not be.
pub unsafe extern "win64" fn RtlUpcaseUnicodeString(
    to: *mut UnicodeString,
    from: *const UnicodeString,
    allocate_buffer: u8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let upper: Vec<u16> = unsafe { units(from) }.iter().copied().map(upcase).collect();
    // SAFETY: the caller vouches for it.
    unsafe { give(to, &upper, allocate_buffer != 0) }
}

/// Hands out `units`, in a new buffer or in the string's own.
///
/// # Safety
/// `to` points to an initialised string, or to storage for one if a buffer is to be allocated.
pub(super) unsafe fn give(to: *mut UnicodeString, units: &[u16], allocate_buffer: bool) -> i32 {
    let bytes = units.len() * 2;
    if bytes > 0xfffc {
        return nt::STATUS_INVALID_PARAMETER_2;
    }
    if allocate_buffer {
        let buffer = allocate(bytes + 2);
        if buffer.is_null() {
            return nt::STATUS_NO_MEMORY;
        }
        let empty = UnicodeString { Length: 0, MaximumLength: bytes as u16 + 2, Buffer: buffer };
        // SAFETY: the caller vouches for it.
        unsafe { to.write(empty) };
    }
    // SAFETY: the caller vouches for it, or it was written above.
    let to = unsafe { &mut *to };
    if bytes > usize::from(to.MaximumLength) {
        return nt::STATUS_BUFFER_OVERFLOW;
    }
    // SAFETY: there is room.
    unsafe { put(to, 0, units) };
    nt::STATUS_SUCCESS
}

/// Frees a string's buffer that the library allocated.
///
/// Page: wdm/nf-wdm-rtlfreeunicodestring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `string` points to a string whose buffer is null or was allocated by the library.
pub unsafe extern "win64" fn RtlFreeUnicodeString(string: *mut UnicodeString) {
    // SAFETY: the caller vouches for it.
    let string = unsafe { &mut *string };
    if !string.Buffer.is_null() {
        pool::free(string.Buffer.cast(), None);
    }
    *string = UnicodeString { Length: 0, MaximumLength: 0, Buffer: ptr::null_mut() };
}

crate::exports! {
    /// Counted UTF-16 strings.
    pub EXPORTS = [
        RtlInitUnicodeString(_, _),
        RtlInitUnicodeStringEx(_, _),
        RtlCopyUnicodeString(_, _),
        RtlAppendUnicodeToString(_, _),
        RtlAppendUnicodeStringToString(_, _),
        RtlCompareUnicodeString(_, _, _),
        RtlEqualUnicodeString(_, _, _),
        RtlPrefixUnicodeString(_, _, _),
        RtlUpcaseUnicodeChar(_),
        RtlDowncaseUnicodeChar(_),
        RtlUpcaseUnicodeString(_, _, _),
        RtlFreeUnicodeString(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn over(units: &[u16]) -> UnicodeString {
        nt::unicode_string(units).unwrap()
    }

    fn room(buffer: &mut [u16]) -> UnicodeString {
        UnicodeString {
            Length: 0,
            MaximumLength: (buffer.len() * 2) as u16,
            Buffer: buffer.as_mut_ptr(),
        }
    }

    #[test]
    fn a_copy_is_cut_to_the_room() {
        let (long, mut buffer) = (wide("pageable"), [9u16; 5]);
        let mut to = room(&mut buffer[..4]);
        // SAFETY: both are strings.
        unsafe { RtlCopyUnicodeString(&raw mut to, &over(&long)) };
        assert_eq!(to.Length, 8);
        // SAFETY: a null source is allowed.
        unsafe { RtlCopyUnicodeString(&raw mut to, ptr::null()) };
        assert_eq!(to.Length, 0);
        assert_eq!(buffer, [112, 97, 103, 101, 9]);
    }

    #[test]
    fn appending_needs_room_and_changes_nothing_without() {
        let (a, b, mut buffer) = (wide("ab"), wide("cde"), [9u16; 6]);
        let mut to = room(&mut buffer[..5]);
        // SAFETY: these are strings.
        let statuses = [&a, &b, &a]
            .map(|from| unsafe { RtlAppendUnicodeStringToString(&raw mut to, &over(from)) });
        assert_eq!(statuses, [0, 0, nt::STATUS_BUFFER_TOO_SMALL]);
        // SAFETY: it is a string.
        assert_eq!(unsafe { units(&to) }, wide("abcde"));
        let terminated = [120u16, 0];
        // SAFETY: a string, and a null-terminated one.
        let status = unsafe { RtlAppendUnicodeToString(&raw mut to, terminated.as_ptr()) };
        assert_eq!(status, nt::STATUS_BUFFER_TOO_SMALL);
        assert_eq!(buffer[5], 9);
    }

    #[test]
    fn comparing_may_ignore_case() {
        let (a, b, c) = (wide("\\Device\\ÄB"), wide("\\DEVICE\\äb"), wide("\\Device\\ÄBc"));
        let (a, b, c) = (over(&a), over(&b), over(&c));
        // SAFETY: these are strings.
        let equal = [0, 1].map(|ignore| unsafe { RtlEqualUnicodeString(&a, &b, ignore) });
        assert_eq!(equal, [0, 1]);
        // SAFETY: these are strings.
        let order = [(&a, &c), (&c, &a)].map(|(x, y)| unsafe { RtlCompareUnicodeString(x, y, 1) });
        assert_eq!(order, [-1, 1]);
        // SAFETY: these are strings.
        let prefix = [(&b, &c), (&c, &b)].map(|(x, y)| unsafe { RtlPrefixUnicodeString(x, y, 1) });
        assert_eq!(prefix, [1, 0]);
    }

    #[test]
    fn a_terminated_string_becomes_a_counted_one() {
        let text = [65u16, 66, 0, 67];
        let mut string = over(&[]);
        // SAFETY: the text is terminated.
        unsafe { RtlInitUnicodeString(&raw mut string, text.as_ptr()) };
        assert_eq!((string.Length, string.MaximumLength), (4, 6));
        // SAFETY: null is allowed.
        unsafe { RtlInitUnicodeString(&raw mut string, ptr::null()) };
        assert_eq!((string.Length, string.MaximumLength), (0, 0));
        let long = vec![1u16; 40_000].into_iter().chain([0]).collect::<Vec<_>>();
        // SAFETY: the text is terminated.
        unsafe { RtlInitUnicodeString(&raw mut string, long.as_ptr()) };
        assert_eq!((string.Length, string.MaximumLength), (0xfffc, 0xfffe));
        // SAFETY: the text is terminated.
        let status = unsafe { RtlInitUnicodeStringEx(&raw mut string, long.as_ptr()) };
        assert_eq!(status, nt::STATUS_NAME_TOO_LONG);
    }

    #[test]
    fn case_is_by_unit() {
        assert_eq!(upcase(u16::from(b'a')), u16::from(b'A'));
        assert_eq!(upcase(0xe4), 0xc4);
        // No upper case of one unit; half of a pair.
        assert_eq!((upcase(0xdf), upcase(0xd83d)), (0xdf, 0xd83d));
    }
}
