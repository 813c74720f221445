//! NTSTATUS values, and the Win32 error that an application sees in their place.
//!
//! Values and names: \[MS-ERREF\] 2.3.1 and 2.2
//! (learn.microsoft.com/openspecs/windows_protocols/ms-erref). The mapping: "Mapping NT Status
//! Error Codes to Win32 Error Codes" (Microsoft KB 113996).

use std::fmt;

/// An NTSTATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NtStatus(pub u32);

/// A Win32 error code, as `GetLastError` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Win32(pub u32);

impl NtStatus {
    /// `STATUS_UNSUCCESSFUL`
    pub const UNSUCCESSFUL: Self = Self(0xc000_0001);
    /// `STATUS_INVALID_PARAMETER`
    pub const INVALID_PARAMETER: Self = Self(0xc000_000d);
    /// `STATUS_NO_SUCH_DEVICE`
    pub const NO_SUCH_DEVICE: Self = Self(0xc000_000e);
    /// `STATUS_INVALID_DEVICE_REQUEST`
    pub const INVALID_DEVICE_REQUEST: Self = Self(0xc000_0010);
    /// `STATUS_ACCESS_DENIED`
    pub const ACCESS_DENIED: Self = Self(0xc000_0022);
    /// `STATUS_BUFFER_TOO_SMALL`
    pub const BUFFER_TOO_SMALL: Self = Self(0xc000_0023);
    /// `STATUS_NOT_LOCKED`
    pub const NOT_LOCKED: Self = Self(0xc000_002a);
    /// `STATUS_OBJECT_NAME_NOT_FOUND`
    pub const OBJECT_NAME_NOT_FOUND: Self = Self(0xc000_0034);
    /// `STATUS_QUOTA_EXCEEDED`
    pub const QUOTA_EXCEEDED: Self = Self(0xc000_0044);
    /// `STATUS_NOT_SUPPORTED`
    pub const NOT_SUPPORTED: Self = Self(0xc000_00bb);
    /// `STATUS_DEVICE_DOES_NOT_EXIST`
    pub const DEVICE_DOES_NOT_EXIST: Self = Self(0xc000_00c0);
    /// `STATUS_CANCELLED`
    pub const CANCELLED: Self = Self(0xc000_0120);
    /// `STATUS_INVALID_DEVICE_STATE`
    pub const INVALID_DEVICE_STATE: Self = Self(0xc000_0184);
    /// `STATUS_INVALID_BUFFER_SIZE`
    pub const INVALID_BUFFER_SIZE: Self = Self(0xc000_0206);

    /// `NT_SUCCESS`: success or information.
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    /// The Win32 error, where the mapping is documented.
    pub fn win32(self) -> Option<Win32> {
        KNOWN.iter().find(|known| known.0 == self.0).and_then(|known| known.2).map(Win32)
    }
}

/// NTSTATUS, its name, its Win32 error.
const KNOWN: [(u32, &str, Option<u32>); 27] = [
    (0x0000_0000, "STATUS_SUCCESS", Some(0)),
    (0x0000_0103, "STATUS_PENDING", Some(997)),
    (0x8000_0005, "STATUS_BUFFER_OVERFLOW", Some(234)),
    (0xc000_0001, "STATUS_UNSUCCESSFUL", Some(31)),
    (0xc000_0002, "STATUS_NOT_IMPLEMENTED", Some(1)),
    (0xc000_0008, "STATUS_INVALID_HANDLE", Some(6)),
    (0xc000_000d, "STATUS_INVALID_PARAMETER", Some(87)),
    (0xc000_000e, "STATUS_NO_SUCH_DEVICE", Some(2)),
    (0xc000_0010, "STATUS_INVALID_DEVICE_REQUEST", Some(1)),
    (0xc000_0022, "STATUS_ACCESS_DENIED", Some(5)),
    (0xc000_0023, "STATUS_BUFFER_TOO_SMALL", Some(122)),
    (0xc000_002a, "STATUS_NOT_LOCKED", Some(158)),
    (0xc000_0034, "STATUS_OBJECT_NAME_NOT_FOUND", Some(2)),
    (0xc000_003e, "STATUS_DATA_ERROR", Some(23)),
    (0xc000_0043, "STATUS_SHARING_VIOLATION", Some(32)),
    (0xc000_0044, "STATUS_QUOTA_EXCEEDED", Some(1816)),
    // The published tables disagree about this one.
    (0xc000_0056, "STATUS_DELETE_PENDING", None),
    (0xc000_009a, "STATUS_INSUFFICIENT_RESOURCES", Some(1450)),
    (0xc000_009d, "STATUS_DEVICE_NOT_CONNECTED", Some(1167)),
    (0xc000_00a3, "STATUS_DEVICE_NOT_READY", Some(21)),
    (0xc000_00bb, "STATUS_NOT_SUPPORTED", Some(50)),
    (0xc000_00c0, "STATUS_DEVICE_DOES_NOT_EXIST", Some(55)),
    (0xc000_0120, "STATUS_CANCELLED", Some(995)),
    (0xc000_0184, "STATUS_INVALID_DEVICE_STATE", Some(22)),
    (0xc000_0185, "STATUS_IO_DEVICE_ERROR", Some(1117)),
    (0xc000_0206, "STATUS_INVALID_BUFFER_SIZE", Some(1784)),
    (0xc000_02b6, "STATUS_DEVICE_REMOVED", Some(1617)),
];

