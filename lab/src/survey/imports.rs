//! The import table.

use object::LittleEndian as LE;
use object::pe::ImageNtHeaders64;
use object::read::pe::{Import as Thunk, PeFile64};

/// Something that a driver imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file it comes from.
    pub dll: String,
    /// Its name; `#7` where it has but an ordinal.
    pub name: String,
}

/// What the image in `file` imports, in its own order.
///
/// # Errors
/// It is no PE32+ image, or its import table lies outside of it.
pub fn imports(file: &[u8]) -> object::Result<Vec<Import>> {
    let file = PeFile64::parse(file)?;
    let mut found = Vec::new();
    let Some(table) = file.import_table()? else { return Ok(found) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let dll = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let first = match descriptor.original_first_thunk.get(LE) {
            0 => descriptor.first_thunk.get(LE),
            thunk => thunk,
        };
        let mut thunks = table.thunks(first)?;
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match table.import::<ImageNtHeaders64>(thunk)? {
                Thunk::Ordinal(ordinal) => format!("#{ordinal}"),
                Thunk::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
            };
            found.push(Import { dll: dll.clone(), name });
        }
    }
    Ok(found)
}
