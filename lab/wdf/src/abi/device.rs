//! Structures of devices and file objects (wdfdevice.h).

use pagewise_lab_nt::{IRP, NTSTATUS};

use super::{Handle, layout};

/// A PnP or power callback of the device alone.
pub type EvtDevice = unsafe extern "win64" fn(Handle);
/// A PnP or power callback of the device alone that can fail.
pub type EvtDeviceStatus = unsafe extern "win64" fn(Handle) -> NTSTATUS;
/// `EVT_WDF_DEVICE_D0_ENTRY`, `EVT_WDF_DEVICE_D0_EXIT` and kin: with a power state.
pub type EvtDevicePower = unsafe extern "win64" fn(Handle, u32) -> NTSTATUS;

/// `WDF_PNPPOWER_EVENT_CALLBACKS`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PnpPowerCallbacks {
    /// Bytes of this structure.
    pub size: u32,
    /// `EvtDeviceD0Entry`
    pub d0_entry: Option<EvtDevicePower>,
    /// `EvtDeviceD0EntryPostInterruptsEnabled`
    pub d0_entry_post_interrupts_enabled: Option<EvtDevicePower>,
    /// `EvtDeviceD0Exit`
    pub d0_exit: Option<EvtDevicePower>,
    /// `EvtDeviceD0ExitPreInterruptsDisabled`
    pub d0_exit_pre_interrupts_disabled: Option<EvtDevicePower>,
    /// `EvtDevicePrepareHardware`: device, raw resources, translated resources.
    pub prepare_hardware: Option<unsafe extern "win64" fn(Handle, Handle, Handle) -> NTSTATUS>,
    /// `EvtDeviceReleaseHardware`: device, translated resources.
    pub release_hardware: Option<unsafe extern "win64" fn(Handle, Handle) -> NTSTATUS>,
    /// `EvtDeviceSelfManagedIoCleanup`
    pub self_managed_io_cleanup: Option<EvtDevice>,
    /// `EvtDeviceSelfManagedIoFlush`
    pub self_managed_io_flush: Option<EvtDevice>,
    /// `EvtDeviceSelfManagedIoInit`
    pub self_managed_io_init: Option<EvtDeviceStatus>,
    /// `EvtDeviceSelfManagedIoSuspend`
    pub self_managed_io_suspend: Option<EvtDeviceStatus>,
    /// `EvtDeviceSelfManagedIoRestart`
    pub self_managed_io_restart: Option<EvtDeviceStatus>,
    /// `EvtDeviceSurpriseRemoval`
    pub surprise_removal: Option<EvtDevice>,
    /// `EvtDeviceQueryRemove`
    pub query_remove: Option<EvtDeviceStatus>,
    /// `EvtDeviceQueryStop`
    pub query_stop: Option<EvtDeviceStatus>,
    /// `EvtDeviceUsageNotification`: kind, whether in use.
    pub usage_notification: Option<unsafe extern "win64" fn(Handle, u32, u8)>,
    /// `EvtDeviceRelationsQuery`: kind of relation.
    pub relations_query: Option<unsafe extern "win64" fn(Handle, u32)>,
    /// `EvtDeviceUsageNotificationEx`: kind, whether in use.
    pub usage_notification_ex: Option<unsafe extern "win64" fn(Handle, u32, u8) -> NTSTATUS>,
}

layout!(
    PnpPowerCallbacks, 144,
    d0_entry @ 8, d0_exit @ 24, prepare_hardware @ 40, release_hardware @ 48,
    self_managed_io_cleanup @ 56, self_managed_io_restart @ 88, surprise_removal @ 96,
    query_remove @ 104, query_stop @ 112, usage_notification_ex @ 136,
);

/// Bytes of `WDF_POWER_POLICY_EVENT_CALLBACKS`.
pub const POWER_POLICY_CALLBACKS: u32 = 64;

/// `WDF_POWER_DEVICE_STATE`
pub mod power_device_state {
    /// `WdfPowerDeviceD3`
    pub const D3: u32 = 4;
    /// `WdfPowerDeviceD3Final`
    pub const D3_FINAL: u32 = 5;
}

/// `WDF_DEVICE_IO_TYPE`
pub mod io_type {
    /// `WdfDeviceIoNeither`
    pub const NEITHER: u32 = 1;
    /// `WdfDeviceIoBuffered`
    pub const BUFFERED: u32 = 2;
    /// `WdfDeviceIoDirect`
    pub const DIRECT: u32 = 3;
}

