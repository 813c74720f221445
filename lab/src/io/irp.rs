//! I/O request packets: their memory, their fields and their stack locations.

use std::alloc::{self, Layout};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pagewise_lab_nt as nt;

use super::shared::shared;
use super::verify::{self, Violation};
use super::{Device, File};

/// `IO_TYPE_IRP`
pub(super) const IO_TYPE_IRP: i16 = nt::IO_TYPE_IRP as i16;

/// In `AllocationFlags`, which is the kernel's own: the IRP came from [`Irp::allocate`].
const FROM_KERNEL: u8 = 0x80;

shared! {
    /// An I/O request packet
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_irp).
    Irp of nt::IRP {
        /// `IO_TYPE_IRP`, as long as it is one.
        kind / set_kind: i16 = Type;
        /// Bytes, stack locations included.
        size: u16 = Size;
        /// `IRP_*` flags.
        flags / set_flags: u32 = Flags;
        /// The buffer of a direct request.
        mdl / set_mdl: *mut nt::MDL = MdlAddress;
        /// The buffer of a buffered request.
        system_buffer / set_system_buffer: *mut c_void = AssociatedIrp.SystemBuffer;
        /// `IoStatus.Status`
        status / set_status: i32 = IoStatus.__bindgen_anon_1.Status;
        /// `IoStatus.Information`
        information / set_information: u64 = IoStatus.Information;
        /// `KernelMode` or `UserMode`.
        requestor_mode / set_requestor_mode: i8 = RequestorMode;
        /// Whether the driver just left had marked the IRP pending.
        pending_returned / set_pending_returned: u8 = PendingReturned;
        /// Stack locations.
        stack_count: i8 = StackCount;
        /// Number of the current stack location; `stack_count + 1` is the sender's.
        current_location / set_current_location: i8 = CurrentLocation;
        /// Whether it was cancelled.
        cancel / set_cancel: u8 = Cancel;
        /// IRQL before the cancel spin lock was taken, for the cancel routine.
        cancel_irql / set_cancel_irql: u8 = CancelIrql;
        /// What allocated it; the kernel's own.
        allocation_flags / set_allocation_flags: u8 = AllocationFlags;
        /// Where the sender wants the final status.
        user_iosb / set_user_iosb: *mut nt::IO_STATUS_BLOCK = UserIosb;
        /// What the sender waits for.
        user_event / set_user_event: *mut nt::KEVENT = UserEvent;
        /// The output buffer as the sender gave it.
        user_buffer / set_user_buffer: *mut c_void = UserBuffer;
        /// The thread that sent it.
        thread / set_thread: nt::PETHREAD = Tail.Overlay.Thread;
        /// `DriverContext`, the owning driver's own.
        driver_context / set_driver_context: [*mut c_void; 4] =
            Tail.Overlay.__bindgen_anon_1.__bindgen_anon_1.DriverContext;
        /// The file object it was sent for.
        original_file / set_original_file: *mut nt::FILE_OBJECT = Tail.Overlay.OriginalFileObject;
    }
}

