//! Security identifiers.
//!
//! Pages: learn.microsoft.com/windows/win32/secauthz/sid-strings, .../well-known-sids, and
//! learn.microsoft.com/windows-hardware/drivers/kernel/sddl-for-device-objects.

use std::fmt;

/// The most sub-authorities that a SID has.
const MOST: usize = 15;

/// Bytes before the sub-authorities: revision, their number, the authority.
const HEAD: usize = 8;

const REVISION: u8 = 1;

/// A security identifier: an authority of 48 bits and up to 15 sub-authorities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sid {
    authority: u64,
    count: usize,
    sub_authorities: [u32; MOST],
}

/// What SDDL calls the SIDs that need no domain to be known.
const ALIASES: [(&str, Sid); 18] = [
    ("SY", Sid::LOCAL_SYSTEM),
    ("BA", Sid::ADMINISTRATORS),
    ("BU", Sid::USERS),
    ("WD", Sid::WORLD),
    ("AU", Sid::AUTHENTICATED_USERS),
    ("IU", Sid::known(5, &[4])),
    ("NU", Sid::known(5, &[2])),
    ("SU", Sid::known(5, &[6])),
    ("AN", Sid::known(5, &[7])),
    ("LS", Sid::known(5, &[19])),
    ("NS", Sid::known(5, &[20])),
    ("BG", Sid::known(5, &[32, 546])),
    ("PU", Sid::known(5, &[32, 547])),
    ("RC", Sid::known(5, &[12])),
    ("UD", Sid::known(5, &[84, 0, 0, 0, 0, 0])),
    ("CO", Sid::known(3, &[0])),
    ("CG", Sid::known(3, &[1])),
    ("OW", Sid::OWNER_RIGHTS),
];

impl Sid {
    /// The operating system itself (SY).
    pub const LOCAL_SYSTEM: Self = Self::known(5, &[18]);
    /// The built-in administrators (BA).
    pub const ADMINISTRATORS: Self = Self::known(5, &[32, 544]);
    /// The built-in users (BU).
    pub const USERS: Self = Self::known(5, &[32, 545]);
    /// Everyone (WD).
    pub const WORLD: Self = Self::known(1, &[0]);
    /// Whoever has logged on with an account (AU).
    pub const AUTHENTICATED_USERS: Self = Self::known(5, &[11]);
    /// Whoever owns the object (OW).
    pub const OWNER_RIGHTS: Self = Self::known(3, &[4]);

    /// For constants: too many sub-authorities do not compile.
    const fn known(authority: u64, sub_authorities: &[u32]) -> Self {
        let mut sid = Self { authority, count: sub_authorities.len(), sub_authorities: [0; MOST] };
        let mut index = 0;
        while index < sub_authorities.len() {
            sid.sub_authorities[index] = sub_authorities[index];
            index += 1;
        }
        sid
    }

    /// A SID; `None` with more than 48 bits of authority or more than 15 sub-authorities.
    #[must_use]
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Self> {
        let fits = authority < 1 << 48 && sub_authorities.len() <= MOST;
        fits.then(|| Self::known(authority, sub_authorities))
    }

