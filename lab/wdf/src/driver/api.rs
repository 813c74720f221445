//! Functions of the driver object
//! (learn.microsoft.com/windows-hardware/drivers/ddi/wdfdriver).

use pagewise_lab_nt::{
    DRIVER_OBJECT, NT_SUCCESS, NTSTATUS, STATUS_DRIVER_INTERNAL_ERROR, STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS, UNICODE_STRING,
};

use crate::abi::{
    DriverConfig, Handle, ObjectAttributes, PublicGlobals, VersionAvailable, driver_init,
};
use crate::bind::MINOR_VERSION;
use crate::globals::Globals;
use crate::kernel::string::PoolString;
use crate::kernel::{irql, violation};
use crate::object::{Allowed, Level, Scope, abandon, attributes, create, to_handle};

use super::{Driver, driver_of, hook};

/// `WDF_DRIVER_CONFIG` before 1.9, without `DriverPoolTag` but of the same padded size.
const VALID_FLAGS: u32 = driver_init::NON_PNP | driver_init::NO_DISPATCH_OVERRIDE | 0x10;

/// The tag that the clients' inline function sets where none was chosen: `Wdkd`... of nobody.
const DEFAULT_TAG: u32 = u32::from_le_bytes(*b"Ddk ");

/// `WdfDriverCreate`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn driver_create(
    globals: *mut PublicGlobals,
    driver_object: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
    driver_attributes: *const ObjectAttributes,
    config: *const DriverConfig,
    driver: *mut Handle,
) -> NTSTATUS {
    if driver_object.is_null() || registry_path.is_null() || config.is_null() {
        violation::null_parameter();
    }
    // SAFETY: the client passes its own globals.
    let globals = unsafe { Globals::of(globals) };
    // SAFETY: not null; the client's structure, of which the framework keeps a copy.
    let config = unsafe { config.read() };
    let checked = check_config(globals, &config);
    if !NT_SUCCESS(checked) {
        return checked;
    }
    // SAFETY: not null; the client vouches for the string.
    let Some(path) = (unsafe { PoolString::copy(registry_path) }) else {
        return STATUS_INSUFFICIENT_RESOURCES;
    };
    let name = service_name(path.units());
    globals.set_tag(pool_tag(&config, &name));
    let allowed = Allowed { level: true, scope: true, ..Allowed::default() };
    // SAFETY: the client vouches for its attributes.
    let attributes = match unsafe { attributes(driver_attributes, allowed) } {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    globals.cache_bug_check_info(name);
    let body = Driver {
        config,
        registry_path: path,
        level: Level::of(attributes, Level::Dispatch),
        scope: Scope::of(attributes, Scope::None),
    };
    // SAFETY: validated above.
    let created = match unsafe { create(globals, attributes, body) } {
        Ok(created) => created,
        Err(status) => return status,
    };
    let status = hook(globals, &config);
    if !NT_SUCCESS(status) {
        abandon(created.header().into());
        return status;
    }
    globals.set_driver(Some(created));
    // SAFETY: the client's globals; it has one thread in DriverEntry.
    let public = unsafe { &mut *globals.public() };
    public.driver = to_handle(created);
    public.flags |= config.flags;
    public.tag = globals.tag();
    public.name = name;
    let own_unload = driver_init::NO_DISPATCH_OVERRIDE | driver_init::NON_PNP;
    let displace = config.flags & own_unload == 0 || config.unload.is_some();
    public.displace_driver_unload = u8::from(displace);
    if !driver.is_null() {
        // SAFETY: the client vouches for its pointer.
        unsafe { driver.write(to_handle(created)) };
    }
    STATUS_SUCCESS
}

fn check_config(globals: &Globals, config: &DriverConfig) -> NTSTATUS {
    if config.size as usize != size_of::<DriverConfig>() {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if config.flags & !VALID_FLAGS != 0 {
        return STATUS_INVALID_PARAMETER;
    }
    if irql::current() != irql::PASSIVE_LEVEL {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if globals.driver().is_some() {
        return STATUS_DRIVER_INTERNAL_ERROR;
    }
    let own_dispatch = config.flags & driver_init::NO_DISPATCH_OVERRIDE != 0;
    if !own_dispatch && config.flags & driver_init::NON_PNP != 0 && config.device_add.is_some() {
        return STATUS_INVALID_PARAMETER;
    }
    STATUS_SUCCESS
}

/// The last part of the registry path, as bytes.
fn service_name(path: &[u16]) -> [u8; 32] {
    let start = path.iter().rposition(|&unit| unit == u16::from(b'\\')).map_or(0, |at| at + 1);
    let mut name = [0; 32];
    for (byte, unit) in name[..31].iter_mut().zip(&path[start..]) {
        *byte = u8::try_from(*unit).unwrap_or(b'?');
    }
    name
}

/// The tag that the configuration names, or else the first characters of the service's name
/// without a leading `wdf`.
fn pool_tag(config: &DriverConfig, name: &[u8; 32]) -> u32 {
    if config.tag != 0 && config.tag != DEFAULT_TAG {
        return config.tag;
    }
    let rest = if name[..3].eq_ignore_ascii_case(b"wdf") { &name[3..] } else { &name[..] };
    let tag = [rest[0], rest[1], rest[2], rest[3]];
    if tag[2] == 0 { crate::kernel::pool::TAG } else { u32::from_le_bytes(tag) }
}

/// `WdfDriverGetRegistryPath`
///
/// # Safety
/// `driver` is the client's driver.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn driver_get_registry_path(
    _: *mut PublicGlobals,
    driver: Handle,
) -> *mut u16 {
    // SAFETY: the client vouches for its handle.
    unsafe { driver_of(driver) }.registry_path().as_ptr()
}

/// `WdfDriverWdmGetDriverObject`
///
/// # Safety
/// `driver` is the client's driver.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn driver_wdm_get_driver_object(
    _: *mut PublicGlobals,
    driver: Handle,
) -> *mut DRIVER_OBJECT {
    // SAFETY: the client vouches for its handle.
    unsafe { driver_of(driver) }.globals().driver_object()
}

/// `WdfWdmDriverGetWdfDriverHandle`
///
/// # Safety
/// `driver_object` is a driver object.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn wdm_driver_get_wdf_driver_handle(
    _: *mut PublicGlobals,
    driver_object: *mut DRIVER_OBJECT,
) -> Handle {
    let driver = super::client_of(driver_object).and_then(Globals::driver);
    driver.map_or(Handle::NULL, to_handle)
}

/// `WdfDriverIsVersionAvailable`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn driver_is_version_available(
    _: *mut PublicGlobals,
    driver: Handle,
    parameters: *const VersionAvailable,
) -> u8 {
    // SAFETY: the client vouches for its handle.
    unsafe { driver_of(driver) };
    // SAFETY: the client vouches for its pointer.
    let Some(asked) = (unsafe { parameters.as_ref() }) else { violation::null_parameter() };
    let known = asked.size as usize == size_of::<VersionAvailable>();
    u8::from(known && asked.major == 1 && asked.minor <= MINOR_VERSION)
}
