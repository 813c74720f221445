//! A model of the driver: it judges by the contract's rules and answers from the model memory.

use pagewise_contract::{
    BallastChecksum, BallastFill, BallastRegion, CONTRACT, ContractVersion, Ioctl, LockReply,
    LockRequest, PAGE_SIZE, PagingAction, PagingRequest, Policy, Returned, Sections, State,
    TouchKind, TouchReply, TouchRequest, VersionReply, filled_byte, fnv1a, residency,
};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::Lie;
use super::memory::{BASE, Memory};
use crate::pages::Pages;
use crate::status::NtStatus;
use crate::verify::oracle::{Oracle, lengths};

/// The driver's own state; its image is in [`Memory`].
pub(super) struct Driver {
    lie: Lie,
    pub(super) oracle: Oracle,
    pub(super) page_calls: u64,
    pub(super) reset_calls: u64,
}

impl Driver {
    /// `DriverEntry`
    pub(super) fn load(memory: &mut Memory) -> Self {
        let oracle = Oracle::new(memory.page_count(), &memory.sections);
        let mut driver = Self { lie: memory.lie, oracle, page_calls: 0, reset_calls: 0 };
        driver.page(memory);
        driver
    }

    pub(super) fn page(&mut self, memory: &mut Memory) {
        self.page_calls += if self.lie == Lie::CountsTwice { 2 } else { 1 };
        if self.lie == Lie::CountsBackwards && self.page_calls.is_multiple_of(16) {
            self.page_calls -= 8;
        }
        self.oracle.policy = Policy::PagedEntire;
        memory.page_entire();
    }

    pub(super) fn reset(&mut self, memory: &mut Memory) {
        self.reset_calls += 1;
        self.oracle.policy = Policy::AsLinked;
        memory.reset();
    }

    pub(super) fn unlock_all(&mut self, memory: &mut Memory) {
        if self.lie == Lie::KeepsLocks {
            return;
        }
        for (section, locks) in (0..).zip(&mut self.oracle.locks) {
            (0..std::mem::take(locks)).for_each(|_| memory.lock(section, -1));
        }
    }

    pub(super) fn ioctl(
        &mut self,
        memory: &mut Memory,
        code: u32,
        input: &[u8],
        capacity: u32,
    ) -> Result<Vec<u8>, NtStatus> {
        // The driver runs from these.
        [1, 2, memory.range_of(BallastRegion::PageableCode).first as usize - 1]
            .into_iter()
            .for_each(|page| memory.reference(page));
        let objections = self.oracle.objections(code, input, capacity);
        if let Some(status) = objections.into_iter().find(|status| self.heeds(*status, code, input))
        {
            self.page_calls += u64::from(self.lie == Lie::ChangesOnFailure);
            let other = self.lie == Lie::OtherStatus && status == NtStatus::NOT_SUPPORTED;
            return Err(if other { NtStatus::INVALID_PARAMETER } else { status });
        }
        let Some(ioctl) = Ioctl::from_code(code) else { return Ok(Vec::new()) };
        self.oracle.accepted(code, input);
        let mut reply = self.answer(memory, ioctl, input);
        match self.lie {
            Lie::PadsAnswers => reply.resize(reply.len().max(capacity as usize), 0),
            Lie::AcceptsNoRoom => reply.truncate(capacity as usize),
            Lie::LeaksBase if ioctl == Ioctl::Touch => {
                reply[8..16].copy_from_slice((BASE + 0x10).as_bytes());
            }
            _ => {}
        }
        Ok(reply)
    }

    /// Whether it refuses what it has to.
    fn heeds(&self, status: NtStatus, code: u32, input: &[u8]) -> bool {
        let wanted = Ioctl::from_code(code).map_or(0, |ioctl| lengths(ioctl).0);
        match self.lie {
            Lie::AcceptsShort => status != NtStatus::BUFFER_TOO_SMALL || input.len() >= wanted,
            Lie::AcceptsNoRoom => status != NtStatus::BUFFER_TOO_SMALL || input.len() < wanted,
            Lie::AcceptsLong => status != NtStatus::INVALID_BUFFER_SIZE,
            Lie::AcceptsUnknown => status != NtStatus::INVALID_DEVICE_REQUEST,
            Lie::AcceptsEmptyRanges => {
                status != NtStatus::INVALID_PARAMETER
                    || code != Ioctl::Touch.code()
                    || input[4..8] != [0; 4]
            }
            Lie::AcceptsOverUnlock => status != NtStatus::NOT_LOCKED,
            Lie::LocksWhilePaged => status != NtStatus::INVALID_DEVICE_STATE,
            Lie::LocksAnything => status != NtStatus::NOT_SUPPORTED || code != Ioctl::Lock.code(),
            Lie::NoLimit => status != NtStatus::QUOTA_EXCEEDED,
            _ => true,
        }
    }

