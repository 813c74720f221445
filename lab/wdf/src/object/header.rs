//! What every object has.

use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use crate::globals::Globals;
use crate::kernel::violation::{self, Code};
use crate::node::Node;

use super::ContextHeader;

/// Kinds of objects, with the numbers that WDF_INVALID_HANDLE reports
/// (Windows-Driver-Frameworks:src/framework/shared/inc/private/common/fxtypes.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// Any object, where a function takes them all.
    Any = 0x1000,
    /// `WDFDRIVER`
    Driver = 0x1001,
    /// `WDFDEVICE`
    Device = 0x1002,
    /// `WDFQUEUE`
    Queue = 0x1003,
    /// `WDFKEY`
    Key = 0x1006,
    /// `WDFSTRING`
    String = 0x1007,
    /// `WDFREQUEST`
    Request = 0x1008,
    /// `WDFMEMORY`
    Memory = 0x100a,
    /// An object without a kind of its own.
    General = 0x100c,
    /// `WDFCOLLECTION`
    Collection = 0x100e,
    /// `WDFDPC`
    Dpc = 0x1015,
    /// `WDFFILEOBJECT`
    File = 0x1018,
    /// `WDFWAITLOCK`
    WaitLock = 0x1023,
    /// `WDFSPINLOCK`
    SpinLock = 0x1024,
    /// `WDFWORKITEM`
    WorkItem = 0x1025,
    /// `WDFTIMER`
    Timer = 0x1028,
    /// `WDFIOTARGET`
    IoTarget = 0x1200,
}

/// What is the same for all objects of a kind.
pub struct Class {
    /// The kind.
    pub kind: Kind,
    /// Whether disposal must be at PASSIVE_LEVEL.
    pub passive: bool,
    /// Whether the client may delete it.
    pub deletable: bool,
    /// The kind's part of disposal.
    ///
    /// # Safety
    /// The header is that of an instance of the kind.
    pub dispose: unsafe fn(&Header),
    /// Drops the body; the memory stays.
    ///
    /// # Safety
    /// As for `dispose`, and nobody uses the instance afterwards.
    pub drop: unsafe fn(NonNull<Header>),
}

/// The body of an object.
///
/// # Safety
/// [`Object::KIND`] is that of no other type, since handles are told apart by it.
pub unsafe trait Object: Sized + 'static {
    /// The kind.
    const KIND: Kind;
    /// Whether disposal must be at PASSIVE_LEVEL.
    const PASSIVE: bool = false;
    /// Whether the client may delete it.
    const DELETABLE: bool = true;
    /// The class of these objects.
    const CLASS: &'static Class = &Class {
        kind: Self::KIND,
        passive: Self::PASSIVE,
        deletable: Self::DELETABLE,
        dispose: dispose_body::<Self>,
        drop: drop_body::<Self>,
    };

    /// Runs down what must not outlive the object's cleanup. `Drop` of the body comes later.
    fn dispose(_this: &Instance<Self>) {}
}

unsafe fn dispose_body<T: Object>(header: &Header) {
    // SAFETY: the caller vouches for the kind, and the header is first in its instance.
    let instance = unsafe { NonNull::from(header).cast::<Instance<T>>().as_ref() };
    T::dispose(instance);
}

unsafe fn drop_body<T: Object>(header: NonNull<Header>) {
    // SAFETY: the caller vouches for the kind and that nobody uses the instance any more.
    unsafe { header.cast::<Instance<T>>().drop_in_place() };
}

/// `FxOb`: what a live header begins with.
const SIGNATURE: u32 = u32::from_le_bytes(*b"FxOb");

/// The part that all objects have in common.
#[repr(C)]
pub struct Header {
    // First: a node's address is its header's.
    node: Node,
    signature: AtomicU32,
    references: AtomicI32,
    class: &'static Class,
    globals: NonNull<Globals>,
    contexts: AtomicPtr<ContextHeader>,
    next_to_reap: AtomicPtr<Header>,
}

// SAFETY: the node is used under the tree lock, the globals live as long as the client's objects,
// the rest is atomic or constant.
unsafe impl Sync for Header {}
// SAFETY: as above.
unsafe impl Send for Header {}

impl Header {
    /// The header of a newborn object.
    pub fn new(class: &'static Class, globals: &Globals) -> Self {
        Self {
            node: Node::new(),
            signature: AtomicU32::new(SIGNATURE),
            references: AtomicI32::new(1),
            class,
            globals: NonNull::from(globals),
            contexts: AtomicPtr::default(),
            next_to_reap: AtomicPtr::default(),
        }
    }

    /// Its class.
    pub fn class(&self) -> &'static Class {
        self.class
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.class.kind
    }

    /// The client it belongs to.
    pub fn globals(&self) -> &Globals {
        // SAFETY: a client's globals are freed after the last of its objects.
        unsafe { self.globals.as_ref() }
    }

    /// Its place in the tree.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The header that a node belongs to.
    ///
    /// # Safety
    /// `node` is that of an object that lives for as long as `'a`.
    pub unsafe fn of_node<'a>(node: NonNull<Node>) -> &'a Self {
        // SAFETY: the node is the first field of its header, which the caller keeps alive.
        unsafe { node.cast::<Self>().as_ref() }
    }

    /// The first of its contexts; the others follow in the order they were added.
    pub fn contexts(&self) -> &AtomicPtr<ContextHeader> {
        &self.contexts
    }

    /// The next object that waits for a thread at PASSIVE_LEVEL.
    pub fn next_to_reap(&self) -> &AtomicPtr<Self> {
        &self.next_to_reap
    }

    /// Whether this memory holds a live object.
    pub fn is_valid(&self) -> bool {
        self.signature.load(Ordering::Relaxed) == SIGNATURE
    }

    /// Marks the memory as free.
    pub fn invalidate(&self) {
        self.signature.store(0, Ordering::Relaxed);
    }

    /// Adds a reference.
    pub fn reference(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one away; whether it was the last.
    pub fn dereference(&self) -> bool {
        let before = self.references.fetch_sub(1, Ordering::AcqRel);
        if before <= 0 {
            let object = core::ptr::from_ref(self).addr();
            violation::violation(Code::ObjectError, object, before.unsigned_abs() as usize, 0);
        }
        before == 1
    }
}

/// An object of one kind.
#[repr(C)]
pub struct Instance<T> {
    header: Header,
    body: T,
}

impl<T: Object> Instance<T> {
    /// A newborn object.
    pub fn new(globals: &Globals, body: T) -> Self {
        Self { header: Header::new(T::CLASS, globals), body }
    }

    /// What all objects have in common.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The client it belongs to.
    pub fn globals(&self) -> &Globals {
        self.header.globals()
    }
}

impl<T> Deref for Instance<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}
