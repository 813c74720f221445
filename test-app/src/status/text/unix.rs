//! This host knows no texts for Win32 errors.

/// The text of a code: none.
pub(super) fn of(_code: u32) -> Option<String> {
    None
}
