//! NTSTATUS values of the framework (wdfstatus.h).

use pagewise_lab_nt::NTSTATUS;

/// Something in the framework went wrong.
pub const STATUS_WDF_INTERNAL_ERROR: NTSTATUS = 0xC020_0201_u32.cast_signed();

/// The queue does not dispatch at present.
pub const STATUS_WDF_PAUSED: NTSTATUS = 0xC020_0203_u32.cast_signed();

/// The queue does not accept requests.
pub const STATUS_WDF_BUSY: NTSTATUS = 0xC020_0204_u32.cast_signed();

/// The request is not in a state for that.
pub const STATUS_WDF_REQUEST_INVALID_STATE: NTSTATUS = 0xC020_0208_u32.cast_signed();

/// The attributes contradict each other.
pub const STATUS_WDF_OBJECT_ATTRIBUTES_INVALID: NTSTATUS = 0xC020_0209_u32.cast_signed();

/// A queue without any callback.
pub const STATUS_WDF_NO_CALLBACK: NTSTATUS = 0xC020_020B_u32.cast_signed();

/// The parent runs at another level.
pub const STATUS_WDF_INCOMPATIBLE_EXECUTION_LEVEL: NTSTATUS = 0xC020_020C_u32.cast_signed();

/// This kind of object chooses its own parent.
pub const STATUS_WDF_PARENT_ASSIGNMENT_NOT_ALLOWED: NTSTATUS = 0xC020_020F_u32.cast_signed();

/// This kind of object has no scope.
pub const STATUS_WDF_SYNCHRONIZATION_SCOPE_INVALID: NTSTATUS = 0xC020_0210_u32.cast_signed();

/// This kind of object has no execution level.
pub const STATUS_WDF_EXECUTION_LEVEL_INVALID: NTSTATUS = 0xC020_0211_u32.cast_signed();

/// This kind of object needs a parent.
pub const STATUS_WDF_PARENT_NOT_SPECIFIED: NTSTATUS = 0xC020_0212_u32.cast_signed();

/// Too few map registers.
pub const STATUS_WDF_NOT_ENOUGH_MAP_REGISTERS: NTSTATUS = 0xC020_0214_u32.cast_signed();
