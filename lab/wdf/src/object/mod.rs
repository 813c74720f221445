//! Framework objects: what handles stand for.
//!
//! An [`Instance`] is a [`Header`] and the body of its kind in one block of non-paged pool, with
//! the first context behind it. It is born with one reference, which stands for its life and goes
//! when it is deleted, by the client or with its parent; its memory goes with the last reference.
//! Deletion disposes of the children first, in the order they were made, then of the object
//! itself: the kind's own disposal, then `EvtCleanupCallback` of each context; `EvtDestroyCallback`
//! follows when the last reference is gone (behaviour of
//! Windows-Driver-Frameworks:src/framework/shared/object/fxobjectstatemachine.cpp).

pub mod api;
mod constraints;
mod context;
mod create;
mod end;
mod handle;
mod header;
mod reap;
mod reference;
mod validate;

pub use constraints::{Level, Scope};
pub use context::{ContextHeader, context_size, forget_callbacks};
pub use create::{create, create_under};
pub use end::{abandon, delete, destroy_children, dispose};
pub use handle::{downcast, from_handle, handle_of, header_from_handle, to_handle};
pub use header::{Header, Instance, Kind, Object};
pub use reap::drain;
pub use reference::{Ref, release};
pub use validate::{Allowed, attributes};
