//! From the IRP to the request.

use pagewise_lab_nt::{NTSTATUS, STATUS_SUCCESS};

use crate::abi::RequestParameters;
use crate::device::Device;
use crate::kernel::irp::Irp;
use crate::object::{Instance, create};

use super::Request;

/// A request for an IRP: one allocation. If the driver gave requests a context type, its size is
/// read from the client's image now, as the framework does for every IRP.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn create_for_irp(device: &Instance<Device>, irp: Irp) -> Result<&Instance<Request>, NTSTATUS> {
    let attributes = device.request_attributes.as_ref();
    // SAFETY: validated when the driver set them.
    let request = unsafe { create(device.globals(), attributes, Request::new(device, irp)) }?;
    irp.set_status(STATUS_SUCCESS);
    Ok(request)
}

/// What `WdfRequestGetParameters` says of a request.
///
/// # IRQL
/// At most DISPATCH_LEVEL.
pub fn fill_parameters(request: &Request, parameters: &mut RequestParameters) {
    let Some(irp) = request.irp() else { return };
    parameters.minor = irp.minor();
    parameters.kind = u32::from(irp.major());
    let mut slots = irp.parameters();
    if is_transfer(irp.major()) {
        // Length and Key are 32 bits in slots of 64.
        slots[0] &= u32::MAX as usize;
        slots[1] &= u32::MAX as usize;
    } else if is_control(irp.major()) {
        for slot in &mut slots[..3] {
            *slot &= u32::MAX as usize;
        }
    }
    parameters.parameters = slots;
}

/// Whether it is a read or a write.
pub fn is_transfer(major: u8) -> bool {
    [pagewise_lab_nt::IRP_MJ_READ, pagewise_lab_nt::IRP_MJ_WRITE].contains(&u32::from(major))
}

/// Whether it is a device control request, internal or not.
pub fn is_control(major: u8) -> bool {
    [pagewise_lab_nt::IRP_MJ_DEVICE_CONTROL, pagewise_lab_nt::IRP_MJ_INTERNAL_DEVICE_CONTROL]
        .contains(&u32::from(major))
}
