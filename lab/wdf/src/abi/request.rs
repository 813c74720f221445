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

layout!(RequestParameters, 40, minor @ 2, kind @ 4, parameters @ 8);
