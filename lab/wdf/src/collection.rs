//! Collections
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfcollection).

use core::ptr::NonNull;

use pagewise_lab_nt::{NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::globals::Globals;
use crate::kernel::pool::PoolBox;
use crate::kernel::spin::SpinLock;
use crate::kernel::violation::{self, Code};
use crate::object::{
    Allowed, Header, Instance, Kind, Object, attributes, create_under, from_handle, handle_of,
    header_from_handle, release, to_handle,
};

/// An item, with a counted reference to its object.
struct Item {
    object: NonNull<Header>,
    next: Option<PoolBox<Self>>,
}

// SAFETY: objects are shared between threads; the reference keeps this one.
unsafe impl Send for Item {}

/// A collection: objects in the order they were added.
pub struct Collection(SpinLock<Items>);

struct Items {
    first: Option<PoolBox<Item>>,
    count: u32,
}

// SAFETY: the one body of this kind.
unsafe impl Object for Collection {
    const KIND: Kind = Kind::Collection;

    fn dispose(this: &Instance<Self>) {
        loop {
            // Out of the lock before the reference goes: with the last one the object does.
            let taken = take(&mut this.0.lock(), |index, _| index == 0);
            let Some(item) = taken else { return };
            release(item);
        }
    }
}

/// Takes the first item that is wanted out of the list; its reference is the caller's.
fn take(
    items: &mut Items,
    wanted: impl Fn(u32, NonNull<Header>) -> bool,
) -> Option<NonNull<Header>> {
    let mut slot = &mut items.first;
    let mut index = 0;
    while slot.as_ref().is_some_and(|item| !wanted(index, item.object)) {
        slot = &mut slot.as_mut()?.next;
        index += 1;
    }
    let mut item = slot.take()?;
    *slot = item.next.take();
    items.count -= 1;
    Some(item.object)
}

/// The object at an index.
fn at(items: &Items, index: u32) -> Option<NonNull<Header>> {
    let mut item = items.first.as_ref()?;
    for _ in 0..index {
        item = item.next.as_ref()?;
    }
    Some(item.object)
}

/// # Safety
/// `collection` is a collection of the client.
unsafe fn of<'a>(collection: Handle) -> &'a Instance<Collection> {
    // SAFETY: the caller vouches for the handle.
    unsafe { from_handle(collection) }
}

fn handle(object: Option<NonNull<Header>>) -> Handle {
    // SAFETY: an item's object lives while it is in the collection, which the client sees to.
    object.map_or(Handle::NULL, |object| handle_of(unsafe { object.as_ref() }))
}

/// `WdfCollectionCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_create(
    globals: *mut PublicGlobals,
    collection_attributes: *const ObjectAttributes,
    collection: *mut Handle,
) -> NTSTATUS {
    if collection.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    let body = Collection(SpinLock::new(Items { first: None, count: 0 }));
    // SAFETY: the client vouches for its attributes.
    let checked = unsafe { attributes(collection_attributes, Allowed::PARENT) };
    let made = checked.and_then(|attributes| {
        // SAFETY: a parent that the attributes name is the client's.
        let parent = unsafe { crate::object::api::parent_or_driver(globals, attributes) };
        // SAFETY: validated just now.
        unsafe { create_under(globals, attributes, parent, body) }
    });
    match made {
        Ok(made) => {
            // SAFETY: not null; the client vouches for it.
            unsafe { collection.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfCollectionGetCount`
///
/// # Safety
/// `collection` is a collection of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_get_count(
    _: *mut PublicGlobals,
    collection: Handle,
) -> u32 {
    // SAFETY: the client vouches for its handle.
    unsafe { of(collection) }.0.lock().count
}

/// `WdfCollectionAdd`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_add(
    _: *mut PublicGlobals,
    collection: Handle,
    object: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let collection = unsafe { of(collection) };
    // SAFETY: as above.
    let object = unsafe { header_from_handle(object) };
    let Some(item) = PoolBox::new(Item { object: NonNull::from(object), next: None }) else {
        return STATUS_INSUFFICIENT_RESOURCES;
    };
    object.reference();
    let mut items = collection.0.lock();
    items.count += 1;
    let mut slot = &mut items.first;
    while let Some(entry) = slot {
        slot = &mut entry.next;
    }
    *slot = Some(item);
    STATUS_SUCCESS
}

/// `WdfCollectionRemove`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_remove(
    _: *mut PublicGlobals,
    collection: Handle,
    object: Handle,
) {
    // SAFETY: the client vouches for its handle.
    let collection = unsafe { of(collection) };
    // SAFETY: as above.
    let object = NonNull::from(unsafe { header_from_handle(object) });
    let taken = take(&mut collection.0.lock(), |_, entry| entry == object);
    match taken {
        Some(taken) => release(taken),
        None => violation::violation(Code::ObjectError, object.addr().get(), 0, 0),
    }
}

/// `WdfCollectionRemoveItem`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_remove_item(
    _: *mut PublicGlobals,
    collection: Handle,
    index: u32,
) {
    // SAFETY: the client vouches for its handle.
    let taken = take(&mut unsafe { of(collection) }.0.lock(), |at, _| at == index);
    match taken {
        Some(taken) => release(taken),
        None => violation::violation(Code::ObjectError, collection.0.addr(), index as usize, 0),
    }
}

/// `WdfCollectionGetItem`
///
/// # Safety
/// `collection` is a collection of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_get_item(
    _: *mut PublicGlobals,
    collection: Handle,
    index: u32,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let found = at(&unsafe { of(collection) }.0.lock(), index);
    handle(found)
}

/// `WdfCollectionGetFirstItem`
///
/// # Safety
/// `collection` is a collection of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_get_first_item(
    _: *mut PublicGlobals,
    collection: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let found = at(&unsafe { of(collection) }.0.lock(), 0);
    handle(found)
}

/// `WdfCollectionGetLastItem`
///
/// # Safety
/// `collection` is a collection of the client.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn collection_get_last_item(
    _: *mut PublicGlobals,
    collection: Handle,
) -> Handle {
    // SAFETY: the client vouches for its handle.
    let items = unsafe { of(collection) }.0.lock();
    let found = items.count.checked_sub(1).and_then(|last| at(&items, last));
    drop(items);
    handle(found)
}
