//! From a device that the bus reports to one that works: `AddDevice`, then `IRP_MN_START_DEVICE`.

use std::sync::Arc;

use pagewise_lab_nt as nt;

use super::{DeviceNode, Phase, query, remove};
use crate::io::verify::{self, Violation};
use crate::io::{Device, Driver, interface};
use crate::ke::{apc, irql};
use crate::se::Descriptor;

/// Why a device does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The INF's security descriptor is none.
    #[error("the device's security {sddl:?} is no SDDL the lab can read: {message}")]
    Security {
        /// The text.
        sddl: String,
        /// What is wrong with it.
        message: String,
    },
    /// The driver has no `AddDevice`.
    #[error("the driver has no AddDevice routine; a Plug and Play driver sets one in DriverEntry")]
    NoAddDevice,
    /// `AddDevice` failed.
    #[error("the driver's AddDevice failed with NTSTATUS {0:#010x}")]
    AddDevice(u32),
    /// The start failed, and the device was removed again.
    #[error("IRP_MN_START_DEVICE failed with NTSTATUS {0:#010x}")]
    Start(u32),
}

impl AddError {
    /// The NTSTATUS in it.
    #[must_use]
    pub fn status(&self) -> u32 {
        match self {
            Self::Security { .. } => nt::STATUS_INVALID_SECURITY_DESCR.cast_unsigned(),
            Self::NoAddDevice => nt::STATUS_INVALID_DEVICE_REQUEST.cast_unsigned(),
            Self::AddDevice(status) | Self::Start(status) => *status,
        }
    }
}

/// Configures a device that the bus reports: asks about it, calls the driver's `AddDevice`, starts
/// it, and asks about it again.
///
/// # Errors
/// [`AddError`]; the device is then without drivers, and can be added once more.
///
/// # IRQL
/// `PASSIVE_LEVEL`, in the Plug and Play thread.
pub fn add_and_start(device: Device, driver: Driver) -> Result<(), AddError> {
    let node = device.node().cloned().ok_or(AddError::NoAddDevice)?;
    query::gather(device);
    let security = security_of(&node)?;
    add(device, driver)?;
    let mut at = Some(device);
    while let Some(it) = at {
        if let Some(descriptor) = &security {
            it.set_security(Arc::clone(descriptor));
        }
        it.set_characteristics(
            it.characteristics() | node.installation().characteristics.unwrap_or(0),
        );
        at = it.attached();
    }
    query::ask(device, nt::IRP_MN_FILTER_RESOURCE_REQUIREMENTS);
    start(device, &node)
}

/// What the INF says of the device's security; it is applied to every object of the stack
/// (learn.microsoft.com/windows-hardware/drivers/kernel/controlling-device-access).
fn security_of(node: &DeviceNode) -> Result<Option<Arc<Descriptor>>, AddError> {
    let Some(sddl) = &node.installation().security else { return Ok(None) };
    let descriptor = Descriptor::from_sddl(sddl)
        .map_err(|error| AddError::Security { sddl: sddl.clone(), message: error.to_string() })?;
    Ok(Some(Arc::new(descriptor)))
}

fn add(device: Device, driver: Driver) -> Result<(), AddError> {
    let routine = driver.add_device().ok_or(AddError::NoAddDevice)?;
    let (irql, apcs) = (irql::current(), apc::disabled());
    // SAFETY: AddDevice takes its own driver object and a physical device object.
    let status = unsafe { routine(driver.as_ptr(), device.as_ptr()) };
    let address = routine as *const () as usize;
    irql::expect(irql, address, device.as_ptr().addr());
    apc::expect(apcs, address);
    if status < 0 {
        remove::send(device);
        return Err(AddError::AddDevice(status.cast_unsigned()));
    }
    let mut at = device.attached();
    while let Some(it) = at {
        if it.flags() & nt::DO_DEVICE_INITIALIZING != 0 {
            verify::fail(Violation::StillInitialising, [address as u64, 0, it.address()]);
        }
        at = it.attached();
    }
    Ok(())
}

/// Starts a device whose drivers are added. One whose start fails is removed: `IRP_MN_REMOVE_DEVICE`
/// follows at once.
fn start(device: Device, node: &Arc<DeviceNode>) -> Result<(), AddError> {
    let status = query::ask(device, nt::IRP_MN_START_DEVICE);
    if status < 0 {
        remove::send(device);
        interface::disable_all(device);
        return Err(AddError::Start(status.cast_unsigned()));
    }
    started(device, node);
    Ok(())
}

/// What follows each successful start, be it the first or one after a stop.
pub(super) fn started(device: Device, node: &Arc<DeviceNode>) {
    node.set_phase(Phase::Started);
    query::capabilities(device);
    query::check_state(device, node);
    if node.phase() == Phase::Started {
        query::bus_relations(device);
    }
}
