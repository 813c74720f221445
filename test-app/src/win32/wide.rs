//! UTF-16 strings that end with a zero.

use std::os::windows::ffi::OsStrExt;
use std::path::Path;

/// With its terminating zero.
pub fn from_str(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A path with its terminating zero.
#[must_use]
pub fn from_path(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// Without it; what is no Unicode is replaced.
pub fn to_string(wide: &[u16]) -> String {
    String::from_utf16_lossy(wide.split(|unit| *unit == 0).next().unwrap_or_default())
}

/// The string at a pointer, without its terminating zero; empty for null.
///
/// # Safety
/// The pointer is null, or to units that are readable up to and including a zero.
#[must_use]
pub unsafe fn from_pointer(pointer: *const u16) -> String {
    if pointer.is_null() {
        return String::new();
    }
    let mut units = Vec::new();
    for index in 0.. {
        // SAFETY: no zero came before this unit, so it is still of the string.
        let unit = unsafe { pointer.wrapping_add(index).read() };
        if unit == 0 {
            break;
        }
        units.push(unit);
    }
    String::from_utf16_lossy(&units)
}

/// The strings of a list that ends with an empty one, each with its terminating zero.
pub fn split_list(list: &[u16]) -> Vec<Vec<u16>> {
    list.split_inclusive(|unit| *unit == 0)
        .take_while(|string| string.len() > 1)
        .map(<[u16]>::to_vec)
        .collect()
}

/// The strings of a list that ends with an empty one, as Rust has them.
#[must_use]
pub fn to_strings(list: &[u16]) -> Vec<String> {
    split_list(list).iter().map(|string| to_string(string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_with_an_empty_string() {
        let list: Vec<u16> = "ab\0c\0\0junk".encode_utf16().collect();
        assert_eq!(to_strings(&list), ["ab", "c"]);
        assert!(split_list(&[0]).is_empty());
        assert!(split_list(&[]).is_empty());
    }
}
