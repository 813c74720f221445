//! Why a request is refused.

/// A refusal, one variant for each `NTSTATUS` that the driver answers with. Lengths are judged
/// before values and values before state; a refused request has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `STATUS_BUFFER_TOO_SMALL`: the input or the output buffer is shorter than the structure.
    BufferTooSmall,
    /// `STATUS_INVALID_BUFFER_SIZE`: the input buffer is longer than the structure.
    InvalidBufferSize,
    /// `STATUS_INVALID_DEVICE_REQUEST`: no such control code.
    InvalidDeviceRequest,
    /// `STATUS_INVALID_PARAMETER`: a page, section, region or enumeration out of range, an empty
    /// range, or a reserved field that is not zero.
    InvalidParameter,
    /// `STATUS_NOT_SUPPORTED`: it exists, but not for this: a lock of a section that is not
    /// pageable by link, a touch of a discarded one, a write to a read-only one, a call outside the
    /// code ballast, a fill of constants.
    NotSupported,
    /// `STATUS_INVALID_DEVICE_STATE`: locks and page-entire do not mix.
    InvalidDeviceState,
    /// `STATUS_NOT_LOCKED`: the section holds no lock. The kernel's answer would be bug check 0x1A.
    NotLocked,
    /// `STATUS_QUOTA_EXCEEDED`: the section already holds as many locks as the contract allows.
    QuotaExceeded,
    /// `STATUS_INSUFFICIENT_RESOURCES`: the memory manager gave no handle for a section.
    InsufficientResources,
    /// `STATUS_DATA_ERROR`: a ballast function came back with a value that is not its own.
    DataError,
    /// Any other status, passed on from the framework as it is.
    Framework(i32),
}
