//! Lists of requests, linked through the requests themselves.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::object::Instance;
use crate::request::Request;

type Entry = NonNull<Instance<Request>>;

/// What a request needs to be in a list.
pub struct Links {
    next: Cell<Option<Entry>>,
    previous: Cell<Option<Entry>>,
    linked: Cell<bool>,
}

// SAFETY: links are used only by the lists of one queue at a time, under its lock.
unsafe impl Sync for Links {}
// SAFETY: as above.
unsafe impl Send for Links {}

impl Links {
    /// In no list.
    pub const fn new() -> Self {
        Self { next: Cell::new(None), previous: Cell::new(None), linked: Cell::new(false) }
    }
}

/// A list through the `LINK`th links of its requests. Requests take themselves out of their lists
/// before they go.
pub struct RequestList<const LINK: usize> {
    first: Option<Entry>,
    last: Option<Entry>,
}

// SAFETY: requests are shared between threads.
unsafe impl<const LINK: usize> Send for RequestList<LINK> {}

impl<const LINK: usize> RequestList<LINK> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { first: None, last: None }
    }

    fn links<'a>(entry: Entry) -> &'a Links {
        // SAFETY: requests take themselves out of their lists before they go.
        &unsafe { entry.as_ref() }.links[LINK]
    }

    /// Adds a request, last.
    pub fn push_back(&mut self, request: &Instance<Request>) {
        let entry = NonNull::from(request);
        let links = &request.links[LINK];
        links.linked.set(true);
        links.next.set(None);
        links.previous.set(self.last);
        match self.last.replace(entry) {
            Some(last) => Self::links(last).next.set(Some(entry)),
            None => self.first = Some(entry),
        }
    }

    /// Adds a request, first.
    pub fn push_front(&mut self, request: &Instance<Request>) {
        let entry = NonNull::from(request);
        let links = &request.links[LINK];
        links.linked.set(true);
        links.previous.set(None);
        links.next.set(self.first);
        match self.first.replace(entry) {
            Some(first) => Self::links(first).previous.set(Some(entry)),
            None => self.last = Some(entry),
        }
    }

    /// Takes a request out; whether it was in the list.
    pub fn remove(&mut self, request: &Instance<Request>) -> bool {
        let links = &request.links[LINK];
        if !links.linked.replace(false) {
            return false;
        }
        let (next, previous) = (links.next.take(), links.previous.take());
        match previous {
            Some(previous) => Self::links(previous).next.set(next),
            None => self.first = next,
        }
        match next {
            Some(next) => Self::links(next).previous.set(previous),
            None => self.last = previous,
        }
        true
    }

    /// Takes the first request out.
    pub fn pop_front<'a>(&mut self) -> Option<&'a Instance<Request>> {
        // SAFETY: requests take themselves out of their lists before they go; the caller has the
        // request from here on.
        let request = unsafe { self.first?.as_ref() };
        self.remove(request);
        Some(request)
    }

    /// The requests, first to last. The one at hand may be taken out meanwhile.
    pub fn iter<'a>(&self) -> impl Iterator<Item = &'a Instance<Request>> + use<'a, LINK> {
        let mut next = self.first;
        core::iter::from_fn(move || {
            let entry = next?;
            next = Self::links(entry).next.get();
            // SAFETY: requests take themselves out of their lists before they go.
            Some(unsafe { entry.as_ref() })
        })
    }
}
