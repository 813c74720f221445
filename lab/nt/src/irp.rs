//! Walking an IRP's stack of locations: inline code in the headers, hence here for both sides.
//!
//! Every function: any IRQL; the IRP must be owned by the caller, as ever with IRPs.
#![expect(non_snake_case, reason = "the routines' own names")]

use core::mem::offset_of;

use crate::{
    BOOLEAN, IO_STACK_LOCATION, IRP, PIO_COMPLETION_ROUTINE, PIO_STACK_LOCATION, PIRP, PVOID,
    SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_ERROR, SL_INVOKE_ON_SUCCESS, SL_PENDING_RETURNED, UCHAR,
    USHORT,
};

/// Where an IRP keeps the pointer to its current stack location.
const CURRENT_STACK_LOCATION: usize =
    offset_of!(IRP, Tail.Overlay.__bindgen_anon_2.__bindgen_anon_1.CurrentStackLocation);

const _: () = assert!(CURRENT_STACK_LOCATION == 184);

/// Bytes of an IRP with `stack_size` stack locations.
#[must_use]
pub const fn IoSizeOfIrp(stack_size: u8) -> USHORT {
    (size_of::<IRP>() + stack_size as usize * size_of::<IO_STACK_LOCATION>()) as USHORT
}

fn current_slot(irp: PIRP) -> *mut PIO_STACK_LOCATION {
    irp.wrapping_byte_add(CURRENT_STACK_LOCATION).cast()
}

/// The caller's stack location
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetcurrentirpstacklocation).
///
/// # Safety
/// `irp` points to an initialised IRP that the caller owns.
#[must_use]
pub unsafe fn IoGetCurrentIrpStackLocation(irp: PIRP) -> PIO_STACK_LOCATION {
    // SAFETY: the slot is a field of the IRP, for which the caller vouches.
    unsafe { current_slot(irp).read() }
}

/// The next-lower driver's stack location
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetnextirpstacklocation).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`]. The result may be used only while
/// `CurrentLocation > 1`.
#[must_use]
pub unsafe fn IoGetNextIrpStackLocation(irp: PIRP) -> PIO_STACK_LOCATION {
    // SAFETY: the caller vouches for the IRP.
    let current = unsafe { IoGetCurrentIrpStackLocation(irp) };
    current.wrapping_sub(1)
}

/// Makes the next-lower stack location current, as the I/O manager does before it calls a driver
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetnextirpstacklocation).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`], and `CurrentLocation > 1`.
pub unsafe fn IoSetNextIrpStackLocation(irp: PIRP) {
    // SAFETY: the caller vouches for the IRP.
    unsafe { (*irp).CurrentLocation -= 1 };
    // SAFETY: the caller vouches for the IRP and for the location below.
    let next = unsafe { IoGetNextIrpStackLocation(irp) };
    // SAFETY: the slot is a field of the IRP.
    unsafe { current_slot(irp).write(next) };
}

/// Lets the next-lower driver have the caller's own stack location
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioskipcurrentirpstacklocation).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`], in a driver that was called with the IRP.
pub unsafe fn IoSkipCurrentIrpStackLocation(irp: PIRP) {
    // SAFETY: the caller vouches for the IRP.
    unsafe { (*irp).CurrentLocation += 1 };
    // SAFETY: the caller vouches for the IRP.
    let current = unsafe { IoGetCurrentIrpStackLocation(irp) };
    // SAFETY: the slot is a field of the IRP.
    unsafe { current_slot(irp).write(current.wrapping_add(1)) };
}

/// Copies the caller's stack location to the next-lower one, without the completion routine
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocopycurrentirpstacklocationtonext).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`], and `CurrentLocation > 1`.
pub unsafe fn IoCopyCurrentIrpStackLocationToNext(irp: PIRP) {
    // SAFETY: the caller vouches for the IRP.
    let current = unsafe { IoGetCurrentIrpStackLocation(irp) };
    // SAFETY: as above.
    let next = unsafe { IoGetNextIrpStackLocation(irp) };
    // SAFETY: the caller's own location, initialised by whoever sent the IRP.
    let mut copy = unsafe { current.read() };
    // SAFETY: the caller vouches that there is a next location.
    let below = unsafe { &mut *next };
    (copy.CompletionRoutine, copy.Context) = (below.CompletionRoutine, below.Context);
    copy.Control = 0;
    *below = copy;
}

