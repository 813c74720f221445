//! Structures of the driver object (wdfdriver.h).

use core::ffi::c_void;

use pagewise_lab_nt::NTSTATUS;

use super::{Handle, layout};

/// `WDF_DRIVER_CONFIG`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DriverConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// `EvtDriverDeviceAdd`
    pub device_add: Option<unsafe extern "win64" fn(Handle, *mut c_void) -> NTSTATUS>,
    /// `EvtDriverUnload`
    pub unload: Option<unsafe extern "win64" fn(Handle)>,
    /// [`driver_init`]
    pub flags: u32,
    /// Pool tag.
    pub tag: u32,
}

layout!(DriverConfig, 32, device_add @ 8, unload @ 16, flags @ 24, tag @ 28);

/// `WDF_DRIVER_INIT_FLAGS`
pub mod driver_init {
    /// `WdfDriverInitNonPnpDriver`: no `AddDevice`.
    pub const NON_PNP: u32 = 1;
    /// `WdfDriverInitNoDispatchOverride`: the client keeps its dispatch routines.
    pub const NO_DISPATCH_OVERRIDE: u32 = 2;
}

/// `WDF_DRIVER_VERSION_AVAILABLE_PARAMS`
#[repr(C)]
pub struct VersionAvailable {
    /// Bytes of this structure.
    pub size: u32,
    /// Major version asked about.
    pub major: u32,
    /// Minor version asked about.
    pub minor: u32,
}

layout!(VersionAvailable, 12);
