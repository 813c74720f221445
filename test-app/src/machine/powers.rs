//! What only the lab can do: give orders to the machine, and tell the truth about its pages.

use pagewise_lab_wire::{
    Control, ControlReply, Counters, ImageInfo, PageTruth, PoolBlock, Token, Verifier,
};

use super::{Access, Asked, DriverPages, Failure, Handle};
use crate::error::Error;
use crate::status::NtStatus;

/// File name of the driver's image.
pub const IMAGE: &str = "pagewise.sys";

/// The lab's powers.
pub trait Lab: Send + Sync {
    /// Opens the device on behalf of someone.
    ///
    /// # Errors
    /// [`Failure`]
    fn open_as(&self, access: Access, token: Token) -> Result<Box<dyn Handle>, Failure>;

    /// Gives an order.
    ///
    /// # Errors
    /// [`Error::Control`] where the machine could not carry it out; [`Error::Gone`].
    fn control(&self, command: &Control) -> Result<ControlReply, Error>;
}

impl dyn Lab + '_ {
    /// An order that is answered with an NTSTATUS.
    ///
    /// # Errors
    /// As [`Lab::control`]; an unsuccessful NTSTATUS is an answer.
    pub fn order(&self, command: &Control) -> Result<NtStatus, Error> {
        match self.control(command)? {
            ControlReply::Done { status } => Ok(NtStatus(status)),
            other => Err(unexpected(command, &other)),
        }
    }

    /// Takes every valid pageable page out of its working set. Returns how many.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn trim(&self) -> Result<u64, Error> {
        self.moved(&Control::Trim)
    }

    /// Gives up the memory of every page in transition. Returns how many.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn purge(&self) -> Result<u64, Error> {
        self.moved(&Control::Purge)
    }

    /// Trims, then purges. Returns how many pages moved.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn evict(&self) -> Result<u64, Error> {
        self.moved(&Control::Evict)
    }

    /// Its means to take pages out of memory, as [`super::Machine::try_means`] numbers them.
    pub fn try_means(&self, number: usize) -> Option<Result<Asked, Error>> {
        let asked = |call, effect| move |_| Asked { call, effect, documented: true };
        Some(match number {
            0 => self.trim().map(asked("order to trim", "takes pages out of the working set")),
            1 => self.evict().map(asked("order to evict", "takes them out of memory, too")),
            _ => return None,
        })
    }

    fn moved(&self, command: &Control) -> Result<u64, Error> {
        match self.control(command)? {
            ControlReply::Moved { pages } => Ok(pages),
            other => Err(unexpected(command, &other)),
        }
    }

    /// The loaded images.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn images(&self) -> Result<Vec<ImageInfo>, Error> {
        match self.control(&Control::Images)? {
            ControlReply::Images { images } => Ok(images),
            other => Err(unexpected(&Control::Images, &other)),
        }
    }

    /// The driver's image, if it is loaded.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn image(&self) -> Result<Option<ImageInfo>, Error> {
        Ok(self.images()?.into_iter().find(|image| image.name.eq_ignore_ascii_case(IMAGE)))
    }

    /// The true state of each page of the driver's image.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn pages(&self) -> Result<Vec<PageTruth>, Error> {
        let command = Control::Pages { image: IMAGE.to_owned() };
        match self.control(&command)? {
            ControlReply::Pages { pages } => Ok(pages),
            other => Err(unexpected(&command, &other)),
        }
    }

    /// The true content of pages of the driver's image, read without disturbing them.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn contents(&self, first_page: u32, pages: u32) -> Result<Vec<u8>, Error> {
        let command = Control::Contents { image: IMAGE.to_owned(), first_page, pages };
        match self.control(&command)? {
            ControlReply::Contents { bytes } => Ok(bytes),
            other => Err(unexpected(&command, &other)),
        }
    }

    /// What was counted so far.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn counters(&self) -> Result<Counters, Error> {
        match self.control(&Control::Counters)? {
            ControlReply::Counters(counters) => Ok(counters),
            other => Err(unexpected(&Control::Counters, &other)),
        }
    }

    /// Pageable pages over all loaded images, and how many of them are valid.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn driver_pages(&self) -> Result<DriverPages, Error> {
        let counters = self.counters()?;
        let (total, resident) = (counters.driver_pages_total, counters.driver_pages_resident);
        Ok(DriverPages { total, resident })
    }

    /// Pool blocks that are allocated.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn pool(&self) -> Result<Vec<PoolBlock>, Error> {
        match self.control(&Control::Pool)? {
            ControlReply::Pool { blocks } => Ok(blocks),
            other => Err(unexpected(&Control::Pool, &other)),
        }
    }

    /// Switches force IRQL checking, and with it DDI compliance checking.
    ///
    /// # Errors
    /// As [`Lab::control`].
    pub fn force_irql(&self, on: bool) -> Result<(), Error> {
        let verifier = Verifier { force_irql: on, ddi_compliance: on, ..Verifier::default() };
        self.order(&Control::Verify(verifier)).map(|_| ())
    }
}

fn unexpected(command: &Control, reply: &ControlReply) -> Error {
    Error::Broken(format!("the lab answered {command:?} with {reply:?}"))
}
