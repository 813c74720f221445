//! What drivers call of the object manager.

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use super::handle;
use super::object::{self, ObjectType};
use crate::bugcheck;
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::PASSIVE_LEVEL;
use crate::ke::thread::Current;
use crate::verifier;

const INVALID_KERNEL_HANDLE: u32 = 0x93;
const DRIVER_VERIFIER_DETECTED_VIOLATION: u32 = 0xC4;
const VERIFIER_BAD_HANDLE: u64 = 0x3C;

const USER_MODE: i8 = 1;
const CURRENT_THREAD: isize = -2;

/// References the object of a handle.
///
/// Page: wdm/nf-wdm-obreferenceobjectbyhandle. `STATUS_INVALID_HANDLE` (with the verifier on bug
/// check 0xC4/0x3C), `STATUS_OBJECT_TYPE_MISMATCH`, and in user mode `STATUS_ACCESS_DENIED` where the
/// handle does not grant the access.
///
/// # IRQL
/// `PASSIVE_LEVEL`; else bug check 0xC4/0x2001B under DDI compliance checking.
///
/// # Safety
/// `kind` is null or an object type, `object` can be written, and `information` is null or can be.
pub unsafe extern "win64" fn ObReferenceObjectByHandle(
    handle: *mut c_void,
    access: u32,
    kind: *const ObjectType,
    mode: i8,
    object: *mut *mut c_void,
    information: *mut nt::OBJECT_HANDLE_INFORMATION,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ObPassive);
    let Some((body, granted)) = look_up(handle) else {
        if verifier::active() {
            let parameters = [VERIFIER_BAD_HANDLE, handle as u64, kind as u64, 0];
            bugcheck::bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, parameters);
        }
        return nt::STATUS_INVALID_HANDLE;
    };
    let status = if !is_of(body, kind) {
        nt::STATUS_OBJECT_TYPE_MISMATCH
    } else if mode == USER_MODE && access & !granted != 0 {
        nt::STATUS_ACCESS_DENIED
    } else {
        nt::STATUS_SUCCESS
    };
    if status != nt::STATUS_SUCCESS {
        // SAFETY: the reference that the look-up took.
        unsafe { object::dereference(body) };
        return status;
    }
    if !information.is_null() {
        let value = nt::OBJECT_HANDLE_INFORMATION { HandleAttributes: 0, GrantedAccess: granted };
        // SAFETY: the caller vouches for it.
        unsafe { information.write(value) };
    }
    // SAFETY: the caller vouches for it.
    unsafe { object.write(body) };
    nt::STATUS_SUCCESS
}

fn look_up(handle: *mut c_void) -> Option<(*mut c_void, u32)> {
    if handle as isize == CURRENT_THREAD {
        let body = Current::get().body();
        // SAFETY: a thread that runs has an object.
        unsafe { object::reference(body) };
        return Some((body, u32::MAX));
    }
    handle::reference_by_handle(handle)
}

/// Whether the object at `body` is of the type, null being any.
fn is_of(body: *mut c_void, kind: *const ObjectType) -> bool {
    // SAFETY: the callers have seen that it is an object.
    kind.is_null() || unsafe { object::object_type(body) }.is_some_and(|of| std::ptr::eq(of, kind))
}

/// References an object whose address is known.
///
/// Page: wdm/nf-wdm-obreferenceobjectbypointer. `STATUS_OBJECT_TYPE_MISMATCH`; what is no object is
/// bug check 0x18.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `body` is an object, `kind` null or an object type.
pub unsafe extern "win64" fn ObReferenceObjectByPointer(
    body: *mut c_void,
    _access: u32,
    kind: *const ObjectType,
    _mode: i8,
) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { object::reference(body) };
    if is_of(body, kind) {
        return nt::STATUS_SUCCESS;
    }
    // SAFETY: the reference from above.
    unsafe { object::dereference(body) };
    nt::STATUS_OBJECT_TYPE_MISMATCH
}

