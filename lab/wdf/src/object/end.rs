//! The end of objects.

use core::ptr::NonNull;

use crate::kernel::{irql, pool};
use crate::node::{Deletion, Node, State};

use super::{Header, context, reap, reference};

/// Deletes an object: it and its children are disposed of, and the reference that stands for its
/// life goes. Above PASSIVE_LEVEL, an object that must not be disposed of there waits for a worker.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn delete(header: &Header) {
    let deferred = irql::current() > irql::PASSIVE_LEVEL && wants_passive(header);
    let deletion = header.globals().tree().lock().begin_delete(header.node());
    match deletion {
        Deletion::UnderWay => {}
        Deletion::Drop => finish(header),
        Deletion::Dispose if deferred => reap::defer(header),
        Deletion::Dispose => dispose_and_finish(header),
    }
}

/// What [`delete`] does to an object that is in state `Disposing` and out of its parent's hands.
pub fn dispose_and_finish(header: &Header) {
    dispose_worker(header);
    finish(header);
}

/// Disposes of an object and its children, and leaves its life to a later [`delete`].
///
/// # IRQL
/// At most DISPATCH_LEVEL; PASSIVE_LEVEL where the kind wants it.
pub fn dispose(header: &Header) {
    {
        let mut tree = header.globals().tree().lock();
        if tree.state(header.node()) != State::Live {
            return;
        }
        tree.detach(header.node());
        tree.set_state(header.node(), State::Disposing);
    }
    dispose_worker(header);
}

fn dispose_worker(header: &Header) {
    while let Some(child) = next_to_dispose(header) {
        // SAFETY: a child in state `Disposing` stays its parent's until `destroy_children`.
        dispose_worker(unsafe { Header::of_node(child) });
    }
    // SAFETY: the class is the header's own.
    unsafe { (header.class().dispose)(header) };
    context::call_cleanup(header);
    header.globals().tree().lock().set_state(header.node(), State::Disposed);
}

fn next_to_dispose(header: &Header) -> Option<NonNull<Node>> {
    let mut tree = header.globals().tree().lock();
    let child = tree.first_child_in(header.node(), State::Live)?;
    // SAFETY: a child of a live object; nobody else disposes of it while its parent does.
    tree.set_state(unsafe { Header::of_node(child) }.node(), State::Disposing);
    Some(child)
}

/// Drops the children of an object that was disposed of.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn destroy_children(header: &Header) {
    while let Some(child) = next_to_destroy(header) {
        // SAFETY: its reference to its own life is not yet dropped.
        finish(unsafe { Header::of_node(child) });
    }
}

fn next_to_destroy(header: &Header) -> Option<NonNull<Node>> {
    let mut tree = header.globals().tree().lock();
    let child = tree.first_child(header.node())?;
    // SAFETY: a child lives at least until it is detached.
    tree.detach(unsafe { Header::of_node(child) }.node());
    Some(child)
}

fn finish(header: &Header) {
    destroy_children(header);
    header.globals().tree().lock().set_state(header.node(), State::Deleted);
    reference::release(NonNull::from(header));
}

/// Undoes the creation of an object that the client never heard of: no callback is called.
pub fn abandon(header: NonNull<Header>) {
    // SAFETY: the caller gives up the reference of the object's life.
    let object = unsafe { header.as_ref() };
    context::forget_callbacks(object);
    object.globals().tree().lock().set_state(object.node(), State::Deleted);
    reference::release(header);
}

/// The last reference is gone: `EvtDestroyCallback`, then the memory.
///
/// # IRQL
/// At most DISPATCH_LEVEL; objects that want PASSIVE_LEVEL wait for it.
pub fn destroy(header: NonNull<Header>) {
    // SAFETY: the memory goes below, or when the object is reaped.
    let object = unsafe { header.as_ref() };
    if irql::current() > irql::PASSIVE_LEVEL && object.class().passive {
        reap::defer(object);
    } else {
        destroy_now(header);
    }
}

/// See [`destroy`].
pub fn destroy_now(header: NonNull<Header>) {
    // SAFETY: the memory goes last.
    let object = unsafe { header.as_ref() };
    context::call_destroy(object);
    // SAFETY: no reference is left.
    unsafe { context::free_added(object) };
    object.invalidate();
    let drop = object.class().drop;
    // SAFETY: the class is the header's own, and no reference is left.
    unsafe { drop(header) };
    // SAFETY: the instance is the start of its block, which nobody uses any more.
    unsafe { pool::free(header.cast(), pool::TAG) };
}

/// Whether the object or one below it must be disposed of at PASSIVE_LEVEL.
fn wants_passive(header: &Header) -> bool {
    let tree = header.globals().tree().lock();
    let mut stack = Some(NonNull::from(header.node()));
    // Depth first without recursion: down to the children, along the siblings, up to the parent.
    while let Some(entry) = stack {
        // SAFETY: objects of the tree live while the lock is held.
        let object = unsafe { Header::of_node(entry) };
        if object.class().passive {
            return true;
        }
        stack = tree.first_child(object.node()).or_else(|| {
            let mut node = entry;
            loop {
                if node == NonNull::from(header.node()) {
                    return None;
                }
                // SAFETY: as above.
                let object = unsafe { Header::of_node(node) };
                if let Some(sibling) = tree.next_sibling(object.node()) {
                    return Some(sibling);
                }
                node = tree.parent(object.node())?;
            }
        });
    }
    false
}
