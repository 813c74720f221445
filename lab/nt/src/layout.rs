//! Layouts of Windows x64 that others rely on, from published figures: a header that drifts breaks
//! the build here.

use core::mem::offset_of;

use crate::*;

/// Bytes of a `DEVICE_OBJECT` on Windows: the structure is 16-aligned there, and the DDK headers
/// lack the attribute that says so. A device extension begins this far after its device object.
pub const DEVICE_OBJECT_SIZE: usize = 336;

macro_rules! layout {
    ($type:ty, $size:literal $(, $($field:ident).+ @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size, stringify!($type));
            $(assert!(
                offset_of!($type, $($field).+) == $offset,
                stringify!($type $($field).+)
            );)*
        };
    };
}

layout!(LIST_ENTRY, 16, Flink @ 0, Blink @ 8);
layout!(UNICODE_STRING, 16, Length @ 0, MaximumLength @ 2, Buffer @ 8);
layout!(IO_STATUS_BLOCK, 16, Information @ 8);
layout!(KSPIN_LOCK, 8);
layout!(KEVENT, 24, Header.WaitListHead @ 8);
layout!(KSEMAPHORE, 32, Limit @ 24);
layout!(KMUTANT, 56);
layout!(KTIMER, 64, DueTime @ 24, Dpc @ 48, Period @ 60);
layout!(KDPC, 64, DeferredRoutine @ 24, DeferredContext @ 32, SystemArgument1 @ 40);
layout!(FAST_MUTEX, 56);
layout!(
    MDL, 48,
    Size @ 8, MdlFlags @ 10, Process @ 16, MappedSystemVa @ 24, StartVa @ 32, ByteCount @ 40,
    ByteOffset @ 44,
);
layout!(OBJECT_ATTRIBUTES, 48, ObjectName @ 16, SecurityDescriptor @ 32);
layout!(DEVICE_CAPABILITIES, 64, Address @ 8, DeviceState @ 16, D3Latency @ 60);
layout!(
    IRP, 208,
    MdlAddress @ 8, Flags @ 16, AssociatedIrp @ 24, ThreadListEntry @ 32, IoStatus @ 48,
    RequestorMode @ 64, PendingReturned @ 65, StackCount @ 66, CurrentLocation @ 67, Cancel @ 68,
    CancelIrql @ 69, UserIosb @ 72, UserEvent @ 80, CancelRoutine @ 104, UserBuffer @ 112,
    Tail @ 120, Tail.Overlay.Thread @ 152, Tail.Overlay.OriginalFileObject @ 192,
);
layout!(
    IO_STACK_LOCATION, 72,
    MinorFunction @ 1, Flags @ 2, Control @ 3, Parameters @ 8, DeviceObject @ 40, FileObject @ 48,
    CompletionRoutine @ 56, Context @ 64,
    Parameters.DeviceIoControl.OutputBufferLength @ 8,
    Parameters.DeviceIoControl.InputBufferLength @ 16,
    Parameters.DeviceIoControl.IoControlCode @ 24,
    Parameters.DeviceIoControl.Type3InputBuffer @ 32,
    Parameters.Read.Key @ 16, Parameters.Read.ByteOffset @ 24,
    Parameters.Create.Options @ 16, Parameters.Create.ShareAccess @ 26,
);
layout!(
    DRIVER_OBJECT, 336,
    DeviceObject @ 8, DriverStart @ 24, DriverSize @ 32, DriverSection @ 40, DriverExtension @ 48,
    DriverName @ 56, HardwareDatabase @ 72, DriverInit @ 88, DriverStartIo @ 96,
    DriverUnload @ 104, MajorFunction @ 112,
);
layout!(
    FILE_OBJECT, 216,
    DeviceObject @ 8, FsContext @ 24, FsContext2 @ 32, FinalStatus @ 56, Flags @ 80, FileName @ 88,
);
layout!(
    // 328 here, 336 on Windows: see DEVICE_OBJECT_SIZE.
    DEVICE_OBJECT, 328,
    ReferenceCount @ 4, DriverObject @ 8, NextDevice @ 16, AttachedDevice @ 24, CurrentIrp @ 32,
    Flags @ 48, Characteristics @ 52, DeviceExtension @ 64, DeviceType @ 72, StackSize @ 76,
    Queue @ 80, AlignmentRequirement @ 152, DeviceQueue @ 160, Dpc @ 200, SecurityDescriptor @ 272,
    DeviceLock @ 280, DeviceObjectExtension @ 312,
);
const _: () = assert!(DEVICE_OBJECT_SIZE == size_of::<DEVICE_OBJECT>().next_multiple_of(16));

// The widths that C leaves to the target.
layout!(ULONG, 4);
layout!(WCHAR, 2);
layout!(POOL_TYPE, 4);
