//! Objects: a body behind a header with a reference count.

use std::alloc::{self, Layout};
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::ke::irql;
use crate::se::Descriptor;
use crate::{bugcheck, ex};

const REFERENCE_BY_POINTER: u32 = 0x18;

/// A type of object.
#[derive(Debug)]
pub struct ObjectType {
    name: &'static str,
    delete: Option<fn(*mut c_void)>,
    close: Option<fn(*mut c_void)>,
    set_security: Option<SetSecurity>,
}

/// Sets the parts of an object's security that the `SECURITY_INFORMATION` names, and gives an
/// NTSTATUS.
pub type SetSecurity = fn(*mut c_void, information: u32, &Descriptor) -> i32;

impl ObjectType {
    /// A type. `delete` runs when the last reference has gone, at `PASSIVE_LEVEL`: in the thread
    /// that took it away, or, if that is above `PASSIVE_LEVEL`, in a system worker. The body's
    /// memory goes after it.
    #[must_use]
    pub const fn new(name: &'static str, delete: Option<fn(*mut c_void)>) -> Self {
        Self { name, delete, close: None, set_security: None }
    }

    /// The same with `close`, which runs when the last handle has gone, while a reference is still
    /// held.
    #[must_use]
    pub const fn on_last_handle(self, close: fn(*mut c_void)) -> Self {
        Self { close: Some(close), ..self }
    }

    /// The same with `set`, which `ZwSetSecurityObject` calls.
    #[must_use]
    pub const fn on_set_security(self, set: SetSecurity) -> Self {
        Self { set_security: Some(set), ..self }
    }

    pub(super) fn set_security(&self) -> Option<SetSecurity> {
        self.set_security
    }

    /// Its name, such as `File`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// What precedes each body.
#[repr(C, align(16))]
struct Header {
    /// The header's own address, disguised: an object that was freed, or never was one, has not.
    seal: usize,
    kind: &'static ObjectType,
    references: AtomicI64,
    handles: AtomicI64,
    body_bytes: usize,
}

const SEAL: usize = 0x4a62_4f5f_6c61_6265;

/// A new object, with one reference. Its body is zeroed, resident and 16-aligned.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
#[must_use]
pub fn allocate(kind: &'static ObjectType, body_bytes: usize) -> *mut c_void {
    let layout = layout(body_bytes);
    // SAFETY: the layout is not empty: it has a header.
    let memory = unsafe { alloc::alloc_zeroed(layout) };
    if memory.is_null() {
        alloc::handle_alloc_error(layout);
    }
    let header = memory.cast::<Header>();
    let value = Header {
        seal: header as usize ^ SEAL,
        kind,
        references: AtomicI64::new(1),
        handles: AtomicI64::new(0),
        body_bytes,
    };
    // SAFETY: the memory is new and of a layout that begins with a header.
    unsafe { header.write(value) };
    // SAFETY: the layout has the body after the header.
    unsafe { header.add(1) }.cast()
}

fn layout(body_bytes: usize) -> Layout {
    let bytes = size_of::<Header>().saturating_add(body_bytes);
    // A body that is too large for a layout is too large for the host as well.
    Layout::from_size_align(bytes, align_of::<Header>())
        .unwrap_or_else(|_| alloc::handle_alloc_error(Layout::new::<Header>()))
}

/// The header of the object at `body`, or `None` where there is none.
///
/// # Safety
/// The 48 bytes before `body` can be read.
unsafe fn header<'a>(body: *mut c_void) -> Option<&'a Header> {
    let header = body.cast::<Header>().wrapping_sub(1);
    if !header.is_aligned() || (body as usize) < size_of::<Header>() {
        return None;
    }
    let seal = header.wrapping_byte_add(offset_of!(Header, seal)).cast::<usize>();
    // SAFETY: the caller vouches for the memory.
    let seal = unsafe { seal.read_volatile() };
    if seal != header as usize ^ SEAL {
        return None;
    }
    // SAFETY: a sealed header is a live one.
    Some(unsafe { &*header })
}

/// Bug check 0x18. The type is given by the address of its name, 0 where it is not an object.
#[cold]
fn bad_reference(body: *mut c_void, header: Option<&Header>, count: i64) -> ! {
    let kind = header.map_or(0, |header| ptr::from_ref(header.kind) as u64);
    bugcheck::bug_check(REFERENCE_BY_POINTER, [kind, body as u64, 0, count as u64]);
}

/// The type of the object at `body`; `None` where there is no object.
///
/// # Safety
/// The 48 bytes before `body` can be read.
#[must_use]
pub unsafe fn object_type(body: *mut c_void) -> Option<&'static ObjectType> {
    // SAFETY: the caller vouches for it.
    unsafe { header(body) }.map(|header| header.kind)
}

/// How many references the object has; 0 where there is no object.
///
/// # Safety
/// The 48 bytes before `body` can be read.
#[must_use]
pub unsafe fn reference_count(body: *mut c_void) -> u64 {
    // SAFETY: the caller vouches for it.
    let header = unsafe { header(body) };
    header.map_or(0, |header| header.references.load(Ordering::Relaxed).unsigned_abs())
}

