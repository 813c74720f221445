//! The contract as a judge: which requests the driver has to refuse, with what, and what the others
//! change. Lengths are judged before values, values before state; within one of the three the
//! driver may look at things in any order.

use pagewise_contract::{
    BallastFill, BallastRegion, BallastRequest, Ioctl, LockRequest, MAX_LOCKS, PagingAction,
    PagingRequest, Policy, Section, SectionKind, Sections, State, TouchKind, TouchRequest,
    VersionReply, residency,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::status::NtStatus;

/// What the driver has to be in after the requests so far.
#[derive(Clone, Debug)]
pub struct Oracle {
    pages: u32,
    sections: Vec<Section>,
    /// The policy.
    pub policy: Policy,
    /// Locks, one a section.
    pub locks: Vec<u32>,
    /// Seed of the last fill, one a region; 0 at first.
    pub seeds: [u64; 6],
}

/// What is wrong with a request, by the order in which the driver judges.
#[derive(Default)]
struct Objections {
    lengths: Vec<NtStatus>,
    values: Vec<NtStatus>,
    state: Vec<NtStatus>,
}

impl Oracle {
    /// For an image of so many pages with these sections, paged entire, without locks, its ballast
    /// as linked.
    pub fn new(pages: u32, sections: &[Section]) -> Self {
        Self {
            pages,
            sections: sections.to_vec(),
            policy: Policy::PagedEntire,
            locks: vec![0; sections.len()],
            seeds: [0; 6],
        }
    }

    /// Pages of the image.
    #[cfg(test)]
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// What the driver may refuse the request with; nothing if it has to accept it.
    pub fn objections(&self, code: u32, input: &[u8], capacity: u32) -> Vec<NtStatus> {
        let Some(ioctl) = Ioctl::from_code(code) else {
            return vec![NtStatus::INVALID_DEVICE_REQUEST];
        };
        let (wanted, room) = lengths(ioctl);
        let mut found = Objections::default();
        if input.len() < wanted {
            found.lengths.push(NtStatus::BUFFER_TOO_SMALL);
        }
        if input.len() > wanted {
            found.lengths.push(NtStatus::INVALID_BUFFER_SIZE);
        }
        if (capacity as usize) < room {
            found.lengths.push(NtStatus::BUFFER_TOO_SMALL);
        }
        if found.lengths.is_empty() {
            self.judge(ioctl, input, capacity, &mut found);
        }
        [found.lengths, found.values, found.state]
            .into_iter()
            .find(|objections| !objections.is_empty())
            .unwrap_or_default()
    }

    fn judge(&self, ioctl: Ioctl, input: &[u8], capacity: u32, found: &mut Objections) {
        match ioctl {
            Ioctl::Version | Ioctl::State | Ioctl::Sections => {}
            Ioctl::Residency => {
                let request: residency::Request = of(input);
                if !self.has_pages(request.first_page, request.pages) {
                    found.values.push(NtStatus::INVALID_PARAMETER);
                }
                // How much room the answer needs follows from a value.
                if (capacity as usize) < residency::reply_bytes(request.pages) {
                    found.values.push(NtStatus::BUFFER_TOO_SMALL);
                }
            }
            Ioctl::SetPaging => self.judge_paging(of(input), found),
            Ioctl::Lock | Ioctl::Unlock => self.judge_lock(ioctl, of(input), found),
            Ioctl::Touch => self.judge_touch(of(input), found),
            Ioctl::BallastFill => {
                let request: BallastFill = of(input);
                match BallastRegion::from_u32(request.region) {
                    None => found.values.push(NtStatus::INVALID_PARAMETER),
                    Some(region) if !region.is_writable() => {
                        found.values.push(NtStatus::NOT_SUPPORTED);
                    }
                    Some(_) => {}
                }
                if request.reserved != 0 {
                    found.values.push(NtStatus::INVALID_PARAMETER);
                }
            }
            Ioctl::BallastChecksum => {
                let request: BallastRequest = of(input);
                if BallastRegion::from_u32(request.region).is_none() {
                    found.values.push(NtStatus::INVALID_PARAMETER);
                }
            }
        }
    }

    fn judge_paging(&self, request: PagingRequest, found: &mut Objections) {
        match PagingAction::from_u32(request.action) {
            None => found.values.push(NtStatus::INVALID_PARAMETER),
            Some(PagingAction::PageEntire) if self.locks.iter().any(|&locks| locks > 0) => {
                found.state.push(NtStatus::INVALID_DEVICE_STATE);
            }
            Some(_) => {}
        }
    }

    fn judge_lock(&self, ioctl: Ioctl, request: LockRequest, found: &mut Objections) {
        let index = request.section as usize;
        let (Some(section), Some(&locks)) = (self.sections.get(index), self.locks.get(index))
        else {
            found.values.push(NtStatus::INVALID_PARAMETER);
            return;
        };
        if section.kind() != Some(SectionKind::Pageable) {
            found.values.push(NtStatus::NOT_SUPPORTED);
        }
        if self.policy == Policy::PagedEntire {
            found.state.push(NtStatus::INVALID_DEVICE_STATE);
        } else if ioctl == Ioctl::Lock && locks >= MAX_LOCKS {
            found.state.push(NtStatus::QUOTA_EXCEEDED);
        } else if ioctl == Ioctl::Unlock && locks == 0 {
            found.state.push(NtStatus::NOT_LOCKED);
        }
    }

    fn judge_touch(&self, request: TouchRequest, found: &mut Objections) {
        let kind = TouchKind::from_u32(request.kind);
        if kind.is_none() {
            found.values.push(NtStatus::INVALID_PARAMETER);
        }
        if !self.has_pages(request.first_page, request.pages) {
            found.values.push(NtStatus::INVALID_PARAMETER);
            return;
        }
        let end = request.first_page + request.pages;
        let touched = self.sections.iter().filter(|section| {
            section.first_page < end
                && request.first_page < section.first_page.saturating_add(section.pages)
        });
        for section in touched {
            let is_code_ballast = BallastRegion::ALL
                .iter()
                .any(|region| region.is_code() && region.section_name() == section.name());
            let may = section.kind() != Some(SectionKind::Discardable)
                && match kind {
                    Some(TouchKind::Write) => section.characteristics & Section::WRITE != 0,
                    Some(TouchKind::Execute) => is_code_ballast,
                    Some(TouchKind::Read) | None => true,
                };
            if !may {
                found.values.push(NtStatus::NOT_SUPPORTED);
            }
        }
    }

    fn has_pages(&self, first: u32, pages: u32) -> bool {
        pages > 0 && first.checked_add(pages).is_some_and(|end| end <= self.pages)
    }

    /// Takes note of a request that the driver has accepted.
    pub fn accepted(&mut self, code: u32, input: &[u8]) {
        match Ioctl::from_code(code) {
            Some(Ioctl::SetPaging) => {
                let request: PagingRequest = of(input);
                self.policy = match PagingAction::from_u32(request.action) {
                    Some(PagingAction::PageEntire) => Policy::PagedEntire,
                    Some(PagingAction::Reset) => Policy::AsLinked,
                    None => self.policy,
                };
            }
            Some(Ioctl::Lock) => self.change_lock(input, 1),
            Some(Ioctl::Unlock) => self.change_lock(input, -1),
            Some(Ioctl::BallastFill) => {
                let request: BallastFill = of(input);
                if let Some(seed) = self.seeds.get_mut(request.region as usize) {
                    *seed = request.seed;
                }
            }
            _ => {}
        }
    }

    fn change_lock(&mut self, input: &[u8], by: i32) {
        let request: LockRequest = of(input);
        if let Some(locks) = self.locks.get_mut(request.section as usize) {
            *locks = locks.saturating_add_signed(by);
        }
    }
}

/// Bytes of input, and room for output that any request of the kind needs.
pub const fn lengths(ioctl: Ioctl) -> (usize, usize) {
    match ioctl {
        Ioctl::Version => (0, size_of::<VersionReply>()),
        Ioctl::State => (0, size_of::<State>()),
        Ioctl::Sections => (0, size_of::<Sections>()),
        Ioctl::Residency => (size_of::<residency::Request>(), size_of::<residency::Header>()),
        Ioctl::SetPaging => (size_of::<PagingRequest>(), size_of::<State>()),
        Ioctl::Lock | Ioctl::Unlock => {
            (size_of::<LockRequest>(), size_of::<pagewise_contract::LockReply>())
        }
        Ioctl::Touch => (size_of::<TouchRequest>(), size_of::<pagewise_contract::TouchReply>()),
        Ioctl::BallastFill => (size_of::<BallastFill>(), 0),
        Ioctl::BallastChecksum => {
            (size_of::<BallastRequest>(), size_of::<pagewise_contract::BallastChecksum>())
        }
    }
}

/// The structure that begins an input whose length was judged before.
fn of<T: FromBytes + KnownLayout + Immutable>(input: &[u8]) -> T {
    T::read_from_prefix(input).map_or_else(|_| T::new_zeroed(), |(value, _)| value)
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;
    use crate::map::sample;

    fn oracle() -> Oracle {
        let snapshot = sample::paged_entire();
        Oracle::new(snapshot.state.pages, &snapshot.sections)
    }

    fn touch(first_page: u32, pages: u32, kind: u32) -> Vec<NtStatus> {
        let request = TouchRequest { first_page, pages, kind };
        oracle().objections(Ioctl::Touch.code(), request.as_bytes(), 16)
    }

    #[test]
    fn lengths_come_before_values_and_values_before_state() {
        let mut oracle = oracle();
        let lock = Ioctl::Lock.code();
        let pageable = 10u32.to_le_bytes();
        assert_eq!(oracle.objections(lock, &[9; 3], 8), [NtStatus::BUFFER_TOO_SMALL]);
        assert_eq!(oracle.objections(lock, &[9; 4], 8), [NtStatus::INVALID_PARAMETER]);
        assert_eq!(oracle.objections(lock, &pageable, 8), [NtStatus::INVALID_DEVICE_STATE]);
        oracle.accepted(Ioctl::SetPaging.code(), &2u32.to_le_bytes());
        assert!(oracle.objections(lock, &pageable, 8).is_empty());
        oracle.accepted(lock, &pageable);
        assert_eq!(oracle.locks[10], 1);
        let page = Ioctl::SetPaging.code();
        let refused = oracle.objections(page, &1u32.to_le_bytes(), 40);
        assert_eq!(refused, [NtStatus::INVALID_DEVICE_STATE]);
    }

    #[test]
    fn ranges_do_not_wrap_around() {
        assert_eq!(touch(1, u32::MAX, 1), [NtStatus::INVALID_PARAMETER]);
        assert_eq!(touch(u32::MAX, 1, 1), [NtStatus::INVALID_PARAMETER]);
        assert_eq!(touch(0, 0, 1), [NtStatus::INVALID_PARAMETER]);
        assert!(touch(0, 1, 1).is_empty());
    }

    #[test]
    fn only_code_ballast_runs() {
        let code = sample::paged_entire().sections[4].first_page;
        assert!(touch(code, 4, TouchKind::Execute as u32).is_empty());
        assert_eq!(touch(code, 5, TouchKind::Execute as u32), [NtStatus::NOT_SUPPORTED]);
    }
}