const WIN32_NAMES: [(u32, &str); 25] = [
    (0, "ERROR_SUCCESS"),
    (1, "ERROR_INVALID_FUNCTION"),
    (2, "ERROR_FILE_NOT_FOUND"),
    (3, "ERROR_PATH_NOT_FOUND"),
    (5, "ERROR_ACCESS_DENIED"),
    (6, "ERROR_INVALID_HANDLE"),
    (21, "ERROR_NOT_READY"),
    (22, "ERROR_BAD_COMMAND"),
    (23, "ERROR_CRC"),
    (31, "ERROR_GEN_FAILURE"),
    (32, "ERROR_SHARING_VIOLATION"),
    (50, "ERROR_NOT_SUPPORTED"),
    (55, "ERROR_DEV_NOT_EXIST"),
    (87, "ERROR_INVALID_PARAMETER"),
    (122, "ERROR_INSUFFICIENT_BUFFER"),
    (158, "ERROR_NOT_LOCKED"),
    (234, "ERROR_MORE_DATA"),
    (995, "ERROR_OPERATION_ABORTED"),
    (997, "ERROR_IO_PENDING"),
    (1117, "ERROR_IO_DEVICE"),
    (1167, "ERROR_DEVICE_NOT_CONNECTED"),
    (1450, "ERROR_NO_SYSTEM_RESOURCES"),
    (1617, "ERROR_DEVICE_REMOVED"),
    (1784, "ERROR_INVALID_USER_BUFFER"),
    (1816, "ERROR_NOT_ENOUGH_QUOTA"),
];

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KNOWN.iter().find(|known| known.0 == self.0) {
            Some((value, name, _)) => write!(f, "{name} ({value:#010x})"),
            None => write!(f, "NTSTATUS {:#010x}", self.0),
        }
    }
}

impl fmt::Display for Win32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WIN32_NAMES.iter().find(|known| known.0 == self.0) {
            Some((value, name)) => write!(f, "{name} ({value})"),
            None => write!(f, "Win32 error {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_answers_has_a_documented_win32_error() {
        let documented = [
            (NtStatus::BUFFER_TOO_SMALL, 122),
            (NtStatus::INVALID_BUFFER_SIZE, 1784),
            (NtStatus::INVALID_DEVICE_REQUEST, 1),
            (NtStatus::INVALID_PARAMETER, 87),
            (NtStatus::ACCESS_DENIED, 5),
            (NtStatus::NOT_LOCKED, 158),
            (NtStatus::INVALID_DEVICE_STATE, 22),
            (NtStatus::QUOTA_EXCEEDED, 1816),
            (NtStatus::NOT_SUPPORTED, 50),
            (NtStatus::CANCELLED, 995),
        ];
        for (status, win32) in documented {
            assert_eq!(status.win32(), Some(Win32(win32)), "{status}");
            assert!(!status.is_success());
        }
    }

    #[test]
    fn every_mapped_error_has_a_name() {
        for (_, name, win32) in KNOWN {
            let Some(win32) = win32 else { continue };
            assert!(WIN32_NAMES.iter().any(|known| known.0 == win32), "{name}");
        }
    }

    #[test]
    fn codes_are_told_by_name_and_number() {
        assert_eq!(NtStatus::NOT_LOCKED.to_string(), "STATUS_NOT_LOCKED (0xc000002a)");
        assert_eq!(NtStatus(0xc000_1234).to_string(), "NTSTATUS 0xc0001234");
        assert_eq!(Win32(158).to_string(), "ERROR_NOT_LOCKED (158)");
        assert_eq!(Win32(99_999).to_string(), "Win32 error 99999");
    }
}
