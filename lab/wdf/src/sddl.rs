//! Security descriptors from SDDL strings: what device objects are given
//! (learn.microsoft.com/windows-hardware/drivers/kernel/sddl-for-device-objects).
//!
//! The DACL is understood: its flags, allow and deny entries, rights by name or number, SIDs by
//! alias or in full. Owner, group and SACL are not, since a device object's string has none.

/// Bytes of the longest descriptor that is made.
pub const MAX_BYTES: usize = 1024;

/// Why a string is no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Something else was expected at this character.
    Unexpected(usize),
    /// The descriptor has more than [`MAX_BYTES`].
    TooLong,
}

/// Bytes of a self-relative SECURITY_DESCRIPTOR before its parts.
const HEADER: usize = 20;
/// Bytes of an ACL before its entries.
const ACL_HEADER: usize = 8;
const SE_DACL_PRESENT: u16 = 0x0004;
const SE_DACL_AUTO_INHERITED: u16 = 0x0400;
const SE_DACL_PROTECTED: u16 = 0x1000;
const SE_SELF_RELATIVE: u16 = 0x8000;

/// A self-relative security descriptor in a buffer.
pub struct Descriptor;

impl Descriptor {
    /// The descriptor that `text` stands for, in `buffer`.
    ///
    /// # Errors
    /// [`Error`]
    pub fn parse<'a>(text: &[u16], buffer: &'a mut [u8; MAX_BYTES]) -> Result<&'a [u8], Error> {
        let mut parser = Parser { text, at: 0 };
        parser.expect(b"D:")?;
        let control = parser.dacl_flags() | SE_DACL_PRESENT | SE_SELF_RELATIVE;
        let mut out = Writer { buffer, length: HEADER + ACL_HEADER };
        let mut entries: u16 = 0;
        while parser.take(b'(') {
            parser.entry(&mut out)?;
            entries += 1;
        }
        if parser.at != text.len() {
            return Err(Error::Unexpected(parser.at));
        }
        let length = out.length;
        let acl_length = u16::try_from(length - HEADER).map_err(|_| Error::TooLong)?;
        out.length = 0;
        out.put(&[1, 0])?;
        out.put(&control.to_le_bytes())?;
        for offset in [0, 0, 0, HEADER as u32] {
            out.put(&offset.to_le_bytes())?;
        }
        out.put(&[2, 0])?;
        out.put(&acl_length.to_le_bytes())?;
        out.put(&entries.to_le_bytes())?;
        out.put(&[0, 0])?;
        Ok(&buffer[..length])
    }
}

struct Writer<'a> {
    buffer: &'a mut [u8; MAX_BYTES],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let end = self.length + bytes.len();
        self.buffer.get_mut(self.length..end).ok_or(Error::TooLong)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }
}

