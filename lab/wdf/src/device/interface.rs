//! Device interfaces.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use pagewise_lab_nt::{
    GUID, IoRegisterDeviceInterface, IoSetDeviceInterfaceState, NT_SUCCESS, NTSTATUS,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST, STATUS_NOT_FOUND, STATUS_SUCCESS,
    UNICODE_STRING, units,
};

use crate::abi::{Boolean, Handle, PublicGlobals};
use crate::kernel::pool::PoolBox;
use crate::kernel::spin::SpinLock;
use crate::kernel::string::PoolString;
use crate::kernel::{irql, violation};
use crate::object::{Instance, from_handle};
use crate::string::WdfString;

use super::Device;

/// An interface of a device.
pub struct Interface {
    next: AtomicPtr<Self>,
    class: GUID,
    reference: Option<PoolString>,
    /// The symbolic link, once it is registered.
    link: SpinLock<Option<Link>>,
    wanted: AtomicBool,
}

/// A string of the kernel's.
#[derive(Clone, Copy)]
struct Link(UNICODE_STRING);

// SAFETY: the kernel's string is constant until the interface goes.
unsafe impl Send for Link {}

/// The interfaces of a device: each is added once and stays.
pub struct InterfaceList {
    first: AtomicPtr<Interface>,
    /// Whether they may be enabled: between start and removal.
    enabled: AtomicBool,
}

impl InterfaceList {
    /// No interfaces.
    pub const fn new() -> Self {
        Self { first: AtomicPtr::new(null_mut()), enabled: AtomicBool::new(false) }
    }

    fn iter(&self) -> impl Iterator<Item = &Interface> {
        let mut next = NonNull::new(self.first.load(Ordering::Acquire));
        core::iter::from_fn(move || {
            // SAFETY: interfaces stay until the list goes.
            let interface = unsafe { next?.as_ref() };
            next = NonNull::new(interface.next.load(Ordering::Acquire));
            Some(interface)
        })
    }

