//! Opening a device by a name, as `CreateFile` does: `\\.\Name` is the symbolic link
//! `\??\Name`, which leads to the device's own name.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-ms-dos-device-names,
//! learn.microsoft.com/windows-hardware/drivers/kernel/controlling-device-namespace-access.

use std::ffi::c_void;
use std::sync::Arc;

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

use super::{Device, OpenFile};
use crate::ob::{self, namespace};

const SEPARATOR: u16 = b'\\' as u16;

/// Opens the device of this name. What follows the name of a device is the file's name in the
/// device's own namespace.
///
/// # Errors
/// `STATUS_OBJECT_PATH_SYNTAX_BAD` where the name does not begin with a backslash,
/// `STATUS_OBJECT_NAME_NOT_FOUND` where nothing has it, `STATUS_OBJECT_TYPE_MISMATCH` where it is
/// no device, and as [`OpenFile::open`].
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub fn open_name(name: &str, desired: u32, token: Token) -> Result<Arc<OpenFile>, i32> {
    let name = native(name);
    if name.first() != Some(&SEPARATOR) {
        return Err(nt::STATUS_OBJECT_PATH_SYNTAX_BAD);
    }
    let mut device = name.as_slice();
    loop {
        match namespace::lookup(device) {
            Ok(object) => {
                let found = Found(object);
                return OpenFile::open_in(found.device()?, &name[device.len()..], desired, token);
            }
            Err(status) => {
                let cut = device.iter().rposition(|&unit| unit == SEPARATOR).filter(|&at| at > 0);
                device = &device[..cut.ok_or(status)?];
            }
        }
    }
}

/// The name as the kernel knows it: `\\.\X` and `\\?\X` are `\??\X`.
fn native(name: &str) -> Vec<u16> {
    let local = name.strip_prefix(r"\\.\").or_else(|| name.strip_prefix(r"\\?\"));
    match local {
        Some(rest) => format!(r"\??\{rest}").encode_utf16().collect(),
        None => name.encode_utf16().collect(),
    }
}

/// An object that was looked up, with the reference of the look-up.
struct Found(*mut c_void);

impl Found {
    fn device(&self) -> Result<Device, i32> {
        // SAFETY: an object, which the look-up referenced.
        if !unsafe { Device::is_one(self.0) } {
            return Err(nt::STATUS_OBJECT_TYPE_MISMATCH);
        }
        // SAFETY: a device, as just checked, that lives as long as the reference.
        unsafe { Device::from_raw(self.0.cast()) }.ok_or(nt::STATUS_OBJECT_NAME_NOT_FOUND)
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        // SAFETY: the look-up's reference.
        unsafe { ob::dereference(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        String::from_utf16_lossy(&native(name))
    }

    #[test]
    fn win32_names_are_links_in_the_dos_devices() {
        assert_eq!(text(r"\\.\Echo\file"), r"\??\Echo\file");
        assert_eq!(text(r"\\?\Echo"), r"\??\Echo");
        assert_eq!(text(r"\Device\Echo"), r"\Device\Echo");
    }

    #[test]
    fn names_of_nothing_are_refused() {
        let open = |name| open_name(name, 0, Token::System).map(drop);
        assert_eq!(open(r"\\.\NoSuchDevice"), Err(nt::STATUS_OBJECT_NAME_NOT_FOUND));
        assert_eq!(open(r"\\.\No\Such\Device"), Err(nt::STATUS_OBJECT_NAME_NOT_FOUND));
        for bad in ["", "Echo", "C:\\file"] {
            assert_eq!(open(bad), Err(nt::STATUS_OBJECT_PATH_SYNTAX_BAD), "{bad:?}");
        }
    }
}
