//! What can come of a request when nobody knows the state.

use pagewise_contract::{
    BallastChecksum, BallastRegion, Ioctl, PagingAction, Policy, Section, State,
};
use test_app::status::NtStatus;
use test_app::verify::oracle::Oracle;
use zerocopy::FromBytes as _;

use super::Tally;
use crate::ioctl::step::Request;

/// How many seeds fills choose from, so that each of their checksums is known.
pub const SEEDS: u64 = 8;

/// Which statuses depend on the state.
const BY_STATE: [NtStatus; 3] =
    [NtStatus::INVALID_DEVICE_STATE, NtStatus::NOT_LOCKED, NtStatus::QUOTA_EXCEEDED];

/// The contract without the state.
pub struct Judge {
    oracle: Oracle,
    pages: u32,
    sections: u32,
    /// By region and seed; of regions that cannot be written, the one that was linked.
    checksums: [Vec<u64>; 6],
}

impl Judge {
    /// For a driver with these sections.
    pub fn new(state: &State, sections: &[Section]) -> Self {
        let mut oracle = Oracle::new(state.pages, sections);
        oracle.policy = Policy::AsLinked;
        let checksums = BallastRegion::ALL.map(|region| {
            if region.is_writable() {
                (0..SEEDS).map(|seed| region.filled_checksum(seed)).collect()
            } else {
                vec![region.linked_checksum()]
            }
        });
        Self { oracle, pages: state.pages, sections: state.sections, checksums }
    }

    /// Pages of the image.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Sections of the image.
    pub fn sections(&self) -> u32 {
        self.sections
    }

    /// Holds the end of a request against what can be, and counts it.
    pub fn check(
        &self,
        request: &Request,
        status: NtStatus,
        output: &[u8],
        tally: &mut Tally,
    ) -> Result<(), String> {
        tally.requests += 1;
        let allowed = self.allowed(request);
        let code = request.code;
        if !allowed.contains(&status) {
            return Err(format!("{code:#010x} ended with {status:?}, not one of {allowed:?}"));
        }
        if status != SUCCESS {
            return if output.is_empty() { Ok(()) } else { Err("a refusal with an answer".into()) };
        }
        tally.accepted += 1;
        match Ioctl::from_code(code) {
            Some(Ioctl::SetPaging) => {
                let action = u32::read_from_prefix(request.input()).map_or(0, |it| it.0);
                let entire = PagingAction::from_u32(action) == Some(PagingAction::PageEntire);
                tally.pages += u64::from(entire);
                tally.resets += u64::from(!entire);
            }
            Some(Ioctl::Lock) => tally.locks += 1,
            Some(Ioctl::Unlock) => tally.unlocks += 1,
            Some(Ioctl::BallastChecksum) => return self.checksum(output),
            _ => {}
        }
        Ok(())
    }

    fn allowed(&self, request: &Request) -> Vec<NtStatus> {
        /// `FILE_WRITE_ACCESS` in a control code.
        const WRITE_ACCESS: u32 = 2 << 14;
        if request.read_only && request.code & WRITE_ACCESS != 0 {
            return vec![NtStatus::ACCESS_DENIED];
        }
        let objections = self.oracle.objections(request.code, request.input(), request.room);
        if objections.iter().any(|status| !BY_STATE.contains(status)) {
            return objections;
        }
        match Ioctl::from_code(request.code) {
            Some(Ioctl::Lock | Ioctl::Unlock | Ioctl::SetPaging) => {
                [[SUCCESS].as_slice(), &BY_STATE].concat()
            }
            _ => vec![SUCCESS],
        }
    }

    fn checksum(&self, output: &[u8]) -> Result<(), String> {
        let reply = BallastChecksum::read_from_bytes(output)
            .map_err(|_| format!("{} bytes of BALLAST_CHECKSUM", output.len()))?;
        let known = self.checksums.get(reply.region as usize);
        if known.is_some_and(|known| known.contains(&reply.checksum)) {
            return Ok(());
        }
        Err(format!("region {} has the checksum {:#x} of no fill", reply.region, reply.checksum))
    }
}

const SUCCESS: NtStatus = NtStatus(0);
