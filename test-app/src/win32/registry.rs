//! Values of the registry.

use windows_registry::LOCAL_MACHINE;

/// A number below `HKEY_LOCAL_MACHINE`; nothing where there is none.
#[must_use]
pub fn number(key: &str, value: &str) -> Option<u32> {
    LOCAL_MACHINE.open(key).and_then(|key| key.get_u32(value)).ok()
}
