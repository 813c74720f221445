//! Requests that a check makes of the driver as it stands, and a witness of what they leave.

use pagewise_contract::{
    BallastFill, BallastRegion, Ioctl, PagingAction, Section, Sections, State, TouchKind,
    TouchRequest, residency,
};
use zerocopy::IntoBytes;

use crate::driver::Driver;
use crate::verify::check::{Stop, Verdict, ensure_eq};
use crate::verify::context::{Context, section_of, sections};
use crate::verify::oracle::lengths;

/// A valid request of each kind. Those that can change something would.
pub struct Requests {
    cold: Section,
    lockable: u32,
}

impl Requests {
    /// For an image with these sections.
    pub fn of(sections: &[Section]) -> Result<Self, Stop> {
        let (_, cold) = section_of(sections, BallastRegion::ResidentData)?;
        let (lockable, _) = section_of(sections, BallastRegion::PageableConst)?;
        Ok(Self { cold, lockable })
    }

    /// The input, and the room that the answer needs.
    pub fn valid(&self, ioctl: Ioctl) -> (Vec<u8>, u32) {
        let Section { first_page, pages, .. } = self.cold;
        let (_, room) = lengths(ioctl);
        let input = match ioctl {
            Ioctl::Version | Ioctl::State | Ioctl::Sections => Vec::new(),
            Ioctl::Residency => residency::Request { first_page, pages }.as_bytes().to_vec(),
            Ioctl::SetPaging => (PagingAction::Reset as u32).as_bytes().to_vec(),
            Ioctl::Lock | Ioctl::Unlock => self.lockable.as_bytes().to_vec(),
            Ioctl::Touch => {
                let kind = TouchKind::Read as u32;
                TouchRequest { first_page, pages, kind }.as_bytes().to_vec()
            }
            Ioctl::BallastFill => {
                let region = BallastRegion::ResidentData as u32;
                BallastFill { region, reserved: 0, seed: 0xdead }.as_bytes().to_vec()
            }
            Ioctl::BallastChecksum => (BallastRegion::ResidentData as u32).as_bytes().to_vec(),
        };
        let room = match ioctl {
            Ioctl::Residency => residency::reply_bytes(pages),
            _ => room,
        };
        (input, u32::try_from(room).unwrap_or(u32::MAX))
    }
}

/// What the driver says of itself, and what is in its ballast, at one moment.
pub struct Witness {
    driver: Driver,
    state: State,
    sections: Sections,
    checksums: [u64; 6],
}

impl Witness {
    /// Takes note of all of it, through a handle of its own.
    pub fn of(context: &Context) -> Result<Self, Stop> {
        let mut driver = context.driver()?;
        let (state, sections, checksums) = look(&mut driver)?;
        Ok(Self { driver, state, sections, checksums })
    }

    /// Fails if any of it is different now.
    pub fn ensure_unchanged(&mut self, after: &str) -> Verdict {
        let (state, sections, checksums) = look(&mut self.driver)?;
        ensure_eq!(state, self.state, "state after {after}");
        ensure_eq!(sections.records(), self.sections.records(), "sections after {after}");
        ensure_eq!(checksums, self.checksums, "checksums of the ballast after {after}");
        Ok(())
    }
}

fn look(driver: &mut Driver) -> Result<(State, Sections, [u64; 6]), Stop> {
    let mut checksums = [0; 6];
    for region in BallastRegion::ALL {
        checksums[region as usize] = driver.checksum(region)?;
    }
    Ok((driver.state()?, driver.sections()?, checksums))
}

/// The driver as linked, so that locks are judged by what they ask for, and its valid requests.
pub fn as_linked(context: &Context) -> Result<(Driver, Requests), Stop> {
    let mut driver = context.driver_as_linked()?;
    let requests = Requests::of(&sections(&mut driver)?)?;
    Ok((driver, requests))
}
