//! Security descriptors in their text form, SDDL.
//!
//! Pages: learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format,
//! .../ace-strings and learn.microsoft.com/windows-hardware/drivers/kernel/sddl-for-device-objects.
//! Parts come in the order owner, group, DACL, letters are upper case and there are no spaces.

use super::ace::{self, Ace, AceKind};
use super::descriptor::{ACL_HEAD, DACL_CONTROL, Dacl, MOST_ACL_BYTES, NULL_ACL};
use super::{Descriptor, Sid, rights};

/// How much of a wrong text an error quotes, in characters.
const QUOTED: usize = 40;

/// The fields of an entry.
const FIELDS: usize = 6;

/// What is wrong with an SDDL string. `position` counts bytes from the start of the string; `found`
/// is what stands there, cut to 40 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SddlError {
    /// Nothing at all, which would protect nothing.
    #[error("reading SDDL: the string is empty; write a DACL, such as D:P(A;;GA;;;SY)")]
    Empty,
    /// Neither a part nor an entry.
    #[error(
        "reading SDDL: {found:?} at byte {position} is no part; expected O:, G: and D:, in this \
         order and once each, and entries in parentheses after D:"
    )]
    Part {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// A system ACL.
    #[error(
        "reading SDDL: the system ACL {found:?} at byte {position} is not modelled; leave S: away"
    )]
    SystemAcl {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// No SID that the lab knows.
    #[error(
        "reading SDDL: {found:?} at byte {position} is no SID; write one in full, S-1-..., or an \
         alias that needs no domain, such as SY, BA, BU, WD"
    )]
    Sid {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// An entry without its closing parenthesis.
    #[error("reading SDDL: the entry {found:?} at byte {position} has no closing parenthesis")]
    Unclosed {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// An entry with too many or too few fields.
    #[error(
        "reading SDDL: the entry {found:?} at byte {position} has {fields} fields; expected \
         type;flags;rights;;;SID"
    )]
    Fields {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
        /// How many fields it has.
        fields: usize,
    },
    /// An entry that neither allows nor denies.
    #[error(
        "reading SDDL: the entry type {found:?} at byte {position} is not modelled; A (allow) and \
         D (deny) are"
    )]
    Type {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// No flags of a DACL's entry.
    #[error(
        "reading SDDL: {found:?} at byte {position} are no entry flags; expected some of OI, CI, \
         NP, IO, ID"
    )]
    Flags {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// No rights.
    #[error(
        "reading SDDL: {found:?} at byte {position} are no rights; expected some of GA, GR, GW, \
         GX, RC, SD, WD, WO, FA, FR, FW, FX, or a number such as 0x120089"
    )]
    Rights {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// An object's GUID in an entry.
    #[error(
        "reading SDDL: the GUID {found:?} at byte {position} is of an entry for directory \
         objects; devices have none, leave the field empty"
    )]
    Object {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// More entries than an ACL holds.
    #[error(
        "reading SDDL: with the entry {found:?} at byte {position} the DACL has {bytes} bytes, \
         and the most is 65532"
    )]
    TooLarge {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
        /// Bytes of the binary form up to and with this entry.
        bytes: usize,
    },
}

impl Descriptor {
    /// Reads SDDL.
    ///
    /// # Errors
    /// [`SddlError`]
    pub fn from_sddl(text: &str) -> Result<Self, SddlError> {
        if text.is_empty() {
            return Err(SddlError::Empty);
        }
        let mut reader = Reader { text, position: 0 };
        let owner = reader.skip("O:").then(|| reader.sid()).transpose()?;
        let group = reader.skip("G:").then(|| reader.sid()).transpose()?;
        let dacl = reader.skip("D:").then(|| reader.dacl()).transpose()?;
        let (position, found) = reader.here();
        if found.is_empty() {
            Ok(Self { owner, group, dacl })
        } else if found.starts_with("S:") {
            Err(SddlError::SystemAcl { position, found })
        } else {
            Err(SddlError::Part { position, found })
        }
    }
}

