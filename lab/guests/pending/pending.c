/*
 * A driver without Plug and Play whose requests wait: \\.\Pending keeps reads in a cancel-safe
 * queue, and the DPC of a timer completes one each period. A handle that is closed takes its
 * requests along.
 */
#include <ntddk.h>
#include <csq.h>

#define DEVICE L"\\Device\\Pending"
#define LINK L"\\DosDevices\\Pending"
#define PERIOD_MS 20

/* out: ULONG, how many requests wait */
#define IOCTL_WAITING CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* in: ULONG, 0 stops the timer, anything else starts it */
#define IOCTL_TIMER CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _EXTENSION {
    IO_CSQ Queue;
    LIST_ENTRY Irps;
    KSPIN_LOCK Lock;
    KTIMER Timer;
    KDPC Dpc;
    ULONG Waiting;
    ULONG Completed;
} EXTENSION, *PEXTENSION;

DRIVER_INITIALIZE DriverEntry;

static PEXTENSION OfQueue(PIO_CSQ Csq)
{
    return CONTAINING_RECORD(Csq, EXTENSION, Queue);
}

static VOID NTAPI Insert(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&OfQueue(Csq)->Irps, &Irp->Tail.Overlay.ListEntry);
    OfQueue(Csq)->Waiting++;
}

static VOID NTAPI Remove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    OfQueue(Csq)->Waiting--;
}

/* The next request after Irp, of this file object where one is given. */
static PIRP NTAPI PeekNext(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY head = &OfQueue(Csq)->Irps;
    PLIST_ENTRY entry = Irp == NULL ? head->Flink : Irp->Tail.Overlay.ListEntry.Flink;
    for (; entry != head; entry = entry->Flink) {
        PIRP next = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (Context == NULL || IoGetCurrentIrpStackLocation(next)->FileObject == Context) {
            return next;
        }
    }
    return NULL;
}

static VOID NTAPI Acquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&OfQueue(Csq)->Lock, Irql);
}

static VOID NTAPI Release(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&OfQueue(Csq)->Lock, Irql);
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID NTAPI Canceled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    Complete(Irp, STATUS_CANCELLED, 0);
}

/* At DISPATCH_LEVEL, once a period: the request that waits longest gets its number. */
static VOID NTAPI Tick(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PEXTENSION extension = Context;
    PIRP irp = IoCsqRemoveNextIrp(&extension->Queue, NULL);
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (irp != NULL) {
        *(PULONG)irp->AssociatedIrp.SystemBuffer = extension->Completed++;
        Complete(irp, STATUS_SUCCESS, sizeof(ULONG));
    }
}

static NTSTATUS NTAPI CreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Cleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP waiting;
    while ((waiting = IoCsqRemoveNextIrp(&extension->Queue, file)) != NULL) {
        Complete(waiting, STATUS_CANCELLED, 0);
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Read(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG)) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    IoCsqInsertIrp(&extension->Queue, Irp, NULL);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PULONG buffer = Irp->AssociatedIrp.SystemBuffer;
    LARGE_INTEGER due;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_WAITING:
        if (stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof(ULONG)) {
            return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
        }
        *buffer = extension->Waiting;
        return Complete(Irp, STATUS_SUCCESS, sizeof(ULONG));
    case IOCTL_TIMER:
        if (stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(ULONG)) {
            return Complete(Irp, STATUS_INVALID_PARAMETER, 0);
        }
        due.QuadPart = -(LONGLONG)PERIOD_MS * 10000;
        if (*buffer == 0) {
            KeCancelTimer(&extension->Timer);
        } else {
            KeSetTimerEx(&extension->Timer, due, PERIOD_MS, &extension->Dpc);
        }
        return Complete(Irp, STATUS_SUCCESS, 0);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(LINK);
    PEXTENSION extension = Driver->DeviceObject->DeviceExtension;
    KeCancelTimer(&extension->Timer);
    KeFlushQueuedDpcs();
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(DEVICE), link = RTL_CONSTANT_STRING(LINK);
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(Driver, sizeof(EXTENSION), &name, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    InitializeListHead(&extension->Irps);
    KeInitializeSpinLock(&extension->Lock);
    KeInitializeTimer(&extension->Timer);
    KeInitializeDpc(&extension->Dpc, Tick, extension);
    status = IoCsqInitialize(&extension->Queue, Insert, Remove, PeekNext, Acquire, Release, Canceled);
    if (NT_SUCCESS(status)) {
        status = IoCreateSymbolicLink(&link, &name);
    }
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = CreateClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = CreateClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = Cleanup;
    Driver->MajorFunction[IRP_MJ_READ] = Read;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
