//! Removing a device: asked for, by surprise, and at the end of either.

use std::sync::Arc;

use pagewise_lab_nt as nt;

use super::{DeviceNode, Phase, RootBus, query};
use crate::io::verify::{self, Violation};
use crate::io::{Device, Reference, interface};

/// Removes a device in order: `IRP_MN_QUERY_REMOVE_DEVICE`, and `IRP_MN_REMOVE_DEVICE` where every
/// driver agreed and nobody has it open; else `IRP_MN_CANCEL_REMOVE_DEVICE`.
///
/// # Errors
/// The drivers' NTSTATUS; `STATUS_PLUGPLAY_QUERY_VETOED` where somebody has it open.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in the Plug and Play thread.
pub fn remove(device: Device) -> Result<(), i32> {
    let node = device.node().cloned().ok_or(nt::STATUS_NO_SUCH_DEVICE)?;
    let status = query::ask(device, nt::IRP_MN_QUERY_REMOVE_DEVICE);
    if status < 0 {
        query::ask(device, nt::IRP_MN_CANCEL_REMOVE_DEVICE);
        return Err(status);
    }
    let before = node.phase();
    node.set_phase(Phase::RemovePending);
    // "Windows 2000 and later versions of Windows track open handles and fail the query if there
    // are open handles after the IRP_MN_QUERY_REMOVE_DEVICE completes" (kernel/
    // handling-an-irp-mn-query-remove-device-request).
    if !node.begin_removing() {
        query::ask(device, nt::IRP_MN_CANCEL_REMOVE_DEVICE);
        node.set_phase(before);
        return Err(nt::STATUS_PLUGPLAY_QUERY_VETOED);
    }
    RootBus::get().depart(device);
    send(device);
    Ok(())
}

/// A device is pulled out: `IRP_MN_SURPRISE_REMOVAL`, and `IRP_MN_REMOVE_DEVICE` once nobody has it
/// open any more.
///
/// # Errors
/// `STATUS_NO_SUCH_DEVICE` where it is on its way out already.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in the Plug and Play thread.
pub fn surprise_remove(device: Device) -> Result<(), i32> {
    let node = device.node().cloned().ok_or(nt::STATUS_NO_SUCH_DEVICE)?;
    if matches!(node.phase(), Phase::SurpriseRemoved | Phase::Removing) {
        return Err(nt::STATUS_NO_SUCH_DEVICE);
    }
    RootBus::get().depart(device);
    surprise(device, &node);
    Ok(())
}

/// [`surprise_remove`] of a device that may still be present: one that failed.
pub(super) fn surprise(device: Device, node: &Arc<DeviceNode>) {
    // Nobody opens it from here on; but only after the request may the last close remove it.
    node.set_phase(Phase::NotStarted);
    query::ask(device, nt::IRP_MN_SURPRISE_REMOVAL);
    interface::disable_all(device);
    node.set_phase(Phase::SurpriseRemoved);
    finish_surprise_removal(node);
}

/// The rest of a surprise removal, unless somebody still has the device open or it was done.
pub(super) fn finish_surprise_removal(node: &Arc<DeviceNode>) {
    let Some(device) = node.device() else { return };
    if node.phase() == Phase::SurpriseRemoved && node.begin_removing() {
        send(device);
    }
}

/// `IRP_MN_REMOVE_DEVICE`. After it the drivers' devices must be detached and deleted, else bug
/// check 0xC9; and the device is as newly enumerated, or gone.
pub(super) fn send(device: Device) {
    let _physical = Reference::new(device);
    let node = device.node().cloned();
    let above: Vec<Reference> = stack_above(device).map(Reference::new).collect();
    query::ask(device, nt::IRP_MN_REMOVE_DEVICE);
    if let Some(left) = device.attached() {
        verify::fail(Violation::NotDetached, [dispatch_of(left), 0, left.address()]);
    }
    let left = above.iter().map(Reference::device).find(|it| !it.is_delete_pending());
    if let Some(left) = left {
        verify::fail(Violation::NotDeleted, [dispatch_of(left), 0, left.address()]);
    }
    interface::disable_all(device);
    if let Some(node) = node {
        let next = if node.is_present() { Phase::NotStarted } else { Phase::Removing };
        node.set_phase(next);
    }
}

/// The devices that drivers attached above a physical device.
fn stack_above(device: Device) -> impl Iterator<Item = Device> {
    std::iter::successors(device.attached(), |it| it.attached())
}

/// The dispatch routine that had the request, for a bug check.
fn dispatch_of(device: Device) -> u64 {
    let dispatch = device.driver().dispatch(nt::IRP_MJ_PNP as u8);
    dispatch.map_or(0, |routine| routine as *const () as u64)
}
