//! Structures of I/O queues (wdfio.h).

use core::ffi::c_void;

use super::{Boolean, Handle, layout};

/// `EVT_WDF_IO_QUEUE_IO_DEFAULT`, `EVT_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE`: queue, request.
pub type EvtIo = unsafe extern "win64" fn(Handle, Handle);
/// `EVT_WDF_IO_QUEUE_IO_READ`, `..._WRITE`: queue, request, length.
pub type EvtIoTransfer = unsafe extern "win64" fn(Handle, Handle, usize);
/// `EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL`, `..._INTERNAL_DEVICE_CONTROL`: queue, request, output
/// length, input length, control code.
pub type EvtIoControl = unsafe extern "win64" fn(Handle, Handle, usize, usize, u32);
/// `EVT_WDF_IO_QUEUE_IO_STOP`: queue, request, [`stop_action`].
pub type EvtIoStop = unsafe extern "win64" fn(Handle, Handle, u32);
/// `EVT_WDF_IO_QUEUE_STATE`: queue, context.
pub type EvtQueueState = unsafe extern "win64" fn(Handle, *mut c_void);

/// `WDF_IO_QUEUE_CONFIG`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct QueueConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// [`dispatch_type`]
    pub dispatch_type: u32,
    /// Tri-state.
    pub power_managed: u32,
    /// Whether reads and writes of no bytes reach the driver.
    pub allow_zero_length: Boolean,
    /// Whether it takes what no other queue does.
    pub default_queue: Boolean,
    /// `EvtIoDefault`
    pub default: Option<EvtIo>,
    /// `EvtIoRead`
    pub read: Option<EvtIoTransfer>,
    /// `EvtIoWrite`
    pub write: Option<EvtIoTransfer>,
    /// `EvtIoDeviceControl`
    pub device_control: Option<EvtIoControl>,
    /// `EvtIoInternalDeviceControl`
    pub internal_device_control: Option<EvtIoControl>,
    /// `EvtIoStop`
    pub stop: Option<EvtIoStop>,
    /// `EvtIoResume`
    pub resume: Option<EvtIo>,
    /// `EvtIoCanceledOnQueue`
    pub canceled_on_queue: Option<EvtIo>,
    /// Parallel queues: requests presented at a time; all ones for any number.
    pub presented_requests: u32,
    /// The driver whose callbacks these are, where not the device's.
    pub driver: Handle,
}

layout!(
    QueueConfig, 96,
    dispatch_type @ 4, power_managed @ 8, allow_zero_length @ 12, default_queue @ 13,
    default @ 16, device_control @ 40, stop @ 56, canceled_on_queue @ 72,
    presented_requests @ 80, driver @ 88,
);

/// `WDF_IO_QUEUE_DISPATCH_TYPE`
pub mod dispatch_type {
    /// `WdfIoQueueDispatchSequential`
    pub const SEQUENTIAL: u32 = 1;
    /// `WdfIoQueueDispatchParallel`
    pub const PARALLEL: u32 = 2;
    /// `WdfIoQueueDispatchManual`
    pub const MANUAL: u32 = 3;
}

/// `WDF_IO_QUEUE_STATE`
pub mod queue_state {
    /// `WdfIoQueueAcceptRequests`
    pub const ACCEPT: u32 = 1;
    /// `WdfIoQueueDispatchRequests`
    pub const DISPATCH: u32 = 2;
    /// `WdfIoQueueNoRequests`
    pub const NO_REQUESTS: u32 = 4;
    /// `WdfIoQueueDriverNoRequests`
    pub const DRIVER_NO_REQUESTS: u32 = 8;
    /// `WdfIoQueuePnpHeld`
    pub const PNP_HELD: u32 = 0x10;
}

/// `WDF_REQUEST_STOP_ACTION_FLAGS`
pub mod stop_action {
    /// `WdfRequestStopActionSuspend`
    pub const SUSPEND: u32 = 1;
    /// `WdfRequestStopActionPurge`
    pub const PURGE: u32 = 2;
    /// `WdfRequestStopRequestCancelable`
    pub const CANCELABLE: u32 = 0x1000_0000;
}
