//! Security descriptors.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/security-descriptors.

use std::fmt;

use pagewise_lab_nt as nt;

use super::{Ace, Sid};

/// The control bits that SDDL writes between `D:` and the entries.
pub(super) const DACL_CONTROL: [(&str, u16); 3] = [
    ("P", nt::SE_DACL_PROTECTED as u16),
    ("AR", nt::SE_DACL_AUTO_INHERIT_REQ as u16),
    ("AI", nt::SE_DACL_AUTO_INHERITED as u16),
];

/// How SDDL writes an ACL that is null.
pub(super) const NULL_ACL: &str = "NO_ACCESS_CONTROL";

/// The size of an ACL is sixteen bits, and a multiple of four.
pub(super) const MOST_ACL_BYTES: usize = 0xfffc;

/// Bytes before the first entry of an ACL.
pub(super) const ACL_HEAD: usize = 8;

/// A discretionary ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dacl {
    /// Bits of [`DACL_CONTROL`].
    pub(super) control: u16,
    /// Of no more than [`MOST_ACL_BYTES`] in all; `None` is a null ACL.
    pub(super) entries: Option<Vec<Ace>>,
}

impl Dacl {
    /// Whether it takes over no entries from a parent (`SE_DACL_PROTECTED`).
    #[must_use]
    pub fn is_protected(&self) -> bool {
        u32::from(self.control) & nt::SE_DACL_PROTECTED != 0
    }

    /// The entries in their order. A null ACL has none, and allows everything; one without entries
    /// denies everything.
    #[must_use]
    pub fn entries(&self) -> Option<&[Ace]> {
        self.entries.as_deref()
    }
}

/// A security descriptor, less its system ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    pub(super) owner: Option<Sid>,
    pub(super) group: Option<Sid>,
    pub(super) dacl: Option<Dacl>,
}

impl Descriptor {
    /// Who owns the object.
    #[must_use]
    pub fn owner(&self) -> Option<&Sid> {
        self.owner.as_ref()
    }

    /// Its primary group.
    #[must_use]
    pub fn group(&self) -> Option<&Sid> {
        self.group.as_ref()
    }

    /// Its discretionary ACL. An absent one allows everything, as a null one does.
    #[must_use]
    pub fn dacl(&self) -> Option<&Dacl> {
        self.dacl.as_ref()
    }
}

/// SDDL.
impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, sid) in [("O:", &self.owner), ("G:", &self.group)] {
            if let Some(sid) = sid {
                write!(f, "{part}{sid}")?;
            }
        }
        let Some(dacl) = &self.dacl else { return Ok(()) };
        f.write_str("D:")?;
        for (code, _) in DACL_CONTROL.iter().filter(|(_, bit)| dacl.control & bit != 0) {
            f.write_str(code)?;
        }
        match &dacl.entries {
            Some(entries) => entries.iter().try_for_each(|entry| write!(f, "{entry}")),
            None => f.write_str(NULL_ACL),
        }
    }
}
