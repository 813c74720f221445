//! The registry, by the routines that drivers call.

use std::ffi::c_void;
use std::ptr;

use pagewise_lab_nt as nt;

use super::routines::{
    ZwCreateKey, ZwDeleteKey, ZwDeleteValueKey, ZwEnumerateKey, ZwEnumerateValueKey, ZwOpenKey,
    ZwQueryKey, ZwQueryValueKey, ZwSetValueKey,
};

fn with_attributes<T>(
    root: nt::HANDLE,
    name: &str,
    use_them: impl FnOnce(*const nt::OBJECT_ATTRIBUTES) -> T,
) -> T {
    let name: Vec<u16> = name.encode_utf16().collect();
    let mut name = nt::unicode_string(&name).unwrap();
    let attributes = nt::OBJECT_ATTRIBUTES {
        Length: size_of::<nt::OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: root,
        ObjectName: &raw mut name,
        Attributes: nt::OBJ_CASE_INSENSITIVE | nt::OBJ_KERNEL_HANDLE,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    };
    use_them(&raw const attributes)
}

fn open(root: nt::HANDLE, name: &str) -> Result<nt::HANDLE, i32> {
    let mut handle = ptr::null_mut();
    // SAFETY: the attributes and the handle are locals.
    let status =
        with_attributes(root, name, |it| unsafe { ZwOpenKey(&raw mut handle, nt::KEY_READ, it) });
    if status < 0 { Err(status) } else { Ok(handle) }
}

fn create(root: nt::HANDLE, name: &str) -> Result<(nt::HANDLE, u32), i32> {
    let mut handle = ptr::null_mut();
    let mut disposition = 0;
    // SAFETY: the attributes and the results are locals.
    let status = with_attributes(root, name, |it| unsafe {
        ZwCreateKey(&raw mut handle, 0, it, 0, ptr::null(), 0, &raw mut disposition)
    });
    if status < 0 { Err(status) } else { Ok((handle, disposition)) }
}

fn named<T>(name: &str, use_it: impl FnOnce(*const nt::UNICODE_STRING) -> T) -> T {
    let name: Vec<u16> = name.encode_utf16().collect();
    let name = nt::unicode_string(&name).unwrap();
    use_it(&raw const name)
}

fn set(key: nt::HANDLE, name: &str, data: &[u8]) -> i32 {
    let length = data.len() as u32;
    // SAFETY: the name and the data are locals.
    named(name, |name| unsafe {
        ZwSetValueKey(key, name, 0, nt::REG_BINARY, data.as_ptr().cast(), length)
    })
}

/// What a query writes into a buffer of `room` bytes, and what it says it needs.
fn query(room: usize, ask: impl FnOnce(*mut c_void, u32, *mut u32) -> i32) -> (i32, Vec<u8>, u32) {
    let mut buffer = vec![0_u8; room];
    let mut needed = 0;
    let status = ask(buffer.as_mut_ptr().cast(), room as u32, &raw mut needed);
    buffer.truncate(needed as usize);
    (status, buffer, needed)
}

fn partial(key: nt::HANDLE, name: &str, room: usize) -> (i32, Vec<u8>, u32) {
    query(room, |buffer, length, needed| {
        let class = nt::KeyValuePartialInformation;
        // SAFETY: the name and the buffer are locals.
        named(name, |name| unsafe { ZwQueryValueKey(key, name, class, buffer, length, needed) })
    })
}

