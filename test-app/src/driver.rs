//! The driver, asked in the words of its contract.

use pagewise_contract::{
    BallastChecksum, BallastFill, BallastRegion, BallastRequest, CONTRACT, Ioctl, LockReply,
    LockRequest, PagingAction, PagingRequest, Sections, State, TouchKind, TouchReply, TouchRequest,
    VersionReply, residency,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::error::Error;
use crate::machine::{Access, Handle, Machine};
use crate::pages::Pages;

/// An open driver with which the handshake was made.
pub struct Driver {
    handle: Box<dyn Handle>,
    version: VersionReply,
}

impl Driver {
    /// Opens the device and makes the handshake.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Contract`] where the driver speaks another major version or an older
    /// minor one.
    pub fn open(machine: &dyn Machine, access: Access) -> Result<Self, Error> {
        let handle = machine.open(access).map_err(|failure| Error::of_open(access, failure))?;
        Self::on(handle)
    }

    /// Makes the handshake on an open handle.
    ///
    /// # Errors
    /// As [`Driver::open`].
    pub fn on(mut handle: Box<dyn Handle>) -> Result<Self, Error> {
        let version: VersionReply = ask(&mut *handle, Ioctl::Version, &[])?;
        if !CONTRACT.accepts(version.contract) {
            return Err(Error::Contract { ours: CONTRACT, theirs: version.contract });
        }
        Ok(Self { handle, version })
    }

    /// What the handshake said.
    pub fn version(&self) -> VersionReply {
        self.version
    }

    /// The handle, for requests that are not of the contract.
    pub fn handle(&mut self) -> &mut dyn Handle {
        &mut *self.handle
    }

    /// What was asked of the memory manager.
    ///
    /// # Errors
    /// [`Error`]
    pub fn state(&mut self) -> Result<State, Error> {
        ask(&mut *self.handle, Ioctl::State, &[])
    }

    /// The sections of the image.
    ///
    /// # Errors
    /// [`Error`]
    pub fn sections(&mut self) -> Result<Sections, Error> {
        ask(&mut *self.handle, Ioctl::Sections, &[])
    }

    /// Which pages are valid at this instant, one a page.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] where the answer is about other pages or contradicts itself.
    pub fn residency(&mut self, pages: Pages) -> Result<Vec<bool>, Error> {
        const IOCTL: Ioctl = Ioctl::Residency;
        let request = residency::Request { first_page: pages.first, pages: pages.count };
        let expected = residency::reply_bytes(pages.count);
        let capacity = u32::try_from(expected).unwrap_or(u32::MAX);
        let reply = self
            .handle
            .ioctl(IOCTL.code(), request.as_bytes(), capacity)
            .map_err(|failure| Error::of_request(IOCTL.name(), failure))?;
        let wrong = |what: String| Error::Reply { operation: IOCTL.name(), what };
        if reply.len() != expected {
            return Err(wrong(format!("{} bytes, not {expected}", reply.len())));
        }
        let (header, bitmap) = residency::Header::read_from_prefix(&reply)
            .map_err(|_| wrong(format!("{} bytes", reply.len())))?;
        if (header.first_page, header.pages) != (pages.first, pages.count) {
            return Err(wrong(format!(
                "{} pages from page {}, asked for {pages}",
                header.pages, header.first_page
            )));
        }
        let bits: Vec<bool> = (0..pages.count as usize)
            .map(|index| residency::is_resident(bitmap, index).unwrap_or(false))
            .collect();
        let resident = bits.iter().filter(|&&bit| bit).count();
        if resident != header.resident as usize {
            return Err(wrong(format!("{resident} bits set and a count of {}", header.resident)));
        }
        Ok(bits)
    }

    /// Pages the entire image, or resets it to what was linked. Returns the state after.
    ///
    /// # Errors
    /// [`Error`]
    pub fn set_paging(&mut self, action: PagingAction) -> Result<State, Error> {
        let request = PagingRequest { action: action as u32 };
        ask(&mut *self.handle, Ioctl::SetPaging, request.as_bytes())
    }

    /// Locks a section in memory. Returns the locks it holds now.
    ///
    /// # Errors
    /// [`Error`]
    pub fn lock(&mut self, section: u32) -> Result<u32, Error> {
        self.change_lock(Ioctl::Lock, section)
    }

    /// Gives a lock back. Returns the locks that the section holds now.
    ///
    /// # Errors
    /// [`Error`]
    pub fn unlock(&mut self, section: u32) -> Result<u32, Error> {
        self.change_lock(Ioctl::Unlock, section)
    }

    fn change_lock(&mut self, ioctl: Ioctl, section: u32) -> Result<u32, Error> {
        let request = LockRequest { section };
        let reply: LockReply = ask(&mut *self.handle, ioctl, request.as_bytes())?;
        if reply.section != section {
            let what = format!("section {}, asked for {section}", reply.section);
            return Err(Error::Reply { operation: ioctl.name(), what });
        }
        Ok(reply.locks)
    }

    /// References each page of a range.
    ///
    /// # Errors
    /// [`Error`]
    pub fn touch(&mut self, pages: Pages, kind: TouchKind) -> Result<TouchReply, Error> {
        let request =
            TouchRequest { first_page: pages.first, pages: pages.count, kind: kind as u32 };
        ask(&mut *self.handle, Ioctl::Touch, request.as_bytes())
    }

    /// Fills a writable region of the ballast.
    ///
    /// # Errors
    /// [`Error`]
    pub fn fill(&mut self, region: BallastRegion, seed: u64) -> Result<(), Error> {
        const IOCTL: Ioctl = Ioctl::BallastFill;
        let request = BallastFill { region: region as u32, reserved: 0, seed };
        let reply = self
            .handle
            .ioctl(IOCTL.code(), request.as_bytes(), 0)
            .map_err(|failure| Error::of_request(IOCTL.name(), failure))?;
        if reply.is_empty() {
            return Ok(());
        }
        let what = format!("{} bytes, not none", reply.len());
        Err(Error::Reply { operation: IOCTL.name(), what })
    }

    /// FNV-1a of a region of the ballast, as the driver reads it.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] where it did not read that region, or not all of it.
    pub fn checksum(&mut self, region: BallastRegion) -> Result<u64, Error> {
        const IOCTL: Ioctl = Ioctl::BallastChecksum;
        let request = BallastRequest { region: region as u32 };
        let reply: BallastChecksum = ask(&mut *self.handle, IOCTL, request.as_bytes())?;
        let all = u32::try_from(pagewise_contract::BALLAST_REGION_BYTES).unwrap_or(u32::MAX);
        if (reply.region, reply.bytes) != (region as u32, all) {
            let what = format!("{} bytes of region {}", reply.bytes, reply.region);
            return Err(Error::Reply { operation: IOCTL.name(), what });
        }
        Ok(reply.checksum)
    }
}

/// Sends a request whose answer is one structure.
fn ask<T>(handle: &mut dyn Handle, ioctl: Ioctl, input: &[u8]) -> Result<T, Error>
where
    T: FromBytes + Immutable + KnownLayout,
{
    let capacity = u32::try_from(size_of::<T>()).unwrap_or(u32::MAX);
    let reply = handle
        .ioctl(ioctl.code(), input, capacity)
        .map_err(|failure| Error::of_request(ioctl.name(), failure))?;
    T::read_from_bytes(&reply).map_err(|_| Error::Reply {
        operation: ioctl.name(),
        what: format!("{} bytes, not {capacity}", reply.len()),
    })
}
