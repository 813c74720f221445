//! The handshake, and what the driver says of its own image.

use pagewise_contract::{
    BALLAST_REGION_PAGES, BallastRegion, CONTRACT, Ioctl, Section, SectionKind, VersionReply,
};
use zerocopy::FromBytes;

use crate::machine::Access;
use crate::pages::Pages;
use crate::verify::check::{Check, Stop, Verdict, ensure, ensure_eq};
use crate::verify::context::{Context, section_of, sections};

pub const CHECKS: &[Check] = &[
    Check {
        id: "handshake.version",
        title: "the driver speaks this contract and was built for KMDF 1.31",
        run: version,
    },
    Check {
        id: "handshake.sections",
        title: "its sections cover its image without gap",
        run: cover,
    },
    Check {
        id: "handshake.ballast",
        title: "the ballast is where and what the contract says",
        run: ballast,
    },
];

fn version(context: &Context) -> Verdict {
    // Without the client's own handshake, so that what it answered can be told.
    let access = Access::Read;
    let mut handle = context.machine().open(access)?;
    let reply = handle.ioctl(Ioctl::Version.code(), &[], 16)?;
    let reply = VersionReply::read_from_bytes(&reply)
        .map_err(|_| Stop::Failed(format!("VERSION answered {} bytes", reply.len())))?;
    ensure!(CONTRACT.accepts(reply.contract), "contract {:?}", reply.contract);
    ensure_eq!(reply.kmdf, [1, 31], "KMDF version");
    ensure!(reply.driver[3] == 0, "last part of the version: {}, not 0", reply.driver[3]);
    Ok(())
}

fn cover(context: &Context) -> Verdict {
    let mut driver = context.driver()?;
    let state = driver.state()?;
    let all = sections(&mut driver)?;
    ensure_eq!(state.sections as usize, all.len(), "sections in STATE");
    let first = all.first().map(|section| (section.name(), section.kind()));
    ensure_eq!(first, Some(("HEADER", Some(SectionKind::Headers))), "first record");
    let mut next = 0u32;
    for section in &all {
        let name = section.name();
        ensure!(section.first_page == next, "{name} begins at {}", Pages::of(section));
        ensure!(section.pages > 0, "{name} has no pages");
        ensure!(section.reserved == 0, "{name}: reserved is {}", section.reserved);
        ensure!(section.kind().is_some(), "{name} is of kind {}", section.kind);
        let pageable = section.kind() == Some(SectionKind::Pageable);
        ensure!(pageable == name.starts_with("PAGE"), "{name} is of kind {}", section.kind);
        next = next.saturating_add(section.pages);
    }
    ensure_eq!(next, state.pages, "pages of the image");
    if let Some(lab) = context.lab_if_any() {
        let image = lab.image()?.map(|image| image.pages);
        ensure_eq!(image, Some(state.pages), "pages as the lab has loaded them");
    }
    Ok(())
}

fn ballast(context: &Context) -> Verdict {
    let all = sections(&mut context.driver()?)?;
    for region in BallastRegion::ALL {
        let (_, section) = section_of(&all, region)?;
        let name = section.name();
        ensure_eq!(section.pages as usize, BALLAST_REGION_PAGES, "pages of {name}");
        let flag = |bit| section.characteristics & bit != 0;
        ensure!(flag(Section::READ), "{name} is not readable");
        ensure!(flag(Section::WRITE) == region.is_writable(), "{name}: writable or not");
        ensure!(flag(Section::EXECUTE) == region.is_code(), "{name}: executable or not");
    }
    Ok(())
}