#[test]
fn a_key_is_created_opened_and_deleted() {
    let base = r"\Registry\Machine\ZwKeys";
    assert_eq!(open(ptr::null_mut(), base), Err(nt::STATUS_OBJECT_NAME_NOT_FOUND));
    let (key, disposition) = create(ptr::null_mut(), base).unwrap();
    assert_eq!(disposition, 1);
    assert_eq!(create(ptr::null_mut(), r"\REGISTRY\MACHINE\zwkeys").unwrap().1, 2);
    let missing_parent = create(key, r"a\b").err();
    assert_eq!(missing_parent, Some(nt::STATUS_OBJECT_NAME_NOT_FOUND));
    let (below, _) = create(key, "Below").unwrap();
    assert_eq!(ZwDeleteKey(key), nt::STATUS_CANNOT_DELETE);
    assert_eq!(ZwDeleteKey(below), nt::STATUS_SUCCESS);
    assert_eq!(set(below, "x", b"y"), nt::STATUS_KEY_DELETED);
    assert_eq!(ZwDeleteKey(key), nt::STATUS_SUCCESS);
    assert!(crate::ob::close_handle(key));
    assert_eq!(ZwDeleteKey(key), nt::STATUS_INVALID_HANDLE);
    // A handle to something else is no key.
    // SAFETY: the current thread is an object.
    let thread = unsafe { crate::ob::insert_handle(crate::ps::current_thread(), 0) };
    assert_eq!(ZwDeleteKey(thread), nt::STATUS_OBJECT_TYPE_MISMATCH);
    assert!(crate::ob::close_handle(thread));
}

#[test]
fn values_are_queried_as_far_as_there_is_room() {
    let (key, _) = create(ptr::null_mut(), r"\Registry\Machine\ZwValues").unwrap();
    assert_eq!(set(key, "Data", b"12345"), nt::STATUS_SUCCESS);
    let whole = [&[0; 4][..], &3_u32.to_le_bytes(), &5_u32.to_le_bytes(), b"12345"].concat();
    assert_eq!(partial(key, "data", 64), (nt::STATUS_SUCCESS, whole.clone(), 17));
    let (status, bytes, needed) = partial(key, "data", 14);
    assert_eq!((status, needed), (nt::STATUS_BUFFER_OVERFLOW, 17));
    assert_eq!(bytes, whole[..14]);
    assert_eq!(partial(key, "data", 11).0, nt::STATUS_BUFFER_TOO_SMALL);
    assert_eq!(partial(key, "none", 64).0, nt::STATUS_OBJECT_NAME_NOT_FOUND);
    let full = query(64, |buffer, length, needed| {
        let class = nt::KeyValueFullInformation;
        // SAFETY: the buffer is a local.
        unsafe { ZwEnumerateValueKey(key, 0, class, buffer, length, needed) }
    });
    assert_eq!(full.0, nt::STATUS_SUCCESS);
    assert_eq!(full.1[8..20], [28, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0]);
    assert_eq!(&full.1[28..], b"12345");
    // SAFETY: the name is a local.
    let delete = || named("DATA", |name| unsafe { ZwDeleteValueKey(key, name) });
    assert_eq!(delete(), nt::STATUS_SUCCESS);
    assert_eq!(delete(), nt::STATUS_OBJECT_NAME_NOT_FOUND);
}

#[test]
fn keys_are_enumerated_and_described() {
    let (key, _) = create(ptr::null_mut(), r"\Registry\Machine\ZwEnumerate").unwrap();
    create(key, "First").unwrap();
    create(key, "Second").unwrap();
    let enumerate = |index| {
        query(64, |buffer, length, needed| {
            let class = nt::KeyBasicInformation;
            // SAFETY: the buffer is a local.
            unsafe { ZwEnumerateKey(key, index, class, buffer, length, needed) }
        })
    };
    let (status, bytes, _) = enumerate(1);
    assert_eq!((status, bytes[12]), (nt::STATUS_SUCCESS, 12));
    let name: Vec<u16> =
        bytes[16..].as_chunks().0.iter().map(|&it| u16::from_le_bytes(it)).collect();
    assert_eq!(String::from_utf16(&name).unwrap(), "Second");
    assert_eq!(enumerate(2).0, nt::STATUS_NO_MORE_ENTRIES);
    let full = query(64, |buffer, length, needed| {
        // SAFETY: the buffer is a local.
        unsafe { ZwQueryKey(key, nt::KeyFullInformation, buffer, length, needed) }
    });
    assert_eq!((full.0, full.1[20], full.1[24]), (nt::STATUS_SUCCESS, 2, 12));
    let unknown = query(64, |buffer, length, needed| {
        // SAFETY: the buffer is a local.
        unsafe { ZwQueryKey(key, 99, buffer, length, needed) }
    });
    assert_eq!(unknown.0, nt::STATUS_INVALID_PARAMETER);
}