    fn answer(&mut self, memory: &mut Memory, ioctl: Ioctl, input: &[u8]) -> Vec<u8> {
        match ioctl {
            Ioctl::Version => self.version().as_bytes().to_vec(),
            Ioctl::State => self.state().as_bytes().to_vec(),
            Ioctl::Sections => self.sections(memory).as_bytes().to_vec(),
            Ioctl::Residency => self.residency(memory, read(input)),
            Ioctl::SetPaging => {
                let request: PagingRequest = read(input);
                match PagingAction::from_u32(request.action) {
                    Some(PagingAction::PageEntire) => self.page(memory),
                    _ => self.reset(memory),
                }
                self.state().as_bytes().to_vec()
            }
            Ioctl::Lock | Ioctl::Unlock => {
                let LockRequest { section } = read(input);
                memory.lock(section, if ioctl == Ioctl::Lock { 1 } else { -1 });
                let locks = self.oracle.locks[section as usize];
                LockReply { section, locks }.as_bytes().to_vec()
            }
            Ioctl::Touch => self.touch(memory, read(input)).as_bytes().to_vec(),
            Ioctl::BallastFill => {
                let BallastFill { region, seed, .. } = read(input);
                let region = BallastRegion::from_u32(region).unwrap();
                let pages = memory.range_of(region);
                let bytes: Vec<u8> = (0..pages.count as usize * PAGE_SIZE)
                    .map(|index| filled_byte(region, seed, index))
                    .collect();
                if self.lie != Lie::ForgetsOddFills || seed % 2 == 0 {
                    memory.write(pages, &bytes);
                }
                Vec::new()
            }
            Ioctl::BallastChecksum => {
                let region = BallastRegion::from_u32(read(input)).unwrap();
                let bytes = memory.read(memory.range_of(region));
                let reply = BallastChecksum {
                    region: region as u32,
                    bytes: u32::try_from(bytes.len()).unwrap(),
                    checksum: fnv1a(&bytes),
                };
                reply.as_bytes().to_vec()
            }
        }
    }

    fn version(&self) -> VersionReply {
        let kmdf = if self.lie == Lie::OtherKmdf { [1, 33] } else { [1, 31] };
        let contract = match self.lie {
            Lie::OtherMajor => ContractVersion { major: CONTRACT.major + 1, minor: 0 },
            _ => CONTRACT,
        };
        VersionReply { contract, kmdf, driver: [0, 1, 0, 0] }
    }

    fn state(&self) -> State {
        let returned = match self.lie {
            Lie::OtherBase => Returned::InsideImage,
            _ => Returned::ImageBase,
        };
        let sections = u32::try_from(self.oracle.locks.len()).unwrap();
        State {
            policy: self.oracle.policy as u32,
            returned: returned as u32,
            returned_rva: 0,
            pages: self.oracle.pages(),
            sections,
            locks: self.oracle.locks.iter().sum(),
            page_calls: self.page_calls,
            reset_calls: self.reset_calls,
        }
    }

    fn sections(&self, memory: &Memory) -> Sections {
        let mut sections = Sections::new_zeroed();
        sections.count = u32::try_from(memory.sections.len()).unwrap();
        sections.pages = memory.page_count();
        for (index, section) in memory.sections.iter().enumerate() {
            sections.records[index] = *section;
            sections.records[index].locks = self.oracle.locks[index];
        }
        match self.lie {
            Lie::GapInSections => sections.records[2].pages -= 1,
            Lie::ConstantData => sections.records[6].characteristics &= 0x7fff_ffff,
            _ => {}
        }
        sections
    }

    fn residency(&self, memory: &mut Memory, request: residency::Request) -> Vec<u8> {
        let range = Pages::new(request.first_page, request.pages);
        if self.lie == Lie::AskingTouches {
            let discarded = memory.page_count() as usize - 2;
            range
                .numbers()
                .filter(|page| *page < discarded)
                .for_each(|page| memory.reference(page));
        }
        let mut bitmap = vec![0; residency::bitmap_bytes(range.count)];
        let mut resident = 0;
        for (index, page) in range.numbers().enumerate() {
            let page = if self.lie == Lie::RangesFromZero { index } else { page };
            if memory.is_valid(page) || self.lie == Lie::AlwaysResident {
                bitmap[index / 8] |= 1 << (index % 8);
                resident += 1;
            }
        }
        let (Some(last), true) = (bitmap.last_mut(), self.lie == Lie::StrayBits) else {
            return self.with_header(request, resident, &bitmap);
        };
        *last |= if range.count.is_multiple_of(8) { 0 } else { 0x80 };
        self.with_header(request, resident, &bitmap)
    }

    fn with_header(&self, request: residency::Request, resident: u32, bitmap: &[u8]) -> Vec<u8> {
        let residency::Request { first_page, pages } = request;
        let header = residency::Header { first_page, pages, resident, reserved: 0 };
        [header.as_bytes(), bitmap].concat()
    }

    fn touch(&self, memory: &mut Memory, request: TouchRequest) -> TouchReply {
        let range = Pages::new(request.first_page, request.pages);
        let kind = TouchKind::from_u32(request.kind);
        let mut were_resident = 0;
        for page in range.numbers() {
            were_resident += u32::from(memory.is_valid(page));
            if kind == Some(TouchKind::Execute) && self.lie == Lie::CallsNothing {
                continue;
            }
            let one = Pages::new(u32::try_from(page).unwrap(), 1);
            let mut bytes = memory.read(one);
            if kind == Some(TouchKind::Write) {
                bytes[0] ^= u8::from(self.lie == Lie::WriteTouchSpoils);
                memory.write(one, &bytes);
            }
        }
        TouchReply { pages: range.count, were_resident, nanoseconds: 1 }
    }
}

/// A structure, of whatever is there of it.
fn read<T: FromBytes + IntoBytes + Immutable + KnownLayout>(input: &[u8]) -> T {
    let mut value = T::new_zeroed();
    let length = input.len().min(size_of::<T>());
    value.as_mut_bytes()[..length].copy_from_slice(&input[..length]);
    value
}
