//! Finding the hand-over disk by its label
//! (learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getvolumeinformationw).

use std::path::PathBuf;
use std::ptr::null_mut;

use pagewise_vm_plan::manifest::{LABEL, MANIFEST};
use windows_sys::Win32::Foundation::MAX_PATH;
use windows_sys::Win32::Storage::FileSystem::{GetLogicalDrives, GetVolumeInformationW};

use crate::win32::wide;

/// The root of the volume with the label, if it has a manifest.
pub(super) fn find() -> Option<PathBuf> {
    // SAFETY: it takes nothing.
    let drives = unsafe { GetLogicalDrives() };
    let letters = ('A'..='Z').enumerate().filter(|(index, _)| drives & 1 << index != 0);
    let roots = letters.map(|(_, letter)| format!(r"{letter}:\"));
    roots.into_iter().find_map(|root| {
        let labelled = label(&root).is_some_and(|label| label.eq_ignore_ascii_case(LABEL));
        let root = PathBuf::from(root);
        (labelled && root.join(MANIFEST).is_file()).then_some(root)
    })
}

/// A volume's label; nothing where there is no volume.
fn label(root: &str) -> Option<String> {
    let root = wide::from_str(root);
    let mut name = [0; MAX_PATH as usize + 1];
    let length = u32::try_from(name.len()).unwrap_or_default();
    // SAFETY: the root ends with a zero, the buffer has as many units as told, and null means that
    // nobody wants the rest.
    let result = unsafe {
        GetVolumeInformationW(
            root.as_ptr(),
            name.as_mut_ptr(),
            length,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            0,
        )
    };
    (result != 0).then(|| wide::to_string(&name))
}