/// Takes another reference, and returns the new count. What is no object, or has no reference any
/// more, is bug check 0x18.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// The 48 bytes before `body` can be read.
pub unsafe fn reference(body: *mut c_void) -> i64 {
    // SAFETY: the caller vouches for it.
    let Some(header) = (unsafe { header(body) }) else { bad_reference(body, None, 0) };
    let count = header.references.fetch_add(1, Ordering::Relaxed) + 1;
    if count <= 1 {
        bad_reference(body, Some(header), count);
    }
    count
}

/// Gives a reference back, and returns the new count. With the last one the object goes. What is no
/// object is bug check 0x18.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// The 48 bytes before `body` can be read, and the caller does not use its reference any more.
pub unsafe fn dereference(body: *mut c_void) -> i64 {
    // SAFETY: the caller vouches for it.
    let Some(header) = (unsafe { header(body) }) else { bad_reference(body, None, -1) };
    let count = header.references.fetch_sub(1, Ordering::AcqRel) - 1;
    if count < 0 {
        bad_reference(body, Some(header), count);
    }
    if count == 0 {
        let body = Unreferenced(body);
        if irql::current() == irql::PASSIVE_LEVEL {
            body.delete();
        } else {
            ex::queue_system_work(Box::new(move || body.delete()));
        }
    }
    count
}

/// An object that nobody else can reach.
struct Unreferenced(*mut c_void);

// SAFETY: whoever has it is the only one to use the object.
unsafe impl Send for Unreferenced {}

impl Unreferenced {
    fn delete(self) {
        let header = self.0.cast::<Header>().wrapping_sub(1);
        // SAFETY: the object is alive until the deallocation below.
        let Header { kind, body_bytes, .. } = unsafe { &*header };
        let (kind, bytes) = (*kind, *body_bytes);
        if let Some(delete) = kind.delete {
            delete(self.0);
        }
        let seal = header.wrapping_byte_add(offset_of!(Header, seal)).cast::<usize>();
        // SAFETY: as above.
        unsafe { seal.write_volatile(0) };
        // SAFETY: allocated with this layout, and nobody can reach it any more.
        unsafe { alloc::dealloc(header.cast(), layout(bytes)) };
    }
}

/// A handle to the object was made; it holds a reference.
///
/// # Safety
/// As [`reference`].
pub(super) unsafe fn open(body: *mut c_void) {
    // SAFETY: the caller vouches for it.
    unsafe { reference(body) };
    // SAFETY: as before; `reference` has seen that it is an object.
    if let Some(header) = unsafe { header(body) } {
        header.handles.fetch_add(1, Ordering::Relaxed);
    }
}

/// A handle to the object has gone, and its reference with it.
///
/// # Safety
/// As [`dereference`].
pub(super) unsafe fn close(body: *mut c_void) {
    // SAFETY: the handle's reference keeps the object.
    let header = unsafe { header(body) };
    let last = header.is_some_and(|header| header.handles.fetch_sub(1, Ordering::AcqRel) == 1);
    if let Some(close) = header.filter(|_| last).and_then(|header| header.kind.close) {
        close(body);
    }
    // SAFETY: the caller vouches for it.
    unsafe { dereference(body) };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    use super::*;

    static DELETED: AtomicUsize = AtomicUsize::new(0);
    static KIND: ObjectType = ObjectType::new(
        "Test",
        Some(|body| {
            // SAFETY: the bodies of this type hold an address.
            let counter = unsafe { *body.cast::<*const AtomicUsize>() };
            // SAFETY: the counters are statics.
            unsafe { &*counter }
                .fetch_add(1 + usize::from(irql::current()) * 100, Ordering::SeqCst);
        }),
    );

    fn object(counter: &'static AtomicUsize) -> *mut c_void {
        let body = allocate(&KIND, 64);
        // SAFETY: the body is ours and large enough.
        unsafe { body.cast::<*const AtomicUsize>().write(counter) };
        body
    }

    #[test]
    fn the_last_reference_deletes() {
        let body = object(&DELETED);
        assert!(body.cast::<u128>().is_aligned());
        // SAFETY: it is an object.
        assert_eq!(unsafe { reference(body) }, 2);
        // SAFETY: it is an object.
        assert_eq!(unsafe { dereference(body) }, 1);
        assert_eq!(DELETED.load(Ordering::SeqCst), 0);
        // SAFETY: it is an object.
        assert_eq!(unsafe { dereference(body) }, 0);
        assert_eq!(DELETED.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_object_is_deleted_at_passive_level() {
        static LATER: AtomicUsize = AtomicUsize::new(0);
        let body = object(&LATER);
        let old = irql::raise(irql::DISPATCH_LEVEL);
        // SAFETY: it is an object.
        unsafe { dereference(body) };
        irql::lower(old);
        let deadline = Instant::now() + Duration::from_secs(5);
        while LATER.load(Ordering::SeqCst) == 0 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        // A hundred more for each level above.
        assert_eq!(LATER.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn other_memory_is_no_object() {
        let memory = [0u64; 32];
        let inside = memory[16..].as_ptr().cast_mut().cast();
        // SAFETY: there are 48 bytes before.
        assert!(unsafe { object_type(inside) }.is_none());
        // SAFETY: there are 48 bytes before.
        assert_eq!(unsafe { reference_count(inside) }, 0);
    }
}
