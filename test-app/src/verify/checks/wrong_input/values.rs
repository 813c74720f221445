//! Values that make no sense.

use pagewise_contract::{
    BallastFill, BallastRegion, Ioctl, PagingAction, Section, SectionKind, TouchKind, TouchRequest,
    residency,
};
use zerocopy::IntoBytes;

use crate::status::NtStatus;
use crate::verify::check::{Stop, Verdict, refused};
use crate::verify::context::{Context, first_of_kind, image_pages, section_of, sections};
use crate::verify::requests::Witness;

const WRONG: NtStatus = NtStatus::INVALID_PARAMETER;
const CANNOT: NtStatus = NtStatus::NOT_SUPPORTED;

/// A request, its input, its refusal.
type Case = (Ioctl, Vec<u8>, NtStatus);

pub(super) fn values(context: &Context) -> Verdict {
    let mut driver = context.driver_as_linked()?;
    let all = sections(&mut driver)?;
    let pages = image_pages(&mut driver)?;
    let mut witness = Witness::of(context)?;
    let mut cases = enums(u32::try_from(all.len()).unwrap_or(u32::MAX));
    cases.extend(ranges(pages));
    cases.extend(touches(&all)?);
    for (ioctl, input, wanted) in cases {
        let what = format!("{} {input:02x?}", ioctl.name());
        refused(driver.handle(), ioctl.code(), &input, 8192, wanted, &what)?;
    }
    witness.ensure_unchanged("requests with wrong values")
}

/// Numbers that stand for nothing.
fn enums(sections: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    let word = |value: u32| value.as_bytes().to_vec();
    for action in [0, PagingAction::Reset as u32 + 1, 0x100, 0x8000_0000, u32::MAX] {
        cases.push((Ioctl::SetPaging, word(action), WRONG));
    }
    for section in [sections, sections.saturating_add(1), 0x8000_0000, u32::MAX] {
        cases.push((Ioctl::Lock, word(section), WRONG));
        cases.push((Ioctl::Unlock, word(section), WRONG));
    }
    for region in [BallastRegion::ALL.len() as u32, 0x8000_0000, u32::MAX] {
        cases.push((Ioctl::BallastChecksum, word(region), WRONG));
        let fill = BallastFill { region, reserved: 0, seed: 1 };
        cases.push((Ioctl::BallastFill, fill.as_bytes().to_vec(), WRONG));
    }
    for region in BallastRegion::ALL {
        let region_number = region as u32;
        if region.is_writable() {
            let fill = BallastFill { region: region_number, reserved: 1, seed: 1 };
            cases.push((Ioctl::BallastFill, fill.as_bytes().to_vec(), WRONG));
        } else {
            let fill = BallastFill { region: region_number, reserved: 0, seed: 1 };
            cases.push((Ioctl::BallastFill, fill.as_bytes().to_vec(), CANNOT));
        }
    }
    cases
}

/// Ranges that are empty, reach past the image, or wrap around.
fn ranges(pages: u32) -> Vec<Case> {
    let wrong = [
        (0, 0),
        (pages - 1, 0),
        (0, pages.saturating_add(1)),
        (pages, 1),
        (pages - 1, 2),
        (1, u32::MAX),
        (u32::MAX, 1),
        (u32::MAX, u32::MAX),
        (pages, u32::MAX - pages + 1),
        (0x8000_0000, 0x8000_0000),
        (0, u32::MAX),
    ];
    let mut cases = Vec::new();
    for (first_page, pages) in wrong {
        // A count that needs more room than there is would be refused for that.
        if residency::reply_bytes(pages) <= 8192 {
            let request = residency::Request { first_page, pages };
            cases.push((Ioctl::Residency, request.as_bytes().to_vec(), WRONG));
        }
        let request = TouchRequest { first_page, pages, kind: TouchKind::Read as u32 };
        cases.push((Ioctl::Touch, request.as_bytes().to_vec(), WRONG));
    }
    for kind in [0, TouchKind::Execute as u32 + 1, 0x100, u32::MAX] {
        let request = TouchRequest { first_page: 0, pages: 1, kind };
        cases.push((Ioctl::Touch, request.as_bytes().to_vec(), WRONG));
    }
    cases
}

/// Touches that the section does not allow.
fn touches(all: &[Section]) -> Result<Vec<Case>, Stop> {
    let touch = |first_page, pages, kind: TouchKind| {
        let request = TouchRequest { first_page, pages, kind: kind as u32 };
        (Ioctl::Touch, request.as_bytes().to_vec(), CANNOT)
    };
    let (_, code) = section_of(all, BallastRegion::ResidentCode)?;
    let (_, constant) = section_of(all, BallastRegion::PageableConst)?;
    let (_, data) = section_of(all, BallastRegion::PageableData)?;
    let mut cases = vec![
        touch(0, 1, TouchKind::Write),
        touch(0, 1, TouchKind::Execute),
        touch(constant.first_page, 1, TouchKind::Write),
        touch(code.first_page, code.pages, TouchKind::Write),
        touch(data.first_page, 1, TouchKind::Execute),
        // One page too many is too many.
        touch(code.first_page, code.pages + 1, TouchKind::Execute),
    ];
    if let Some((_, gone)) = first_of_kind(all, SectionKind::Discardable) {
        cases.push(touch(gone.first_page, 1, TouchKind::Read));
        cases.push(touch(gone.first_page.saturating_sub(1), 2, TouchKind::Read));
    }
    Ok(cases)
}
