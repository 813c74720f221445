//! What drivers call of the registry.
//!
//! Handles grant everything: the callers are the kernel's.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use super::key_object::{handle_to, key_of, place_of, status_of};
use super::{Key, KeyError, Value};
use crate::io::strings;
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::PASSIVE_LEVEL;

/// Opens a key.
///
/// Page: wdm/nf-wdm-zwopenkey. `STATUS_OBJECT_NAME_NOT_FOUND`, `STATUS_INVALID_HANDLE`,
/// `STATUS_OBJECT_PATH_SYNTAX_BAD`, `STATUS_KEY_DELETED`.
///
/// # IRQL
/// `PASSIVE_LEVEL`; else bug check 0xC4/0x2001F under DDI compliance checking.
///
/// # Safety
/// `handle` can be written; `attributes` points to attributes.
pub unsafe extern "win64" fn ZwOpenKey(
    handle: *mut nt::HANDLE,
    access: u32,
    attributes: *const nt::OBJECT_ATTRIBUTES,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    // SAFETY: the caller vouches for the attributes.
    let place = unsafe { place_of(attributes) };
    let key = place.and_then(|(key, path)| key.open(&path).map_err(status_of));
    match key {
        Ok(key) => {
            // SAFETY: the caller vouches for the result's place.
            unsafe { handle.write(handle_to(key, access)) };
            nt::STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// Opens a key or creates it; `disposition` says which (`REG_OPENED_EXISTING_KEY` 2,
/// `REG_CREATED_NEW_KEY` 1). Only the last component may be missing.
///
/// Page: wdm/nf-wdm-zwcreatekey. Errors as [`ZwOpenKey`].
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// As [`ZwOpenKey`]; `disposition` is null or can be written.
pub unsafe extern "win64" fn ZwCreateKey(
    handle: *mut nt::HANDLE,
    access: u32,
    attributes: *const nt::OBJECT_ATTRIBUTES,
    _title: u32,
    _class: *const nt::UNICODE_STRING,
    _options: u32,
    disposition: *mut u32,
) -> i32 {
    const CREATED: u32 = 1;
    const OPENED: u32 = 2;
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    // SAFETY: the caller vouches for the attributes.
    let made = unsafe { place_of(attributes) }.and_then(|(key, path)| {
        let parent = path.iter().rposition(|&unit| unit == u16::from(b'\\')).unwrap_or(0);
        key.open(&path[..parent]).and_then(|_| key.create(&path)).map_err(status_of)
    });
    let (key, created) = match made {
        Ok(made) => made,
        Err(status) => return status,
    };
    // SAFETY: the caller vouches for the result's place.
    unsafe { handle.write(handle_to(key, access)) };
    if !disposition.is_null() {
        // SAFETY: as above.
        unsafe { disposition.write(if created { CREATED } else { OPENED }) };
    }
    nt::STATUS_SUCCESS
}

/// Deletes a key that has no subkeys; whoever has it open keeps a deleted key.
///
/// Page: wdm/nf-wdm-zwdeletekey. `STATUS_CANNOT_DELETE`, `STATUS_INVALID_HANDLE`,
/// `STATUS_KEY_DELETED`.
///
/// # IRQL
/// As [`ZwOpenKey`].
pub extern "win64" fn ZwDeleteKey(handle: nt::HANDLE) -> i32 {
    with_key(handle, |key| key.delete())
}

/// Sets a value.
///
/// Page: wdm/nf-wdm-zwsetvaluekey. `STATUS_INVALID_HANDLE`, `STATUS_KEY_DELETED`.
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// `name` is null or a string; `data` points to `bytes` bytes.
pub unsafe extern "win64" fn ZwSetValueKey(
    handle: nt::HANDLE,
    name: *const nt::UNICODE_STRING,
    _title: u32,
    kind: u32,
    data: *const c_void,
    bytes: u32,
) -> i32 {
    // SAFETY: the caller vouches for the string.
    let name = unsafe { strings::read(name) }.unwrap_or_default();
    let data = match bytes {
        0 => Vec::new(),
        // SAFETY: the caller vouches for the data.
        _ => unsafe { std::slice::from_raw_parts(data.cast::<u8>(), bytes as usize) }.to_vec(),
    };
    with_key(handle, |key| key.set(Value { name, kind, data }))
}

/// Deletes a value.
///
/// Page: wdm/nf-wdm-zwdeletevaluekey. `STATUS_OBJECT_NAME_NOT_FOUND`, `STATUS_INVALID_HANDLE`,
/// `STATUS_KEY_DELETED`.
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// `name` is null or a string.
pub unsafe extern "win64" fn ZwDeleteValueKey(
    handle: nt::HANDLE,
    name: *const nt::UNICODE_STRING,
) -> i32 {
    // SAFETY: the caller vouches for the string.
    let name = unsafe { strings::read(name) }.unwrap_or_default();
    with_key(handle, |key| key.delete_value(&name))
}

/// Writes the registry to disk, which the lab has none of.
///
/// Page: wdm/nf-wdm-zwflushkey.
///
/// # IRQL
/// As [`ZwOpenKey`].
pub extern "win64" fn ZwFlushKey(handle: nt::HANDLE) -> i32 {
    with_key(handle, |key| key.census().map(drop))
}

fn with_key(
    handle: nt::HANDLE,
    action: impl FnOnce(&std::sync::Arc<Key>) -> Result<(), KeyError>,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    let done = key_of(handle).and_then(|key| action(&key).map_err(status_of));
    done.err().unwrap_or(nt::STATUS_SUCCESS)
}

/// Where a query's answer goes.
struct Answer {
    buffer: *mut c_void,
    length: u32,
    needed: *mut u32,
}

impl Answer {
    /// Gives as much of `bytes` as there is room for. `STATUS_BUFFER_TOO_SMALL` where not even the
    /// first `fixed` bytes fit, `STATUS_BUFFER_OVERFLOW` where not all do.
    ///
    /// # Safety
    /// The buffer has `length` bytes; `needed` can be written.
    unsafe fn give(&self, bytes: &[u8], fixed: usize) -> i32 {
        // SAFETY: the caller vouches for it.
        unsafe { self.needed.write(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) };
        let room = self.length as usize;
        if room < fixed {
            return nt::STATUS_BUFFER_TOO_SMALL;
        }
        let count = room.min(bytes.len());
        // SAFETY: the caller vouches for the buffer.
        unsafe { self.buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), count) };
        if count < bytes.len() { nt::STATUS_BUFFER_OVERFLOW } else { nt::STATUS_SUCCESS }
    }
}

/// Joins numbers, then bytes, into an answer.
fn joined(numbers: &[u32], rest: &[&[u8]]) -> Vec<u8> {
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    rest.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

fn bytes_of(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// A value in the form of a `KEY_VALUE_INFORMATION_CLASS`, and the bytes before its variable part;
/// nothing for a class the lab does not have.
fn value_information(value: &Value, class: u32) -> Option<(Vec<u8>, usize)> {
    const BASIC: usize = 12;
    const FULL: usize = 20;
    const PARTIAL: usize = 12;
    let name = bytes_of(&value.name);
    let (name_length, data_length) = (name.len() as u32, value.data.len() as u32);
    match class {
        nt::KeyValueBasicInformation => {
            Some((joined(&[0, value.kind, name_length], &[&name]), BASIC))
        }
        nt::KeyValueFullInformation => {
            let gap = vec![0; (FULL + name.len()).next_multiple_of(4) - FULL - name.len()];
            let data_at = (FULL + name.len() + gap.len()) as u32;
            let numbers = [0, value.kind, data_at, data_length, name_length];
            Some((joined(&numbers, &[&name, &gap, &value.data]), FULL))
        }
        nt::KeyValuePartialInformation => {
            Some((joined(&[0, value.kind, data_length], &[&value.data]), PARTIAL))
        }
        _ => None,
    }
}

/// A key in the form of a `KEY_INFORMATION_CLASS`. Nobody keeps the time of the last write: it is
/// zero.
fn key_information(key: &Key, class: u32) -> Result<Option<(Vec<u8>, usize)>, KeyError> {
    const BASIC: usize = 16;
    const NODE: usize = 24;
    const FULL: usize = 44;
    const NAME: usize = 4;
    const NO_CLASS: u32 = u32::MAX;
    let census = key.census()?;
    let name = bytes_of(key.name());
    let name_length = name.len() as u32;
    Ok(match class {
        nt::KeyBasicInformation => Some((joined(&[0, 0, 0, name_length], &[&name]), BASIC)),
        nt::KeyNodeInformation => {
            Some((joined(&[0, 0, 0, NO_CLASS, 0, name_length], &[&name]), NODE))
        }
        nt::KeyFullInformation => {
            let numbers = [
                0,
                0,
                0,
                NO_CLASS,
                0,
                census.subkeys as u32,
                census.longest_subkey_name as u32,
                0,
                census.values as u32,
                census.longest_value_name as u32,
                census.longest_data as u32,
            ];
            Some((joined(&numbers, &[]), FULL))
        }
        nt::KeyNameInformation => {
            let path = bytes_of(&key.path());
            Some((joined(&[path.len() as u32], &[&path]), NAME))
        }
        _ => None,
    })
}

/// Queries a value.
///
/// Page: wdm/nf-wdm-zwqueryvaluekey. `STATUS_OBJECT_NAME_NOT_FOUND`, `STATUS_BUFFER_TOO_SMALL`,
/// `STATUS_BUFFER_OVERFLOW`, `STATUS_INVALID_PARAMETER` for another class than basic, full and
/// partial.
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// `name` is null or a string; `buffer` has `length` bytes; `needed` can be written.
pub unsafe extern "win64" fn ZwQueryValueKey(
    handle: nt::HANDLE,
    name: *const nt::UNICODE_STRING,
    class: u32,
    buffer: *mut c_void,
    length: u32,
    needed: *mut u32,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    // SAFETY: the caller vouches for the string.
    let name = unsafe { strings::read(name) }.unwrap_or_default();
    let value = key_of(handle).and_then(|key| key.value(&name).map_err(status_of));
    // SAFETY: the caller vouches for the buffer.
    unsafe { give_value(value, class, &Answer { buffer, length, needed }) }
}

/// Queries value `index` of a key.
///
/// Page: wdm/nf-wdm-zwenumeratevaluekey. `STATUS_NO_MORE_ENTRIES`, and as [`ZwQueryValueKey`].
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// As [`ZwQueryValueKey`].
pub unsafe extern "win64" fn ZwEnumerateValueKey(
    handle: nt::HANDLE,
    index: u32,
    class: u32,
    buffer: *mut c_void,
    length: u32,
    needed: *mut u32,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    let value = key_of(handle).and_then(|key| key.value_at(index as usize).map_err(status_of));
    // SAFETY: the caller vouches for the buffer.
    unsafe { give_value(value, class, &Answer { buffer, length, needed }) }
}

/// # Safety
/// As [`Answer::give`].
unsafe fn give_value(value: Result<Value, i32>, class: u32, answer: &Answer) -> i32 {
    let value = match value {
        Ok(value) => value,
        Err(status) => return status,
    };
    match value_information(&value, class) {
        // SAFETY: the caller vouches for the answer's place.
        Some((bytes, fixed)) => unsafe { answer.give(&bytes, fixed) },
        None => nt::STATUS_INVALID_PARAMETER,
    }
}

/// Queries a key.
///
/// Page: wdm/nf-wdm-zwquerykey. `STATUS_BUFFER_TOO_SMALL`, `STATUS_BUFFER_OVERFLOW`,
/// `STATUS_INVALID_PARAMETER` for another class than basic, node, full and name.
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// `buffer` has `length` bytes; `needed` can be written.
pub unsafe extern "win64" fn ZwQueryKey(
    handle: nt::HANDLE,
    class: u32,
    buffer: *mut c_void,
    length: u32,
    needed: *mut u32,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    // SAFETY: the caller vouches for the buffer.
    unsafe { give_key(key_of(handle), class, &Answer { buffer, length, needed }) }
}

/// Queries subkey `index` of a key.
///
/// Page: wdm/nf-wdm-zwenumeratekey. `STATUS_NO_MORE_ENTRIES`, and as [`ZwQueryKey`].
///
/// # IRQL
/// As [`ZwOpenKey`].
///
/// # Safety
/// As [`ZwQueryKey`].
pub unsafe extern "win64" fn ZwEnumerateKey(
    handle: nt::HANDLE,
    index: u32,
    class: u32,
    buffer: *mut c_void,
    length: u32,
    needed: *mut u32,
) -> i32 {
    ddi::at_most(PASSIVE_LEVEL, Rule::ZwPassive);
    let key = key_of(handle).and_then(|key| key.subkey_at(index as usize).map_err(status_of));
    // SAFETY: the caller vouches for the buffer.
    unsafe { give_key(key, class, &Answer { buffer, length, needed }) }
}

/// # Safety
/// As [`Answer::give`].
unsafe fn give_key(key: Result<std::sync::Arc<Key>, i32>, class: u32, answer: &Answer) -> i32 {
    let information = key.and_then(|key| key_information(&key, class).map_err(status_of));
    match information {
        // SAFETY: the caller vouches for the answer's place.
        Ok(Some((bytes, fixed))) => unsafe { answer.give(&bytes, fixed) },
        Ok(None) => nt::STATUS_INVALID_PARAMETER,
        Err(status) => status,
    }
}

crate::exports! {
    /// The registry.
    pub EXPORTS = [
        ZwOpenKey(_, _, _),
        ZwCreateKey(_, _, _, _, _, _, _),
        ZwDeleteKey(_),
        ZwSetValueKey(_, _, _, _, _, _),
        ZwDeleteValueKey(_, _),
        ZwFlushKey(_),
        ZwQueryValueKey(_, _, _, _, _, _),
        ZwEnumerateValueKey(_, _, _, _, _, _),
        ZwQueryKey(_, _, _, _, _),
        ZwEnumerateKey(_, _, _, _, _, _),
    ];
}
