//! The requests by which the Plug and Play manager asks about a device.

use std::sync::Arc;

use pagewise_lab_nt as nt;

use super::{DeviceNode, Phase, remove, worker};
use crate::io::{self, Device, Outcome, Reference, StackLocation};
use crate::mm::pool;

/// Sends a Plug and Play request to the top of a device's stack, its status
/// `STATUS_NOT_SUPPORTED` as every such request begins.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in the Plug and Play thread.
pub(super) fn send(device: Device, minor: u32, fill: impl FnOnce(StackLocation)) -> Outcome {
    let top = device.top_referenced();
    io::send(top.device(), |irp, location| {
        irp.set_status(nt::STATUS_NOT_SUPPORTED);
        location.begin(nt::IRP_MJ_PNP, minor, None);
        fill(location);
    })
}

/// [`send`] without parameters; its status.
pub(super) fn ask(device: Device, minor: u32) -> i32 {
    send(device, minor, |_| ()).status
}

/// What the bus says of a new device: ids, capabilities, texts, resources.
pub(super) fn gather(device: Device) {
    let lists = [
        nt::BusQueryDeviceID,
        nt::BusQueryInstanceID,
        nt::BusQueryHardwareIDs,
        nt::BusQueryCompatibleIDs,
        nt::BusQueryContainerID,
    ];
    for kind in lists {
        free(send(device, nt::IRP_MN_QUERY_ID, |location| location.set_id_type(kind)));
    }
    capabilities(device);
    for kind in [nt::DeviceTextDescription, nt::DeviceTextLocationInformation] {
        free(send(device, nt::IRP_MN_QUERY_DEVICE_TEXT, |at| at.set_text_type(kind)));
    }
    free(send(device, nt::IRP_MN_QUERY_BUS_INFORMATION, |_| ()));
    free(send(device, nt::IRP_MN_QUERY_RESOURCES, |_| ()));
    free(send(device, nt::IRP_MN_QUERY_RESOURCE_REQUIREMENTS, |_| ()));
}

/// Frees the block that an answer points to.
fn free(outcome: Outcome) {
    if outcome.status >= 0 && outcome.information != 0 {
        let block = outcome.information as usize as *mut std::ffi::c_void;
        pool::free(block, None);
    }
}

/// `IRP_MN_QUERY_CAPABILITIES`, the structure initialised as its page demands.
pub(super) fn capabilities(device: Device) -> i32 {
    // SAFETY: zeroes are valid capabilities.
    let mut capabilities: nt::DEVICE_CAPABILITIES = unsafe { std::mem::zeroed() };
    capabilities.Size = size_of::<nt::DEVICE_CAPABILITIES>() as u16;
    capabilities.Version = 1;
    capabilities.Address = u32::MAX;
    capabilities.UINumber = u32::MAX;
    let pointer = &raw mut capabilities;
    send(device, nt::IRP_MN_QUERY_CAPABILITIES, |at| at.set_capabilities(pointer)).status
}

/// `IRP_MN_QUERY_PNP_DEVICE_STATE`; the `PNP_DEVICE_*` flags.
fn device_state(device: Device) -> u32 {
    let outcome = send(device, nt::IRP_MN_QUERY_PNP_DEVICE_STATE, |_| ());
    if outcome.status < 0 { 0 } else { outcome.information as u32 }
}

/// `IRP_MN_QUERY_DEVICE_RELATIONS` for bus relations. The lab does not enumerate children of
/// children: their references go back.
pub(super) fn bus_relations(device: Device) {
    let outcome = send(device, nt::IRP_MN_QUERY_DEVICE_RELATIONS, |location| {
        location.set_relation_type(nt::BusRelations);
    });
    let relations = outcome.information as usize as *const nt::DEVICE_RELATIONS;
    if outcome.status < 0 || relations.is_null() {
        return;
    }
    // SAFETY: a successful answer points to relations in pool, ours to free.
    let count = unsafe { (*relations).Count };
    // SAFETY: as above.
    let first = unsafe { (&raw const (*relations).Objects).cast::<*mut nt::DEVICE_OBJECT>() };
    for index in 0..count as usize {
        // SAFETY: the relations have that many devices.
        let child = unsafe { first.wrapping_add(index).read() };
        // SAFETY: each comes with a reference for us.
        unsafe { crate::ob::dereference(child.cast()) };
    }
    free(outcome);
}

/// Asks for the device's state and acts on it: a device that has failed is removed as by surprise
/// (learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-surprise-removal-request).
pub(super) fn check_state(device: Device, node: &Arc<DeviceNode>) {
    const GONE: u32 = nt::PNP_DEVICE_FAILED | nt::PNP_DEVICE_REMOVED;
    if node.phase() == Phase::Started && device_state(device) & GONE != 0 {
        remove::surprise(device, node);
    }
}

/// Has the Plug and Play manager ask for the state of a device again.
///
/// Page: wdm/nf-wdm-ioinvalidatedevicestate.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `device` is a physical device object.
#[expect(non_snake_case, reason = "named as drivers import it")]
pub unsafe extern "win64" fn IoInvalidateDeviceState(device: *mut nt::DEVICE_OBJECT) {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else { return };
    let reference = Reference::new(device);
    worker::post(move || {
        let device = reference.device();
        if let Some(node) = device.node() {
            check_state(device, node);
        }
    });
}

/// A bus's children may have changed: the lab knows of its own bus's by itself, and enumerates no
/// others, so this has no effect.
///
/// Page: wdm/nf-wdm-ioinvalidatedevicerelations.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
#[expect(non_snake_case, reason = "named as drivers import it")]
pub extern "win64" fn IoInvalidateDeviceRelations(_device: *mut nt::DEVICE_OBJECT, _kind: u32) {}

crate::exports! {
    /// What drivers tell the Plug and Play manager.
    pub EXPORTS = [
        IoInvalidateDeviceState(_),
        IoInvalidateDeviceRelations(_, _),
    ];
}