shared! {
    /// One driver's part of an IRP
    /// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_io_stack_location).
    StackLocation of nt::IO_STACK_LOCATION {
        /// `IRP_MJ_*`
        major / set_major: u8 = MajorFunction;
        /// `IRP_MN_*`
        minor / set_minor: u8 = MinorFunction;
        /// `SL_*` flags of the request.
        flags / set_flags: u8 = Flags;
        /// `SL_PENDING_RETURNED` and `SL_INVOKE_ON_*`.
        control / set_control: u8 = Control;
        /// The device the driver was called for.
        device / set_device: *mut nt::DEVICE_OBJECT = DeviceObject;
        /// The file object the request is for.
        file / set_file: *mut nt::FILE_OBJECT = FileObject;
        /// The completion routine of the driver above.
        completion_routine: nt::PIO_COMPLETION_ROUTINE = CompletionRoutine;
        /// Its context.
        context: *mut c_void = Context;
        /// `Parameters.Create.SecurityContext`
        security_context / set_security_context: *mut nt::IO_SECURITY_CONTEXT =
            Parameters.Create.SecurityContext;
        /// `Parameters.Create.Options`
        create_options / set_create_options: u32 = Parameters.Create.Options;
        /// `Parameters.Create.ShareAccess`
        share_access / set_share_access: u16 = Parameters.Create.ShareAccess;
        /// `Parameters.DeviceIoControl.OutputBufferLength`
        output_length / set_output_length: u32 = Parameters.DeviceIoControl.OutputBufferLength;
        /// `Parameters.DeviceIoControl.InputBufferLength`
        input_length / set_input_length: u32 = Parameters.DeviceIoControl.InputBufferLength;
        /// `Parameters.DeviceIoControl.IoControlCode`
        control_code / set_control_code: u32 = Parameters.DeviceIoControl.IoControlCode;
        /// `Parameters.Read.Length`, and `Parameters.Write.Length`, which is in the same place.
        transfer_length / set_transfer_length: u32 = Parameters.Read.Length;
        /// `Parameters.Read.ByteOffset`, and that of `Parameters.Write`.
        transfer_offset / set_transfer_offset: i64 = Parameters.Read.ByteOffset.QuadPart;
        /// `Parameters.DeviceCapabilities.Capabilities`
        capabilities / set_capabilities: *mut nt::DEVICE_CAPABILITIES =
            Parameters.DeviceCapabilities.Capabilities;
        /// `Parameters.QueryId.IdType`
        id_type / set_id_type: u32 = Parameters.QueryId.IdType;
        /// `Parameters.QueryDeviceText.DeviceTextType`
        text_type / set_text_type: u32 = Parameters.QueryDeviceText.DeviceTextType;
        /// `Parameters.QueryDeviceRelations.Type`
        relation_type / set_relation_type: u32 = Parameters.QueryDeviceRelations.Type;
        /// `Parameters.Power.Type`
        power_type / set_power_type: u32 = Parameters.Power.Type;
        /// `Parameters.Power.State`, of the device or the system
        power_state / set_power_state: u32 = Parameters.Power.State;
        /// `Parameters.WaitWake.PowerState`
        wake_state / set_wake_state: u32 = Parameters.WaitWake.PowerState;
        /// `Parameters.DeviceIoControl.Type3InputBuffer`
        type3_input / set_type3_input: *mut c_void = Parameters.DeviceIoControl.Type3InputBuffer;
    }
}

/// What becomes of an IRP of the kernel's own once every driver is done with it. It is called in
/// the thread and at the IRQL of the last `IoCompleteRequest`.
pub type Finish = unsafe fn(Irp, *mut c_void);

/// What precedes an IRP that the kernel allocated.
#[repr(C, align(16))]
struct Prefix {
    finish: Option<Finish>,
    context: *mut c_void,
}

fn layout(stack_size: i8) -> Option<(Layout, usize)> {
    let count = u8::try_from(stack_size).ok().filter(|&count| count > 0)?;
    let bytes = usize::from(nt::IoSizeOfIrp(count));
    let layout = Layout::from_size_align(size_of::<Prefix>() + bytes, 16).ok()?;
    Some((layout, bytes))
}

impl Irp {
    /// An initialised IRP with `stack_size` stack locations; `None` where that is not positive or
    /// there is no memory.
    #[must_use]
    pub fn allocate(stack_size: i8) -> Option<Self> {
        let (layout, bytes) = layout(stack_size)?;
        // SAFETY: the layout has a prefix's size at least.
        let memory = unsafe { alloc::alloc_zeroed(layout) };
        let packet = memory.wrapping_add(size_of::<Prefix>()).cast::<nt::IRP>();
        if memory.is_null() {
            return None;
        }
        // SAFETY: the prefix is followed by `bytes` zeroed bytes, which are the new IRP's own.
        unsafe { initialise(packet, bytes as u16, stack_size) };
        // SAFETY: initialised just now; it lives until `free`.
        let irp = unsafe { Self::from_raw(packet) }?;
        irp.set_allocation_flags(FROM_KERNEL);
        Some(irp)
    }

