//! What a device reports of itself to PnP, and what it is asked about.

use core::sync::atomic::Ordering;

use pagewise_lab_nt::IoInvalidateDeviceState;

use crate::abi::{
    DeviceState, FileObjectConfig, Handle, PnpCapabilities, PublicGlobals, file_object_class,
    tri_state,
};
use crate::kernel::violation::{self, Code};
use crate::object::from_handle;

use super::Device;

/// `PNP_DEVICE_*` flags in the order of [`DeviceState`]'s tri-states: disabled, do not display,
/// failed, not disableable, removed, resource requirements changed, assigned to guest.
const STATE_FLAGS: [u32; 7] = [0x01, 0x02, 0x04, 0x20, 0x08, 0x10, 0x100];

/// `PNP_DEVICE_FAILED`
const FAILED: u32 = 0x04;

/// State and capabilities that the driver set.
#[derive(Clone, Copy)]
pub struct ReportedState {
    /// Tri-states as in [`DeviceState`].
    state: [u32; 7],
    /// As the driver set them.
    capabilities: Option<PnpCapabilities>,
}

impl ReportedState {
    /// Nothing set.
    pub const fn new() -> Self {
        Self { state: [tri_state::USE_DEFAULT; 7], capabilities: None }
    }

    /// `PNP_DEVICE_STATE` flags that the lower drivers gave, changed as this driver wants.
    pub fn apply(&self, flags: u64, failed: bool) -> u64 {
        let mut flags = flags;
        for (state, flag) in self.state.iter().zip(STATE_FLAGS) {
            match *state {
                tri_state::TRUE => flags |= u64::from(flag),
                tri_state::FALSE => flags &= !u64::from(flag),
                _ => {}
            }
        }
        if failed { flags | u64::from(FAILED) } else { flags }
    }

    /// The capabilities, if the driver set any.
    pub fn capabilities(&self) -> Option<&PnpCapabilities> {
        self.capabilities.as_ref()
    }
}

/// The class of file objects that a configuration asks for, without its flag.
pub fn file_object_class_of(config: &FileObjectConfig) -> u32 {
    config.class & !file_object_class::OPTIONAL
}

/// `WdfDeviceGetDeviceState`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_get_device_state(
    _: *mut PublicGlobals,
    device: Handle,
    state: *mut DeviceState,
) {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its pointer.
    let state = unsafe { state_of(state) };
    // Copied first: the client's structure is not touched under the lock.
    let states = device.reported.lock().state;
    state.states = states;
}

/// `WdfDeviceSetDeviceState`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_set_device_state(
    _: *mut PublicGlobals,
    device: Handle,
    state: *mut DeviceState,
) {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its pointer.
    let state = unsafe { state_of(state) };
    let states = state.states;
    device.reported.lock().state = states;
    invalidate(device);
}

/// # Safety
/// `state` is null or points to a structure of the client's that nobody else uses meanwhile.
unsafe fn state_of<'a>(state: *mut DeviceState) -> &'a mut DeviceState {
    // SAFETY: the caller vouches for the pointer.
    let Some(state) = (unsafe { state.as_mut() }) else { violation::null_parameter() };
    if state.size as usize != size_of::<DeviceState>() {
        let size = state.size as usize;
        violation::violation(Code::VerifierFatalError, size_of::<DeviceState>(), size, 0);
    }
    state
}

fn invalidate(device: &Device) {
    if !device.is_control() {
        // SAFETY: the physical device that ours is attached above.
        unsafe { IoInvalidateDeviceState(device.physical) };
    }
}

/// `WdfDeviceSetPnpCapabilities`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_set_pnp_capabilities(
    _: *mut PublicGlobals,
    device: Handle,
    capabilities: *const PnpCapabilities,
) {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its pointer.
    let Some(new) = (unsafe { capabilities.as_ref() }) else { violation::null_parameter() };
    if new.size as usize != size_of::<PnpCapabilities>() {
        let size = new.size as usize;
        violation::violation(Code::VerifierFatalError, size_of::<PnpCapabilities>(), size, 0);
    }
    let new = *new;
    device.reported.lock().capabilities = Some(new);
}

/// `WdfDeviceSetFailed`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub unsafe extern "win64" fn device_set_failed(_: *mut PublicGlobals, device: Handle, action: u32) {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    device.failed_action.store(action, Ordering::Release);
    invalidate(device);
}
