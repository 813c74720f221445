use std::vec::Vec;

use pagewise_contract::{BALLAST_REGION_BYTES, PAGE_SIZE, Policy, Section, TouchKind, residency};
use proptest::prelude::*;
use zerocopy::{FromBytes, Immutable};

use super::*;
use crate::testing::{Buffered, Builder, FakeKernel};

const PAGE_SECTION: u32 = 3;

struct Bench {
    driver: Driver,
    kernel: FakeKernel,
}

impl Bench {
    fn new() -> Self {
        let image = Builder::default().image();
        let kernel = FakeKernel::new(&image);
        Self { driver: Driver::new(image), kernel }
    }

    fn raw(&mut self, code: u32, input: &[u8], output: usize) -> Result<Vec<u8>, Refusal> {
        let mut request = Buffered::new(input, output);
        let written = self.driver.serve(code, &mut request, &mut self.kernel)?;
        Ok(request.reply(written))
    }

    fn ask<Q, A>(&mut self, ioctl: Ioctl, question: &Q) -> Result<A, Refusal>
    where
        Q: IntoBytes + Immutable,
        A: FromBytes,
    {
        let reply = self.raw(ioctl.code(), question.as_bytes(), size_of::<A>())?;
        Ok(A::read_from_bytes(&reply).expect("the reply is of the documented size"))
    }
}

/// Bytes of input, least bytes of output, and an input that is granted.
fn shape(ioctl: Ioctl) -> (Vec<u8>, usize) {
    match ioctl {
        Ioctl::Version => (Vec::new(), size_of::<VersionReply>()),
        Ioctl::State => (Vec::new(), size_of::<State>()),
        Ioctl::Sections => (Vec::new(), size_of::<Sections>()),
        Ioctl::Residency => {
            let ask = residency::Request { first_page: 2, pages: 9 };
            (ask.as_bytes().to_vec(), residency::reply_bytes(9))
        }
        Ioctl::SetPaging => {
            let ask = PagingRequest { action: PagingAction::Reset as u32 };
            (ask.as_bytes().to_vec(), size_of::<State>())
        }
        Ioctl::Lock | Ioctl::Unlock => {
            let ask = LockRequest { section: PAGE_SECTION };
            (ask.as_bytes().to_vec(), size_of::<LockReply>())
        }
        Ioctl::Touch => {
            let ask = TouchRequest { first_page: 0, pages: 1, kind: TouchKind::Read as u32 };
            (ask.as_bytes().to_vec(), size_of::<TouchReply>())
        }
        Ioctl::BallastFill => {
            let region = BallastRegion::PageableData as u32;
            (BallastFill { region, reserved: 0, seed: 7 }.as_bytes().to_vec(), 0)
        }
        Ioctl::BallastChecksum => {
            let ask = BallastRequest { region: BallastRegion::PageableCode as u32 };
            (ask.as_bytes().to_vec(), size_of::<BallastChecksum>())
        }
    }
}

#[test]
fn every_length_is_judged_before_anything_happens() {
    for ioctl in Ioctl::ALL {
        let (input, output) = shape(ioctl);
        let mut bench = Bench::new();
        // Something to unlock.
        bench.driver.paging.lock(&bench.driver.image, PAGE_SECTION, &mut bench.kernel).unwrap();
        let before = (bench.driver.paging.clone(), bench.kernel.clone());
        let mut refused = |input: &[u8], output, refusal| {
            assert_eq!(bench.raw(ioctl.code(), input, output), Err(refusal), "{ioctl:?}");
            assert_eq!((&bench.driver.paging, &bench.kernel), (&before.0, &before.1), "{ioctl:?}");
        };
        let mut longer = input.clone();
        longer.push(0);
        refused(&longer, output, Refusal::InvalidBufferSize);
        if !input.is_empty() {
            refused(&input[..input.len() - 1], output, Refusal::BufferTooSmall);
            refused(&[], output, Refusal::BufferTooSmall);
        }
        if output > 0 {
            refused(&input, output - 1, Refusal::BufferTooSmall);
            refused(&input, 0, Refusal::BufferTooSmall);
        }
        // The negative twin: what is of the right length is granted, and more room is no harm.
        let reply = bench.raw(ioctl.code(), &input, output + 100);
        assert_eq!(reply.map(|reply| reply.len()), Ok(output), "{ioctl:?}");
    }
}

#[test]
fn unknown_codes_are_refused() {
    let mut bench = Bench::new();
    for code in [0, u32::MAX, Ioctl::Version.code() | 1, Ioctl::BallastChecksum.code() + 4] {
        assert_eq!(bench.raw(code, &[], 4096), Err(Refusal::InvalidDeviceRequest));
    }
}

#[test]
fn answers_version_and_state() {
    let mut bench = Bench::new();
    let version: VersionReply = bench.ask(Ioctl::Version, &()).unwrap();
    assert_eq!((version.contract, version.kmdf), (CONTRACT, [1, 31]));
    assert_eq!(version.driver, [0, 1, 0, 0]);
    let state: State = bench.ask(Ioctl::State, &()).unwrap();
    assert_eq!((state.pages, state.sections, state.locks), (16, 7, 0));
    assert_eq!(state.policy(), Some(Policy::AsLinked));
}

