//! Stopping a device for a moment, as a rebalance of resources does
//! (learn.microsoft.com/windows-hardware/drivers/kernel/stopping-a-device-to-rebalance-resources).

use pagewise_lab_nt as nt;

use super::{Phase, query, remove, start};
use crate::io::Device;

/// `IRP_MN_QUERY_STOP_DEVICE`, `IRP_MN_STOP_DEVICE`, `IRP_MN_START_DEVICE`. Where a driver does not
/// agree, `IRP_MN_CANCEL_STOP_DEVICE`, and the device works on. Where it does not start again, it
/// is removed as by surprise.
///
/// # Errors
/// The drivers' NTSTATUS; `STATUS_INVALID_DEVICE_STATE` where the device is not started.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in the Plug and Play thread.
pub fn rebalance(device: Device) -> Result<(), i32> {
    let node = device.node().cloned().ok_or(nt::STATUS_NO_SUCH_DEVICE)?;
    if node.phase() != Phase::Started {
        return Err(nt::STATUS_INVALID_DEVICE_STATE);
    }
    let status = query::ask(device, nt::IRP_MN_QUERY_STOP_DEVICE);
    if status < 0 {
        query::ask(device, nt::IRP_MN_CANCEL_STOP_DEVICE);
        return Err(status);
    }
    node.set_phase(Phase::StopPending);
    query::ask(device, nt::IRP_MN_STOP_DEVICE);
    node.set_phase(Phase::Stopped);
    let status = query::ask(device, nt::IRP_MN_START_DEVICE);
    if status < 0 {
        remove::surprise(device, &node);
        return Err(status);
    }
    start::started(device, &node);
    Ok(())
}
