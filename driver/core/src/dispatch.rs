//! From a control code and its buffers to an answer.
//!
//! Every handler has the same order: lengths, values, state, then the deed, then the reply. What is
//! refused has changed nothing.

use pagewise_contract::{
    BallastChecksum, BallastFill, BallastRegion, BallastRequest, CONTRACT, Ioctl, LockReply,
    LockRequest, PagingAction, PagingRequest, Sections, State, TouchReply, TouchRequest,
    VersionReply, filled_byte, fnv1a, residency as wire,
};
use zerocopy::IntoBytes;

use crate::image::Image;
use crate::kernel::Kernel;
use crate::paging::Paging;
use crate::refusal::Refusal;
use crate::request::{Request, answer, expect_empty, expect_room, take};
use crate::{residency, touch};

/// The KMDF version that the driver is built for, as `workspace.metadata.wdk` says.
pub const KMDF_VERSION: [u16; 2] = [1, 31];

/// Everything that the driver remembers.
#[derive(Debug)]
pub struct Driver {
    /// Its own image.
    pub image: Image,
    /// What it asked of the memory manager.
    pub paging: Paging,
}

impl Driver {
    /// The driver as it is before it asked for anything.
    #[must_use]
    pub fn new(image: Image) -> Self {
        Self { image, paging: Paging::default() }
    }

    /// Serves the request with control code `code` and says how many bytes of reply it wrote.
    ///
    /// # Errors
    /// A [`Refusal`], in the order that its documentation gives.
    ///
    /// # IRQL
    /// `PASSIVE_LEVEL`
    pub fn serve(
        &mut self,
        code: u32,
        request: &mut impl Request,
        kernel: &mut impl Kernel,
    ) -> Result<usize, Refusal> {
        match Ioctl::from_code(code).ok_or(Refusal::InvalidDeviceRequest)? {
            Ioctl::Version => version(request),
            Ioctl::State => {
                expect_empty(request)?;
                answer(request, &self.paging.state(&self.image))
            }
            Ioctl::Sections => {
                expect_empty(request)?;
                expect_room(request, size_of::<Sections>())?;
                answer(request, &self.paging.sections(&self.image))
            }
            Ioctl::Residency => self.residency(request, kernel),
            Ioctl::SetPaging => self.set_paging(request, kernel),
            Ioctl::Lock => self.lock(request, |driver, section| {
                driver.paging.lock(&driver.image, section, kernel)
            }),
            Ioctl::Unlock => self.lock(request, |driver, section| {
                driver.paging.unlock(&driver.image, section, kernel)
            }),
            Ioctl::Touch => self.touch(request, kernel),
            Ioctl::BallastFill => fill(request, kernel),
            Ioctl::BallastChecksum => checksum(request, kernel),
        }
    }

    fn residency(
        &self,
        request: &mut impl Request,
        kernel: &impl Kernel,
    ) -> Result<usize, Refusal> {
        let wire::Request { first_page, pages } = take(request)?;
        expect_room(request, size_of::<wire::Header>())?;
        let range = self.image.range(first_page, pages)?;

        let bytes = wire::reply_bytes(pages);
        let reply = request.output(bytes)?.get_mut(..bytes).ok_or(Refusal::BufferTooSmall)?;
        let (header, bitmap) =
            reply.split_at_mut_checked(size_of::<wire::Header>()).ok_or(Refusal::BufferTooSmall)?;
        let resident = residency::sample(&self.image, range, kernel, bitmap);
        wire::Header { first_page, pages, resident, reserved: 0 }
            .write_to(header)
            .map_err(|_| Refusal::BufferTooSmall)?;
        Ok(bytes)
    }

    fn set_paging(
        &mut self,
        request: &mut impl Request,
        kernel: &mut impl Kernel,
    ) -> Result<usize, Refusal> {
        let PagingRequest { action } = take(request)?;
        expect_room(request, size_of::<State>())?;
        match PagingAction::from_u32(action).ok_or(Refusal::InvalidParameter)? {
            PagingAction::PageEntire => self.paging.page_entire(kernel)?,
            PagingAction::Reset => self.paging.reset(kernel),
        }
        answer(request, &self.paging.state(&self.image))
    }

    fn lock(
        &mut self,
        request: &mut impl Request,
        change: impl FnOnce(&mut Self, u32) -> Result<u32, Refusal>,
    ) -> Result<usize, Refusal> {
        let LockRequest { section } = take(request)?;
        expect_room(request, size_of::<LockReply>())?;
        let locks = change(self, section)?;
        answer(request, &LockReply { section, locks })
    }

    fn touch(
        &self,
        request: &mut impl Request,
        kernel: &mut impl Kernel,
    ) -> Result<usize, Refusal> {
        let asked: TouchRequest = take(request)?;
        expect_room(request, size_of::<TouchReply>())?;
        let reply = touch::run(&self.image, &asked, kernel)?;
        answer(request, &reply)
    }
}

fn version(request: &mut impl Request) -> Result<usize, Refusal> {
    const DRIVER: [u16; 4] = [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
        0,
    ];
    expect_empty(request)?;
    answer(request, &VersionReply { contract: CONTRACT, kmdf: KMDF_VERSION, driver: DRIVER })
}

fn fill(request: &mut impl Request, kernel: &mut impl Kernel) -> Result<usize, Refusal> {
    let BallastFill { region, reserved, seed } = take(request)?;
    let region = BallastRegion::from_u32(region).ok_or(Refusal::InvalidParameter)?;
    if reserved != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let bytes = kernel.ballast_mut(region).ok_or(Refusal::NotSupported)?;
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = filled_byte(region, seed, index);
    }
    Ok(0)
}

fn checksum(request: &mut impl Request, kernel: &impl Kernel) -> Result<usize, Refusal> {
    let BallastRequest { region: number } = take(request)?;
    expect_room(request, size_of::<BallastChecksum>())?;
    let region = BallastRegion::from_u32(number).ok_or(Refusal::InvalidParameter)?;
    let bytes = kernel.ballast(region);
    let reply = BallastChecksum {
        region: number,
        bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        checksum: fnv1a(bytes),
    };
    answer(request, &reply)
}

/// The number that cargo gives as text. A package version that is none does not compile.
const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the package version is not a number"),
    }
}

#[cfg(test)]
mod tests;
