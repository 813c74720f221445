/*
 * A driver that trusts no address: one control device, \\.\Guarded, with requests that hold addresses,
 * numbers and NTSTATUS codes, and structured exceptions around whatever is done with them.
 */
#include <ntddk.h>

#define DEVICE L"\\Device\\Guarded"
#define LINK L"\\DosDevices\\Guarded"

#define IOCTL_READ CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_PROBE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_DIVIDE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_RAISE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_NESTED CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_SKIP CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_UNGUARDED CTL_CODE(FILE_DEVICE_UNKNOWN, 0x806, METHOD_BUFFERED, FILE_ANY_ACCESS)

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH CreateClose;
static DRIVER_DISPATCH DeviceControl;

typedef struct _NUMBERS {
    ULONG64 First, Second;
} NUMBERS, *PNUMBERS;

/* clang guards calls, and no other instructions, so what may fault has a function of its own. */
static __declspec(noinline) ULONG64 Fetch(ULONG64 Address)
{
    return *(volatile ULONG64 *)Address;
}

static __declspec(noinline) VOID Store(ULONG64 Address)
{
    *(volatile UCHAR *)Address = 0;
}

static __declspec(noinline) ULONG64 Quotient(ULONG64 First, volatile ULONG64 *Second)
{
    return First / *Second;
}

static __declspec(noinline) ULONG64 FetchByRax(ULONG64 Address)
{
    ULONG64 read;
    __asm__ volatile("movq (%%rax), %0" : "=r"(read) : "a"(Address) : "memory");
    return read;
}

/* How many __finally blocks ran because of an exception, and how many because of none. */
static LONG Left, Ended;

/* Eight bytes from an address of the client's. */
static NTSTATUS Read(PNUMBERS Numbers)
{
    __try {
        Numbers->First = Fetch(Numbers->First);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

/* Whether a client could have a range. */
static NTSTATUS Probe(PNUMBERS Numbers)
{
    __try {
        ProbeForRead((PVOID)Numbers->First, (SIZE_T)Numbers->Second, sizeof(ULONG));
        ProbeForWrite((PVOID)Numbers->First, (SIZE_T)Numbers->Second, sizeof(ULONG));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Divide(PNUMBERS Numbers)
{
    ULONG64 first = Numbers->First;
    __try {
        Numbers->First = Quotient(first, &Numbers->Second);
    } __except (GetExceptionCode() == STATUS_INTEGER_DIVIDE_BY_ZERO ? EXCEPTION_EXECUTE_HANDLER
                                                                    : EXCEPTION_CONTINUE_SEARCH) {
        /* What was in registers is there as it was. */
        return first == Numbers->First ? STATUS_INTEGER_DIVIDE_BY_ZERO : STATUS_DATA_ERROR;
    }
    return STATUS_SUCCESS;
}

/* Not to be made part of its caller: the exception has a frame to leave. */
static __declspec(noinline) VOID RaiseDeeper(NTSTATUS Status)
{
    __try {
        if (!NT_SUCCESS(Status)) {
            ExRaiseStatus(Status);
        }
    } __finally {
        InterlockedIncrement(AbnormalTermination() ? &Left : &Ended);
    }
}

/* First: the status to raise. Second: the status that is handled here; others are handled outside. */
static __declspec(noinline) NTSTATUS RaiseAndSieve(PNUMBERS Numbers)
{
    __try {
        RaiseDeeper((NTSTATUS)Numbers->First);
    } __except ((NTSTATUS)Numbers->Second == GetExceptionCode()) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

static NTSTATUS Raise(PNUMBERS Numbers)
{
    ULONG64 status, place;
    Left = Ended = 0;
    __try {
        status = (ULONG)RaiseAndSieve(Numbers);
        place = 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (ULONG)GetExceptionCode();
        place = 2;
    }
    Numbers->First = (ULONG64)Left << 32 | (ULONG)Ended;
    Numbers->Second = place << 32 | status;
    return STATUS_SUCCESS;
}

/* Blocks in one function, from inside out. */
static NTSTATUS Nested(PNUMBERS Numbers)
{
    volatile ULONG trace = 0;
    __try {
        __try {
            __try {
                trace = trace << 4 | 1;
                Store(Numbers->First);
                trace = trace << 4 | 2;
            } __finally {
                trace = trace << 4 | 3;
            }
        } __except (EXCEPTION_CONTINUE_SEARCH) {
            trace = trace << 4 | 4;
        }
        trace = trace << 4 | 5;
    } __except (trace = trace << 4 | 6, EXCEPTION_EXECUTE_HANDLER) {
        trace = trace << 4 | 7;
    }
    Numbers->First = trace;
    return STATUS_SUCCESS;
}

/* Mends what was wrong, and has the instruction repeated. */
static LONG Mend(PEXCEPTION_POINTERS Exception, PULONG64 Value)
{
    UNREFERENCED_PARAMETER(Value);
    if (Exception->ExceptionRecord->ExceptionCode != STATUS_ACCESS_VIOLATION) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    Exception->ContextRecord->Rax = (ULONG64)Value;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static NTSTATUS Skip(PNUMBERS Numbers)
{
    ULONG64 value = 42, address = Numbers->First, read = 0;
    __try {
        read = FetchByRax(address);
    } __except (Mend(GetExceptionInformation(), &value)) {
        return STATUS_UNSUCCESSFUL;
    }
    Numbers->First = read;
    return STATUS_SUCCESS;
}

static NTSTATUS Unguarded(PNUMBERS Numbers)
{
    Numbers->First = Fetch(Numbers->First);
    return STATUS_SUCCESS;
}

static NTSTATUS Answer(ULONG Code, PNUMBERS Numbers)
{
    switch (Code) {
    case IOCTL_READ:
        return Read(Numbers);
    case IOCTL_PROBE:
        return Probe(Numbers);
    case IOCTL_DIVIDE:
        return Divide(Numbers);
    case IOCTL_RAISE:
        return Raise(Numbers);
    case IOCTL_NESTED:
        return Nested(Numbers);
    case IOCTL_SKIP:
        return Skip(Numbers);
    case IOCTL_UNGUARDED:
        return Unguarded(Numbers);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
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
    PNUMBERS numbers = Irp->AssociatedIrp.SystemBuffer;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof(*numbers)
        || stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof(*numbers)) {
        return Complete(Irp, STATUS_INVALID_PARAMETER);
    }
    status = Answer(stack->Parameters.DeviceIoControl.IoControlCode, numbers);
    Irp->IoStatus.Information = NT_SUCCESS(status) ? sizeof(*numbers) : 0;
    return Complete(Irp, status);
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
