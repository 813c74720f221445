//! Security descriptors in their binary form, self-relative.
//!
//! Pages: learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_security_descriptor,
//! .../ns-wdm-_acl, .../ns-ntifs-_ace_header; the numbers are in MS-DTYP 2.4.6, 2.4.5 and 2.4.4.

use std::ptr;

use pagewise_lab_nt as nt;

use super::ace::{ALL_FLAGS, Ace, AceKind};
use super::descriptor::{ACL_HEAD, DACL_CONTROL, Dacl, MOST_ACL_BYTES};
use super::{Descriptor, Sid};

/// Bytes before the parts.
const HEAD: usize = 20;

/// No part begins beyond this: the header, two SIDs and two ACLs need less, gaps and all.
const MOST_OFFSET: usize = 0x4_0000;

const REVISION: u8 = 1;

/// Revisions of ACLs: without and with entries for directory objects.
const ACL_REVISIONS: [u8; 2] = [2, 4];

const DACL_PRESENT: u16 = nt::SE_DACL_PRESENT as u16;

/// `SE_SELF_RELATIVE`
const SELF_RELATIVE: u16 = 0x8000;

/// Where the header has the offsets of its parts.
const OWNER: usize = 4;
const GROUP: usize = 8;
const DACL: usize = 16;

/// What is wrong with a binary security descriptor. Offsets count bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// It ends before a part of it does.
    #[error(
        "reading a security descriptor: {needed} bytes at offset {offset:#x} reach beyond its \
         {length} bytes"
    )]
    Short {
        /// Where the part begins.
        offset: usize,
        /// How many bytes the part has.
        needed: usize,
        /// How many bytes there are in all.
        length: usize,
    },
    /// Another revision than 1.
    #[error("reading a security descriptor: revision {revision}, and only 1 is known")]
    Revision {
        /// Its first byte.
        revision: u8,
    },
    /// It has pointers where offsets are expected.
    #[error(
        "reading a security descriptor: control {control:#06x} lacks SE_SELF_RELATIVE; convert it \
         first (RtlAbsoluteToSelfRelativeSD)"
    )]
    Absolute {
        /// Its control bits.
        control: u16,
    },
    /// No SID where one is expected.
    #[error(
        "reading a security descriptor: no SID at offset {offset:#x}: revision {revision} with \
         {sub_authorities} sub-authorities, expected 1 with at most 15"
    )]
    Sid {
        /// Where it begins.
        offset: usize,
        /// Its first byte.
        revision: u8,
        /// Its second byte.
        sub_authorities: u8,
    },
    /// No ACL where one is expected.
    #[error(
        "reading a security descriptor: no ACL at offset {offset:#x}: revision {revision} with \
         {bytes} bytes, expected 2 or 4 with 8 at least and a multiple of 4"
    )]
    Acl {
        /// Where it begins.
        offset: usize,
        /// Its first byte.
        revision: u8,
        /// Its size.
        bytes: u16,
    },
    /// An entry that neither allows nor denies.
    #[error(
        "reading a security descriptor: the entry at offset {offset:#x} is of type {kind}; 0 \
         (allow) and 1 (deny) are modelled"
    )]
    Type {
        /// Where the entry begins.
        offset: usize,
        /// Its first byte.
        kind: u8,
    },
    /// An entry whose size does not fit what is in it, or its ACL.
    #[error(
        "reading a security descriptor: the entry at offset {offset:#x} has a size of {bytes} \
         bytes; it needs {needed} and its ACL has {left} left"
    )]
    Entry {
        /// Where it begins.
        offset: usize,
        /// Its size.
        bytes: u16,
        /// How many bytes its fields take.
        needed: usize,
        /// How many bytes are left in the ACL.
        left: usize,
    },
}