/// Has `routine` called when the next-lower driver completes the IRP
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetcompletionroutine).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`], and `CurrentLocation > 1`. `routine` must be callable
/// with `context` until the IRP is completed.
pub unsafe fn IoSetCompletionRoutine(
    irp: PIRP,
    routine: PIO_COMPLETION_ROUTINE,
    context: PVOID,
    on_success: bool,
    on_error: bool,
    on_cancel: bool,
) {
    // SAFETY: the caller vouches for the IRP.
    let next = unsafe { IoGetNextIrpStackLocation(irp) };
    // SAFETY: the caller vouches that there is a next location.
    let next = unsafe { &mut *next };
    next.CompletionRoutine = routine;
    next.Context = context;
    next.Control = 0;
    for (wanted, flag) in [
        (on_success, SL_INVOKE_ON_SUCCESS),
        (on_error, SL_INVOKE_ON_ERROR),
        (on_cancel, SL_INVOKE_ON_CANCEL),
    ] {
        if wanted {
            next.Control |= flag as UCHAR;
        }
    }
}

/// Says that the IRP will be completed later
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iomarkirppending).
///
/// # Safety
/// As for [`IoGetCurrentIrpStackLocation`].
pub unsafe fn IoMarkIrpPending(irp: PIRP) {
    // SAFETY: the caller vouches for the IRP.
    let current = unsafe { IoGetCurrentIrpStackLocation(irp) };
    // SAFETY: the current location of an IRP is part of it.
    unsafe { (*current).Control |= SL_PENDING_RETURNED as UCHAR };
}

/// `BOOLEAN` of a `bool`.
#[must_use]
pub const fn boolean(value: bool) -> BOOLEAN {
    value as BOOLEAN
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use super::*;

    #[repr(C)]
    struct TwoHigh {
        irp: IRP,
        stack: [IO_STACK_LOCATION; 2],
    }

    #[test]
    fn locations_are_passed_down() {
        let mut memory = MaybeUninit::<TwoHigh>::zeroed();
        let irp = memory.as_mut_ptr().cast::<IRP>();
        let stack = irp.wrapping_add(1).cast::<IO_STACK_LOCATION>();
        // SAFETY: `irp` is at the start of zeroed memory of its own.
        unsafe { (*irp).CurrentLocation = 3 };
        // SAFETY: as above.
        unsafe { current_slot(irp).write(stack.wrapping_add(2)) };
        // SAFETY: an IRP with two locations, neither used so far.
        unsafe { IoSetNextIrpStackLocation(irp) };
        // SAFETY: the IRP is ours.
        assert_eq!(unsafe { IoGetCurrentIrpStackLocation(irp) }, stack.wrapping_add(1));
        // SAFETY: the location is one of the two.
        unsafe { (*stack.wrapping_add(1)).MajorFunction = 14 };
        // SAFETY: one location is left.
        unsafe { IoCopyCurrentIrpStackLocationToNext(irp) };
        // SAFETY: the IRP is ours and has a next location.
        unsafe { IoSetCompletionRoutine(irp, None, stack.cast(), true, false, true) };
        // SAFETY: the IRP is ours.
        let next = unsafe { IoGetNextIrpStackLocation(irp) };
        // SAFETY: the second of the two locations.
        let next = unsafe { &*next };
        assert_eq!((next.MajorFunction, next.Control, next.Context), (14, 0x60, stack.cast()));
        // SAFETY: the IRP is ours.
        unsafe { IoMarkIrpPending(irp) };
        // SAFETY: the location is one of the two.
        assert_eq!(unsafe { (*stack.wrapping_add(1)).Control }, 1);
        // SAFETY: the IRP is ours and was passed to us.
        unsafe { IoSkipCurrentIrpStackLocation(irp) };
        // SAFETY: the IRP is ours.
        assert_eq!(unsafe { IoGetCurrentIrpStackLocation(irp) }, stack.wrapping_add(2));
    }

    #[test]
    fn sizes_are_those_of_windows() {
        assert_eq!(IoSizeOfIrp(1), 280);
        assert_eq!(IoSizeOfIrp(4), 496);
    }
}
