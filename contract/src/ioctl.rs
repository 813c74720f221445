//! IOCTL codes.
//!
//! Layout of a code: device type (16 bits), required access (2), function (12), method (2)
//! (learn.microsoft.com/windows-hardware/drivers/kernel/defining-i-o-control-codes).

/// `FILE_DEVICE_UNKNOWN`: a device of no system-defined type.
pub const FILE_DEVICE_UNKNOWN: u32 = 0x22;

/// What a handle must have been opened for. The I/O manager checks it before the driver sees the
/// request and answers `STATUS_ACCESS_DENIED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `FILE_READ_ACCESS`
    Read = 1,
    /// `FILE_READ_ACCESS | FILE_WRITE_ACCESS`
    ReadWrite = 3,
}

/// Everything the driver can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Ioctl {
    /// In: nothing. Out: [`VersionReply`](crate::VersionReply).
    Version = code(0x800, Access::Read),
    /// In: nothing. Out: [`State`](crate::State).
    State = code(0x801, Access::Read),
    /// In: nothing. Out: [`Sections`](crate::Sections).
    Sections = code(0x802, Access::Read),
    /// In: [`residency::Request`](crate::residency::Request). Out:
    /// [`residency::Header`](crate::residency::Header), then one bit a page.
    Residency = code(0x803, Access::Read),
    /// In: [`PagingRequest`](crate::PagingRequest). Out: [`State`](crate::State), as it is after.
    SetPaging = code(0x804, Access::ReadWrite),
    /// In: [`LockRequest`](crate::LockRequest). Out: [`LockReply`](crate::LockReply).
    Lock = code(0x805, Access::ReadWrite),
    /// In: [`LockRequest`](crate::LockRequest). Out: [`LockReply`](crate::LockReply).
    Unlock = code(0x806, Access::ReadWrite),
    /// In: [`TouchRequest`](crate::TouchRequest). Out: [`TouchReply`](crate::TouchReply).
    Touch = code(0x807, Access::ReadWrite),
    /// In: [`BallastFill`](crate::BallastFill). Out: nothing.
    BallastFill = code(0x808, Access::ReadWrite),
    /// In: [`BallastRequest`](crate::BallastRequest). Out:
    /// [`BallastChecksum`](crate::BallastChecksum). Reading the ballast pages it in, hence the
    /// write access.
    BallastChecksum = code(0x809, Access::ReadWrite),
}

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, access)`.
const fn code(function: u32, access: Access) -> u32 {
    const METHOD_BUFFERED: u32 = 0;
    FILE_DEVICE_UNKNOWN << 16 | (access as u32) << 14 | function << 2 | METHOD_BUFFERED
}

impl Ioctl {
    /// Every code of the contract.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::State,
        Self::Sections,
        Self::Residency,
        Self::SetPaging,
        Self::Lock,
        Self::Unlock,
        Self::Touch,
        Self::BallastFill,
        Self::BallastChecksum,
    ];

    /// The 32-bit control code.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The request with this control code, if there is one.
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {
        let mut index = 0;
        while index < Self::ALL.len() {
            if Self::ALL[index].code() == code {
                return Some(Self::ALL[index]);
            }
            index += 1;
        }
        None
    }

    /// The access a handle needs.
    #[must_use]
    pub const fn access(self) -> Access {
        if self.code() >> 14 & 3 == Access::Read as u32 { Access::Read } else { Access::ReadWrite }
    }

    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "VERSION",
            Self::State => "STATE",
            Self::Sections => "SECTIONS",
            Self::Residency => "RESIDENCY",
            Self::SetPaging => "SET_PAGING",
            Self::Lock => "LOCK",
            Self::Unlock => "UNLOCK",
            Self::Touch => "TOUCH",
            Self::BallastFill => "BALLAST_FILL",
            Self::BallastChecksum => "BALLAST_CHECKSUM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_ctl_code_makes_of_them() {
        assert_eq!(Ioctl::Version.code(), 0x0022_6000);
        assert_eq!(Ioctl::SetPaging.code(), 0x0022_e010);
        assert_eq!(Ioctl::BallastChecksum.code(), 0x0022_e024);
    }

    #[test]
    fn codes_and_requests_map_both_ways() {
        for ioctl in Ioctl::ALL {
            assert_eq!(Ioctl::from_code(ioctl.code()), Some(ioctl));
        }
        assert_eq!(Ioctl::from_code(0x0022_2000), None);
    }

    #[test]
    fn only_what_disturbs_nothing_is_open_to_readers() {
        let readable = [Ioctl::Version, Ioctl::State, Ioctl::Sections, Ioctl::Residency];
        for ioctl in Ioctl::ALL {
            assert_eq!(
                ioctl.access() == Access::Read,
                readable.contains(&ioctl),
                "{}",
                ioctl.name()
            );
        }
    }
}
