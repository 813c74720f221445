//! Places in drivers from which the machine was called, told apart by who called whom there.
//!
//! A framework calls the machine on behalf of its clients, and always from the same few places of
//! its own. So a place is the chain of return addresses up to the first in a driver that is no
//! library.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bugcheck;
use crate::image::{self, Image};

/// No chain is longer.
const MOST_FRAMES: usize = 16;

/// A place, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Site(u32);

/// A return address: file name of the image, and offset in it. It stays the same when the image is
/// loaded again.
pub(crate) type Place = (&'static str, u32);

struct Sites {
    numbers: HashMap<Box<[Place]>, Site>,
    all: Vec<Box<[Place]>>,
}

static SITES: Mutex<Option<Sites>> = Mutex::new(None);

fn with<T>(answer: impl FnOnce(&mut Sites) -> T) -> T {
    let mut sites: MutexGuard<'_, _> = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    answer(sites.get_or_insert_with(|| Sites { numbers: HashMap::new(), all: Vec::new() }))
}

/// The place from which a driver called. `frame` is where its return address is, on the stack of
/// this thread. `None` where no driver called.
pub(crate) fn of(frame: usize) -> Option<Site> {
    let callers = bugcheck::callers(frame, MOST_FRAMES);
    let client = callers.iter().position(|(image, _)| !image.is_library());
    let chain: Box<[Place]> = callers[..client.map_or(callers.len(), |at| at + 1)]
        .iter()
        .map(|&(image, rva)| (image.name(), rva))
        .collect();
    if chain.is_empty() {
        return None;
    }
    Some(with(|sites| {
        if let Some(&site) = sites.numbers.get(&chain) {
            return site;
        }
        let site = Site(u32::try_from(sites.all.len()).unwrap_or(u32::MAX));
        sites.all.push(chain.clone());
        sites.numbers.insert(chain, site);
        site
    }))
}

impl Site {
    /// The chain, innermost first.
    pub(crate) fn places(self) -> Box<[Place]> {
        with(|sites| sites.all.get(self.0 as usize).cloned()).unwrap_or_default()
    }

    /// Who is responsible: the driver for which a library called, else whoever called.
    pub(crate) fn responsible(self) -> Option<Place> {
        self.places().last().copied()
    }

    /// Whether `image` is responsible.
    pub(crate) fn is_of(self, image: &Image) -> bool {
        self.responsible().is_some_and(|(name, _)| name == image.name())
    }

    /// The address of the responsible place, in an image that is loaded.
    pub(crate) fn address(self) -> Option<u64> {
        let (name, rva) = self.responsible()?;
        Some(image::by_name(name)?.base() as u64 + u64::from(rva))
    }
}
