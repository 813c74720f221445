//! Commands of the lab.

use pagewise_lab_wire::{Control, ControlReply, ImageInfo, MappedImage, Paging};

use crate::image::{self, Image};
use crate::machine::Machine;
use crate::{ke, mm, trail, verifier};

/// The most pages one [`Control::Contents`] answers with: JSON makes four bytes of one.
const MOST_CONTENTS: u32 = 512;

/// Carries out the command in `json`; the answer is JSON, too.
pub(super) fn carry_out(machine: &Machine, json: &[u8]) -> Vec<u8> {
    let reply = match serde_json::from_slice(json) {
        Ok(command) => reply(machine, command),
        Err(error) => failed(format!("this is no command of the lab: {error}")),
    };
    // Numbers and strings only: there is nothing in a reply that JSON cannot hold.
    serde_json::to_vec(&reply).unwrap_or_default()
}

fn failed(message: impl Into<String>) -> ControlReply {
    ControlReply::Failed { message: message.into() }
}

fn reply(machine: &Machine, command: Control) -> ControlReply {
    match command {
        Control::Load => done(machine.load()),
        Control::Unload => done(machine.unload()),
        Control::Plug => done(machine.plug()),
        Control::Unplug { surprise } => done(machine.unplug(surprise)),
        Control::Rebalance => done(machine.rebalance()),
        Control::FailStart { status } => {
            machine.fail_start(status.cast_signed());
            ControlReply::Done { status: 0 }
        }
        Control::Trim => moved(Paging::Trim, mm::trim()),
        Control::Purge => moved(Paging::Purge, mm::purge()),
        Control::Evict => {
            let trimmed = moved(Paging::Trim, mm::trim());
            moved(Paging::Purge, mm::purge());
            trimmed
        }
        Control::Images => ControlReply::Images { images: image::loaded().map(info).collect() },
        Control::Pages { image } => {
            of_image(&image, |image| Ok(ControlReply::Pages { pages: mm::pages(image) }))
        }
        Control::Contents { image, first_page, pages } => {
            of_image(&image, |image| contents(image, first_page, pages))
        }
        Control::Verify(settings) => {
            verifier::set(&settings);
            ControlReply::Done { status: 0 }
        }
        Control::Counters => {
            let mut counters = mm::counters();
            counters.irql_raises = ke::processor::raises();
            ControlReply::Counters(counters)
        }
        Control::AllocationSites => {
            ControlReply::AllocationSites { sites: verifier::allocation_sites() }
        }
        Control::Pool => ControlReply::Pool { blocks: mm::pool::blocks() },
        Control::SetPolicy { name, value } => match mm::policy::set(&name, &value) {
            Ok(()) => ControlReply::Done { status: 0 },
            Err(error) => failed(error.to_string()),
        },
        Control::Process => {
            let_debuggers_attach();
            ControlReply::Process {
                id: std::process::id(),
                images: image::loaded().map(mapped).collect(),
            }
        }
        Control::Shutdown => {
            machine.request_shutdown();
            ControlReply::Done { status: 0 }
        }
    }
}

fn moved(action: Paging, pages: u64) -> ControlReply {
    trail::paging::note(action, pages, 0, 0);
    ControlReply::Moved { pages }
}

fn done(result: Result<i32, impl ToString>) -> ControlReply {
    match result {
        Ok(status) => ControlReply::Done { status: status.cast_unsigned() },
        Err(error) => failed(error.to_string()),
    }
}

fn info(image: &Image) -> ImageInfo {
    ImageInfo {
        name: image.name().to_owned(),
        base: image.base() as u64,
        pages: u32::try_from(image.size() / 4096).unwrap_or(u32::MAX),
        overridden: image.overridden(),
    }
}

/// Hosts with the security module Yama let no process but a parent attach, unless the one that is to
/// be debugged says so. Who may connect to the machine may attach, if it runs as the same user.
fn let_debuggers_attach() {
    // SAFETY: sets a flag of this process. Hosts without Yama do not know it, and need not.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
}

/// Where an image is.
pub(crate) fn mapped(image: &Image) -> MappedImage {
    MappedImage {
        path: std::path::absolute(image.path()).unwrap_or_else(|_| image.path().to_owned()),
        base: image.base() as u64,
        size: image.size() as u64,
    }
}

fn of_image(
    name: &str,
    answer: impl FnOnce(&Image) -> Result<ControlReply, String>,
) -> ControlReply {
    let image = image::loaded().into_iter().find(|image| image.name().eq_ignore_ascii_case(name));
    let Some(image) = image else {
        let loaded: Vec<_> = image::loaded().map(Image::name).collect();
        return failed(format!("no image {name} is loaded; there are: {}", loaded.join(", ")));
    };
    answer(image).unwrap_or_else(failed)
}

fn contents(image: &Image, first_page: u32, pages: u32) -> Result<ControlReply, String> {
    if pages > MOST_CONTENTS {
        return Err(format!("{pages} pages at once are too many; ask for {MOST_CONTENTS} at most"));
    }
    mm::contents(image, first_page, pages)
        .map(|bytes| ControlReply::Contents { bytes })
        .ok_or_else(|| format!("{} has no pages {first_page}..{first_page}+{pages}", image.name()))
}
