//! The system's count of pageable driver pages.
//!
//! `SystemPerformanceInformation` is documented with its fields hidden
//! (learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation); their
//! order is that of `MINIDUMP_SYSTEM_PERFORMANCE_INFORMATION`, and of phnt
//! (github.com/winsiderss/phnt, `ntexapi.h`). What exactly is counted is not documented.

use windows_sys::Wdk::System::SystemInformation::SystemPerformanceInformation;

use super::native;
use crate::error::Error;
use crate::machine::DriverPages;

/// Words up to and with `SystemCalls`: what every version of Windows 10 has.
const WORDS: usize = 0x138 / 4;
const TOTAL_SYSTEM_DRIVER_PAGES: usize = 0x90 / 4;
const RESIDENT_SYSTEM_DRIVER_PAGE: usize = 0xac / 4;

/// The counts at this moment; nothing where the system counts none.
///
/// # Errors
/// [`Error::Native`]
pub fn driver_pages() -> Result<Option<DriverPages>, Error> {
    let mut words = [0; WORDS];
    native::query(SystemPerformanceInformation, "SystemPerformanceInformation", &mut words)?;
    let total = u64::from(words[TOTAL_SYSTEM_DRIVER_PAGES]);
    let resident = u64::from(words[RESIDENT_SYSTEM_DRIVER_PAGE]);
    Ok((total != 0 || resident != 0).then_some(DriverPages { total, resident }))
}
