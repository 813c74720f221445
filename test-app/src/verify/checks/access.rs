//! Who may do what, and what nobody gets to know.

use pagewise_contract::{Access as Needed, Ioctl, PAGE_SIZE, PagingAction};
use pagewise_lab_wire::{ImageInfo, Token};

use crate::driver::Driver;
use crate::machine::{Access, Failure, Handle, Need};
use crate::pages::Pages;
use crate::status::NtStatus;
use crate::verify::check::{Check, Stop, Verdict, ensure, refused};
use crate::verify::context::{Context, image_pages, sections};
use crate::verify::requests::{Requests, Witness};

pub const CHECKS: &[Check] = &[
    Check {
        id: "access.read-only",
        title: "a handle for reading can ask, and cannot change anything",
        run: read_only,
    },
    Check {
        id: "access.write-only",
        title: "a handle for writing alone can neither ask nor change",
        run: write_only,
    },
    Check {
        id: "access.users",
        title: "the system and administrators can open the device, users cannot",
        run: users,
    },
    Check { id: "access.no-address", title: "no answer holds a kernel address", run: no_address },
];

fn read_only(context: &Context) -> Verdict {
    let mut witness = Witness::of(context)?;
    let mut driver = context.open(Access::Read)?;
    let pages = Pages::new(0, image_pages(&mut driver)?);
    driver.residency(pages)?;
    let requests = Requests::of(&sections(&mut driver)?)?;
    denied(driver.handle(), &requests, |ioctl| ioctl.access() == Needed::ReadWrite)?;
    witness.ensure_unchanged("requests through a handle for reading")
}

fn write_only(context: &Context) -> Verdict {
    let mut witness = Witness::of(context)?;
    let requests = Requests::of(&sections(&mut context.driver()?)?)?;
    let mut handle = context.machine().open(Access::Write)?;
    denied(&mut *handle, &requests, |_| true)?;
    witness.ensure_unchanged("requests through a handle for writing")
}

fn denied(handle: &mut dyn Handle, requests: &Requests, which: fn(&Ioctl) -> bool) -> Verdict {
    for ioctl in Ioctl::ALL.into_iter().filter(which) {
        let (input, capacity) = requests.valid(ioctl);
        let wanted = NtStatus::ACCESS_DENIED;
        refused(handle, ioctl.code(), &input, capacity, wanted, ioctl.name())?;
    }
    Ok(())
}

fn users(context: &Context) -> Verdict {
    context.needs(Need::OtherUsers)?;
    match context.lab_if_any() {
        Some(lab) => {
            for token in [Token::System, Token::Administrator] {
                let handle = lab.open_as(Access::ReadWrite, token)?;
                Driver::on(handle)?.state()?;
            }
        }
        None => {
            context.driver()?.state()?;
            context.note("decided for the user who runs this program".to_owned());
        }
    }
    for access in [Access::Read, Access::Write, Access::ReadWrite] {
        let refused = context.machine().open_as_user(access).err();
        let right = refused.as_ref().is_some_and(|failure| failure.is(NtStatus::ACCESS_DENIED));
        ensure!(right, "an ordinary user who opens it for {} gets {refused:?}", access.name());
    }
    Ok(())
}

fn no_address(context: &Context) -> Verdict {
    let lab = context.lab(Need::Addresses)?;
    let mut driver = context.driver()?;
    let requests = Requests::of(&sections(&mut driver)?)?;
    let images = lab.images()?;
    // The valid request for paging is a reset, so that both states are seen, and locks are given.
    driver.set_paging(PagingAction::PageEntire)?;
    for ioctl in Ioctl::ALL.into_iter().chain(Ioctl::ALL) {
        let (input, _) = requests.valid(ioctl);
        // More room than any answer needs: what is left over of the buffer must not show.
        let reply = match driver.handle().ioctl(ioctl.code(), &input, 8192) {
            Ok(reply) => reply,
            // Refusals have no answer to look into.
            Err(Failure::Refused(_)) => continue,
            Err(other) => return Err(other.into()),
        };
        if let Some((address, image, offset)) = address_in(&reply, &images) {
            let name = ioctl.name();
            let reason = format!("{name} answers {address:#x}, in {image}, at offset {offset}");
            return Err(Stop::Failed(reason));
        }
    }
    Ok(())
}

/// The first eight bytes in a row, at whatever offset, that point into an image.
fn address_in(reply: &[u8], images: &[ImageInfo]) -> Option<(u64, String, usize)> {
    reply.windows(8).enumerate().find_map(|(offset, window)| {
        let value = u64::from_le_bytes(window.try_into().ok()?);
        let hit = images.iter().find(|image| {
            let bytes = u64::from(image.pages) * PAGE_SIZE as u64;
            (image.base..image.base.saturating_add(bytes)).contains(&value)
        })?;
        Some((value, hit.name.clone(), offset))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_at_any_offset() {
        let images = [ImageInfo {
            name: "pagewise.sys".to_owned(),
            base: 0x7f12_3456_0000,
            pages: 2,
            overridden: true,
        }];
        let mut reply = vec![0; 40];
        assert_eq!(address_in(&reply, &images), None);
        reply[5..13].copy_from_slice(&0x7f12_3456_1fff_u64.to_le_bytes());
        assert_eq!(address_in(&reply, &images).unwrap().2, 5);
        reply[5..13].copy_from_slice(&0x7f12_3456_2000_u64.to_le_bytes());
        assert_eq!(address_in(&reply, &images), None);
    }
}
