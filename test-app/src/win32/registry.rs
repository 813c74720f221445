//! Values of the registry.

use windows_registry::LOCAL_MACHINE;

/// A text, or the texts of a list joined by blanks, below `HKEY_LOCAL_MACHINE`; nothing where there
/// is none.
#[must_use]
pub fn text(key: &str, value: &str) -> Option<String> {
    let key = LOCAL_MACHINE.open(key).ok()?;
    let list = || key.get_multi_string(value).map(|all| all.join(" "));
    key.get_string(value).or_else(|_| list()).ok()
}

/// A number below `HKEY_LOCAL_MACHINE`; nothing where there is none.
#[must_use]
pub fn number(key: &str, value: &str) -> Option<u32> {
    LOCAL_MACHINE.open(key).and_then(|key| key.get_u32(value)).ok()
}
