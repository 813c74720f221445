//! Refusals as the `NTSTATUS` values that clients are promised.

use pagewise_core::Refusal;
use wdk_sys::{
    NTSTATUS, STATUS_BUFFER_TOO_SMALL, STATUS_DATA_ERROR, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE,
    STATUS_INVALID_PARAMETER, STATUS_NOT_LOCKED, STATUS_NOT_SUPPORTED, STATUS_QUOTA_EXCEEDED,
};

/// The status of a refusal.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub fn of(refusal: Refusal) -> NTSTATUS {
    match refusal {
        Refusal::BufferTooSmall => STATUS_BUFFER_TOO_SMALL,
        Refusal::InvalidBufferSize => STATUS_INVALID_BUFFER_SIZE,
        Refusal::InvalidDeviceRequest => STATUS_INVALID_DEVICE_REQUEST,
        Refusal::InvalidParameter => STATUS_INVALID_PARAMETER,
        Refusal::NotSupported => STATUS_NOT_SUPPORTED,
        Refusal::InvalidDeviceState => STATUS_INVALID_DEVICE_STATE,
        Refusal::NotLocked => STATUS_NOT_LOCKED,
        Refusal::QuotaExceeded => STATUS_QUOTA_EXCEEDED,
        Refusal::InsufficientResources => STATUS_INSUFFICIENT_RESOURCES,
        Refusal::DataError => STATUS_DATA_ERROR,
        Refusal::Framework(status) => status,
    }
}
