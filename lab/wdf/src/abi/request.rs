//! Structures of requests (wdfrequest.h).

use super::{Handle, layout};

/// `EVT_WDF_REQUEST_CANCEL`: request.
pub type EvtRequestCancel = unsafe extern "win64" fn(Handle);

/// `WDF_REQUEST_PARAMETERS`: `parameters` are the four pointer-sized slots of the IRP's own.
#[repr(C)]
pub struct RequestParameters {
    /// Bytes of this structure.
    pub size: u16,
    /// `IRP_MN_*`
    pub minor: u8,
    /// `WDF_REQUEST_TYPE`: the `IRP_MJ_*` of the request.
    pub kind: u32,
    /// By kind: lengths, control code, offsets.
    pub parameters: [usize; 4],
}

/// `WDF_REQUEST_SEND_OPTIONS`
#[repr(C)]
pub struct SendOptions {
    /// Bytes of this structure.
    pub size: u32,
    /// [`send_option`]
    pub flags: u32,
    /// 100 ns units.
    pub timeout: i64,
}

layout!(SendOptions, 16, flags @ 4, timeout @ 8);

/// `WDF_REQUEST_SEND_OPTIONS_FLAGS`
pub mod send_option {
    /// `WDF_REQUEST_SEND_OPTION_TIMEOUT`
    pub const TIMEOUT: u32 = 1;
    /// `WDF_REQUEST_SEND_OPTION_SYNCHRONOUS`
    pub const SYNCHRONOUS: u32 = 2;
    /// `WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET`
    pub const SEND_AND_FORGET: u32 = 8;
}

layout!(RequestParameters, 40, minor @ 2, kind @ 4, parameters @ 8);
