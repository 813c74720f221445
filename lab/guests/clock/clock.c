/*
 * A driver that asks for the time, the IRQL and its thread as headers for x64 have it: without a call.
 * One control device, \\.\Clock, whose one request answers a SAMPLE.
 */
#include <ntddk.h>

/* kit/c/wdm.h gives these names to the inline functions, and the usual ones to the exports. */
#define InlineIrql InlineKeGetCurrentIrql
#define InlineRaise InlineKfRaiseIrql
#define InlineLower InlineKeLowerIrql

#define DEVICE L"\\Device\\Clock"
#define LINK L"\\DosDevices\\Clock"

#define IOCTL_SAMPLE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH CreateClose;
static DRIVER_DISPATCH DeviceControl;

typedef struct _SAMPLE {
    /* What the inline functions say before, between and after a raise, and what the export does. */
    ULONG Before, Raised, RaisedByExport, After;
    ULONG64 Ticks, InterruptTime, SystemTime, PreciseSystemTime;
    ULONG64 Thread, ThreadByExport;
    ULONG Major, Build;
} SAMPLE, *PSAMPLE;

/* Newer than these headers: ddi/wdm/nf-wdm-kequerysystemtimeprecise. */
NTKERNELAPI VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime);

static VOID Sample(PSAMPLE Sample)
{
    LARGE_INTEGER time;
    KIRQL old;
    Sample->Before = InlineIrql();
    old = InlineRaise(DISPATCH_LEVEL);
    Sample->Raised = InlineIrql();
    Sample->RaisedByExport = KeGetCurrentIrql();
    InlineLower(old);
    Sample->After = InlineIrql();
    KeQueryTickCount(&time);
    Sample->Ticks = time.QuadPart;
    Sample->InterruptTime = KeQueryInterruptTime();
    KeQuerySystemTime(&time);
    Sample->SystemTime = time.QuadPart;
    KeQuerySystemTimePrecise(&time);
    Sample->PreciseSystemTime = time.QuadPart;
    Sample->Thread = (ULONG64)PsGetThreadId((PETHREAD)KeGetCurrentThread());
    Sample->ThreadByExport = (ULONG64)PsGetCurrentThreadId();
    Sample->Major = SharedUserData->NtMajorVersion;
    Sample->Build = *(volatile ULONG *)((PUCHAR)SharedUserData + 0x260);
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI CreateClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI DeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (stack->Parameters.DeviceIoControl.IoControlCode != IOCTL_SAMPLE) {
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    if (stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof(SAMPLE)) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL);
    }
    Sample(Irp->AssociatedIrp.SystemBuffer);
    Irp->IoStatus.Information = sizeof(SAMPLE);
    return Complete(Irp, STATUS_SUCCESS);
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
    PDEVICE_OBJECT device;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(RegistryPath);
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