    fn push(&self, interface: PoolBox<Interface>) {
        let new = interface.into_raw();
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: not yet shared.
            unsafe { new.as_ref() }.next.store(first, Ordering::Relaxed);
            let exchanged = self.first.compare_exchange(
                first,
                new.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            match exchanged {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    fn find(&self, class: &GUID, reference: &[u16]) -> Option<&Interface> {
        self.iter().find(|i| same(&i.class, class) && i.reference() == reference)
    }

    /// The device has started: registers and enables what it has.
    ///
    /// # Errors
    /// What the kernel says of the first that fails.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub fn enable(&self, device: &Device) -> NTSTATUS {
        self.enabled.store(true, Ordering::Release);
        for interface in self.iter() {
            let status = interface.register(device);
            if !NT_SUCCESS(status) {
                return status;
            }
            let status = interface.set(interface.wanted.load(Ordering::Acquire));
            if !NT_SUCCESS(status) {
                return status;
            }
        }
        STATUS_SUCCESS
    }

    /// The device goes: disables them all.
    ///
    /// # IRQL
    /// PASSIVE_LEVEL.
    pub fn disable(&self) {
        self.enabled.store(false, Ordering::Release);
        for interface in self.iter() {
            interface.set(false);
        }
    }
}

impl Drop for InterfaceList {
    fn drop(&mut self) {
        let mut next = NonNull::new(*self.first.get_mut());
        while let Some(entry) = next {
            // SAFETY: pushed by `into_raw`, and the list is gone.
            let interface = unsafe { PoolBox::from_raw(entry) };
            next = NonNull::new(interface.next.load(Ordering::Relaxed));
        }
    }
}

fn same(a: &GUID, b: &GUID) -> bool {
    (a.Data1, a.Data2, a.Data3, a.Data4) == (b.Data1, b.Data2, b.Data3, b.Data4)
}

impl Interface {
    fn reference(&self) -> &[u16] {
        self.reference.as_ref().map_or(&[], PoolString::units)
    }

    fn link(&self) -> Option<Link> {
        *self.link.lock()
    }

    /// Registers it; again is no error.
    fn register(&self, device: &Device) -> NTSTATUS {
        if self.link().is_some() {
            return STATUS_SUCCESS;
        }
        let mut reference = self.reference.as_ref().map(PoolString::unicode);
        let reference = reference.as_mut().map_or(null_mut(), |text| &raw mut *text);
        let mut link = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: null_mut() };
        // SAFETY: the device's own physical device; a class and a string that live through this.
        let status = unsafe {
            IoRegisterDeviceInterface(device.physical, &self.class, reference, &raw mut link)
        };
        if NT_SUCCESS(status) {
            *self.link.lock() = Some(Link(link));
        }
        status
    }

    fn set(&self, enable: bool) -> NTSTATUS {
        let Some(mut link) = self.link() else { return STATUS_SUCCESS };
        // SAFETY: the string that the kernel made when the interface was registered.
        unsafe { IoSetDeviceInterfaceState(&raw mut link.0, u8::from(enable)) }
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        if let Some(Link(link)) = self.link.get_mut().take() {
            // SAFETY: allocated for the caller by IoRegisterDeviceInterface, without a tag.
            unsafe { pagewise_lab_nt::ExFreePoolWithTag(link.Buffer.cast(), 0) };
        }
    }
}

/// The units of a string that may be absent.
///
/// # Safety
/// `string` is null or points to a string that stays as it is for as long as `'a`.
unsafe fn optional<'a>(string: *const UNICODE_STRING) -> &'a [u16] {
    // SAFETY: the caller vouches for the string.
    match unsafe { string.as_ref() } {
        // SAFETY: as above.
        Some(string) => unsafe { units(string) },
        None => &[],
    }
}

/// `WdfDeviceCreateDeviceInterface`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_create_device_interface(
    _: *mut PublicGlobals,
    device: Handle,
    class: *const GUID,
    reference: *const UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the client vouches for its pointer.
    let Some(class) = (unsafe { class.as_ref() }) else { violation::null_parameter() };
    if irql::current() != irql::PASSIVE_LEVEL || device.is_control() {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    // SAFETY: the client vouches for the string.
    let text = unsafe { optional(reference) };
    let reference = if text.is_empty() { None } else { PoolString::new(text) };
    if reference.is_none() && !text.is_empty() {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if device.interfaces.find(class, text).is_some() {
        // The framework does not look for the same interface twice; neither are two made of it.
        return STATUS_SUCCESS;
    }
    let interface = PoolBox::new(Interface {
        next: AtomicPtr::new(null_mut()),
        class: *class,
        reference,
        link: SpinLock::new(None),
        wanted: AtomicBool::new(true),
    });
    let Some(interface) = interface else { return STATUS_INSUFFICIENT_RESOURCES };
    // Until the device has started PnP does not know it well enough to register anything for it.
    let started = device.interfaces.enabled.load(Ordering::Acquire);
    let status = if started { interface.register(device) } else { STATUS_SUCCESS };
    if !NT_SUCCESS(status) {
        return status;
    }
    let status = if started { interface.set(true) } else { STATUS_SUCCESS };
    device.interfaces.push(interface);
    status
}

/// `WdfDeviceSetDeviceInterfaceState`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_set_device_interface_state(
    _: *mut PublicGlobals,
    device: Handle,
    class: *const GUID,
    reference: *const UNICODE_STRING,
    enable: Boolean,
) {
    // SAFETY: the client vouches for its parameters.
    let Some((device, interface)) = (unsafe { lookup(device, class, reference) }) else { return };
    interface.wanted.store(enable != 0, Ordering::Release);
    if device.interfaces.enabled.load(Ordering::Acquire) {
        interface.set(enable != 0);
    }
}

/// `WdfDeviceRetrieveDeviceInterfaceString`
///
/// # Safety
/// The parameters are as the function's page demands.
///
/// # IRQL
/// PASSIVE_LEVEL.
pub unsafe extern "win64" fn device_retrieve_device_interface_string(
    _: *mut PublicGlobals,
    device: Handle,
    class: *const GUID,
    reference: *const UNICODE_STRING,
    string: Handle,
) -> NTSTATUS {
    // SAFETY: the client vouches for its handle.
    let string = unsafe { from_handle::<WdfString>(string) };
    // SAFETY: the client vouches for its parameters.
    let Some((device, interface)) = (unsafe { lookup(device, class, reference) }) else {
        return STATUS_NOT_FOUND;
    };
    let status = interface.register(device);
    if !NT_SUCCESS(status) {
        return status;
    }
    let Some(Link(link)) = interface.link() else { return STATUS_NOT_FOUND };
    // SAFETY: the kernel's string, which stays until the interface goes.
    let copied = unsafe { PoolString::copy(&raw const link) };
    let Some(copied) = copied else { return STATUS_INSUFFICIENT_RESOURCES };
    string.assign(copied);
    STATUS_SUCCESS
}

/// # Safety
/// The parameters are a device, a class and an optional string of the client's.
unsafe fn lookup<'a>(
    device: Handle,
    class: *const GUID,
    reference: *const UNICODE_STRING,
) -> Option<(&'a Instance<Device>, &'a Interface)> {
    // SAFETY: the caller vouches for the handle.
    let device = unsafe { from_handle::<Device>(device) };
    // SAFETY: the caller vouches for the pointer.
    let Some(class) = (unsafe { class.as_ref() }) else { violation::null_parameter() };
    // SAFETY: the caller vouches for the string.
    let text = unsafe { optional(reference) };
    let interface = device.interfaces.find(class, text)?;
    Some((device, interface))
}