    /// The authority that issued it, such as 5 for NT.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority
    }

    /// What the authority appended; the last is the relative identifier.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        &self.sub_authorities[..self.count]
    }

    /// Reads the SID at the start of `text`, an alias of two letters or `S-1-...`, and returns with
    /// it how many bytes it takes. The authority is decimal, or `0x` and twelve digits.
    pub(super) fn read(text: &str) -> Option<(Self, usize)> {
        if let Some((alias, sid)) = ALIASES.iter().find(|(alias, _)| text.starts_with(alias)) {
            return Some((*sid, alias.len()));
        }
        let rest = text.strip_prefix("S-1-")?;
        let (authority, mut rest) = match rest.strip_prefix("0x") {
            Some(hex) => (u64::from_str_radix(hexadecimal(hex.get(..12)?)?, 16).ok()?, &hex[12..]),
            None => {
                let (authority, rest) = decimal(rest)?;
                (u64::from(authority), rest)
            }
        };
        let mut sub_authorities = Vec::new();
        while let Some(after) = rest.strip_prefix('-') {
            let (value, after) = decimal(after)?;
            sub_authorities.push(value);
            rest = after;
        }
        Some((Self::new(authority, &sub_authorities)?, text.len() - rest.len()))
    }

    /// Bytes of the binary form.
    pub(super) fn size(&self) -> usize {
        HEAD + 4 * self.count
    }

    /// Appends the binary form.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[REVISION, self.count as u8]);
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        for value in self.sub_authorities() {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// How many bytes a SID takes whose first two bytes are these.
    pub(super) fn size_from(start: [u8; 2]) -> Option<usize> {
        let count = usize::from(start[1]);
        (start[0] == REVISION && count <= MOST).then_some(HEAD + 4 * count)
    }

    /// Reads the binary form at the start of `bytes`.
    pub(super) fn from_start(bytes: &[u8]) -> Option<Self> {
        let size = Self::size_from(*bytes.first_chunk()?)?;
        let (head, sub_authorities) = bytes.get(..size)?.split_at(HEAD);
        let authority = head[2..].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let (words, _) = sub_authorities.as_chunks();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Self::new(authority, &words)
    }
}

/// The decimal number at the start of `text`, and what follows it.
fn decimal(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}

/// `text`, if it is nothing but hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(text)
}

/// As SDDL has it: the alias where there is one.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((alias, _)) = ALIASES.iter().find(|(_, sid)| sid == self) {
            return f.write_str(alias);
        }
        match u32::try_from(self.authority) {
            Ok(authority) => write!(f, "S-1-{authority}")?,
            Err(_) => write!(f, "S-1-{:#014x}", self.authority)?,
        }
        self.sub_authorities().iter().try_for_each(|value| write!(f, "-{value}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_the_published_sids() {
        for (alias, text) in [
            ("SY", "S-1-5-18"),
            ("BA", "S-1-5-32-544"),
            ("BU", "S-1-5-32-545"),
            ("WD", "S-1-1-0"),
            ("AU", "S-1-5-11"),
            ("IU", "S-1-5-4"),
            ("NU", "S-1-5-2"),
            ("AN", "S-1-5-7"),
            ("RC", "S-1-5-12"),
            ("UD", "S-1-5-84-0-0-0-0-0"),
            ("OW", "S-1-3-4"),
        ] {
            let (short, long) = (Sid::read(alias).unwrap(), Sid::read(text).unwrap());
            assert_eq!(short, (long.0, 2));
            assert_eq!(long.1, text.len());
            assert_eq!(long.0.to_string(), alias);
        }
    }

    #[test]
    fn the_binary_form_is_as_published() {
        // ns-winnt-sid: the authority is big-endian, the rest is not.
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let mut written = Vec::new();
        Sid::ADMINISTRATORS.write(&mut written);
        assert_eq!(written, bytes);
        assert_eq!(Sid::from_start(&bytes), Some(Sid::ADMINISTRATORS));
        for cut in 0..bytes.len() {
            assert_eq!(Sid::from_start(&bytes[..cut]), None);
        }
        assert_eq!(Sid::from_start(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
        assert_eq!(Sid::from_start(&[[1, 16, 0, 0].as_slice(), &[0; 80]].concat()), None);
    }

    #[test]
    fn what_follows_is_left_and_nonsense_is_refused() {
        assert_eq!(Sid::read("S-1-5-18D:"), Some((Sid::LOCAL_SYSTEM, 8)));
        let large = Sid::new(0x0102_0304_0506, &[7]).unwrap();
        assert_eq!(large.to_string(), "S-1-0x010203040506-7");
        assert_eq!(Sid::read("S-1-0x010203040506-7"), Some((large, 20)));
        let long = format!("S-1-5{}", "-1".repeat(16));
        for wrong in [
            "",
            "S",
            "sy",
            "XX",
            "S-1",
            "S-1-",
            "S-2-5-18",
            "S-1-5-",
            "S-1-5-4294967296",
            "S-1--5",
            "S-1-+5",
            "S-1-0x01",
            "S-1-0x+10203040506",
            "S-1-0xé1020304050",
            &long,
        ] {
            assert_eq!(Sid::read(wrong), None, "{wrong}");
        }
    }
}