impl Descriptor {
    /// The binary form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        let mut control = SELF_RELATIVE;
        for (field, sid) in [(OWNER, &self.owner), (GROUP, &self.group)] {
            if let Some(sid) = sid {
                put_offset(&mut bytes, field);
                sid.write(&mut bytes);
            }
        }
        if let Some(dacl) = &self.dacl {
            control |= DACL_PRESENT | dacl.control;
            if let Some(entries) = &dacl.entries {
                put_offset(&mut bytes, DACL);
                write_acl(entries, &mut bytes);
            }
        }
        bytes[0] = REVISION;
        bytes[2..4].copy_from_slice(&control.to_le_bytes());
        bytes
    }

    /// Reads the binary form. A system ACL is left out.
    ///
    /// # Errors
    /// [`BinaryError`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BinaryError> {
        let head = Bytes(bytes).part(0, HEAD)?;
        let Head { control, owner, group, dacl, .. } = Head::read(head)?;
        let sid = |offset: Option<usize>| {
            offset.map(|offset| Bytes(bytes).sid(offset, usize::MAX)).transpose()
        };
        let entries = dacl.map(|offset| Bytes(bytes).acl(offset)).transpose()?;
        let kept = DACL_CONTROL.iter().fold(0, |kept, (_, bit)| kept | bit) & control;
        let dacl = (control & DACL_PRESENT != 0).then_some(Dacl { control: kept, entries });
        Ok(Self { owner: sid(owner)?, group: sid(group)?, dacl })
    }

    /// Reads the binary form from a driver's memory, of which it says itself how long it is. The
    /// memory is copied first, so that it may be paged in and nobody changes it meanwhile.
    ///
    /// # Errors
    /// [`BinaryError`]; a null pointer is too short.
    ///
    /// # IRQL
    /// <= `APC_LEVEL`, since descriptors are mostly pageable.
    ///
    /// # Safety
    /// `descriptor` is null or points to a self-relative security descriptor.
    pub unsafe fn from_pointer(descriptor: *const u8) -> Result<Self, BinaryError> {
        if descriptor.is_null() {
            return Err(BinaryError::Short { offset: 0, needed: HEAD, length: 0 });
        }
        // SAFETY: the caller vouches for it, and each descriptor has a header.
        let head: [u8; HEAD] = unsafe { descriptor.cast::<[u8; HEAD]>().read_unaligned() };
        let head = Head::read(&head)?;
        let mut length = HEAD;
        for (offset, is_acl) in [(head.owner, false), (head.group, false), (head.dacl, true)] {
            let Some(offset) = offset else { continue };
            if offset > MOST_OFFSET {
                return Err(BinaryError::Short { offset, needed: 2, length: MOST_OFFSET });
            }
            let start = descriptor.wrapping_add(offset).cast::<[u8; 4]>();
            // SAFETY: the caller vouches for the parts that the header names, and each has four
            // bytes.
            let start = unsafe { start.read_unaligned() };
            let size = if is_acl { acl_size(offset, start)? } else { sid_size(offset, start)? };
            length = length.max(offset + size);
        }
        let mut bytes = vec![0; length];
        // SAFETY: the caller vouches for the parts, and this is up to the end of the last one; what
        // is between them is of the same descriptor.
        unsafe { ptr::copy_nonoverlapping(descriptor, bytes.as_mut_ptr(), length) };
        Self::from_bytes(&bytes)
    }
}