    /// Frees it.
    ///
    /// # Safety
    /// It is not used any more.
    pub unsafe fn free(self) {
        if self.kind() != IO_TYPE_IRP || !self.is_from_kernel() {
            verify::fail(Violation::FreeOfNoIrp, [self.address(), 0, 0]);
        }
        let Some((layout, _)) = layout(self.stack_count()) else {
            verify::fail(Violation::FreeOfNoIrp, [self.address(), 0, 0]);
        };
        // Whoever still has a pointer meets no IRP any more.
        self.set_kind(0);
        let memory = self.prefix().cast::<u8>();
        // SAFETY: `allocate` took the memory with this very layout.
        unsafe { alloc::dealloc(memory, layout) };
    }

    /// Makes it as new, keeping its memory and what it does at the end.
    pub fn reset(self) {
        let flags = self.allocation_flags();
        let (size, count) = (self.size(), self.stack_count());
        // SAFETY: the IRP is alive and of this size.
        unsafe { initialise(self.as_ptr(), size, count) };
        self.set_allocation_flags(flags);
    }

    /// Whether [`Irp::allocate`] made it.
    #[must_use]
    pub fn is_from_kernel(self) -> bool {
        self.allocation_flags() & FROM_KERNEL != 0
    }

    fn prefix(self) -> *mut Prefix {
        self.as_ptr().cast::<Prefix>().wrapping_sub(1)
    }

    /// Sets what becomes of it at the end. Only for an IRP that [`Irp::allocate`] made.
    pub fn set_finish(self, finish: Finish, context: *mut c_void) {
        assert!(self.is_from_kernel(), "only the kernel's own IRPs end in the kernel");
        // SAFETY: the IRP has a prefix, as just checked.
        unsafe { self.prefix().write(Prefix { finish: Some(finish), context }) };
    }

    /// What becomes of it at the end; nothing is known of an IRP that a driver made.
    pub(super) fn finish(self) -> Option<(Finish, *mut c_void)> {
        if !self.is_from_kernel() {
            return None;
        }
        // SAFETY: the IRP has a prefix, as just checked.
        let prefix = unsafe { &*self.prefix() };
        prefix.finish.map(|finish| (finish, prefix.context))
    }

    /// The current stack location. Of an IRP that is its sender's, it must not be touched.
    #[must_use]
    pub fn current(self) -> StackLocation {
        StackLocation(self.location(0))
    }

    /// The stack location of the driver to be called next.
    #[must_use]
    pub fn next(self) -> StackLocation {
        StackLocation(self.location(-1))
    }

    fn location(self, offset: isize) -> ptr::NonNull<nt::IO_STACK_LOCATION> {
        // SAFETY: the IRP is alive, and this is one of its fields.
        let current = unsafe { nt::IoGetCurrentIrpStackLocation(self.as_ptr()) };
        ptr::NonNull::new(current.wrapping_offset(offset)).unwrap_or(ptr::NonNull::dangling())
    }

    /// Moves the current stack location by `count`: down to the next driver (-1) or up (1).
    pub(super) fn step(self, count: i8) {
        self.set_current_location(self.current_location() + count);
        let to = self.location(isize::from(count));
        // SAFETY: the IRP is alive, and this is one of its fields.
        let place = unsafe {
            &raw mut (*self.as_ptr())
                .Tail
                .Overlay
                .__bindgen_anon_2
                .__bindgen_anon_1
                .CurrentStackLocation
        };
        // SAFETY: as above.
        unsafe { place.write(to.as_ptr()) };
    }