/// `EVT_WDF_DEVICE_FILE_CREATE`: device, request, file object.
pub type EvtFileCreate = unsafe extern "win64" fn(Handle, Handle, Handle);
/// `EVT_WDF_FILE_CLOSE`, `EVT_WDF_FILE_CLEANUP`: file object.
pub type EvtFile = unsafe extern "win64" fn(Handle);

/// `WDF_FILEOBJECT_CONFIG`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileObjectConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// `EvtDeviceFileCreate`
    pub create: Option<EvtFileCreate>,
    /// `EvtFileClose`
    pub close: Option<EvtFile>,
    /// `EvtFileCleanup`
    pub cleanup: Option<EvtFile>,
    /// Tri-state: whether cleanup and close go on to the next driver.
    pub auto_forward_cleanup_close: u32,
    /// [`file_object_class`]
    pub class: u32,
}

layout!(
    FileObjectConfig, 40,
    create @ 8, close @ 16, cleanup @ 24, auto_forward_cleanup_close @ 32, class @ 36,
);

/// `WDF_FILEOBJECT_CLASS`
pub mod file_object_class {
    /// `WdfFileObjectNotRequired`
    pub const NOT_REQUIRED: u32 = 1;
    /// `WdfFileObjectWdfCanUseFsContext`
    pub const FS_CONTEXT: u32 = 2;
    /// `WdfFileObjectWdfCanUseFsContext2`
    pub const FS_CONTEXT2: u32 = 3;
    /// `WdfFileObjectWdfCannotUseFsContexts`
    pub const NO_FS_CONTEXT: u32 = 4;
    /// `WdfFileObjectCanBeOptional`, a flag.
    pub const OPTIONAL: u32 = 0x8000_0000;
}

/// `EVT_WDFDEVICE_WDM_IRP_PREPROCESS`
pub type EvtIrpPreprocess = unsafe extern "win64" fn(Handle, *mut IRP) -> NTSTATUS;

/// `EVT_WDF_IO_IN_CALLER_CONTEXT`: device, request.
pub type EvtIoInCallerContext = unsafe extern "win64" fn(Handle, Handle);

/// `WDF_DEVICE_STATE`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeviceState {
    /// Bytes of this structure.
    pub size: u32,
    /// `Disabled`, `DontDisplayInUI`, `Failed`, `NotDisableable`, `Removed`, `ResourcesChanged`
    /// and `AssignedToGuest`, each a tri-state.
    pub states: [u32; 7],
}

layout!(DeviceState, 32);

/// `WDF_DEVICE_PNP_CAPABILITIES`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PnpCapabilities {
    /// Bytes of this structure.
    pub size: u32,
    /// `LockSupported`, `EjectSupported`, `Removable`, `DockDevice`, `UniqueID`, `SilentInstall`,
    /// `SurpriseRemovalOK`, `HardwareDisabled`, `NoDisplayInUI`, each a tri-state.
    pub states: [u32; 9],
    /// `Address`; all ones where it is not set.
    pub address: u32,
    /// `UINumber`; all ones where it is not set.
    pub ui_number: u32,
}

layout!(PnpCapabilities, 48);

/// `WDF_IO_TYPE_CONFIG`
#[repr(C)]
pub struct IoTypeConfig {
    /// Bytes of this structure.
    pub size: u32,
    /// Of read and write requests: [`io_type`].
    pub read_write: u32,
    /// Of device control requests.
    pub device_control: u32,
    /// From how many bytes on I/O is direct.
    pub direct_transfer_threshold: u32,
}

layout!(IoTypeConfig, 16);

/// `WDF_DEVICE_PNP_STATE`, as far as it is reported.
pub mod pnp_state {
    /// `WdfDevStatePnpObjectCreated`
    pub const OBJECT_CREATED: u32 = 0x100;
    /// `WdfDevStatePnpInit`
    pub const INIT: u32 = 0x105;
    /// `WdfDevStatePnpFailedWaitForRemove`
    pub const FAILED_WAIT_FOR_REMOVE: u32 = 0x12e;
    /// `WdfDevStatePnpRemoved`
    pub const REMOVED: u32 = 0x113;
    /// `WdfDevStatePnpStarted`
    pub const STARTED: u32 = 0x119;
    /// `WdfDevStatePnpStopped`
    pub const STOPPED: u32 = 0x11e;
}
