//! Access masks.
//!
//! Pages: learn.microsoft.com/windows/win32/secauthz/ace-strings,
//! learn.microsoft.com/windows/win32/secauthz/access-mask-format.

use pagewise_lab_nt as nt;

use super::sid::hexadecimal;

/// `ACCESS_SYSTEM_SECURITY`: reading and setting the system ACL.
pub(super) const SYSTEM_SECURITY: u32 = 0x0100_0000;

const CODES: [(&str, u32); 12] = [
    ("GA", nt::GENERIC_ALL),
    ("GR", nt::GENERIC_READ),
    ("GW", nt::GENERIC_WRITE),
    ("GX", nt::GENERIC_EXECUTE),
    ("FA", nt::FILE_ALL_ACCESS),
    ("FR", nt::FILE_GENERIC_READ),
    ("FW", nt::FILE_GENERIC_WRITE),
    ("FX", nt::FILE_GENERIC_EXECUTE),
    ("RC", nt::READ_CONTROL),
    ("SD", nt::DELETE),
    ("WD", nt::WRITE_DAC),
    ("WO", nt::WRITE_OWNER),
];

/// What the generic rights mean.
const GENERIC: [(u32, u32); 4] = [
    (nt::GENERIC_READ, nt::FILE_GENERIC_READ),
    (nt::GENERIC_WRITE, nt::FILE_GENERIC_WRITE),
    (nt::GENERIC_EXECUTE, nt::FILE_GENERIC_EXECUTE),
    (nt::GENERIC_ALL, nt::FILE_ALL_ACCESS),
];

/// The mask with the specific rights of files and devices in place of the generic ones.
///
/// Pages: ntddk/nf-ntddk-iogetfileobjectgenericmapping,
/// learn.microsoft.com/windows/win32/fileio/file-security-and-access-rights.
#[must_use]
pub fn map_generic(mask: u32) -> u32 {
    GENERIC.iter().fold(mask, |mask, &(generic, specific)| match mask & generic {
        0 => mask,
        _ => mask & !generic | specific,
    })
}

/// Reads the rights of an entry: codes of two letters, or `0x` and up to eight digits. `Err` holds
/// where in `text` it ceases to be that.
pub(super) fn read(text: &str) -> Result<u32, usize> {
    if let Some(hex) = text.strip_prefix("0x") {
        let mask = hexadecimal(hex).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        return mask.ok_or(0);
    }
    let mut mask = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let code = CODES.iter().find(|(code, _)| rest.starts_with(code));
        let &(code, bits) = code.ok_or(text.len() - rest.len())?;
        mask |= bits;
        rest = &rest[code.len()..];
    }
    Ok(mask)
}

/// What [`read`] reads: codes where they suffice.
pub(super) fn text_of(mask: u32) -> String {
    let mut text = String::new();
    let mut said = 0;
    for (code, bits) in CODES {
        if mask & bits == bits && bits & !said != 0 {
            text.push_str(code);
            said |= bits;
        }
    }
    if said == mask { text } else { format!("{mask:#x}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_and_numbers() {
        for (text, mask) in [
            ("GA", 0x1000_0000),
            ("GRGWGX", 0xe000_0000),
            ("FA", 0x1f_01ff),
            ("FRFW", 0x12_019f),
            ("RCSDWDWO", 0xf_0000),
            ("0x1", 1),
            ("", 0),
        ] {
            assert_eq!(read(text), Ok(mask), "{text}");
            assert_eq!(text_of(mask), text);
        }
        assert_eq!(read("0x001F01FF"), Ok(nt::FILE_ALL_ACCESS));
        for (wrong, at) in [("GRG", 2), ("gr", 0), ("GR0x1", 2), ("0x", 0), ("0x+1", 0), ("é", 0)]
        {
            assert_eq!(read(wrong), Err(at), "{wrong}");
        }
        assert_eq!(read("0x100000000"), Err(0));
    }

    #[test]
    fn generic_rights_become_those_of_files() {
        assert_eq!(map_generic(nt::GENERIC_READ | nt::DELETE), 0x12_0089 | 0x1_0000);
        assert_eq!(map_generic(nt::GENERIC_WRITE), 0x12_0116);
        assert_eq!(map_generic(nt::GENERIC_EXECUTE), 0x12_00a0);
        assert_eq!(map_generic(nt::GENERIC_ALL), 0x1f_01ff);
        assert_eq!(map_generic(3), 3);
    }

    proptest! {
        #[test]
        fn every_mask_round_trips(mask: u32) {
            prop_assert_eq!(read(&text_of(mask)), Ok(mask));
        }
    }
}