    /// Takes the cancel routine away, as `IoSetCancelRoutine(Irp, NULL)` does.
    pub(super) fn take_cancel_routine(self) -> nt::PDRIVER_CANCEL {
        let old = self.cancel_slot().swap(ptr::null_mut(), Ordering::SeqCst);
        // SAFETY: the slot holds a cancel routine or null, and null is `None`.
        unsafe { std::mem::transmute::<*mut c_void, nt::PDRIVER_CANCEL>(old) }
    }

    /// Sets the cancel routine, as `IoSetCancelRoutine` does.
    pub(super) fn set_cancel_routine(
        self,
        routine: unsafe extern "win64" fn(*mut nt::DEVICE_OBJECT, *mut nt::IRP),
    ) {
        self.cancel_slot().store(routine as *mut c_void, Ordering::SeqCst);
    }

    /// `DriverContext[3]`, which cancel-safe queues take for themselves.
    pub(super) fn driver_context_3(self) -> *mut c_void {
        self.driver_context()[3]
    }

    /// Sets it.
    pub(super) fn set_driver_context_3(self, value: *mut c_void) {
        let mut context = self.driver_context();
        context[3] = value;
        self.set_driver_context(context);
    }

    /// The address of the cancel routine, null where there is none.
    pub(super) fn cancel_routine(self) -> *mut c_void {
        self.cancel_slot().load(Ordering::Acquire)
    }

    fn cancel_slot<'a>(self) -> &'a AtomicPtr<c_void> {
        // SAFETY: the IRP is alive, and this is one of its fields.
        let place = unsafe { &raw mut (*self.as_ptr()).CancelRoutine };
        // SAFETY: drivers exchange it atomically too (IoSetCancelRoutine); the reference is used
        // at once.
        unsafe { AtomicPtr::from_ptr(place.cast()) }
    }

    /// Its address, for bug checks.
    #[must_use]
    pub fn address(self) -> u64 {
        self.as_ptr().addr() as u64
    }
}

impl StackLocation {
    /// Makes a request of it for the driver of `device`: what a sender fills in before
    /// `IoCallDriver`.
    pub fn begin(self, major: u32, minor: u32, file: Option<File>) {
        self.set_major(major as u8);
        self.set_minor(minor as u8);
        self.set_file(file.map_or(ptr::null_mut(), File::as_ptr));
    }

    /// The device the driver was called for.
    #[must_use]
    pub fn called_for(self) -> Option<Device> {
        // SAFETY: the kernel put it there when it called the driver, whose device it is.
        unsafe { Device::from_raw(self.device()) }
    }

    /// Clears what must not be mistaken for the next request's.
    pub(super) fn clear(self) {
        self.set_minor(0);
        self.set_flags(0);
        self.set_control(0);
        self.set_device(ptr::null_mut());
        // SAFETY: the location is alive, and this is one of its fields.
        let place = unsafe { &raw mut (*self.as_ptr()).Parameters };
        // SAFETY: as above; zeroes are valid parameters.
        unsafe { place.write_bytes(0, 1) };
        self.set_file(ptr::null_mut());
    }
}

/// Fills in a new IRP.
///
/// # Safety
/// `packet` points to `bytes` writable bytes, enough for `stack_size` locations, and nobody else
/// uses them.
unsafe fn initialise(packet: *mut nt::IRP, bytes: u16, stack_size: i8) {
    // SAFETY: the caller vouches for the bytes.
    unsafe { packet.cast::<u8>().write_bytes(0, usize::from(bytes)) };
    // SAFETY: an IRP of zeroes is valid: numbers, null pointers and absent routines.
    let new = unsafe { &mut *packet };
    new.Type = IO_TYPE_IRP;
    new.Size = bytes;
    new.StackCount = stack_size;
    new.CurrentLocation = stack_size + 1;
    // SAFETY: the list head is the IRP's own.
    unsafe { nt::InitializeListHead(&raw mut new.ThreadListEntry) };
    let first = packet.wrapping_add(1).cast::<nt::IO_STACK_LOCATION>();
    let above = first.wrapping_offset(isize::from(stack_size));
    new.Tail.Overlay.__bindgen_anon_2.__bindgen_anon_1.CurrentStackLocation = above;
}