/// Makes a kernel handle for an object.
///
/// Page: ntifs/nf-ntifs-obopenobjectbypointer. `STATUS_OBJECT_TYPE_MISMATCH`. Access is not checked:
/// the caller is the kernel, and the handle grants what was asked for.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `body` is an object, `kind` null or an object type, and `handle` can be written.
pub unsafe extern "win64" fn ObOpenObjectByPointer(
    body: *mut c_void,
    _attributes: u32,
    _state: *mut c_void,
    access: u32,
    kind: *const ObjectType,
    _mode: i8,
    handle: *mut *mut c_void,
) -> i32 {
    if !is_of(body, kind) {
        return nt::STATUS_OBJECT_TYPE_MISMATCH;
    }
    // SAFETY: the caller vouches for it.
    let new = unsafe { handle::insert_handle(body, access) };
    // SAFETY: the caller vouches for it.
    unsafe { handle.write(new) };
    nt::STATUS_SUCCESS
}

/// Takes another reference to an object, and returns how many there are. What is no object is bug
/// check 0x18.
///
/// Page: wdm/nf-wdm-obfreferenceobject.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `body` is an object.
pub unsafe extern "win64" fn ObfReferenceObject(body: *mut c_void) -> i64 {
    // SAFETY: the caller vouches for it.
    unsafe { object::reference(body) }
}

/// Gives back a reference to an object, and returns how many are left. What is no object is bug check
/// 0x18.
///
/// Page: wdm/nf-wdm-obdereferenceobject.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `body` is an object, and the caller does not use its reference any more.
pub unsafe extern "win64" fn ObfDereferenceObject(body: *mut c_void) -> i64 {
    // SAFETY: the caller vouches for it.
    unsafe { object::dereference(body) }
}

/// As [`ObfDereferenceObject`]; the object is deleted at `PASSIVE_LEVEL` either way.
///
/// Page: wdm/nf-wdm-obdereferenceobjectdeferdelete.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As [`ObfDereferenceObject`].
pub unsafe extern "win64" fn ObDereferenceObjectDeferDelete(body: *mut c_void) {
    // SAFETY: the caller vouches for it.
    unsafe { object::dereference(body) };
}

/// Closes a handle. `STATUS_INVALID_HANDLE` where it is none; with the verifier on bug check 0x93.
///
/// Page: ntifs/nf-ntifs-ntclose.
///
/// # IRQL
/// `PASSIVE_LEVEL`; else bug check 0xC4/0x2001F under DDI compliance checking.
pub extern "win64" fn ZwClose(handle: *mut c_void) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    if handle::close_handle(handle) {
        return nt::STATUS_SUCCESS;
    }
    if verifier::active() {
        const INVALID: u64 = 1;
        bugcheck::bug_check(INVALID_KERNEL_HANDLE, [handle as u64, INVALID, 0, 0]);
    }
    nt::STATUS_INVALID_HANDLE
}

/// Sets the security of the object of a handle, where its type has any.
///
/// Page: ntifs/nf-ntifs-zwsetsecurityobject. `STATUS_INVALID_HANDLE`, `STATUS_ACCESS_DENIED` where
/// the handle does not grant `WRITE_DAC` for a DACL or `WRITE_OWNER` for an owner,
/// `STATUS_INVALID_SECURITY_DESCR`, `STATUS_NOT_SUPPORTED`, and what the type says.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `descriptor` points to a self-relative security descriptor.
pub unsafe extern "win64" fn ZwSetSecurityObject(
    handle: *mut c_void,
    information: u32,
    descriptor: *const c_void,
) -> i32 {
    let Some((body, granted)) = look_up(handle) else { return nt::STATUS_INVALID_HANDLE };
    // SAFETY: the caller vouches for it.
    let status = unsafe { set_security(body, granted, information, descriptor) };
    // SAFETY: the reference that the look-up took.
    unsafe { object::dereference(body) };
    status
}