#[test]
fn sections_carry_their_locks() {
    let mut bench = Bench::new();
    for expected in 1..=3 {
        let reply: LockReply =
            bench.ask(Ioctl::Lock, &LockRequest { section: PAGE_SECTION }).unwrap();
        assert_eq!(reply, LockReply { section: PAGE_SECTION, locks: expected });
    }
    let sections: Sections = bench.ask(Ioctl::Sections, &()).unwrap();
    let locks: Vec<_> = sections.records.iter().map(|record| record.locks).collect();
    assert_eq!(locks[..7], [0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(sections.records().iter().map(Section::name).nth(3), Some("PAGE"));
}

#[test]
fn set_paging_answers_with_the_state_after() {
    let mut bench = Bench::new();
    let mut set = |action: u32| bench.ask::<_, State>(Ioctl::SetPaging, &PagingRequest { action });
    assert_eq!(set(1).unwrap().policy(), Some(Policy::PagedEntire));
    assert_eq!(set(1).unwrap().page_calls, 2);
    assert_eq!(set(2).unwrap().policy(), Some(Policy::AsLinked));
    assert_eq!(set(2).unwrap().reset_calls, 2);
    for nonsense in [0, 3, u32::MAX] {
        assert_eq!(set(nonsense), Err(Refusal::InvalidParameter));
    }
}

#[test]
fn residency_survives_that_its_answer_overwrites_the_question() {
    let mut bench = Bench::new();
    bench.kernel.valid[3] = true;
    bench.kernel.valid[10] = true;
    let ask = residency::Request { first_page: 3, pages: 9 };
    let reply = bench.raw(Ioctl::Residency.code(), ask.as_bytes(), 100).unwrap();
    let (header, bitmap) = residency::Header::read_from_prefix(&reply).unwrap();
    let expected = residency::Header { first_page: 3, pages: 9, resident: 2, reserved: 0 };
    assert_eq!(header, expected);
    assert_eq!(bitmap, [0b1000_0001, 0]);
}

#[test]
fn ranges_out_of_the_image_are_refused_before_their_room_is_judged() {
    let mut bench = Bench::new();
    for (first_page, pages) in [(0, 17), (16, 1), (0, 0), (u32::MAX, 2), (0, u32::MAX)] {
        let ask = residency::Request { first_page, pages };
        let refused = bench.raw(Ioctl::Residency.code(), ask.as_bytes(), 32);
        assert_eq!(refused, Err(Refusal::InvalidParameter));
    }
}

#[test]
fn ballast_is_filled_and_checksummed() {
    let mut bench = Bench::new();
    let data = BallastRegion::PageableData;
    let sum = |bench: &mut Bench, region: u32| {
        bench.ask::<_, BallastChecksum>(Ioctl::BallastChecksum, &BallastRequest { region })
    };
    for region in BallastRegion::ALL {
        let reply = sum(&mut bench, region as u32).unwrap();
        assert_eq!(reply.region, region as u32);
        assert_eq!(reply.bytes as usize, BALLAST_REGION_BYTES);
        assert_eq!(reply.checksum, region.linked_checksum(), "{region:?}");
    }
    let mut fill = |region: u32, reserved| {
        let ask = BallastFill { region, reserved, seed: 99 };
        bench.raw(Ioctl::BallastFill.code(), ask.as_bytes(), 0)
    };
    assert_eq!(fill(6, 0), Err(Refusal::InvalidParameter));
    assert_eq!(fill(data as u32, 1), Err(Refusal::InvalidParameter));
    assert_eq!(fill(BallastRegion::PageableConst as u32, 0), Err(Refusal::NotSupported));
    assert_eq!(fill(BallastRegion::ResidentCode as u32, 0), Err(Refusal::NotSupported));
    assert_eq!(fill(data as u32, 0), Ok(Vec::new()));
    assert_eq!(sum(&mut bench, data as u32).unwrap().checksum, data.filled_checksum(99));
    assert_eq!(sum(&mut bench, 6), Err(Refusal::InvalidParameter));
}

#[test]
fn the_version_told_is_the_one_built_for() {
    let manifest = include_str!("../../../../Cargo.toml");
    let number = |key: &str| -> u16 {
        let (_, rest) = manifest.split_once(key).expect("the key is in the workspace manifest");
        let digits = rest.trim_start_matches([' ', '=']);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().unwrap()
    };
    let built_for = [number("\nkmdf-version-major"), number("\ntarget-kmdf-version-minor")];
    assert_eq!(KMDF_VERSION, built_for);
}

proptest! {
    /// Any bytes to any known code: no panic, no stopped machine, and a refusal changes nothing.
    #[test]
    fn whatever_is_asked_is_answered_or_refused(
        requests in proptest::collection::vec(
            (0..Ioctl::ALL.len(), proptest::collection::vec(0..9_u8, 0..20), 0..PAGE_SIZE),
            1..40,
        ),
    ) {
        let mut bench = Bench::new();
        for (index, input, output) in requests {
            // Little numbers, so that many of them are in range: one byte a field.
            let wide: Vec<u8> = input.iter().flat_map(|&byte| [byte, 0, 0, 0]).collect();
            let before = (bench.driver.paging.clone(), bench.kernel.clone());
            match bench.raw(Ioctl::ALL[index].code(), &wide, output) {
                Ok(reply) => prop_assert!(reply.len() <= output),
                Err(_) => {
                    prop_assert_eq!(&bench.driver.paging, &before.0);
                    prop_assert_eq!(&bench.kernel, &before.1);
                }
            }
        }
        bench.driver.paging.release(&mut bench.kernel);
        prop_assert_eq!(bench.kernel.locks.iter().sum::<u32>(), 0);
    }
}
