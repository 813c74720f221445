//! Random requests, judged by the contract's own rules.

use pagewise_contract::{BallastChecksum, BallastRegion, Ioctl, MAX_LOCKS, Section, State};
use zerocopy::FromBytes;

use crate::driver::Driver;
use crate::machine::{Failure, Need};
use crate::verify::check::{Stop, Verdict, ensure, ensure_eq, ensure_refused};
use crate::verify::context::{Context, ensure_intact, image_pages, sections, sum_of};
use crate::verify::oracle::{Oracle, lengths};

const REQUESTS: usize = 4000;

pub(super) fn random(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let all = sections(&mut driver)?;
    let pages = image_pages(&mut driver)?;
    let mut oracle = Oracle::new(pages, &all);
    let mut source = Source { random: context.random(1), pages, sections: all };
    let lab = context.lab_or_without(Need::Evict);
    for number in 0..REQUESTS {
        if let Some(lab) = lab.filter(|_| source.random.u8(..32) == 0) {
            lab.evict()?;
        }
        let (code, input, room) = source.request();
        let told = |stop: Stop| stop.during(&format!("request {number}"));
        judge(&mut driver, &mut oracle, code, &input, room).map_err(told)?;
    }
    ensure_as_foreseen(&mut driver, &oracle)
}

fn judge(driver: &mut Driver, oracle: &mut Oracle, code: u32, input: &[u8], room: u32) -> Verdict {
    let objections = oracle.objections(code, input, room);
    let result = driver.handle().ioctl(code, input, room);
    let name = Ioctl::from_code(code).map_or("unknown code", Ioctl::name);
    let what = format!("{name} {code:#010x} {input:02x?} with room for {room}");
    if !objections.is_empty() {
        return ensure_refused(result, &objections, &what);
    }
    let reply = match result {
        Ok(reply) => reply,
        Err(Failure::Gone) => return Err(Stop::Gone),
        Err(failure) => return Err(Stop::Failed(format!("{what}: {failure}, not accepted"))),
    };
    oracle.accepted(code, input);
    match Ioctl::from_code(code) {
        Some(Ioctl::State | Ioctl::SetPaging) => {
            let state = State::read_from_bytes(&reply)
                .map_err(|_| Stop::Failed(format!("{what}: {} bytes", reply.len())))?;
            ensure!(state.policy == oracle.policy as u32, "{what}: policy {}", state.policy);
            let locks: u32 = oracle.locks.iter().sum();
            ensure!(state.locks == locks, "{what}: {} locks, not {locks}", state.locks);
        }
        Some(Ioctl::BallastChecksum) => {
            let answer = BallastChecksum::read_from_bytes(&reply)
                .map_err(|_| Stop::Failed(format!("{what}: {} bytes", reply.len())))?;
            let region = BallastRegion::from_u32(answer.region)
                .ok_or_else(|| Stop::Failed(format!("{what}: region {}", answer.region)))?;
            let right = answer.checksum == sum_of(region, oracle.seeds[region as usize]);
            ensure!(right, "{what}: checksum {:#x}", answer.checksum);
        }
        _ => {}
    }
    Ok(())
}

fn ensure_as_foreseen(driver: &mut Driver, oracle: &Oracle) -> Verdict {
    let state = driver.state()?;
    ensure_eq!(state.policy(), Some(oracle.policy), "policy in the end");
    let locks: Vec<u32> = sections(driver)?.iter().map(|section| section.locks).collect();
    ensure_eq!(locks, oracle.locks, "locks in the end");
    ensure!(locks.iter().all(|locks| *locks <= MAX_LOCKS), "more locks than there may be");
    for region in BallastRegion::ALL {
        ensure_intact(driver, region, oracle.seeds[region as usize], "in the end")?;
    }
    Ok(())
}

/// Requests that are wrong in interesting ways, and often right.
struct Source {
    random: fastrand::Rng,
    pages: u32,
    sections: Vec<Section>,
}

impl Source {
    fn request(&mut self) -> (u32, Vec<u8>, u32) {
        let random = &mut self.random;
        let ioctl = Ioctl::ALL[random.usize(..Ioctl::ALL.len())];
        let (length, room) = lengths(ioctl);
        let code = match random.u8(..16) {
            // Of the same method: the others have the I/O manager look into buffers.
            0 => random.u32(..) & !3,
            1 => ioctl.code() ^ 1 << random.u32(2..32),
            _ => ioctl.code(),
        };
        let length = match random.u8(..8) {
            0 => random.usize(..64),
            _ => length,
        };
        let room = match random.u8(..8) {
            0 => random.usize(..=room),
            1 => room,
            _ => 8192,
        };
        let mut input: Vec<u8> = Vec::with_capacity(length + 4);
        while input.len() < length {
            input.extend_from_slice(&self.word().to_le_bytes());
        }
        input.truncate(length);
        (code, input, u32::try_from(room).unwrap_or(u32::MAX))
    }

    fn word(&mut self) -> u32 {
        let random = &mut self.random;
        match random.u8(..8) {
            0..=3 => random.u32(..7),
            4 => self.sections.get(random.usize(..self.sections.len())).map_or(0, |s| s.first_page),
            5 => random.u32(..=self.pages.saturating_add(1)),
            6 => [u32::MAX, u32::MAX - 1, 0x8000_0000, self.pages][random.usize(..4)],
            _ => random.u32(..),
        }
    }
}
