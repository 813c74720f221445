//! What a check may need of a machine besides the device, and who does not offer it, and why.

use super::Kind;

/// Something that not every machine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Orders to evict the pages of a driver's image.
    Evict,
    /// The true state and content of each page.
    Truth,
    /// The machine's own counts of faults and calls.
    Counters,
    /// Force IRQL checking, switched on and off at run time.
    ForceIrql,
    /// A `MmPageEntireDriver` that returns the base of the image.
    Base,
    /// The device, opened on behalf of somebody else.
    OtherUsers,
    /// Where images are in the kernel's address space.
    Addresses,
    /// More than one request at a time in a driver, so that some wait and can be cancelled.
    Queueing,
    /// Orders to the Plug and Play manager and the loader: pull out, rebalance, unload, fail.
    Orders,
    /// The device, removed and installed again.
    Replug,
    /// A removal in order under an open handle that changes nothing if it is refused.
    RemoveOpen,
    /// The system's own count of pageable driver pages.
    DriverPages,
    /// Pages that stay where they were put: that nobody else takes them out of memory all the time.
    /// A machine that offers everything can be set to do just that.
    Peace,
}

impl Need {
    /// What it is, after "needs".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evict => "orders to evict",
            Self::Truth => "the true page states",
            Self::Counters => "its own counters",
            Self::ForceIrql => "force IRQL checking",
            Self::Base => "the returned base",
            Self::OtherUsers => "to open the device as somebody else",
            Self::Addresses => "to know where images are",
            Self::Queueing => "requests that wait in the driver",
            Self::Orders => "orders to pull out, rebalance and unload",
            Self::Replug => "to remove the device and install it again",
            Self::RemoveOpen => "to remove the device under an open handle",
            Self::DriverPages => "the system's count of pageable driver pages",
            Self::Peace => "pages that stay where they were put",
        }
    }

    /// Why a kind of machine does not offer it; nothing where it does.
    #[must_use]
    pub const fn refused_by(self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Lab => None,
            Kind::Wine => self.refused_by_wine(),
            Kind::Windows => self.refused_by_windows(),
        }
    }

    const fn refused_by_wine(self) -> Option<&'static str> {
        Some(match self {
            Self::Evict => "Wine never pages a driver's image",
            Self::Truth => "Wine never pages a driver's image, and keeps no page states",
            Self::Counters => "Wine counts neither faults nor calls",
            Self::ForceIrql => "Wine does not model the IRQL",
            Self::Base => "Wine's MmPageEntireDriver answers its argument, whatever the base",
            Self::OtherUsers => "Wine does not ask who opens a device",
            Self::Addresses => "Wine's drivers live in a process of their own, at user addresses",
            Self::Queueing => "Wine hands a driver one request at a time",
            Self::Orders => "Wine's Plug and Play manager takes no such orders",
            Self::DriverPages => "Wine counts no driver pages: it always answers zero",
            Self::Replug | Self::RemoveOpen | Self::Peace => return None,
        })
    }

    const fn refused_by_windows(self) -> Option<&'static str> {
        Some(match self {
            Self::Evict => {
                "Windows documents no order to evict a driver's pages but Driver Verifier's force \
                 IRQL checking"
            }
            Self::Truth => "Windows documents no way to the true state of a driver's page",
            Self::Counters => "Windows does not count by driver",
            Self::ForceIrql => {
                "on Windows that is Driver Verifier's, set before the system starts: run `verify` \
                 once more with it on"
            }
            Self::Addresses => "this program does not ask Windows where images are",
            Self::Orders => "Windows offers no such orders to programs",
            Self::RemoveOpen => "Windows refuses it and then removes the device when it restarts",
            Self::Base
            | Self::OtherUsers
            | Self::Queueing
            | Self::Replug
            | Self::DriverPages
            | Self::Peace => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_offers_everything_and_wine_no_paging() {
        assert_eq!(Need::Evict.refused_by(Kind::Lab), None);
        for need in [Need::Evict, Need::Truth, Need::ForceIrql, Need::Base, Need::Queueing] {
            assert!(need.refused_by(Kind::Wine).is_some_and(|reason| reason.contains("Wine")));
        }
        assert_eq!(Need::Base.refused_by(Kind::Windows), None);
    }
}
