//! GUIDs and strings.

use pagewise_lab_nt as nt;

use super::unicode::{UnicodeString, give, units};

/// `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`
#[must_use]
pub fn text_of(guid: &nt::GUID) -> String {
    let [a, b, c, d, e, f, g, h] = guid.Data4;
    format!(
        "{{{:08X}-{:04X}-{:04X}-{a:02X}{b:02X}-{c:02X}{d:02X}{e:02X}{f:02X}{g:02X}{h:02X}}}",
        guid.Data1, guid.Data2, guid.Data3
    )
}

/// Reads what [`text_of`] writes, in either case.
#[must_use]
pub fn from_text(text: &str) -> Option<nt::GUID> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut parts = inner.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let hex = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u64::from_str_radix(part, 16).ok())?
    };
    let (first, second, third) = (part(8)?, part(4)?, part(4)?);
    let last = part(4)? << 48 | part(12)?;
    parts.next().is_none().then_some(nt::GUID {
        Data1: first as u32,
        Data2: second as u16,
        Data3: third as u16,
        Data4: last.to_be_bytes(),
    })
}

/// Writes a GUID into a new string, to be freed with `RtlFreeUnicodeString`. `STATUS_NO_MEMORY`.
///
/// Page: wdm/nf-wdm-rtlstringfromguid.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `guid` can be read, `string` written.
pub unsafe extern "win64" fn RtlStringFromGUID(
    guid: *const nt::GUID,
    string: *mut UnicodeString,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let guid = unsafe { guid.read_unaligned() };
    let text: Vec<u16> = text_of(&guid).encode_utf16().collect();
    // SAFETY: the caller vouches for it.
    unsafe { give(string, &text, true) }
}

/// Reads a GUID. `STATUS_INVALID_PARAMETER` where there is none.
///
/// Page: wdm/nf-wdm-rtlguidfromstring.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `string` points to an initialised string, and `guid` can be written.
pub unsafe extern "win64" fn RtlGUIDFromString(
    string: *const UnicodeString,
    guid: *mut nt::GUID,
) -> i32 {
    // SAFETY: the caller vouches for it.
    let text = String::from_utf16_lossy(unsafe { units(string) });
    let Some(value) = from_text(&text) else { return nt::STATUS_INVALID_PARAMETER };
    // SAFETY: the caller vouches for it.
    unsafe { guid.write_unaligned(value) };
    nt::STATUS_SUCCESS
}

crate::exports! {
    /// GUIDs and strings.
    pub EXPORTS = [
        RtlStringFromGUID(_, _),
        RtlGUIDFromString(_, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_round_trip_and_nonsense_does_not() {
        let text = "{0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0}";
        let guid = from_text(text).unwrap();
        assert_eq!((guid.Data1, guid.Data2, guid.Data3), (0x0f1e_2d3c, 0x4b5a, 0x6978));
        assert_eq!(guid.Data4, [0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0]);
        assert_eq!(text_of(&guid), text);
        assert_eq!(text_of(&from_text(&text.to_lowercase()).unwrap()), text);
        for wrong in [
            "",
            "{}",
            "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0",
            "{0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F}",
            "{0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1FG}",
            "{0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0-0}",
            "{+F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0}",
        ] {
            assert!(from_text(wrong).is_none(), "{wrong}");
        }
    }
}
