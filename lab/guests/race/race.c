/*
 * A driver with a mistake of timing, as they are made: a job has a time-out, whose DPC frees it, and
 * the dispatch routine looks whether the job is still there before it uses it, but does not keep it
 * from going in between. Almost always there is time enough.
 */
#include <ntddk.h>

#define DEVICE L"\\Device\\Race"
#define LINK L"\\DosDevices\\Race"

/* Starts a job and stamps it; the output is how many stamps it took before its time-out. */
#define IOCTL_JOB CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define TAG 'ecaR'
#define STAMPS 4

/* 10 ms, in units of 100 ns, from now. */
#define TIMEOUT (-100000)

typedef struct _JOB {
    ULONG Stamps;
    LARGE_INTEGER Last;
} JOB, *PJOB;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH CreateClose;
static DRIVER_DISPATCH DeviceControl;
static KDEFERRED_ROUTINE TimedOut;

static KTIMER Timer;
static KDPC Dpc;
static KSPIN_LOCK Lock;
static PJOB volatile Current;

/* Takes the job, if there is one. */
static PJOB Take(VOID)
{
    KIRQL old;
    PJOB job;
    KeAcquireSpinLock(&Lock, &old);
    job = Current;
    Current = NULL;
    KeReleaseSpinLock(&Lock, old);
    return job;
}

static VOID NTAPI TimedOut(PKDPC Self, PVOID Context, PVOID First, PVOID Second)
{
    PJOB job = Take();
    UNREFERENCED_PARAMETER(Self);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Second);
    if (job != NULL) {
        ExFreePoolWithTag(job, TAG);
    }
}

/* The mistake: a job that is there may be gone once the time is known. */
static BOOLEAN Stamp(VOID)
{
    LARGE_INTEGER now;
    if (Current == NULL) {
        return FALSE;
    }
    now = KeQueryPerformanceCounter(NULL);
    Current->Last = now;
    Current->Stamps++;
    return TRUE;
}

static NTSTATUS Run(PULONG Stamps)
{
    LARGE_INTEGER due;
    ULONG i;
    PJOB job = ExAllocatePoolWithTag(NonPagedPool, sizeof(JOB), TAG);
    if (job == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(job, sizeof(*job));
    Current = job;
    due.QuadPart = TIMEOUT;
    KeSetTimer(&Timer, due, &Dpc);
    *Stamps = 0;
    for (i = 0; i < STAMPS && Stamp(); i++) {
        *Stamps = i + 1;
    }
    KeCancelTimer(&Timer);
    job = Take();
    if (job != NULL) {
        ExFreePoolWithTag(job, TAG);
    }
    return STATUS_SUCCESS;
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
    NTSTATUS status;
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (stack->Parameters.DeviceIoControl.IoControlCode != IOCTL_JOB) {
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    if (stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof(ULONG)) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL);
    }
    status = Run(Irp->AssociatedIrp.SystemBuffer);
    if (NT_SUCCESS(status)) {
        Irp->IoStatus.Information = sizeof(ULONG);
    }
    return Complete(Irp, status);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(LINK);
    KeFlushQueuedDpcs();
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(DEVICE), link = RTL_CONSTANT_STRING(LINK);
    PDEVICE_OBJECT device;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, TimedOut, NULL);
    KeInitializeSpinLock(&Lock);
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