/// Allocates an IRP (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateirp).
/// `charge_quota` has no effect, as from a driver on behalf of the system.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub extern "win64" fn IoAllocateIrp(stack_size: i8, charge_quota: u8) -> *mut nt::IRP {
    let _ = charge_quota;
    Irp::allocate(stack_size).map_or(ptr::null_mut(), Irp::as_ptr)
}

/// Frees an IRP of [`IoAllocateIrp`]
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofreeirp). Anything else is bug
/// check 0xC9/1.
///
/// # Safety
/// The IRP is not used any more.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe extern "win64" fn IoFreeIrp(irp: *mut nt::IRP) {
    // SAFETY: the caller vouches for the IRP.
    let Some(irp) = (unsafe { Irp::from_raw(irp) }) else {
        verify::fail(Violation::FreeOfNoIrp, [0; 3]);
    };
    // SAFETY: the caller vouches that it is done with it.
    unsafe { irp.free() };
}

/// Initialises an IRP in memory of the driver's own
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinitializeirp).
///
/// # Safety
/// `irp` points to `packet_size` writable bytes, which are enough for `stack_size` locations.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe extern "win64" fn IoInitializeIrp(irp: *mut nt::IRP, packet_size: u16, stack_size: i8) {
    // SAFETY: the caller vouches for the memory.
    unsafe { initialise(irp, packet_size, stack_size) };
}

/// Makes an IRP as new, to be sent once more
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreuseirp).
///
/// # Safety
/// The caller owns the IRP, and no driver works on it.
///
/// # IRQL
/// `<= DISPATCH_LEVEL`
pub unsafe extern "win64" fn IoReuseIrp(irp: *mut nt::IRP, status: i32) {
    // SAFETY: the caller vouches for the IRP.
    if let Some(irp) = unsafe { Irp::from_raw(irp) } {
        irp.reset();
        irp.set_status(status);
    }
}

crate::exports! {
    /// Memory of IRPs.
    pub EXPORTS = [
        IoAllocateIrp(_, _),
        IoFreeIrp(_),
        IoInitializeIrp(_, _, _),
        IoReuseIrp(_, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_irp_is_its_senders() {
        let irp = Irp::allocate(3).unwrap();
        assert_eq!((irp.kind(), irp.size(), irp.stack_count()), (6, 208 + 3 * 72, 3));
        assert_eq!(irp.current_location(), 4);
        let first = irp.as_ptr().wrapping_add(1).cast::<nt::IO_STACK_LOCATION>();
        assert_eq!(irp.next().as_ptr(), first.wrapping_add(2));
        // SAFETY: the IRP is not used any more.
        unsafe { irp.free() };
    }

    #[test]
    fn reuse_keeps_memory_and_forgets_the_rest() {
        let irp = Irp::allocate(1).unwrap();
        irp.set_information(9);
        irp.step(-1);
        // SAFETY: the IRP is ours.
        unsafe { IoReuseIrp(irp.as_ptr(), nt::STATUS_NOT_SUPPORTED) };
        assert_eq!((irp.status(), irp.information()), (nt::STATUS_NOT_SUPPORTED, 0));
        assert_eq!(irp.current_location(), 2);
        assert!(irp.is_from_kernel());
        // SAFETY: the IRP is not used any more.
        unsafe { irp.free() };
    }

    #[test]
    fn no_stack_no_irp() {
        assert!(Irp::allocate(0).is_none());
        assert!(IoAllocateIrp(-1, 0).is_null());
    }
}
