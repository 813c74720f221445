//! What must be in an answer.

use std::ops::Range;

use pagewise_contract::{
    BALLAST_REGION_BYTES, BallastChecksum, BallastRegion, Ioctl, LockReply, Sections, State,
    TouchReply, TouchRequest, VersionReply, residency,
};
use test_app::verify::oracle::{Oracle, lengths};
use zerocopy::{FromBytes as _, IntoBytes as _};

/// What the driver has to be in, as far as the answers show it.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The contract as a judge.
    pub oracle: Oracle,
    /// The state at the start, then with each call that was accepted.
    pub state: State,
    /// The sections at the start.
    pub sections: Sections,
    /// The last seed and checksum of each region that was computed.
    checksums: [Option<(u64, u64)>; 6],
    /// Where images lie: what no answer may tell.
    secret: Vec<Range<u64>>,
}

impl Expected {
    /// As the driver said it is before anything was asked of it.
    #[must_use]
    pub fn new(state: State, sections: Sections, secret: Vec<Range<u64>>) -> Self {
        let oracle = Oracle::new(state.pages, sections.records());
        Self { oracle, state, sections, checksums: [None; 6], secret }
    }

    /// Takes note of an accepted request and holds its answer against what is known.
    ///
    /// # Panics
    /// Where they differ.
    pub fn check(&mut self, code: u32, input: &[u8], output: &[u8]) {
        let Some(ioctl) = Ioctl::from_code(code) else {
            panic!("code {code:#010x} is not of the contract and was accepted");
        };
        let policy = self.oracle.policy;
        self.oracle.accepted(code, input);
        if ioctl == Ioctl::SetPaging {
            let paged = self.oracle.policy == pagewise_contract::Policy::PagedEntire;
            self.state.page_calls += u64::from(paged);
            self.state.reset_calls += u64::from(!paged);
            self.state.policy = self.oracle.policy as u32;
        } else {
            assert_eq!(policy, self.oracle.policy);
        }
        self.state.locks = self.oracle.locks.iter().sum();
        let (_, room) = lengths(ioctl);
        if ioctl != Ioctl::Residency {
            assert_eq!(output.len(), room, "bytes of an answer to {}", ioctl.name());
        }
        self.no_address(ioctl, output);
        match ioctl {
            Ioctl::Version => {
                let reply = read::<VersionReply>(output);
                assert!(pagewise_contract::CONTRACT.accepts(reply.contract), "{reply:?}");
            }
            Ioctl::State | Ioctl::SetPaging => assert_eq!(read::<State>(output), self.state),
            Ioctl::Sections => self.sections(output),
            Ioctl::Residency => residency(input, output),
            Ioctl::Lock | Ioctl::Unlock => self.locks(input, output),
            Ioctl::Touch => touched(input, output),
            Ioctl::BallastFill => {}
            Ioctl::BallastChecksum => self.checksum(input, output),
        }
    }

    fn sections(&mut self, output: &[u8]) {
        for (record, &locks) in self.sections.records.iter_mut().zip(&self.oracle.locks) {
            record.locks = locks;
        }
        assert_eq!(output, self.sections.as_bytes(), "SECTIONS");
    }

    fn locks(&self, input: &[u8], output: &[u8]) {
        let reply = read::<LockReply>(output);
        let section = read::<u32>(input);
        assert_eq!(reply.section, section);
        assert_eq!(Some(&reply.locks), self.oracle.locks.get(section as usize));
    }

    fn checksum(&mut self, input: &[u8], output: &[u8]) {
        let reply = read::<BallastChecksum>(output);
        assert_eq!(reply.region, read::<u32>(input));
        assert_eq!(reply.bytes as usize, BALLAST_REGION_BYTES);
        let Some(region) = BallastRegion::from_u32(reply.region) else {
            panic!("no region {}", reply.region);
        };
        let seed = self.oracle.seeds[region as usize];
        let known = &mut self.checksums[region as usize];
        let (_, checksum) = match *known {
            Some(known) if known.0 == seed => known,
            _ => *known.insert((seed, expected_checksum(region, seed))),
        };
        assert_eq!(reply.checksum, checksum, "checksum of {region:?}, filled with {seed:#x}");
    }

    /// No eight bytes of an answer are an address in an image.
    fn no_address(&self, ioctl: Ioctl, output: &[u8]) {
        for bytes in output.windows(8).step_by(4) {
            let value = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            let told = self.secret.iter().any(|image| image.contains(&value));
            assert!(!told, "{} tells the kernel address {value:#x}", ioctl.name());
        }
    }
}

fn expected_checksum(region: BallastRegion, seed: u64) -> u64 {
    if region.is_writable() { region.filled_checksum(seed) } else { region.linked_checksum() }
}

fn residency(input: &[u8], output: &[u8]) {
    let asked = read::<residency::Request>(input);
    let Ok((header, bitmap)) = residency::Header::read_from_prefix(output) else {
        panic!("{} bytes of RESIDENCY", output.len());
    };
    assert_eq!((header.first_page, header.pages), (asked.first_page, asked.pages));
    assert_eq!(output.len(), residency::reply_bytes(asked.pages));
    assert_eq!(header.reserved, 0);
    let set: u32 = bitmap.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(set, header.resident, "bits past the last page, or a wrong count");
}

fn touched(input: &[u8], output: &[u8]) {
    let (asked, reply) = (read::<TouchRequest>(input), read::<TouchReply>(output));
    assert_eq!(reply.pages, asked.pages);
    assert!(reply.were_resident <= reply.pages);
}

fn read<T: zerocopy::FromBytes>(bytes: &[u8]) -> T {
    let Ok(value) = T::read_from_bytes(bytes) else {
        panic!("{} bytes where {} were expected", bytes.len(), size_of::<T>());
    };
    value
}
