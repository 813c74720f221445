/*
 * A driver without Plug and Play: one control device, \\.\Buffers, with a request for each way in
 * which a client's buffers can reach a driver.
 */
#include <ntddk.h>

#define DEVICE L"\\Device\\Buffers"
#define LINK L"\\DosDevices\\Buffers"

#define IOCTL_REVERSE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_COUNT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_IN_DIRECT, FILE_WRITE_DATA)
#define IOCTL_FILL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_OUT_DIRECT, FILE_READ_DATA)
#define IOCTL_CIPHER CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH CreateClose;
static DRIVER_DISPATCH DeviceControl;

/* The output is the input, last byte first. */
static NTSTATUS Reverse(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG length = Stack->Parameters.DeviceIoControl.InputBufferLength;
    PUCHAR bytes = Irp->AssociatedIrp.SystemBuffer;
    ULONG i;
    if (length > Stack->Parameters.DeviceIoControl.OutputBufferLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    for (i = 0; i < length / 2; i++) {
        UCHAR byte = bytes[i];
        bytes[i] = bytes[length - 1 - i];
        bytes[length - 1 - i] = byte;
    }
    Irp->IoStatus.Information = length;
    return STATUS_SUCCESS;
}

/* The client's second buffer, wherever it lies. */
static PUCHAR Mapped(PIRP Irp, PIO_STACK_LOCATION Stack, PULONG Length)
{
    *Length = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    if (Irp->MdlAddress == NULL) {
        return NULL;
    }
    return MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
}

/* How often the first byte of the input is in the second buffer, as the information. */
static NTSTATUS Count(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG length, i, count = 0;
    PUCHAR data = Mapped(Irp, Stack, &length);
    if (Stack->Parameters.DeviceIoControl.InputBufferLength != 1 || data == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    for (i = 0; i < length; i++) {
        count += data[i] == *(PUCHAR)Irp->AssociatedIrp.SystemBuffer;
    }
    Irp->IoStatus.Information = count;
    return STATUS_SUCCESS;
}

/* The output is the input over and over. */
static NTSTATUS Fill(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG length, i, pattern = Stack->Parameters.DeviceIoControl.InputBufferLength;
    PUCHAR data = Mapped(Irp, Stack, &length);
    if (pattern == 0 || data == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    for (i = 0; i < length; i++) {
        data[i] = ((PUCHAR)Irp->AssociatedIrp.SystemBuffer)[i % pattern];
    }
    Irp->IoStatus.Information = length;
    return STATUS_SUCCESS;
}

/* The output is the input with every bit turned; both are addresses of the client's. */
static NTSTATUS Cipher(PIRP Irp, PIO_STACK_LOCATION Stack)
{
    ULONG length = Stack->Parameters.DeviceIoControl.InputBufferLength;
    PUCHAR input = Stack->Parameters.DeviceIoControl.Type3InputBuffer;
    PUCHAR output = Irp->UserBuffer;
    ULONG i;
    if (length > Stack->Parameters.DeviceIoControl.OutputBufferLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    __try {
        ProbeForRead(input, length, sizeof(UCHAR));
        ProbeForWrite(output, length, sizeof(UCHAR));
        for (i = 0; i < length; i++) {
            output[i] = (UCHAR)~input[i];
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    Irp->IoStatus.Information = length;
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
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_REVERSE:
        return Complete(Irp, Reverse(Irp, stack));
    case IOCTL_COUNT:
        return Complete(Irp, Count(Irp, stack));
    case IOCTL_FILL:
        return Complete(Irp, Fill(Irp, stack));
    case IOCTL_CIPHER:
        return Complete(Irp, Cipher(Irp, stack));
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
