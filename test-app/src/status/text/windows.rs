//! The system's own texts for codes that have no name here
//! (learn.microsoft.com/windows/win32/api/winbase/nf-winbase-formatmessagew).

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::Diagnostics::Debug::{
    FORMAT_MESSAGE_FROM_HMODULE, FORMAT_MESSAGE_FROM_SYSTEM, FORMAT_MESSAGE_IGNORE_INSERTS,
    FormatMessageW,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;

use crate::win32::wide;

/// The text of a code, on one line.
pub(super) fn of(code: u32) -> Option<String> {
    from(null_mut(), FORMAT_MESSAGE_FROM_SYSTEM, code).or_else(|| {
        let setupapi = wide::from_str("setupapi.dll");
        // SAFETY: the name ends with a zero and outlives the call.
        let module = unsafe { GetModuleHandleW(setupapi.as_ptr()) };
        if module.is_null() {
            return None;
        }
        from(module, FORMAT_MESSAGE_FROM_HMODULE, code)
    })
}

fn from(module: HMODULE, place: u32, code: u32) -> Option<String> {
    const ROOM: usize = 512;
    let mut text = [0u16; ROOM];
    // SAFETY: the module is null or loaded for good, the buffer has room for as many units as
    // told, and inserts, which would be arguments, are ignored.
    let length = unsafe {
        FormatMessageW(
            place | FORMAT_MESSAGE_IGNORE_INSERTS,
            module,
            code,
            0,
            text.as_mut_ptr(),
            u32::try_from(ROOM).unwrap_or_default(),
            null(),
        )
    };
    let text = wide::to_string(text.get(..length as usize)?);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}