/// The header, with no offset where there is no part.
struct Head {
    control: u16,
    owner: Option<usize>,
    group: Option<usize>,
    dacl: Option<usize>,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, BinaryError> {
        if bytes[0] != REVISION {
            return Err(BinaryError::Revision { revision: bytes[0] });
        }
        let control = u16_at(bytes, 2);
        if control & SELF_RELATIVE == 0 {
            return Err(BinaryError::Absolute { control });
        }
        let part = |field: usize| Some(u32_at(bytes, field) as usize).filter(|&offset| offset != 0);
        let dacl = part(DACL).filter(|_| control & DACL_PRESENT != 0);
        Ok(Self { control, owner: part(OWNER), group: part(GROUP), dacl })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// The part that is appended next is the one whose offset is at `field`.
fn put_offset(bytes: &mut [u8], field: usize) {
    let offset = bytes.len() as u32;
    bytes[field..field + 4].copy_from_slice(&offset.to_le_bytes());
}

fn write_acl(entries: &[Ace], bytes: &mut Vec<u8>) {
    let size = ACL_HEAD + entries.iter().map(Ace::size).sum::<usize>();
    // What a descriptor is made from has been held to this.
    debug_assert!(size <= MOST_ACL_BYTES);
    bytes.extend_from_slice(&[ACL_REVISIONS[0], 0]);
    bytes.extend_from_slice(&(size as u16).to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    for entry in entries {
        let kind = match entry.kind {
            AceKind::Allow => 0,
            AceKind::Deny => 1,
        };
        bytes.extend_from_slice(&[kind, entry.flags]);
        bytes.extend_from_slice(&(entry.size() as u16).to_le_bytes());
        bytes.extend_from_slice(&entry.mask.to_le_bytes());
        entry.sid.write(bytes);
    }
}

/// Bytes of the SID at `offset` that begins with `start`.
fn sid_size(offset: usize, start: [u8; 4]) -> Result<usize, BinaryError> {
    let [revision, sub_authorities, ..] = start;
    Sid::size_from([revision, sub_authorities]).ok_or(BinaryError::Sid {
        offset,
        revision,
        sub_authorities,
    })
}

/// Bytes of the ACL at `offset` that begins with `start`.
fn acl_size(offset: usize, start: [u8; 4]) -> Result<usize, BinaryError> {
    let (revision, bytes) = (start[0], u16_at(&start, 2));
    let size = usize::from(bytes);
    let sound = ACL_REVISIONS.contains(&revision) && size >= ACL_HEAD && size % 4 == 0;
    sound.then_some(size).ok_or(BinaryError::Acl { offset, revision, bytes })
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn part(&self, offset: usize, needed: usize) -> Result<&'a [u8], BinaryError> {
        let end = offset.checked_add(needed);
        let part = end.and_then(|end| self.0.get(offset..end));
        part.ok_or(BinaryError::Short { offset, needed, length: self.0.len() })
    }

    fn start(&self, offset: usize) -> Result<[u8; 4], BinaryError> {
        let part = self.part(offset, 4)?;
        Ok([part[0], part[1], part[2], part[3]])
    }

    /// The SID at `offset`, where `room` bytes belong to it at the most.
    fn sid(&self, offset: usize, room: usize) -> Result<Sid, BinaryError> {
        let start = self.start(offset)?;
        let size = sid_size(offset, start)?;
        let [revision, sub_authorities, ..] = start;
        let part = self.part(offset, size)?;
        Sid::from_start(&part[..size.min(room)]).ok_or(BinaryError::Sid {
            offset,
            revision,
            sub_authorities,
        })
    }

    fn acl(&self, offset: usize) -> Result<Vec<Ace>, BinaryError> {
        let size = acl_size(offset, self.start(offset)?)?;
        let acl = self.part(offset, size)?;
        let count = u16_at(acl, 4);
        let mut entries = Vec::new();
        let mut at = ACL_HEAD;
        for _ in 0..count {
            let (entry, size) = self.entry(offset + at, acl.len() - at)?;
            entries.push(entry);
            at += size;
        }
        Ok(entries)
    }

    /// The entry at `offset`, and its size, which is within the `left` bytes of its ACL.
    fn entry(&self, offset: usize, left: usize) -> Result<(Ace, usize), BinaryError> {
        /// Header and mask, and the least SID.
        const LEAST: usize = 16;
        let wrong = |bytes, needed| BinaryError::Entry { offset, bytes, needed, left };
        if left < LEAST {
            return Err(wrong(0, LEAST));
        }
        let head = self.part(offset, 8)?;
        let (kind, flags, bytes) = (head[0], head[1] & ALL_FLAGS, u16_at(head, 2));
        let kind = match kind {
            0 => AceKind::Allow,
            1 => AceKind::Deny,
            kind => return Err(BinaryError::Type { offset, kind }),
        };
        let size = usize::from(bytes);
        let needed = 8 + sid_size(offset + 8, self.start(offset + 8)?)?;
        if size < needed || size > left || size % 4 != 0 {
            return Err(wrong(bytes, needed));
        }
        let sid = self.sid(offset + 8, size - 8)?;
        Ok((Ace { kind, flags, mask: u32_at(head, 4), sid }, size))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::strategy;
    use super::*;

    /// `D:P(A;;GA;;;SY)` as MS-DTYP lays it out.
    const SYSTEM_ALL: [u8; 48] = [
        1, 0, 0x04, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, // header
        2, 0, 28, 0, 1, 0, 0, 0, // ACL
        0, 0, 20, 0, 0, 0, 0, 0x10, // entry
        1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // S-1-5-18
    ];

    fn with(changes: &[(usize, u8)]) -> Result<Descriptor, BinaryError> {
        let mut bytes = SYSTEM_ALL;
        for &(at, byte) in changes {
            bytes[at] = byte;
        }
        Descriptor::from_bytes(&bytes)
    }

    #[test]
    fn the_layout_is_as_published() {
        let descriptor = Descriptor::from_sddl("D:P(A;;GA;;;SY)").unwrap();
        assert_eq!(descriptor.to_bytes(), SYSTEM_ALL);
        assert_eq!(with(&[]), Ok(descriptor));
    }

    #[test]
    fn no_dacl_a_null_one_and_an_empty_one_differ() {
        assert_eq!(with(&[(2, 0)]).unwrap().dacl(), None);
        assert_eq!(with(&[(16, 0)]).unwrap().dacl().unwrap().entries(), None);
        assert_eq!(with(&[(24, 0)]).unwrap().dacl().unwrap().entries(), Some([].as_slice()));
    }

    #[test]
    fn errors_hold_what_is_wrong_and_where() {
        for (change, error) in [
            ((0, 2), BinaryError::Revision { revision: 2 }),
            ((3, 0x10), BinaryError::Absolute { control: 0x1004 }),
            ((16, 47), BinaryError::Short { offset: 47, needed: 4, length: 48 }),
            ((20, 3), BinaryError::Acl { offset: 20, revision: 3, bytes: 28 }),
            ((22, 4), BinaryError::Acl { offset: 20, revision: 2, bytes: 4 }),
            ((22, 32), BinaryError::Short { offset: 20, needed: 32, length: 48 }),
            ((22, 24), BinaryError::Entry { offset: 28, bytes: 20, needed: 20, left: 16 }),
            ((24, 2), BinaryError::Entry { offset: 48, bytes: 0, needed: 16, left: 0 }),
            ((28, 5), BinaryError::Type { offset: 28, kind: 5 }),
            ((30, 24), BinaryError::Entry { offset: 28, bytes: 24, needed: 20, left: 20 }),
            ((30, 16), BinaryError::Entry { offset: 28, bytes: 16, needed: 20, left: 20 }),
            ((37, 2), BinaryError::Entry { offset: 28, bytes: 20, needed: 24, left: 20 }),
            ((37, 16), BinaryError::Sid { offset: 36, revision: 1, sub_authorities: 16 }),
            ((4, 46), BinaryError::Short { offset: 46, needed: 4, length: 48 }),
        ] {
            assert_eq!(with(&[change]), Err(error), "byte {} is {}", change.0, change.1);
        }
        let null = BinaryError::Short { offset: 0, needed: 20, length: 0 };
        // SAFETY: null is allowed.
        assert_eq!(unsafe { Descriptor::from_pointer(ptr::null()) }, Err(null));
    }

    proptest! {
        #[test]
        fn bytes_round_trip(descriptor in strategy::descriptor()) {
            let bytes = descriptor.to_bytes();
            prop_assert_eq!(Descriptor::from_bytes(&bytes), Ok(descriptor.clone()));
            // SAFETY: they are a self-relative descriptor.
            prop_assert_eq!(unsafe { Descriptor::from_pointer(bytes.as_ptr()) }, Ok(descriptor));
        }

        #[test]
        fn no_byte_is_superfluous(descriptor in strategy::descriptor(), at: prop::sample::Index) {
            let bytes = descriptor.to_bytes();
            prop_assert!(Descriptor::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            let _ = Descriptor::from_bytes(&bytes);
            // Past the first checks.
            if bytes.len() > 3 {
                bytes[0] = REVISION;
                bytes[3] |= 0x80;
                let _ = Descriptor::from_bytes(&bytes);
            }
        }

        #[test]
        fn changed_bytes_are_read_or_refused(
            descriptor in strategy::descriptor(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = descriptor.to_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            // What is read has a binary form of its own, which is read as the same.
            if let Ok(read) = Descriptor::from_bytes(&bytes) {
                prop_assert_eq!(Descriptor::from_bytes(&read.to_bytes()), Ok(read));
            }
        }
    }
}
