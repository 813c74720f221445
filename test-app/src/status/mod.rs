//! NTSTATUS values, and the Win32 error that an application sees in their place.
//!
//! Values and names: \[MS-ERREF\] 2.3.1 and 2.2
//! (learn.microsoft.com/openspecs/windows_protocols/ms-erref). The mapping: "Mapping NT Status
//! Error Codes to Win32 Error Codes" (Microsoft KB 113996).

mod setup_codes;
#[cfg_attr(unix, path = "text/unix.rs")]
#[cfg_attr(windows, path = "text/windows.rs")]
mod text;
mod trust_codes;
mod win32_codes;

use std::fmt;

/// An NTSTATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NtStatus(pub u32);

/// A Win32 error code, as `GetLastError` gives it; an HRESULT, where a function sets one instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Win32(pub u32);

impl NtStatus {
    /// `STATUS_PLUGPLAY_QUERY_VETOED`
    pub const PLUGPLAY_QUERY_VETOED: Self = Self(0x8000_0028);
    /// `STATUS_UNSUCCESSFUL`
    pub const UNSUCCESSFUL: Self = Self(0xc000_0001);
    /// `STATUS_INVALID_INFO_CLASS`
    pub const INVALID_INFO_CLASS: Self = Self(0xc000_0003);
    /// `STATUS_PRIVILEGE_NOT_HELD`
    pub const PRIVILEGE_NOT_HELD: Self = Self(0xc000_0061);
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

impl Win32 {
    /// `ERROR_ELEVATION_REQUIRED`
    pub const ELEVATION_REQUIRED: Self = Self(740);

    /// Of an HRESULT: `GetLastError` has those that wrap a Win32 error without the wrapping.
    #[must_use]
    pub const fn from_hresult(value: u32) -> Self {
        const FACILITY_WIN32: u32 = 0x8007_0000;
        if value & 0xffff_0000 == FACILITY_WIN32 { Self(value & 0xffff) } else { Self(value) }
    }

    /// The code that SetupAPI has for it, where it is the HRESULT of one.
    #[must_use]
    pub const fn setup(self) -> Self {
        const FACILITY_SETUPAPI: u32 = 0x800f_0000;
        if self.0 & 0xffff_0000 == FACILITY_SETUPAPI {
            return Self(0xe000_0000 | self.0 & 0xffff);
        }
        self
    }

    /// Its name, if it is among those that the functions used here document.
    #[must_use]
    pub fn name(self) -> Option<String> {
        let of = |table: &[(u32, &'static str)], code: Self| {
            table.binary_search_by_key(&code.0, |known| known.0).ok().map(|index| table[index].1)
        };
        let plain = of(&win32_codes::NAMES, self)
            .or_else(|| of(&trust_codes::NAMES, self))
            .or_else(|| of(&setup_codes::NAMES, self));
        if let Some(name) = plain {
            return Some(name.to_owned());
        }
        let setup = of(&setup_codes::NAMES, self.setup())?;
        Some(setup.replacen("ERROR_", "SPAPI_E_", 1))
    }

    /// Whether the caller may not do it.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        matches!(self.0, 5 | 740 | 1300 | 1314)
    }
}

/// NTSTATUS, its name, its Win32 error.
const KNOWN: [(u32, &str, Option<u32>); 31] = [
    (0x0000_0000, "STATUS_SUCCESS", Some(0)),
    (0x0000_0103, "STATUS_PENDING", Some(997)),
    (0x8000_0005, "STATUS_BUFFER_OVERFLOW", Some(234)),
    (0x8000_0028, "STATUS_PLUGPLAY_QUERY_VETOED", None),
    (0xc000_0001, "STATUS_UNSUCCESSFUL", Some(31)),
    (0xc000_0002, "STATUS_NOT_IMPLEMENTED", Some(1)),
    (0xc000_0003, "STATUS_INVALID_INFO_CLASS", Some(87)),
    (0xc000_0004, "STATUS_INFO_LENGTH_MISMATCH", Some(24)),
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
    (0xc000_0061, "STATUS_PRIVILEGE_NOT_HELD", Some(1314)),
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
        // Setup's codes and HRESULTs are known by their hexadecimal form.
        let number = match self.0 {
            value @ 0x8000_0000.. => format!("{value:#010x}"),
            value => value.to_string(),
        };
        match (self.name(), text::of(self.0)) {
            (Some(name), _) => write!(f, "{name} ({number})"),
            (None, Some(text)) => write!(f, "Win32 error {number}: {text}"),
            (None, None) => write!(f, "Win32 error {number}"),
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
            assert!(Win32(win32).name().is_some(), "{name}");
        }
    }

    #[test]
    fn codes_are_told_by_name_and_number() {
        assert_eq!(NtStatus::NOT_LOCKED.to_string(), "STATUS_NOT_LOCKED (0xc000002a)");
        assert_eq!(NtStatus(0xc000_1234).to_string(), "NTSTATUS 0xc0001234");
        assert_eq!(Win32(158).to_string(), "ERROR_NOT_LOCKED (158)");
        assert!(Win32(99_999).to_string().starts_with("Win32 error 99999"));
    }

    #[test]
    fn what_setup_and_trust_answer_has_names_and_hexadecimal_numbers() {
        let told = [
            (0xe000_0247, "ERROR_DRIVER_STORE_ADD_FAILED (0xe0000247)"),
            (0xe000_022f, "ERROR_NO_CATALOG_FOR_OEM_INF (0xe000022f)"),
            (0x800f_0243, "SPAPI_E_AUTHENTICODE_PUBLISHER_NOT_TRUSTED (0x800f0243)"),
            (0x800b_0109, "CERT_E_UNTRUSTEDROOT (0x800b0109)"),
            (0x800b_0100, "TRUST_E_NOSIGNATURE (0x800b0100)"),
            (0x8009_2005, "CRYPT_E_EXISTS (0x80092005)"),
            (3010, "ERROR_SUCCESS_REBOOT_REQUIRED (3010)"),
        ];
        for (code, text) in told {
            assert_eq!(Win32(code).to_string(), text);
        }
        assert!(Win32(0x800f_7777).to_string().starts_with("Win32 error 0x800f7777"));
    }

    #[test]
    fn names_are_found_by_their_code() {
        // Else the search would miss some.
        assert!(win32_codes::NAMES.is_sorted_by_key(|known| known.0));
        assert!(setup_codes::NAMES.is_sorted_by_key(|known| known.0));
        assert!(trust_codes::NAMES.is_sorted_by_key(|known| known.0));
    }

    #[test]
    fn an_hresult_that_wraps_a_win32_error_is_that_error() {
        assert_eq!(Win32::from_hresult(0x8007_0005), Win32(5));
        assert_eq!(Win32::from_hresult(0x800b_0109), Win32(0x800b_0109));
    }
}
