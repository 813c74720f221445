//! UTF-16 strings that end with a zero.

/// With its terminating zero.
pub(super) fn from_str(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Without it; what is no Unicode is replaced.
pub(super) fn to_string(wide: &[u16]) -> String {
    String::from_utf16_lossy(wide.split(|unit| *unit == 0).next().unwrap_or_default())
}

/// The strings of a list that ends with an empty one, each with its terminating zero.
pub(super) fn split_list(list: &[u16]) -> Vec<Vec<u16>> {
    list.split_inclusive(|unit| *unit == 0)
        .take_while(|string| string.len() > 1)
        .map(<[u16]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_with_an_empty_string() {
        let list: Vec<u16> = "ab\0c\0\0junk".encode_utf16().collect();
        let strings: Vec<_> = split_list(&list).iter().map(|string| to_string(string)).collect();
        assert_eq!(strings, ["ab", "c"]);
        assert!(split_list(&[0]).is_empty());
        assert!(split_list(&[]).is_empty());
    }
}
