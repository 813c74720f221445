//! Names of objects, such as `\Device\Pagewise`, and symbolic links to them, such as
//! `\DosDevices\Pagewise`.
//!
//! It is a flat table: a name is a whole path, and directories are not objects. Names compare
//! without regard to case, as OBJ_CASE_INSENSITIVE has it.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/object-names.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pagewise_lab_nt as nt;

use super::object;

/// Links to links end here.
const DEPTH: usize = 32;

enum Entry {
    Object(*mut c_void),
    Link(Vec<u16>),
}

// SAFETY: the table holds a reference to each object in it.
unsafe impl Send for Entry {}

static NAMES: Mutex<BTreeMap<Vec<u16>, Entry>> = Mutex::new(BTreeMap::new());

fn lock() -> MutexGuard<'static, BTreeMap<Vec<u16>, Entry>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name as it is compared: upper case, and the other names of `\??` made one.
fn key(name: &[u16]) -> Vec<u16> {
    let upper: Vec<u16> = name.iter().copied().map(crate::rtl::upcase).collect();
    for alias in ["\\DOSDEVICES\\", "\\GLOBAL??\\"] {
        let alias: Vec<u16> = alias.encode_utf16().collect();
        if let Some(rest) = upper.strip_prefix(alias.as_slice()) {
            return "\\??\\".encode_utf16().chain(rest.iter().copied()).collect();
        }
    }
    upper
}

fn insert_entry(name: &[u16], entry: Entry) -> Result<(), i32> {
    if name.first() != Some(&u16::from(b'\\')) {
        return Err(nt::STATUS_OBJECT_PATH_SYNTAX_BAD);
    }
    let mut names = lock();
    let key = key(name);
    if names.contains_key(&key) {
        return Err(nt::STATUS_OBJECT_NAME_COLLISION);
    }
    names.insert(key, entry);
    Ok(())
}

/// Names an object; the name holds a reference until it is removed.
///
/// # Errors
/// `STATUS_OBJECT_NAME_COLLISION` where the name is taken, `STATUS_OBJECT_PATH_SYNTAX_BAD` where it
/// does not begin with a backslash.
///
/// # Safety
/// `object` is an object that the caller references.
pub unsafe fn insert(name: &[u16], object: *mut c_void) -> Result<(), i32> {
    insert_entry(name, Entry::Object(object))?;
    // SAFETY: the caller vouches for it.
    unsafe { object::reference(object) };
    Ok(())
}

/// Makes a symbolic link to another name, which need not exist.
///
/// # Errors
/// As [`insert`].
pub fn link(name: &[u16], target: &[u16]) -> Result<(), i32> {
    insert_entry(name, Entry::Link(target.to_vec()))
}

/// The object of a name, links followed, with a new reference for the caller.
///
/// # Errors
/// `STATUS_OBJECT_NAME_NOT_FOUND`.
pub fn lookup(name: &[u16]) -> Result<*mut c_void, i32> {
    let names = lock();
    let mut key = key(name);
    for _ in 0..DEPTH {
        match names.get(&key) {
            Some(Entry::Link(target)) => key = self::key(target),
            Some(Entry::Object(object)) => {
                // SAFETY: the name holds a reference, and cannot be removed meanwhile.
                unsafe { object::reference(*object) };
                return Ok(*object);
            }
            None => break,
        }
    }
    Err(nt::STATUS_OBJECT_NAME_NOT_FOUND)
}

/// Removes a name, or a link.
///
/// # Errors
/// `STATUS_OBJECT_NAME_NOT_FOUND`.
pub fn remove(name: &[u16]) -> Result<(), i32> {
    let entry = lock().remove(&key(name)).ok_or(nt::STATUS_OBJECT_NAME_NOT_FOUND)?;
    if let Entry::Object(object) = entry {
        // SAFETY: the name's reference.
        unsafe { object::dereference(object) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::object::{ObjectType, allocate, dereference, reference_count};
    use super::*;

    static KIND: ObjectType = ObjectType::new("Test", None);

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn names_and_links_find_objects_whatever_their_case() {
        let object = allocate(&KIND, 8);
        // SAFETY: it is an object.
        unsafe { insert(&wide("\\Device\\NamespaceTest"), object) }.unwrap();
        link(&wide("\\DosDevices\\NamespaceTest"), &wide("\\Device\\namespacetest")).unwrap();
        assert_eq!(lookup(&wide("\\??\\NAMESPACETEST")), Ok(object));
        // SAFETY: it is an object.
        let again = unsafe { insert(&wide("\\DEVICE\\NamespaceTest"), object) };
        assert_eq!(again, Err(nt::STATUS_OBJECT_NAME_COLLISION));
        assert_eq!(remove(&wide("\\Device\\NamespaceTest")), Ok(()));
        let gone = Err(nt::STATUS_OBJECT_NAME_NOT_FOUND);
        assert_eq!(lookup(&wide("\\??\\NamespaceTest")), gone);
        assert_eq!(remove(&wide("\\GLOBAL??\\NamespaceTest")), Ok(()));
        // SAFETY: it is an object; ours and that of the look-up are left.
        assert_eq!(unsafe { reference_count(object) }, 2);
        // SAFETY: as before.
        unsafe { dereference(object) };
        // SAFETY: as before.
        unsafe { dereference(object) };
    }

    #[test]
    fn a_link_to_itself_is_not_followed_forever() {
        link(&wide("\\??\\NamespaceLoop"), &wide("\\??\\NamespaceLoop")).unwrap();
        let found = lookup(&wide("\\??\\NamespaceLoop"));
        assert_eq!(found, Err(nt::STATUS_OBJECT_NAME_NOT_FOUND));
        remove(&wide("\\??\\NamespaceLoop")).unwrap();
        assert_eq!(link(&wide("relative"), &[]), Err(nt::STATUS_OBJECT_PATH_SYNTAX_BAD));
    }
}
