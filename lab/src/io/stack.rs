//! Device stacks: attaching a device on top of another, and detaching it.

use std::ptr;
use std::sync::atomic::Ordering;

use pagewise_lab_nt as nt;

use super::Device;
use super::device::database;
use super::verify::{self, Violation};
use crate::ob;

impl Device {
    /// The device attached on top of this one.
    #[must_use]
    pub fn attached(self) -> Option<Self> {
        // SAFETY: a device is in this place from its attachment to its detachment.
        unsafe { Self::from_raw(self.attached_device()) }
    }

    /// The device below, to which this one is attached.
    #[must_use]
    pub fn lower(self) -> Option<Self> {
        let lower = self.private().attached_to.load(Ordering::Acquire);
        // SAFETY: as for `attached`.
        unsafe { Self::from_raw(lower) }
    }

    /// The top of the stack that this device is in.
    #[must_use]
    pub fn top(self) -> Self {
        let _database = database();
        self.top_locked()
    }

    /// The top of its stack, with a reference to it.
    pub(crate) fn top_referenced(self) -> Reference {
        let _database = database();
        Reference::new(self.top_locked())
    }

    fn top_locked(self) -> Self {
        let mut top = self;
        while let Some(above) = top.attached() {
            top = above;
        }
        top
    }

    /// Attaches this device to the top of `target`'s stack, and returns what was the top.
    fn attach_to(self, target: Self) -> Option<Self> {
        let _database = database();
        let below = target.top_locked();
        if below.is_delete_pending() || below == self {
            return None;
        }
        below.set_attached_device(self.as_ptr());
        self.private().attached_to.store(below.as_ptr(), Ordering::Release);
        self.set_stack_size(below.stack_size().saturating_add(1));
        self.set_alignment(self.alignment().max(below.alignment()));
        self.set_sector_size(below.sector_size());
        Some(below)
    }
}

/// A counted reference to a device: the structure stays, even if the device is deleted meanwhile.
#[derive(Debug)]
pub(crate) struct Reference(Device);

impl Reference {
    pub(crate) fn new(device: Device) -> Self {
        // SAFETY: the device is alive.
        unsafe { ob::reference(device.as_ptr().cast()) };
        Self(device)
    }

    pub(crate) fn device(&self) -> Device {
        self.0
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: the reference that `new` took.
        unsafe { ob::dereference(self.0.as_ptr().cast()) };
    }
}

/// Attaches `source` to the top of the stack of `target` and returns the device it lies on now;
/// null where that one is going away.
///
/// Page: wdm/nf-wdm-ioattachdevicetodevicestack.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// Both are device objects; `source` is the caller's and in no stack.
pub unsafe extern "win64" fn IoAttachDeviceToDeviceStack(
    source: *mut nt::DEVICE_OBJECT,
    target: *mut nt::DEVICE_OBJECT,
) -> *mut nt::DEVICE_OBJECT {
    // SAFETY: the caller vouches for the device.
    let source = unsafe { Device::from_raw(source) };
    // SAFETY: as above.
    let target = unsafe { Device::from_raw(target) };
    let (Some(source), Some(target)) = (source, target) else {
        verify::fail(Violation::CallOfNoDevice, [0; 3]);
    };
    source.attach_to(target).map_or(ptr::null_mut(), Device::as_ptr)
}

/// As [`IoAttachDeviceToDeviceStack`], but that the result is in place before any request can
/// arrive. `STATUS_NO_SUCH_DEVICE` where the stack is going away.
///
/// Page: wdm/nf-wdm-ioattachdevicetodevicestacksafe.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// As for [`IoAttachDeviceToDeviceStack`]; `attached_to` can be written.
pub unsafe extern "win64" fn IoAttachDeviceToDeviceStackSafe(
    source: *mut nt::DEVICE_OBJECT,
    target: *mut nt::DEVICE_OBJECT,
    attached_to: *mut *mut nt::DEVICE_OBJECT,
) -> i32 {
    // SAFETY: the caller vouches for the devices.
    let below = unsafe { IoAttachDeviceToDeviceStack(source, target) };
    // SAFETY: the caller vouches for the result's place.
    unsafe { attached_to.write(below) };
    if below.is_null() { nt::STATUS_NO_SUCH_DEVICE } else { nt::STATUS_SUCCESS }
}

/// Detaches what is attached to `target`; where there is nothing, bug check 0xC9/0x202.
///
/// Page: wdm/nf-wdm-iodetachdevice.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `target` is a device object to which the caller attached one of its own.
pub unsafe extern "win64" fn IoDetachDevice(target: *mut nt::DEVICE_OBJECT) {
    // SAFETY: the caller vouches for the device.
    let Some(target) = (unsafe { Device::from_raw(target) }) else {
        verify::fail(Violation::DetachOfNothing, [0; 3]);
    };
    let detached = {
        let _database = database();
        let above = target.attached();
        target.set_attached_device(ptr::null_mut());
        above
    };
    let Some(detached) = detached else {
        verify::fail(Violation::DetachOfNothing, [0, 0, target.address()]);
    };
    detached.private().attached_to.store(ptr::null_mut(), Ordering::Release);
}

/// The top of the stack that `device` is in, referenced: the caller drops it with
/// `ObDereferenceObject`.
///
/// Page: wdm/nf-wdm-iogetattacheddevicereference.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `device` is a device object.
pub unsafe extern "win64" fn IoGetAttachedDeviceReference(
    device: *mut nt::DEVICE_OBJECT,
) -> *mut nt::DEVICE_OBJECT {
    // SAFETY: the caller vouches for the device.
    let Some(device) = (unsafe { Device::from_raw(device) }) else { return ptr::null_mut() };
    let top = device.top_referenced();
    let pointer = top.device().as_ptr();
    // The reference is the caller's from here on.
    std::mem::forget(top);
    pointer
}

crate::exports! {
    /// Device stacks.
    pub EXPORTS = [
        IoAttachDeviceToDeviceStack(_, _),
        IoAttachDeviceToDeviceStackSafe(_, _, _),
        IoDetachDevice(_),
        IoGetAttachedDeviceReference(_),
    ];
}
