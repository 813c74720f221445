//! What the client's stub and the loader exchange (fxldr.h, wdfglobals.h).

use core::ffi::c_void;

use super::{Boolean, Handle, layout};

/// `WDF_VERSION`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Version {
    /// 1 for every KMDF.
    pub major: u32,
    /// The NN of KMDF 1.NN.
    pub minor: u32,
    /// Build number.
    pub build: u32,
}

/// `WDF_BIND_INFO`; in the client's image.
#[repr(C)]
pub struct BindInfo {
    /// Bytes of this structure.
    pub size: u32,
    /// `KmdfLibrary`, NUL-terminated.
    pub component: *const u16,
    /// The version the client was built for.
    pub version: Version,
    /// Functions that the client knows.
    pub function_count: u32,
    /// From 1.15 on: where to write the address of the function table.
    pub function_table: *mut *const c_void,
    /// The loader's own.
    pub module: *mut c_void,
}

layout!(
    BindInfo, 48,
    component @ 8, version @ 16, function_count @ 28, function_table @ 32, module @ 40,
);

/// Functions of KMDF 1.13, the last whose clients kept a copy of the whole table.
pub const FUNCTIONS_1_13: u32 = 438;

/// `WDF_DRIVER_GLOBALS`
#[repr(C)]
pub struct PublicGlobals {
    /// The driver.
    pub driver: Handle,
    /// `DriverInitFlags` of the driver's configuration.
    pub flags: u32,
    /// Pool tag of the driver.
    pub tag: u32,
    /// Service name, NUL-terminated.
    pub name: [u8; 32],
    /// Whether the stub shall put itself before `DriverUnload`.
    pub displace_driver_unload: Boolean,
}

layout!(PublicGlobals, 56, flags @ 8, tag @ 12, name @ 16, displace_driver_unload @ 48);
