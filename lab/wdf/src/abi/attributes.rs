//! `WDF_OBJECT_ATTRIBUTES` and what it refers to.

use core::ffi::{c_char, c_void};

use super::{Handle, layout};

/// `EVT_WDF_OBJECT_CONTEXT_CLEANUP` and `EVT_WDF_OBJECT_CONTEXT_DESTROY`
pub type EvtObject = unsafe extern "win64" fn(Handle);

/// `WDF_OBJECT_ATTRIBUTES`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectAttributes {
    /// Bytes of this structure.
    pub size: u32,
    /// Called when the object is disposed of.
    pub cleanup: Option<EvtObject>,
    /// Called when the last reference is gone.
    pub destroy: Option<EvtObject>,
    /// [`execution_level`]
    pub execution_level: u32,
    /// [`synchronization_scope`]
    pub synchronization_scope: u32,
    /// The object that deletes this one with itself.
    pub parent: Handle,
    /// Bytes of context, where that is more than the type says.
    pub context_size_override: usize,
    /// The type of the context; in the client's image.
    pub context_type: *const ContextTypeInfo,
}

layout!(
    ObjectAttributes, 56,
    cleanup @ 8, destroy @ 16, execution_level @ 24, synchronization_scope @ 28, parent @ 32,
    context_size_override @ 40, context_type @ 48,
);

/// `WDF_OBJECT_CONTEXT_TYPE_INFO`
#[repr(C)]
pub struct ContextTypeInfo {
    /// Bytes of this structure.
    pub size: u32,
    /// Name of the type, for messages.
    pub name: *const c_char,
    /// Bytes of a context.
    pub context_size: usize,
    /// What identifies the type.
    pub unique_type: *const Self,
    /// Of shared types: finds the unique one.
    pub get_unique_type: *const c_void,
}

layout!(
    ContextTypeInfo, 40,
    name @ 8, context_size @ 16, unique_type @ 24, get_unique_type @ 32,
);

/// Bytes of the structure before `get_unique_type` was added.
pub const CONTEXT_TYPE_INFO_V1_0: u32 = 32;

/// `WDF_EXECUTION_LEVEL`
pub mod execution_level {
    /// `WdfExecutionLevelInheritFromParent`
    pub const INHERIT: u32 = 1;
    /// `WdfExecutionLevelPassive`
    pub const PASSIVE: u32 = 2;
    /// `WdfExecutionLevelDispatch`
    pub const DISPATCH: u32 = 3;
}

/// `WDF_SYNCHRONIZATION_SCOPE`
pub mod synchronization_scope {
    /// `WdfSynchronizationScopeInheritFromParent`
    pub const INHERIT: u32 = 1;
    /// `WdfSynchronizationScopeDevice`
    pub const DEVICE: u32 = 2;
    /// `WdfSynchronizationScopeQueue`
    pub const QUEUE: u32 = 3;
    /// `WdfSynchronizationScopeNone`
    pub const NONE: u32 = 4;
}
