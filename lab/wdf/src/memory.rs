//! Memory objects
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfmemory).

use core::ffi::c_void;
use core::ptr::NonNull;

use pagewise_lab_nt::{
    NTSTATUS, POOL_TYPE, STATUS_BUFFER_TOO_SMALL, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::abi::{Handle, ObjectAttributes, PublicGlobals};
use crate::globals::Globals;
use crate::kernel::pool;
use crate::kernel::spin::SpinLock;
use crate::kernel::violation;
use crate::object::{
    Allowed, Instance, Kind, Object, attributes, create_under, from_handle, to_handle,
};

/// Bytes somewhere.
#[derive(Clone, Copy)]
struct Block {
    address: *mut c_void,
    bytes: usize,
    /// The tag it was allocated with, if it is the object's own.
    tag: Option<u32>,
}

// SAFETY: an address, used by whoever has the object.
unsafe impl Send for Block {}

/// A memory object.
pub struct Memory {
    block: SpinLock<Block>,
    preallocated: bool,
}

// SAFETY: the one body of this kind.
unsafe impl Object for Memory {
    const KIND: Kind = Kind::Memory;
}

impl Memory {
    /// Memory that somebody else owns.
    pub fn borrowed(address: *mut c_void, bytes: usize) -> Self {
        Self { block: SpinLock::new(Block { address, bytes, tag: None }), preallocated: true }
    }

    /// Its bytes.
    pub fn get(&self) -> (*mut c_void, usize) {
        let block = *self.block.lock();
        (block.address, block.bytes)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let block = *self.block.get_mut();
        if let (Some(address), Some(tag)) = (NonNull::new(block.address.cast()), block.tag) {
            // SAFETY: allocated with this tag by `memory_create`, for the object alone.
            unsafe { pool::free(address, tag) };
        }
    }
}

/// A new memory object of pool.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`; as [`create_under`].
///
/// # Safety
/// The attributes were validated.
///
/// # IRQL
/// At most DISPATCH_LEVEL, or APC_LEVEL for paged pool.
pub unsafe fn allocate<'a>(
    globals: &'a Globals,
    attributes: Option<&ObjectAttributes>,
    pool_type: POOL_TYPE,
    tag: u32,
    bytes: usize,
) -> Result<&'a Instance<Memory>, NTSTATUS> {
    let tag = if tag == 0 { globals.tag() } else { tag };
    let memory = pool::allocate_of(pool_type, bytes, tag).ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
    let block = Block { address: memory.as_ptr().cast(), bytes, tag: Some(tag) };
    let body = Memory { block: SpinLock::new(block), preallocated: false };
    // SAFETY: a parent that the attributes name is the client's.
    let parent = unsafe { crate::object::api::parent_or_driver(globals, attributes) };
    // SAFETY: the caller validated the attributes. The block goes with the body.
    unsafe { create_under(globals, attributes, parent, body) }
}

/// `WdfMemoryCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL, or APC_LEVEL for paged pool.
pub unsafe extern "win64" fn memory_create(
    globals: *mut PublicGlobals,
    memory_attributes: *const ObjectAttributes,
    pool_type: POOL_TYPE,
    tag: u32,
    bytes: usize,
    memory: *mut Handle,
    buffer: *mut *mut c_void,
) -> NTSTATUS {
    if memory.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    if bytes == 0 {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the client vouches for its attributes.
    let made = unsafe { attributes(memory_attributes, Allowed::PARENT) }
        // SAFETY: validated just now.
        .and_then(|attributes| unsafe { allocate(globals, attributes, pool_type, tag, bytes) });
    let made = match made {
        Ok(made) => made,
        Err(status) => return status,
    };
    // SAFETY: not null; the client vouches for it.
    unsafe { memory.write(to_handle(made)) };
    if !buffer.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { buffer.write(made.get().0) };
    }
    STATUS_SUCCESS
}

/// `WdfMemoryCreatePreallocated`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn memory_create_preallocated(
    globals: *mut PublicGlobals,
    memory_attributes: *const ObjectAttributes,
    buffer: *mut c_void,
    bytes: usize,
    memory: *mut Handle,
) -> NTSTATUS {
    if memory.is_null() || buffer.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    if bytes == 0 {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the client vouches for its attributes.
    let made = unsafe { attributes(memory_attributes, Allowed::PARENT) }.and_then(|attributes| {
        // SAFETY: a parent that the attributes name is the client's.
        let parent = unsafe { crate::object::api::parent_or_driver(globals, attributes) };
        // SAFETY: validated just now.
        unsafe { create_under(globals, attributes, parent, Memory::borrowed(buffer, bytes)) }
    });
    match made {
        Ok(made) => {
            // SAFETY: not null; the client vouches for it.
            unsafe { memory.write(to_handle(made)) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfMemoryGetBuffer`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn memory_get_buffer(
    _: *mut PublicGlobals,
    memory: Handle,
    bytes: *mut usize,
) -> *mut c_void {
    // SAFETY: the client vouches for its handle.
    let (address, length) = unsafe { from_handle::<Memory>(memory) }.get();
    if !bytes.is_null() {
        // SAFETY: not null; the client vouches for it.
        unsafe { bytes.write(length) };
    }
    address
}

/// `WdfMemoryAssignBuffer`: for memory objects over the driver's own buffers.
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn memory_assign_buffer(
    _: *mut PublicGlobals,
    memory: Handle,
    buffer: *mut c_void,
    bytes: usize,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let memory = unsafe { from_handle::<Memory>(memory) };
    if !memory.preallocated || buffer.is_null() || bytes == 0 {
        return STATUS_INVALID_PARAMETER;
    }
    *memory.block.lock() = Block { address: buffer, bytes, tag: None };
    STATUS_SUCCESS
}

/// Where `bytes` bytes at `offset` are.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` for none; `STATUS_BUFFER_TOO_SMALL` or `STATUS_INVALID_BUFFER_SIZE`
/// (`beyond`) when the object ends before.
fn range(
    memory: &Memory,
    offset: usize,
    bytes: usize,
    beyond: NTSTATUS,
) -> Result<*mut u8, NTSTATUS> {
    if bytes == 0 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let (address, length) = memory.get();
    match offset.checked_add(bytes) {
        Some(end) if end <= length => Ok(address.cast::<u8>().wrapping_add(offset)),
        _ => Err(beyond),
    }
}

/// `WdfMemoryCopyToBuffer`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn memory_copy_to_buffer(
    _: *mut PublicGlobals,
    source: Handle,
    offset: usize,
    buffer: *mut c_void,
    bytes: usize,
) -> NTSTATUS {
    if buffer.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    let source = unsafe { from_handle::<Memory>(source) };
    match range(source, offset, bytes, STATUS_BUFFER_TOO_SMALL) {
        Ok(from) => {
            // SAFETY: inside the object; the client vouches for its buffer.
            unsafe { buffer.cast::<u8>().copy_from(from, bytes) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfMemoryCopyFromBuffer`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn memory_copy_from_buffer(
    _: *mut PublicGlobals,
    destination: Handle,
    offset: usize,
    buffer: *const c_void,
    bytes: usize,
) -> NTSTATUS {
    if buffer.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client vouches for its handle.
    let destination = unsafe { from_handle::<Memory>(destination) };
    match range(destination, offset, bytes, STATUS_INVALID_BUFFER_SIZE) {
        Ok(to) => {
            // SAFETY: inside the object; the client vouches for its buffer.
            unsafe { to.copy_from(buffer.cast(), bytes) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}
