//! What attributes may say.

use pagewise_lab_nt::{NTSTATUS, STATUS_INFO_LENGTH_MISMATCH};

use crate::abi::{
    CONTEXT_TYPE_INFO_V1_0, ContextTypeInfo, ObjectAttributes, STATUS_WDF_EXECUTION_LEVEL_INVALID,
    STATUS_WDF_OBJECT_ATTRIBUTES_INVALID, STATUS_WDF_PARENT_ASSIGNMENT_NOT_ALLOWED,
    STATUS_WDF_PARENT_NOT_SPECIFIED, STATUS_WDF_SYNCHRONIZATION_SCOPE_INVALID, execution_level,
    synchronization_scope,
};

/// What a function lets its attributes set.
#[derive(Clone, Copy, Default)]
pub struct Allowed {
    /// A parent may be named.
    pub parent: bool,
    /// A parent must be named.
    pub parent_required: bool,
    /// An execution level may be set.
    pub level: bool,
    /// A synchronization scope may be set.
    pub scope: bool,
}

impl Allowed {
    /// A parent and nothing else.
    pub const PARENT: Self =
        Self { parent: true, parent_required: false, level: false, scope: false };
    /// A parent, which must be there, and an execution level.
    pub const REQUIRED_PARENT: Self =
        Self { parent: true, parent_required: true, level: true, scope: false };
}

/// The attributes behind a client's pointer, checked.
///
/// # Errors
/// As [`validate`].
///
/// # Safety
/// `attributes` is null or points to attributes of the client's; a context type that they name can
/// be read.
///
/// # IRQL
/// At most DISPATCH_LEVEL; the client's structures must be resident.
pub unsafe fn attributes<'a>(
    attributes: *const ObjectAttributes,
    allowed: Allowed,
) -> Result<Option<&'a ObjectAttributes>, NTSTATUS> {
    // SAFETY: the caller vouches for the pointer.
    let attributes = unsafe { attributes.as_ref() };
    // SAFETY: the caller vouches for the context type.
    unsafe { validate(attributes, allowed) }?;
    Ok(attributes)
}

/// Checks attributes, in the order the framework does.
///
/// # Errors
/// `STATUS_INFO_LENGTH_MISMATCH` for a wrong `Size`; else the `STATUS_WDF_*` that says what must
/// not be set, or is missing.
///
/// # Safety
/// A context type that the attributes name can be read.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe fn validate(
    attributes: Option<&ObjectAttributes>,
    allowed: Allowed,
) -> Result<(), NTSTATUS> {
    let Some(attributes) = attributes else {
        return if allowed.parent_required { Err(STATUS_WDF_PARENT_NOT_SPECIFIED) } else { Ok(()) };
    };
    if attributes.size as usize != size_of::<ObjectAttributes>() {
        return Err(STATUS_INFO_LENGTH_MISMATCH);
    }
    // SAFETY: the caller vouches for the type.
    validate_context(attributes, unsafe { attributes.context_type.as_ref() })?;
    match attributes.parent.is_null() {
        false if !allowed.parent => return Err(STATUS_WDF_PARENT_ASSIGNMENT_NOT_ALLOWED),
        true if allowed.parent_required => return Err(STATUS_WDF_PARENT_NOT_SPECIFIED),
        _ => {}
    }
    let (level, scope) = (attributes.execution_level, attributes.synchronization_scope);
    if !(execution_level::INHERIT..=execution_level::DISPATCH).contains(&level)
        || !(synchronization_scope::INHERIT..=synchronization_scope::NONE).contains(&scope)
    {
        return Err(STATUS_WDF_OBJECT_ATTRIBUTES_INVALID);
    }
    let neutral = [synchronization_scope::INHERIT, synchronization_scope::NONE];
    if !allowed.scope && !neutral.contains(&scope) {
        return Err(STATUS_WDF_SYNCHRONIZATION_SCOPE_INVALID);
    }
    if !allowed.level && level != execution_level::INHERIT {
        return Err(STATUS_WDF_EXECUTION_LEVEL_INVALID);
    }
    Ok(())
}

fn validate_context(
    attributes: &ObjectAttributes,
    context_type: Option<&ContextTypeInfo>,
) -> Result<(), NTSTATUS> {
    let Some(info) = context_type else {
        return if attributes.context_size_override > 0 {
            Err(STATUS_WDF_OBJECT_ATTRIBUTES_INVALID)
        } else {
            Ok(())
        };
    };
    if info.size as usize != size_of::<ContextTypeInfo>() && info.size != CONTEXT_TYPE_INFO_V1_0 {
        return Err(STATUS_INFO_LENGTH_MISMATCH);
    }
    let size_override = attributes.context_size_override;
    if info.context_size > 0 && info.name.is_null()
        || size_override > 0 && size_override < info.context_size
    {
        return Err(STATUS_WDF_OBJECT_ATTRIBUTES_INVALID);
    }
    Ok(())
}
