//! Keys and what the kernel does with them.

use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};

use pagewise_lab_nt::{
    HANDLE, KEY_VALUE_PARTIAL_INFORMATION, KeyValuePartialInformation, NTSTATUS,
    OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, STATUS_BUFFER_OVERFLOW,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS, UNICODE_STRING, ZwClose, ZwQueryValueKey,
};

use crate::kernel::pool;
use crate::kernel::spin::SpinLock;
use crate::object::{Kind, Object};

/// A key: a kernel handle, null once it is closed.
pub struct Key(SpinLock<KernelHandle>);

struct KernelHandle(HANDLE);

// SAFETY: kernel handles are good in any thread.
unsafe impl Send for KernelHandle {}

// SAFETY: the one body of this kind.
unsafe impl Object for Key {
    const KIND: Kind = Kind::Key;
    const PASSIVE: bool = true;
}

impl Key {
    /// A key with this handle, which is its own from here on.
    pub fn new(handle: HANDLE) -> Self {
        Self(SpinLock::new(KernelHandle(handle)))
    }

    /// Its handle.
    pub fn handle(&self) -> HANDLE {
        self.0.lock().0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let handle = self.0.get_mut().0;
        if !handle.is_null() {
            // SAFETY: opened for this object alone.
            unsafe { ZwClose(handle) };
        }
    }
}

/// The attributes of a name below a key; of a full path, with no key.
pub fn object_attributes(root: HANDLE, name: *mut UNICODE_STRING) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: root,
        ObjectName: name,
        Attributes: OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
        SecurityDescriptor: null_mut(),
        SecurityQualityOfService: null_mut(),
    }
}

/// Bytes before the data of a value.
const DATA: usize = offset_of!(KEY_VALUE_PARTIAL_INFORMATION, Data);

/// A value as the kernel gave it.
pub struct Value {
    memory: NonNull<u8>,
    length: usize,
    /// `REG_*`
    pub kind: u32,
    /// Bytes that the value has, more than there are here if the room was too small.
    pub bytes: u32,
}

impl Value {
    /// Reads a value, of at most `room` bytes; with it `STATUS_BUFFER_OVERFLOW` if it has more.
    ///
    /// # Errors
    /// What the kernel says; `STATUS_INSUFFICIENT_RESOURCES`.
    ///
    /// # Safety
    /// `name` points to a string that stays as it is through the call.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub unsafe fn query(
        key: &Key,
        name: *const UNICODE_STRING,
        room: u32,
    ) -> Result<(Self, NTSTATUS), NTSTATUS> {
        let length = size_of::<KEY_VALUE_PARTIAL_INFORMATION>().max(DATA + room as usize);
        let memory = pool::allocate(length, pool::TAG).ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        let mut value = Self { memory, length: 0, kind: 0, bytes: 0 };
        let mut result = 0;
        // SAFETY: the key's handle, the caller's string, and memory of this length.
        let status = unsafe {
            ZwQueryValueKey(
                key.handle(),
                name.cast_mut(),
                KeyValuePartialInformation,
                memory.as_ptr().cast(),
                (DATA + room as usize) as u32,
                &raw mut result,
            )
        };
        if status != STATUS_SUCCESS && status != STATUS_BUFFER_OVERFLOW {
            return Err(status);
        }
        let information = memory.cast::<KEY_VALUE_PARTIAL_INFORMATION>();
        // SAFETY: both statuses mean that the fixed part was written.
        let information = unsafe { information.as_ref() };
        value.kind = information.Type;
        value.bytes = information.DataLength;
        value.length = room.min(information.DataLength) as usize;
        Ok((value, status))
    }

    /// The data that is here.
    pub fn data(&self) -> &[u8] {
        let start = self.memory.as_ptr().wrapping_add(DATA);
        // SAFETY: written by the kernel, or zero since it was allocated; `length` fits the room.
        unsafe { core::slice::from_raw_parts(start, self.length) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: allocated by `query`, for this value alone.
        unsafe { pool::free(self.memory, pool::TAG) };
    }
}
