//! The tree of keys and values, in memory and for one run of the machine.
//!
//! Names keep their case and are compared without it, as
//! learn.microsoft.com/windows/win32/sysinfo/structure-of-the-registry says.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use crate::rtl::upcase;

/// What went wrong with a key, each the NTSTATUS of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// `STATUS_OBJECT_NAME_NOT_FOUND`
    #[error("no such key or value")]
    NotFound,
    /// `STATUS_OBJECT_PATH_SYNTAX_BAD`
    #[error("the path has an empty component or does not begin where it should")]
    PathSyntax,
    /// `STATUS_KEY_DELETED`
    #[error("the key was deleted")]
    Deleted,
    /// `STATUS_CANNOT_DELETE`
    #[error("the key has subkeys")]
    HasSubkeys,
    /// `STATUS_NO_MORE_ENTRIES`
    #[error("no entry of that index")]
    NoMoreEntries,
}

/// A key.
#[derive(Debug)]
pub struct Key {
    name: Vec<u16>,
    parent: Weak<Self>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    values: Vec<Value>,
    subkeys: Vec<Arc<Key>>,
    deleted: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its name; empty for the key's default value.
    pub name: Vec<u16>,
    /// `REG_*` type.
    pub kind: u32,
    /// The data.
    pub data: Vec<u8>,
}

/// How much a key holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Subkeys.
    pub subkeys: usize,
    /// Bytes of the longest subkey name.
    pub longest_subkey_name: usize,
    /// Values.
    pub values: usize,
    /// Bytes of the longest value name.
    pub longest_value_name: usize,
    /// Bytes of the longest data.
    pub longest_data: usize,
}

/// The root, `\Registry`.
pub fn root() -> &'static Arc<Key> {
    static ROOT: LazyLock<Arc<Key>> = LazyLock::new(|| {
        let root = Key::new("Registry".encode_utf16().collect(), Weak::new());
        for hive in ["Machine", "User"] {
            root.lock()
                .subkeys
                .push(Key::new(hive.encode_utf16().collect(), Arc::downgrade(&root)));
        }
        root
    });
    &ROOT
}

/// Opens a key by its full path, such as `\Registry\Machine\System`.
///
/// # Errors
/// [`KeyError::PathSyntax`] where the path does not begin with `\Registry`; else as [`Key::open`].
pub fn open(path: &[u16]) -> Result<Arc<Key>, KeyError> {
    root().open(below_root(path)?)
}

/// Opens or creates a key by its full path; whether it was created.
///
/// # Errors
/// As [`open`], but that the last components need not exist.
pub fn create(path: &[u16]) -> Result<(Arc<Key>, bool), KeyError> {
    root().create(below_root(path)?)
}

pub(super) fn below_root(path: &[u16]) -> Result<&[u16], KeyError> {
    let path = path.strip_prefix(&[SEPARATOR]).ok_or(KeyError::PathSyntax)?;
    let end = path.iter().position(|&unit| unit == SEPARATOR).unwrap_or(path.len());
    if !same_name(&path[..end], &root().name) {
        return Err(KeyError::NotFound);
    }
    Ok(path.get(end + 1..).unwrap_or_default())
}

const SEPARATOR: u16 = b'\\' as u16;