/// Names and what they stand for.
type Names = [(&'static [u8; 2], u32)];

const ACE_FLAGS: &Names = &[(b"OI", 1), (b"CI", 2), (b"NP", 4), (b"IO", 8), (b"ID", 16)];

const RIGHTS: &Names = &[
    (b"GA", 0x1000_0000),
    (b"GX", 0x2000_0000),
    (b"GW", 0x4000_0000),
    (b"GR", 0x8000_0000),
    (b"SD", 0x0001_0000),
    (b"RC", 0x0002_0000),
    (b"WD", 0x0004_0000),
    (b"WO", 0x0008_0000),
    (b"FA", 0x001f_01ff),
    (b"FR", 0x0012_0089),
    (b"FW", 0x0012_0116),
    (b"FX", 0x0012_00a0),
];

/// An alias, the authority of its SID, and the sub-authorities.
type Alias = (&'static [u8; 2], u8, &'static [u32]);

const SIDS: &[Alias] = &[
    (b"WD", 1, &[0]),
    (b"AN", 5, &[7]),
    (b"AU", 5, &[11]),
    (b"IU", 5, &[4]),
    (b"NU", 5, &[2]),
    (b"SU", 5, &[6]),
    (b"RC", 5, &[12]),
    (b"SY", 5, &[18]),
    (b"LS", 5, &[19]),
    (b"NS", 5, &[20]),
    (b"BA", 5, &[32, 544]),
    (b"BU", 5, &[32, 545]),
    (b"BG", 5, &[32, 546]),
    (b"AC", 15, &[2, 1]),
];

/// Sub-authorities of the longest SID.
const MAX_SUB_AUTHORITIES: usize = 15;

struct Parser<'a> {
    text: &'a [u16],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u16> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(u16::from(byte));
        self.at += usize::from(found);
        found
    }

    fn take_name(&mut self, name: &[u8]) -> bool {
        let end = self.at + name.len();
        let found = self.text.get(self.at..end).is_some_and(|text| {
            text.iter().zip(name).all(|(&unit, &byte)| unit == u16::from(byte))
        });
        if found {
            self.at = end;
        }
        found
    }

    fn expect(&mut self, name: &[u8]) -> Result<(), Error> {
        if self.take_name(name) { Ok(()) } else { Err(Error::Unexpected(self.at)) }
    }

    fn dacl_flags(&mut self) -> u16 {
        let mut flags = 0;
        loop {
            if self.take(b'P') {
                flags |= SE_DACL_PROTECTED;
            } else if self.take_name(b"AI") {
                flags |= SE_DACL_AUTO_INHERITED;
            } else {
                return flags;
            }
        }
    }

    /// An entry behind its parenthesis: `type;flags;rights;object;inherited object;sid)`.
    fn entry(&mut self, out: &mut Writer<'_>) -> Result<(), Error> {
        let kind = match () {
            () if self.take(b'A') => 0,
            () if self.take(b'D') => 1,
            () => return Err(Error::Unexpected(self.at)),
        };
        self.expect(b";")?;
        let flags = self.names(ACE_FLAGS) as u8;
        self.expect(b";")?;
        let rights = self.rights()?;
        self.expect(b";;;")?;
        let start = out.length;
        out.put(&[kind, flags, 0, 0])?;
        out.put(&rights.to_le_bytes())?;
        self.sid(out)?;
        self.expect(b")")?;
        let bytes = u16::try_from(out.length - start).map_err(|_| Error::TooLong)?;
        out.buffer[start + 2..start + 4].copy_from_slice(&bytes.to_le_bytes());
        Ok(())
    }

    /// Any number of names, or-ed.
    fn names(&mut self, names: &Names) -> u32 {
        let mut value = 0;
        while let Some((_, bits)) = names.iter().find(|(name, _)| self.take_name(*name)) {
            value |= bits;
        }
        value
    }

    fn rights(&mut self) -> Result<u32, Error> {
        if self.take_name(b"0x") { self.number(16) } else { Ok(self.names(RIGHTS)) }
    }

    fn number(&mut self, radix: u32) -> Result<u32, Error> {
        let start = self.at;
        let mut value: u32 = 0;
        while let Some(digit) =
            self.peek().and_then(|unit| char::from_u32(unit.into())?.to_digit(radix))
        {
            value = value
                .checked_mul(radix)
                .and_then(|value| value.checked_add(digit))
                .ok_or(Error::Unexpected(self.at))?;
            self.at += 1;
        }
        if self.at > start { Ok(value) } else { Err(Error::Unexpected(self.at)) }
    }

    fn sid(&mut self, out: &mut Writer<'_>) -> Result<(), Error> {
        if let Some((_, authority, subs)) = SIDS.iter().find(|(name, ..)| self.take_name(*name)) {
            return put_sid(out, u32::from(*authority), subs);
        }
        self.expect(b"S-1-")?;
        let authority = self.number(10)?;
        let mut subs = [0; MAX_SUB_AUTHORITIES];
        let mut count = 0;
        while self.take(b'-') {
            *subs.get_mut(count).ok_or(Error::Unexpected(self.at))? = self.number(10)?;
            count += 1;
        }
        put_sid(out, authority, &subs[..count])
    }
}

fn put_sid(out: &mut Writer<'_>, authority: u32, subs: &[u32]) -> Result<(), Error> {
    out.put(&[1, subs.len() as u8, 0, 0])?;
    out.put(&authority.to_be_bytes())?;
    subs.iter().try_for_each(|sub| out.put(&sub.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<u8>, Error> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let mut buffer = [0; MAX_BYTES];
        Descriptor::parse(&units, &mut buffer).map(<[u8]>::to_vec)
    }

    #[test]
    fn system_and_administrators_come_out_as_documented() {
        let bytes = parse("D:P(A;;GA;;;SY)(A;;GA;;;BA)").unwrap();
        #[rustfmt::skip]
        assert_eq!(bytes, [
            1, 0, 0x04, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
            2, 0, 52, 0, 2, 0, 0, 0,
            0, 0, 20, 0, 0, 0, 0, 0x10, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
            0, 0, 24, 0, 0, 0, 0, 0x10, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
        ]);
    }

    #[test]
    fn an_empty_dacl_and_numbers_are_understood() {
        assert_eq!(parse("D:P").unwrap().len(), HEADER + ACL_HEADER);
        let by_number = parse("D:(D;OICI;0x10000000;;;S-1-5-32-544)").unwrap();
        assert_eq!(by_number[28..36], [1, 3, 24, 0, 0, 0, 0, 0x10]);
        let by_name = parse("D:(D;OICI;GA;;;BA)").unwrap();
        assert_eq!(by_number, by_name);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        assert_eq!(parse(""), Err(Error::Unexpected(0)));
        assert_eq!(parse("O:BAD:P"), Err(Error::Unexpected(0)));
        assert_eq!(parse("D:P(A;;GA;;;XX)"), Err(Error::Unexpected(12)));
        assert_eq!(parse("D:P(A;;GA;;;SY"), Err(Error::Unexpected(14)));
        assert_eq!(parse("D:P(X;;GA;;;SY)"), Err(Error::Unexpected(4)));
        assert_eq!(parse("D:P(A;;0x;;;SY)"), Err(Error::Unexpected(9)));
        assert_eq!(parse("D:P(A;;GA;;;SY) "), Err(Error::Unexpected(15)));
        let long = format!("D:{}", "(A;;GA;;;BA)".repeat(100));
        assert_eq!(parse(&long), Err(Error::TooLong));
    }
}