/// The first characters of a text that is quoted in an error.
fn quote(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// For errors.
    fn here(&self) -> (usize, String) {
        (self.position, quote(self.rest()))
    }

    /// Goes past `expected`, if it comes next.
    fn skip(&mut self, expected: &str) -> bool {
        let comes = self.rest().starts_with(expected);
        if comes {
            self.position += expected.len();
        }
        comes
    }

    fn sid(&mut self) -> Result<Sid, SddlError> {
        let (position, found) = self.here();
        let (sid, length) = Sid::read(self.rest()).ok_or(SddlError::Sid { position, found })?;
        self.position += length;
        Ok(sid)
    }

    fn dacl(&mut self) -> Result<Dacl, SddlError> {
        let mut control = 0;
        while let Some((_, bit)) = DACL_CONTROL.iter().find(|(code, _)| self.skip(code)) {
            control |= bit;
        }
        if self.skip(NULL_ACL) {
            return Ok(Dacl { control, entries: None });
        }
        let mut entries = Vec::new();
        let mut bytes = ACL_HEAD;
        while self.rest().starts_with('(') {
            let (position, found) = self.here();
            let entry = self.entry()?;
            bytes += entry.size();
            if bytes > MOST_ACL_BYTES {
                return Err(SddlError::TooLarge { position, found, bytes });
            }
            entries.push(entry);
        }
        Ok(Dacl { control, entries: Some(entries) })
    }

    fn entry(&mut self) -> Result<Ace, SddlError> {
        let (position, found) = self.here();
        let rest = self.rest();
        let Some(end) = rest.find(')') else { return Err(SddlError::Unclosed { position, found }) };
        let whole = &rest[1..end];
        self.position += end + 1;

        let mut fields = [(0, ""); FIELDS];
        let mut count = 0;
        let mut start = position + 1;
        for text in whole.split(';') {
            if let Some(field) = fields.get_mut(count) {
                *field = (start, text);
            }
            start += text.len() + 1;
            count += 1;
        }
        let [kind, flags, rights, object, inherited, sid] = fields;
        // Before the number of fields: other types of entries have others.
        let kind = match kind.1 {
            "A" => AceKind::Allow,
            "D" => AceKind::Deny,
            other => return Err(SddlError::Type { position: kind.0, found: quote(other) }),
        };
        if count != FIELDS {
            return Err(SddlError::Fields { position, found, fields: count });
        }
        for (position, text) in [object, inherited] {
            if !text.is_empty() {
                return Err(SddlError::Object { position, found: quote(text) });
            }
        }
        let at = |(position, text): (usize, &str), skip: usize| {
            (position + skip, quote(text.get(skip..).unwrap_or(text)))
        };
        let flags = ace::flags_of(flags.1).map_err(|skip| {
            let (position, found) = at(flags, skip);
            SddlError::Flags { position, found }
        })?;
        let mask = rights::read(rights.1).map_err(|skip| {
            let (position, found) = at(rights, skip);
            SddlError::Rights { position, found }
        })?;
        let sid = match Sid::read(sid.1) {
            Some((value, length)) if length == sid.1.len() => value,
            _ => return Err(SddlError::Sid { position: sid.0, found: quote(sid.1) }),
        };
        Ok(Ace { kind, flags, mask, sid })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::strategy;
    use super::*;

    fn read(text: &str) -> Result<Descriptor, SddlError> {
        Descriptor::from_sddl(text)
    }

    #[test]
    fn the_usual_descriptor_has_its_parts() {
        let descriptor =
            read("O:BAG:SYD:PAI(A;;GA;;;SY)(D;OICI;0x3;;;S-1-5-21-1-2-3-500)").unwrap();
        assert_eq!(descriptor.owner(), Some(&Sid::ADMINISTRATORS));
        assert_eq!(descriptor.group(), Some(&Sid::LOCAL_SYSTEM));
        let dacl = descriptor.dacl().unwrap();
        assert!(dacl.is_protected());
        let [first, second] = dacl.entries().unwrap() else { panic!("two entries") };
        assert_eq!((first.kind(), first.flags(), first.mask()), (AceKind::Allow, 0, 0x1000_0000));
        assert_eq!(first.sid(), &Sid::LOCAL_SYSTEM);
        assert_eq!((second.kind(), second.flags(), second.mask()), (AceKind::Deny, 3, 3));
        assert_eq!(second.sid().sub_authorities(), [21, 1, 2, 3, 500]);
    }

    #[test]
    fn no_dacl_a_null_one_and_an_empty_one_differ() {
        assert_eq!(read("O:BA").unwrap().dacl(), None);
        assert_eq!(read("D:NO_ACCESS_CONTROL").unwrap().dacl().unwrap().entries(), None);
        let empty = read("D:").unwrap();
        assert_eq!(empty.dacl().unwrap().entries(), Some([].as_slice()));
        assert!(!empty.dacl().unwrap().is_protected());
    }

    /// What is wrong, in a few words; where; what is quoted.
    fn wrong(text: &str) -> (&'static str, usize, String) {
        match read(text).expect_err(text) {
            SddlError::Empty => ("empty", 0, String::new()),
            SddlError::Part { position, found } => ("part", position, found),
            SddlError::SystemAcl { position, found } => ("system ACL", position, found),
            SddlError::Sid { position, found } => ("SID", position, found),
            SddlError::Unclosed { position, found } => ("unclosed", position, found),
            SddlError::Fields { position, found, .. } => ("fields", position, found),
            SddlError::Type { position, found } => ("type", position, found),
            SddlError::Flags { position, found } => ("flags", position, found),
            SddlError::Rights { position, found } => ("rights", position, found),
            SddlError::Object { position, found } => ("object", position, found),
            SddlError::TooLarge { position, found, .. } => ("too large", position, found),
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_where() {
        for (text, what, position, found) in [
            ("", "empty", 0, ""),
            ("nonsense", "part", 0, "nonsense"),
            ("D:P(A;;GA;;;SY) ", "part", 15, " "),
            ("D:(A;;GA;;;SY)D:", "part", 14, "D:"),
            ("D:NO_ACCESS_CONTROL(A;;GA;;;SY)", "part", 19, "(A;;GA;;;SY)"),
            ("D:PS:(AU;SAFA;GA;;;WD)", "system ACL", 3, "S:(AU;SAFA;GA;;;WD)"),
            ("O:XXD:", "SID", 2, "XXD:"),
            ("D:(A;;GA;;;SYX)", "SID", 11, "SYX"),
            ("D:(A;;GA;;;)", "SID", 11, ""),
            ("D:P(A;;GA;;;SY", "unclosed", 3, "(A;;GA;;;SY"),
            ("D:(A;;GA;;SY)", "fields", 2, "(A;;GA;;SY)"),
            ("D:(A;;GA;;;SY;(x==1))", "fields", 2, "(A;;GA;;;SY;(x==1))"),
            ("D:(XA;;GA;;;SY;(x==1))", "type", 3, "XA"),
            ("D:()", "type", 3, ""),
            ("D:(A;CISA;GA;;;SY)", "flags", 7, "SA"),
            ("D:(A;;GAXX;;;SY)", "rights", 8, "XX"),
            ("D:(A;;7;;;SY)", "rights", 6, "7"),
            ("D:(A;;GA;é;;SY)", "object", 9, "é"),
        ] {
            assert_eq!(wrong(text), (what, position, found.to_owned()), "{text}");
        }
        let long = format!("D:(A;;{};;;SY)", "é".repeat(99));
        assert_eq!(wrong(&long), ("rights", 6, "é".repeat(40)));
        let message = read("D:(A;;7;;;SY)").unwrap_err().to_string();
        assert!(message.contains("\"7\" at byte 6"), "{message}");
    }

    #[test]
    fn a_dacl_that_no_acl_holds_is_refused() {
        let entry = "(A;;GA;;;SY)";
        // Each takes 20 bytes.
        let most = (MOST_ACL_BYTES - ACL_HEAD) / 20;
        assert!(read(&format!("D:{}", entry.repeat(most))).is_ok());
        let (what, position, _) = wrong(&format!("D:{}", entry.repeat(most + 1)));
        assert_eq!((what, position), ("too large", 2 + most * entry.len()));
    }

    proptest! {
        #[test]
        fn text_round_trips(descriptor in strategy::descriptor()) {
            let text = descriptor.to_string();
            prop_assume!(!text.is_empty());
            prop_assert_eq!(read(&text), Ok(descriptor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ODGSAPIRCWBXYé01-9x:;()-]{0,60}|\\PC{0,60}") {
            match read(&text) {
                Ok(descriptor) => prop_assert_eq!(read(&descriptor.to_string()), Ok(descriptor)),
                Err(SddlError::Empty) => prop_assert!(text.is_empty()),
                Err(_) => {
                    let (_, position, found) = wrong(&text);
                    prop_assert!(text[position..].starts_with(&found));
                }
            }
        }

        #[test]
        fn a_changed_byte_is_read_or_refused(
            descriptor in strategy::descriptor(),
            at: prop::sample::Index,
            byte in 32u8..127,
        ) {
            let mut text = descriptor.to_string().into_bytes();
            prop_assume!(!text.is_empty());
            let at = at.index(text.len());
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            if read(&text).is_err() {
                let (_, position, found) = wrong(&text);
                prop_assert!(text[position..].starts_with(&found));
            }
        }
    }
}