impl Key {
    fn new(name: Vec<u16>, parent: Weak<Self>) -> Arc<Self> {
        Arc::new(Self { name, parent, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Result<MutexGuard<'_, State>, KeyError> {
        let state = self.lock();
        if state.deleted { Err(KeyError::Deleted) } else { Ok(state) }
    }

    /// Its own name, the last component of its path.
    #[must_use]
    pub fn name(&self) -> &[u16] {
        &self.name
    }

    /// Its full path.
    #[must_use]
    pub fn path(&self) -> Vec<u16> {
        let mut path = self.parent.upgrade().map_or_else(Vec::new, |parent| parent.path());
        path.push(SEPARATOR);
        path.extend_from_slice(&self.name);
        path
    }

    /// The key at `path` below this one; the key itself where `path` is empty.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Deleted`], [`KeyError::PathSyntax`]
    pub fn open(self: &Arc<Self>, path: &[u16]) -> Result<Arc<Self>, KeyError> {
        let mut key = Arc::clone(self);
        for name in components(path)? {
            let next = key.live()?.subkey(name).ok_or(KeyError::NotFound)?;
            key = next;
        }
        drop(key.live()?);
        Ok(key)
    }

    /// Opens the key at `path` or creates it and what leads to it; whether it was created.
    ///
    /// # Errors
    /// [`KeyError::Deleted`], [`KeyError::PathSyntax`]
    pub fn create(self: &Arc<Self>, path: &[u16]) -> Result<(Arc<Self>, bool), KeyError> {
        let mut key = Arc::clone(self);
        let mut created = false;
        for name in components(path)? {
            let mut state = key.live()?;
            let known = state.subkey(name);
            created = known.is_none();
            let next = known.unwrap_or_else(|| {
                let made = Self::new(name.to_vec(), Arc::downgrade(&key));
                state.subkeys.push(Arc::clone(&made));
                made
            });
            drop(state);
            key = next;
        }
        Ok((key, created))
    }

    /// Deletes the key. Who has it open keeps a key on which everything fails.
    ///
    /// # Errors
    /// [`KeyError::HasSubkeys`], [`KeyError::Deleted`]
    pub fn delete(self: &Arc<Self>) -> Result<(), KeyError> {
        let mut state = self.live()?;
        if !state.subkeys.is_empty() {
            return Err(KeyError::HasSubkeys);
        }
        state.deleted = true;
        drop(state);
        if let Some(parent) = self.parent.upgrade() {
            parent.lock().subkeys.retain(|key| !Arc::ptr_eq(key, self));
        }
        Ok(())
    }

    /// The value called `name`.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Deleted`]
    pub fn value(&self, name: &[u16]) -> Result<Value, KeyError> {
        let state = self.live()?;
        state
            .values
            .iter()
            .find(|value| same_name(&value.name, name))
            .cloned()
            .ok_or(KeyError::NotFound)
    }

    /// Sets the value called `value.name`; one that exists keeps its place and its case.
    ///
    /// # Errors
    /// [`KeyError::Deleted`]
    pub fn set(&self, value: Value) -> Result<(), KeyError> {
        let mut state = self.live()?;
        match state.values.iter_mut().find(|known| same_name(&known.name, &value.name)) {
            Some(known) => (known.kind, known.data) = (value.kind, value.data),
            None => state.values.push(value),
        }
        Ok(())
    }

    /// Deletes the value called `name`.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Deleted`]
    pub fn delete_value(&self, name: &[u16]) -> Result<(), KeyError> {
        let mut state = self.live()?;
        let place = state.values.iter().position(|value| same_name(&value.name, name));
        state.values.remove(place.ok_or(KeyError::NotFound)?);
        Ok(())
    }

    /// Value `index`.
    ///
    /// # Errors
    /// [`KeyError::NoMoreEntries`], [`KeyError::Deleted`]
    pub fn value_at(&self, index: usize) -> Result<Value, KeyError> {
        self.live()?.values.get(index).cloned().ok_or(KeyError::NoMoreEntries)
    }

    /// Subkey `index`.
    ///
    /// # Errors
    /// [`KeyError::NoMoreEntries`], [`KeyError::Deleted`]
    pub fn subkey_at(&self, index: usize) -> Result<Arc<Self>, KeyError> {
        self.live()?.subkeys.get(index).cloned().ok_or(KeyError::NoMoreEntries)
    }

    /// How much the key holds.
    ///
    /// # Errors
    /// [`KeyError::Deleted`]
    pub fn census(&self) -> Result<Census, KeyError> {
        let state = self.live()?;
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        Ok(Census {
            subkeys: state.subkeys.len(),
            longest_subkey_name: longest(&mut state.subkeys.iter().map(|key| key.name.len() * 2)),
            values: state.values.len(),
            longest_value_name: longest(&mut state.values.iter().map(|v| v.name.len() * 2)),
            longest_data: longest(&mut state.values.iter().map(|value| value.data.len())),
        })
    }
}

impl State {
    fn subkey(&self, name: &[u16]) -> Option<Arc<Key>> {
        self.subkeys.iter().find(|key| same_name(&key.name, name)).cloned()
    }
}

fn components(path: &[u16]) -> Result<impl Iterator<Item = &[u16]>, KeyError> {
    // One separator at the end is let pass, as by the kernel's own paths.
    let path = path.strip_suffix(&[SEPARATOR]).unwrap_or(path);
    let parts = || path.split(|&unit| unit == SEPARATOR);
    if !path.is_empty() && parts().any(<[u16]>::is_empty) {
        return Err(KeyError::PathSyntax);
    }
    Ok(parts().filter(|part| !part.is_empty()))
}

/// Whether two names are one but for case.
fn same_name(left: &[u16], right: &[u16]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(&l, &r)| upcase(l) == upcase(r))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn value(name: &str, data: &[u8]) -> Value {
        Value { name: wide(name), kind: 3, data: data.to_vec() }
    }

    #[test]
    fn keys_are_made_found_and_deleted() {
        let path = wide(r"\Registry\Machine\System\Test One\Deep");
        assert_eq!(open(&path).unwrap_err(), KeyError::NotFound);
        let (key, created) = create(&path).unwrap();
        assert!(created);
        assert_eq!(key.path(), path);
        assert!(!create(&wide(r"\REGISTRY\machine\system\test one\DEEP\")).unwrap().1);
        let parent = open(&wide(r"\registry\Machine\System\Test One")).unwrap();
        assert_eq!(parent.delete(), Err(KeyError::HasSubkeys));
        assert_eq!(key.delete(), Ok(()));
        assert_eq!(key.delete(), Err(KeyError::Deleted));
        assert_eq!(key.value(&[]), Err(KeyError::Deleted));
        assert_eq!(parent.subkey_at(0).unwrap_err(), KeyError::NoMoreEntries);
    }

    #[test]
    fn bad_paths_are_told_apart() {
        assert_eq!(open(&wide("Registry")).unwrap_err(), KeyError::PathSyntax);
        assert_eq!(open(&wide(r"\Other")).unwrap_err(), KeyError::NotFound);
        assert_eq!(open(&wide(r"\Registry\\Machine")).unwrap_err(), KeyError::PathSyntax);
        assert_eq!(open(&wide(r"\Registry")).unwrap().path(), wide(r"\Registry"));
    }

    #[test]
    fn values_are_set_replaced_counted_and_deleted() {
        let (key, _) = create(&wide(r"\Registry\Machine\Test Values")).unwrap();
        key.set(value("Größe", &[1])).unwrap();
        key.set(value("GRÖSSE", &[2])).unwrap();
        key.set(value("GRÖßE", &[3, 4])).unwrap();
        assert_eq!(key.value(&wide("größe")).unwrap(), value("Größe", &[3, 4]));
        let census = key.census().unwrap();
        assert_eq!((census.values, census.longest_value_name, census.longest_data), (2, 12, 2));
        assert_eq!(key.value_at(1).unwrap().data, [2]);
        key.delete_value(&wide("größe")).unwrap();
        assert_eq!(key.delete_value(&wide("größe")), Err(KeyError::NotFound));
        assert_eq!(key.value_at(1), Err(KeyError::NoMoreEntries));
    }
}
