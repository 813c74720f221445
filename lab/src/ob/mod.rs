//! The object manager: reference counts, handles and names, for whatever objects the machine makes.
#![expect(non_snake_case, reason = "routines are named as drivers import them")]

mod handle;
pub mod namespace;
mod object;
mod routines;

pub use handle::{close_handle, insert_handle, reference_by_handle};
pub use object::{
    ObjectType, SetSecurity, allocate, dereference, object_type, reference, reference_count,
};
pub use routines::EXPORTS;
