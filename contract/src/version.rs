//! The handshake.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// The contract that this crate describes.
pub const CONTRACT: ContractVersion = ContractVersion { major: 1, minor: 0 };

/// A version of the contract. A new major breaks a client; a new minor only adds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ContractVersion {
    /// Incompatible revisions.
    pub major: u16,
    /// Additions.
    pub minor: u16,
}

impl ContractVersion {
    /// Whether a client built against `self` can talk to a driver that speaks `driver`: the same
    /// major, and a minor at least as new.
    #[must_use]
    pub const fn accepts(self, driver: Self) -> bool {
        self.major == driver.major && driver.minor >= self.minor
    }
}

/// Answer to [`Ioctl::Version`](crate::Ioctl::Version); the request is empty.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VersionReply {
    /// The contract that the driver speaks.
    pub contract: ContractVersion,
    /// KMDF version that the driver was built for, major then minor.
    pub kmdf: [u16; 2],
    /// Version of the driver: major, minor, patch, zero.
    pub driver: [u16; 4],
}

assert_layout!(VersionReply, size 16, contract @ 0, kmdf @ 4, driver @ 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_other_majors_and_older_minors() {
        let ours = ContractVersion { major: 2, minor: 3 };
        assert!(ours.accepts(ours));
        assert!(ours.accepts(ContractVersion { major: 2, minor: 9 }));
        assert!(!ours.accepts(ContractVersion { major: 2, minor: 2 }));
        assert!(!ours.accepts(ContractVersion { major: 3, minor: 3 }));
        assert!(!ours.accepts(ContractVersion { major: 1, minor: 9 }));
    }
}
