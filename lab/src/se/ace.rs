//! Access control entries.
//!
//! Page: learn.microsoft.com/windows/win32/secauthz/ace-strings.

use std::fmt;

use super::{Sid, rights};

/// `INHERIT_ONLY_ACE`: says nothing about the object itself.
pub(super) const INHERIT_ONLY: u8 = 8;

/// The flags, in the order in which they are written.
const FLAGS: [(&str, u8); 5] =
    [("OI", 1), ("CI", 2), ("NP", 4), ("IO", INHERIT_ONLY), ("ID", 0x10)];

/// All flags that mean something in a DACL.
pub(super) const ALL_FLAGS: u8 = 0x1f;

/// What an entry does with its rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AceKind {
    /// `ACCESS_ALLOWED_ACE_TYPE`
    Allow,
    /// `ACCESS_DENIED_ACE_TYPE`
    Deny,
}

/// An entry of a discretionary ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ace {
    pub(super) kind: AceKind,
    pub(super) flags: u8,
    pub(super) mask: u32,
    pub(super) sid: Sid,
}

impl Ace {
    /// Whether it allows or denies.
    #[must_use]
    pub fn kind(&self) -> AceKind {
        self.kind
    }

    /// Inheritance flags (`AceFlags`).
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The rights, generic ones as they were written.
    #[must_use]
    pub fn mask(&self) -> u32 {
        self.mask
    }

    /// Whom it is about.
    #[must_use]
    pub fn sid(&self) -> &Sid {
        &self.sid
    }

    /// Bytes of the binary form: header, mask, SID.
    pub(super) fn size(&self) -> usize {
        8 + self.sid.size()
    }
}

/// Reads flags. `Err` holds where in `text` they cease to be such.
pub(super) fn flags_of(text: &str) -> Result<u8, usize> {
    let mut flags = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let flag = FLAGS.iter().find(|(code, _)| rest.starts_with(code));
        let &(code, bit) = flag.ok_or(text.len() - rest.len())?;
        flags |= bit;
        rest = &rest[code.len()..];
    }
    Ok(flags)
}

/// As SDDL has it.
impl fmt::Display for Ace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            AceKind::Allow => "A",
            AceKind::Deny => "D",
        };
        write!(f, "({kind};")?;
        for (code, _) in FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0) {
            f.write_str(code)?;
        }
        write!(f, ";{};;;{})", rights::text_of(self.mask), self.sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_round_trip_and_nonsense_does_not() {
        for flags in 0..=ALL_FLAGS {
            let sid = Sid::WORLD;
            let text = Ace { kind: AceKind::Deny, flags, mask: 1, sid }.to_string();
            let field = text.split(';').nth(1).unwrap();
            assert_eq!(flags_of(field), Ok(flags), "{text}");
        }
        assert_eq!(flags_of("CIXX"), Err(2));
        // Flags of audit entries.
        assert_eq!(flags_of("SA"), Err(0));
    }
}