unsafe fn set_security(
    body: *mut c_void,
    granted: u32,
    information: u32,
    descriptor: *const c_void,
) -> i32 {
    const OWNER_SECURITY_INFORMATION: u32 = 1;
    const GROUP_SECURITY_INFORMATION: u32 = 2;
    let mut needed = 0;
    if information & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION) != 0 {
        needed |= nt::WRITE_OWNER;
    }
    if information & nt::DACL_SECURITY_INFORMATION != 0 {
        needed |= nt::WRITE_DAC;
    }
    if needed & !granted != 0 {
        return nt::STATUS_ACCESS_DENIED;
    }
    // SAFETY: the caller vouches for it.
    let Ok(descriptor) = (unsafe { crate::se::Descriptor::from_pointer(descriptor.cast()) }) else {
        return nt::STATUS_INVALID_SECURITY_DESCR;
    };
    // SAFETY: it came out of a look-up.
    let kind = unsafe { object::object_type(body) };
    match kind.and_then(ObjectType::set_security) {
        Some(set) => set(body, information, &descriptor),
        None => nt::STATUS_NOT_SUPPORTED,
    }
}

crate::exports! {
    /// The object manager.
    pub EXPORTS = [
        ObReferenceObjectByHandle(_, _, _, _, _, _),
        ObReferenceObjectByPointer(_, _, _, _),
        ObOpenObjectByPointer(_, _, _, _, _, _, _),
        ObfReferenceObject(_),
        ObfDereferenceObject(_),
        ObDereferenceObjectDeferDelete(_),
        ZwClose(_),
        "NtClose" = ZwClose(_),
        ZwSetSecurityObject(_, _, _),
        "NtSetSecurityObject" = ZwSetSecurityObject(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::object::allocate;
    use super::*;
    use crate::ke::thread::THREAD;

    static KIND: ObjectType = ObjectType::new("Test", None);

    fn by_handle(
        handle: *mut c_void,
        access: u32,
        kind: &ObjectType,
        mode: i8,
    ) -> (i32, *mut c_void) {
        let mut body = ptr::null_mut();
        // SAFETY: the pointers are to a type and to a variable.
        let status = unsafe {
            ObReferenceObjectByHandle(handle, access, kind, mode, &raw mut body, ptr::null_mut())
        };
        (status, body)
    }

    #[test]
    fn a_handle_gives_its_object_and_no_other() {
        let body = allocate(&KIND, 8);
        let mut handle = ptr::null_mut();
        // SAFETY: it is an object, and the handle is a variable.
        let status = unsafe {
            ObOpenObjectByPointer(body, 0, ptr::null_mut(), 1, &KIND, 0, &raw mut handle)
        };
        assert_eq!(status, nt::STATUS_SUCCESS);
        assert_eq!(by_handle(handle, 1, &KIND, USER_MODE), (nt::STATUS_SUCCESS, body));
        let mismatch = (nt::STATUS_OBJECT_TYPE_MISMATCH, ptr::null_mut());
        assert_eq!(by_handle(handle, 1, &THREAD, 0), mismatch);
        let denied = (nt::STATUS_ACCESS_DENIED, ptr::null_mut());
        assert_eq!(by_handle(handle, 3, &KIND, USER_MODE), denied);
        assert_eq!(by_handle(handle, 3, &KIND, 0), (nt::STATUS_SUCCESS, body));
        assert_eq!(ZwClose(handle), nt::STATUS_SUCCESS);
        assert_eq!(ZwClose(handle), nt::STATUS_INVALID_HANDLE);
        let gone = (nt::STATUS_INVALID_HANDLE, ptr::null_mut());
        assert_eq!(by_handle(handle, 1, &KIND, 0), gone);
        // SAFETY: two look-ups and the first reference are left.
        let left = [(); 3].map(|()| unsafe { ObfDereferenceObject(body) });
        assert_eq!(left, [2, 1, 0]);
    }
}
