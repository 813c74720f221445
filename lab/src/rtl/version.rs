//! The version of Windows that the machine says it is: the first with KMDF 1.31.

use pagewise_lab_nt as nt;

/// Major version and build: Windows 10, version 2004
/// (learn.microsoft.com/windows-hardware/drivers/wdf/kmdf-version-history).
pub const WINDOWS_VERSION: (u32, u32) = (10, 19041);

/// `VER_PLATFORM_WIN32_NT`
const PLATFORM_NT: u32 = 2;

/// `VER_NT_WORKSTATION`
const WORKSTATION: u8 = 1;

#[expect(non_upper_case_globals, reason = "named as drivers import it")]
static NtBuildNumber: u32 = 0xF000_0000 | WINDOWS_VERSION.1;

/// The version; the product, too, where there is room for a `RTL_OSVERSIONINFOEXW`.
///
/// Page: wdm/nf-wdm-rtlgetversion. `STATUS_SUCCESS`.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `information` points to a `RTL_OSVERSIONINFOW` or a `RTL_OSVERSIONINFOEXW`, whose first field
/// gives its size in bytes.
pub unsafe extern "win64" fn RtlGetVersion(information: *mut nt::RTL_OSVERSIONINFOW) -> i32 {
    // SAFETY: the caller vouches for it.
    let plain = unsafe { &mut *information };
    let (major, build) = WINDOWS_VERSION;
    plain.dwMajorVersion = major;
    plain.dwMinorVersion = 0;
    plain.dwBuildNumber = build;
    plain.dwPlatformId = PLATFORM_NT;
    plain.szCSDVersion[0] = 0;
    if plain.dwOSVersionInfoSize as usize == size_of::<nt::RTL_OSVERSIONINFOEXW>() {
        // SAFETY: the caller vouches for the size, and the larger structure begins as the other.
        let extended = unsafe { &mut *information.cast::<nt::RTL_OSVERSIONINFOEXW>() };
        extended.wServicePackMajor = 0;
        extended.wServicePackMinor = 0;
        extended.wSuiteMask = 0;
        extended.wProductType = WORKSTATION;
        extended.wReserved = 0;
    }
    nt::STATUS_SUCCESS
}

crate::exports! {
    /// The version.
    pub EXPORTS = [
        RtlGetVersion(_),
        static NtBuildNumber,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_written_than_the_size_says() {
        let plain = size_of::<nt::RTL_OSVERSIONINFOW>();
        for (bytes, product) in [(plain, 0xee), (size_of::<nt::RTL_OSVERSIONINFOEXW>(), 1)] {
            // SAFETY: numbers only, which may be anything.
            let mut information: nt::RTL_OSVERSIONINFOEXW = unsafe { std::mem::zeroed() };
            information.dwOSVersionInfoSize = bytes as u32;
            information.wProductType = 0xee;
            // SAFETY: the larger structure begins as the smaller one.
            let status = unsafe { RtlGetVersion((&raw mut information).cast()) };
            assert_eq!(status, nt::STATUS_SUCCESS);
            assert_eq!(information.dwMajorVersion, 10);
            assert_eq!((information.dwMinorVersion, information.dwBuildNumber), (0, 19041));
            assert_eq!(information.wProductType, product);
        }
    }
}
