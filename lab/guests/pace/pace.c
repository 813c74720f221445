/*
 * A driver that does the same thing over and over, for `pagewise-bench` to time: what a check of the
 * verifier costs shows only where a driver calls.
 */
#include <ntddk.h>

#define DEVICE L"\\Device\\Pace"
#define LINK L"\\DosDevices\\Pace"

/* The input is how often, a ULONG. */
#define IOCTL_IRQL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_POOL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* The input is how many pages, a ULONG. */
#define IOCTL_TOUCH CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define TAG 'ecaP'
#define BLOCK 64
#define PAGES 256

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH CreateClose;
static DRIVER_DISPATCH DeviceControl;

/* The DDK headers write CR8 in line, which only ring 0 may. */
static KIRQL(NTAPI *Raise)(KIRQL);
static VOID(NTAPI *Lower)(KIRQL);

#pragma section("PAGEDATA", read, write)
static __attribute__((section("PAGEDATA"))) volatile UCHAR Pages[PAGES][PAGE_SIZE] = {{1}};

static NTSTATUS RaiseAndLower(ULONG Count)
{
    ULONG i;
    for (i = 0; i < Count; i++) {
        Lower(Raise(DISPATCH_LEVEL));
    }
    return STATUS_SUCCESS;
}

static NTSTATUS AllocateAndFree(ULONG Count)
{
    ULONG i;
    for (i = 0; i < Count; i++) {
        PVOID block = ExAllocatePoolWithTag(NonPagedPool, BLOCK, TAG);
        if (block == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        ExFreePoolWithTag(block, TAG);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Touch(ULONG Count)
{
    ULONG i;
    if (Count > PAGES) {
        return STATUS_INVALID_PARAMETER;
    }
    for (i = 0; i < Count; i++) {
        (VOID)Pages[i][0];
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI CreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI DeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG count;
    UNREFERENCED_PARAMETER(Device);
    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof(ULONG)) {
        return Complete(Irp, STATUS_INVALID_PARAMETER);
    }
    count = *(PULONG)Irp->AssociatedIrp.SystemBuffer;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_IRQL:
        return Complete(Irp, RaiseAndLower(count));
    case IOCTL_POOL:
        return Complete(Irp, AllocateAndFree(count));
    case IOCTL_TOUCH:
        return Complete(Irp, Touch(count));
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(LINK);
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(DEVICE), link = RTL_CONSTANT_STRING(LINK);
    UNICODE_STRING raise = RTL_CONSTANT_STRING(L"KfRaiseIrql");
    UNICODE_STRING lower = RTL_CONSTANT_STRING(L"KeLowerIrql");
    PDEVICE_OBJECT device;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(RegistryPath);
    Raise = (KIRQL(NTAPI *)(KIRQL))MmGetSystemRoutineAddress(&raise);
    Lower = (VOID(NTAPI *)(KIRQL))MmGetSystemRoutineAddress(&lower);
    status = IoCreateDevice(Driver, 0, &name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE,
                            &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    Driver->MajorFunction[IRP_MJ_CREATE] = CreateClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = CreateClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
