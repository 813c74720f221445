//! From INX to INF, as `stampinf` does it
//! (learn.microsoft.com/windows-hardware/drivers/devtest/stampinf-command-options), but from
//! nothing else than what the caller gives: the same input makes the same bytes.

use std::fmt;
use std::time::Duration;

use der::DateTime;

use super::Inf;
use super::decode::{Encoding, decode};

/// What goes into the file.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The date of `DriverVer`. `Inf2Cat` takes it for UTC.
    pub date: Date,
    /// The version of `DriverVer`: four parts of 16 bits.
    pub version: [u16; 4],
    /// The version of KMDF that the driver was built for: major, minor.
    pub kmdf: (u16, u16),
}

/// The only architecture Pagewise is built for, as it stands in a decoration.
const ARCHITECTURE: &str = "amd64";

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day in UTC of a moment, in seconds since 1970; nothing after the year 9999.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Option<Self> {
        let moment = DateTime::from_unix_duration(Duration::from_secs(seconds)).ok()?;
        Some(Self { year: moment.year(), month: moment.month(), day: moment.day() })
    }
}

impl Date {
    /// Whether a text is a day as `DriverVer` has it; a year has four digits.
    pub(super) fn is_one(text: &str) -> bool {
        let parts: Vec<&str> = text.split('/').collect();
        let [month, day, year] = parts.as_slice() else {
            return false;
        };
        let digits = parts.iter().all(|part| part.bytes().all(|letter| letter.is_ascii_digit()));
        let date = || {
            let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
            DateTime::new(year, month, day, 0, 0, 0).ok()
        };
        digits && year.len() == 4 && month.len() <= 2 && day.len() <= 2 && date().is_some()
    }
}

/// As `DriverVer` has it: month, day, year.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}/{:04}", self.month, self.day, self.year)
    }
}

/// Why a file cannot be stamped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Text that neither ASCII nor UTF-16 says.
    #[error(
        "the file has other characters than ASCII and is not UTF-16\n  try: save it as UTF-16 LE, or write those characters in ASCII"
    )]
    Encoding,
    /// No `[Version]` section.
    #[error(
        "the file has no [Version] section for DriverVer to go into\n  try: begin it with [Version] and Signature = \"$WINDOWS NT$\""
    )]
    NoVersion,
}

/// Fills `DriverVer`, `$KMDFVERSION$` and `$ARCH$`. Everything else stays as it was, but for the
/// ends of lines: they are carriage return and line feed, however the source was checked out.
///
/// # Errors
/// [`StampError`]
pub fn stamp(inx: &[u8], stamp: &Stamp) -> Result<Vec<u8>, StampError> {
    let (text, encoding) = decode(inx);
    if !matches!(encoding, Encoding::Ascii | Encoding::Utf16Le) {
        return Err(StampError::Encoding);
    }
    let inf = Inf::parse(&text);
    let section = inf.section("Version").ok_or(StampError::NoVersion)?;
    let old = inf.entry("Version", "DriverVer").map(|entry| entry.line);
    let header = section.headers.first().copied();
    let [a, b, c, d] = stamp.version;
    let value = format!("{},{a}.{b}.{c}.{d}", stamp.date);

    let mut stamped = String::with_capacity(text.len() + 64);
    for (number, line) in (1..).zip(text.replace("\r\n", "\n").replace('\r', "\n").lines()) {
        if Some(number) == old {
            let key = line.split('=').next().unwrap_or_default();
            stamped.push_str(&format!("{key}= {value}"));
        } else {
            stamped.push_str(line);
        }
        stamped.push_str("\r\n");
        if old.is_none() && Some(number) == header {
            stamped.push_str(&format!("DriverVer = {value}\r\n"));
        }
    }
    let (major, minor) = stamp.kmdf;
    let stamped = stamped
        .replace("$KMDFVERSION$", &format!("{major}.{minor}"))
        .replace("$KMDFCOINSTALLERVERSION$", &format!("{major:02}{minor:03}"))
        .replace("$ARCH$", ARCHITECTURE);
    Ok(match encoding {
        Encoding::Ascii => stamped.into_bytes(),
        _ => {
            [0xFEFF].into_iter().chain(stamped.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with() -> Stamp {
        let date = Date::from_unix(1_795_305_599).unwrap();
        Stamp { date, version: [0, 1, 0, 0], kmdf: (1, 31) }
    }

    fn stamped(inx: &str) -> String {
        String::from_utf8(stamp(inx.as_bytes(), &with()).unwrap()).unwrap()
    }

    #[test]
    fn days_are_those_of_utc() {
        for (seconds, day) in [
            (0, "01/01/1970"),
            (951_782_399, "02/28/2000"),
            (951_782_400, "02/29/2000"),
            (1_795_305_599, "11/21/2026"),
            (1_795_305_600, "11/22/2026"),
        ] {
            assert_eq!(Date::from_unix(seconds).unwrap().to_string(), day);
        }
        assert_eq!(Date::from_unix(u64::MAX), None);
    }

    #[test]
    fn knows_days_from_other_texts() {
        for text in ["11/22/2026", "1/2/2026", "02/29/2024"] {
            assert!(Date::is_one(text), "{text}");
        }
        for text in
            ["", "22/11/2026", "02/29/2026", "11/22/26", "2026-11-22", "+1/02/2026", "1/2/3/4"]
        {
            assert!(!Date::is_one(text), "{text}");
        }
    }

    #[test]
    fn fills_what_is_left_open_and_nothing_else() {
        let inx = "; kept\n[VERSION]\nDriverVer   = ; old\nx = \"DriverVer =\"\n[M.NT$ARCH$]\n\
                   KmdfLibraryVersion = $KMDFVERSION$\nc = Wdf$KMDFCOINSTALLERVERSION$.dll";
        assert_eq!(
            stamped(inx),
            "; kept\r\n[VERSION]\r\nDriverVer   = 11/21/2026,0.1.0.0\r\nx = \"DriverVer =\"\r\n\
             [M.NTamd64]\r\nKmdfLibraryVersion = 1.31\r\nc = Wdf01031.dll\r\n"
        );
    }

    #[test]
    fn a_missing_line_is_added_below_the_header() {
        assert_eq!(
            stamped("[a]\n[Version]\nb=1\n"),
            "[a]\r\n[Version]\r\nDriverVer = 11/21/2026,0.1.0.0\r\nb=1\r\n"
        );
    }

    #[test]
    fn the_ends_of_lines_in_the_source_do_not_matter() {
        let inx = "[Version]\nDriverVer=\nb=1\n";
        assert_eq!(stamped(inx), stamped(&inx.replace('\n', "\r\n")));
        // And a stamped file may be stamped again.
        assert_eq!(stamped(&stamped(inx)), stamped(inx));
    }

    #[test]
    fn utf_16_stays_utf_16() {
        let inx: Vec<u8> =
            "\u{feff}[Version]\nx=\u{e4}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (text, encoding) = decode(&stamp(&inx, &with()).unwrap());
        assert_eq!(encoding, Encoding::Utf16Le);
        assert_eq!(text, "[Version]\r\nDriverVer = 11/21/2026,0.1.0.0\r\nx=\u{e4}\r\n");
    }

    #[test]
    fn says_what_it_cannot_stamp() {
        assert_eq!(stamp(b"[a]\n", &with()), Err(StampError::NoVersion));
        assert_eq!(stamp("[Version]\nx=\u{e4}\n".as_bytes(), &with()), Err(StampError::Encoding));
    }
}
