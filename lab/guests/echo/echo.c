/*
 * A Plug and Play driver that echoes: what is written to \\.\Echo can be read again.
 *
 * The default queue is parallel and sorts: writes go on to a sequential queue, which keeps the text
 * in a memory object; reads go on to a manual queue, from which a timer takes one each period.
 * A control request waits with the driver, cancelable, until the next one.
 */
#include <ntddk.h>
#include <wdf.h>

#define LONGEST 256
#define PERIOD_MS 20

/* Waits until the next one of its kind, which completes it; out: nothing. */
#define IOCTL_PASS_THE_BALL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* out: three ULONGs: writes so far, reads that were canceled in the queue, length of the text */
#define IOCTL_FIGURES CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _DEVICE_CONTEXT {
    WDFQUEUE Writes;
    WDFQUEUE Reads;
    WDFTIMER Timer;
    WDFSPINLOCK Lock;
    WDFMEMORY Text; /* under the lock, as all that follows */
    WDFREQUEST Ball;
    ULONG Written;
    ULONG Canceled;
} DEVICE_CONTEXT;
WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(DEVICE_CONTEXT, OfDevice)

static EVT_WDF_DRIVER_DEVICE_ADD DeviceAdd;
static EVT_WDF_IO_QUEUE_IO_DEFAULT Sort;
static EVT_WDF_IO_QUEUE_IO_WRITE Write;
static EVT_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE ReadCanceled;
static EVT_WDF_REQUEST_CANCEL BallCanceled;
static EVT_WDF_TIMER Tick;

static DEVICE_CONTEXT *OfQueue(WDFQUEUE Queue)
{
    return OfDevice(WdfIoQueueGetDevice(Queue));
}

static VOID NTAPI BallCanceled(WDFREQUEST Request)
{
    DEVICE_CONTEXT *context = OfQueue(WdfRequestGetIoQueue(Request));
    WdfSpinLockAcquire(context->Lock);
    if (context->Ball == Request) {
        context->Ball = NULL;
    }
    WdfSpinLockRelease(context->Lock);
    WdfRequestComplete(Request, STATUS_CANCELLED);
}

static VOID PassTheBall(DEVICE_CONTEXT *Context, WDFREQUEST Request)
{
    WDFREQUEST before;
    NTSTATUS status;
    WdfSpinLockAcquire(Context->Lock);
    before = Context->Ball;
    Context->Ball = NULL;
    if (before != NULL && WdfRequestUnmarkCancelable(before) == STATUS_CANCELLED) {
        before = NULL;
    }
    status = WdfRequestMarkCancelableEx(Request, BallCanceled);
    if (NT_SUCCESS(status)) {
        Context->Ball = Request;
    }
    WdfSpinLockRelease(Context->Lock);
    if (!NT_SUCCESS(status)) {
        WdfRequestComplete(Request, status);
    }
    if (before != NULL) {
        WdfRequestComplete(before, STATUS_SUCCESS);
    }
}

static VOID Figures(DEVICE_CONTEXT *Context, WDFREQUEST Request)
{
    PULONG figures;
    size_t length = 0;
    NTSTATUS status = WdfRequestRetrieveOutputBuffer(Request, 3 * sizeof(ULONG), (PVOID *)&figures,
                                                     NULL);
    if (!NT_SUCCESS(status)) {
        WdfRequestComplete(Request, status);
        return;
    }
    WdfSpinLockAcquire(Context->Lock);
    if (Context->Text != NULL) {
        WdfMemoryGetBuffer(Context->Text, &length);
    }
    figures[0] = Context->Written;
    figures[1] = Context->Canceled;
    figures[2] = (ULONG)length;
    WdfSpinLockRelease(Context->Lock);
    WdfRequestCompleteWithInformation(Request, STATUS_SUCCESS, 3 * sizeof(ULONG));
}

static VOID NTAPI Sort(WDFQUEUE Queue, WDFREQUEST Request)
{
    DEVICE_CONTEXT *context = OfQueue(Queue);
    WDF_REQUEST_PARAMETERS parameters = {.Size = sizeof(parameters)};
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;
    WdfRequestGetParameters(Request, &parameters);
    if (parameters.Type == WdfRequestTypeWrite) {
        status = WdfRequestForwardToIoQueue(Request, context->Writes);
    } else if (parameters.Type == WdfRequestTypeRead) {
        status = WdfRequestForwardToIoQueue(Request, context->Reads);
    } else if (parameters.Parameters.DeviceIoControl.IoControlCode == IOCTL_PASS_THE_BALL) {
        PassTheBall(context, Request);
        return;
    } else if (parameters.Parameters.DeviceIoControl.IoControlCode == IOCTL_FIGURES) {
        Figures(context, Request);
        return;
    }
    if (!NT_SUCCESS(status)) {
        WdfRequestComplete(Request, status);
    }
}

static VOID NTAPI Write(WDFQUEUE Queue, WDFREQUEST Request, size_t Length)
{
    DEVICE_CONTEXT *context = OfQueue(Queue);
    WDF_OBJECT_ATTRIBUTES attributes;
    WDFMEMORY memory, text, before;
    PVOID bytes;
    NTSTATUS status = STATUS_INVALID_BUFFER_SIZE;
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = WdfIoQueueGetDevice(Queue);
    if (Length <= LONGEST) {
        status = WdfRequestRetrieveInputMemory(Request, &memory);
    }
    if (NT_SUCCESS(status)) {
        status = WdfMemoryCreate(&attributes, NonPagedPoolNx, 'ohcE', Length, &text, &bytes);
    }
    if (NT_SUCCESS(status)) {
        status = WdfMemoryCopyToBuffer(memory, 0, bytes, Length);
        WdfSpinLockAcquire(context->Lock);
        before = context->Text;
        context->Text = text;
        context->Written++;
        WdfSpinLockRelease(context->Lock);
        if (before != NULL) {
            WdfObjectDelete(before);
        }
    }
    WdfRequestCompleteWithInformation(Request, status, NT_SUCCESS(status) ? Length : 0);
}

/* The text, or as much of it as the reader has room for. */
static VOID Answer(DEVICE_CONTEXT *Context, WDFREQUEST Request)
{
    WDFMEMORY memory;
    size_t room = 0, length = 0;
    PVOID text = NULL;
    NTSTATUS status = WdfRequestRetrieveOutputMemory(Request, &memory);
    WdfSpinLockAcquire(Context->Lock);
    if (NT_SUCCESS(status)) {
        WdfMemoryGetBuffer(memory, &room);
        text = Context->Text == NULL ? NULL : WdfMemoryGetBuffer(Context->Text, &length);
        length = length < room ? length : room;
        status = text == NULL ? STATUS_NO_MORE_ENTRIES
                              : WdfMemoryCopyFromBuffer(memory, 0, text, length);
    }
    WdfSpinLockRelease(Context->Lock);
    WdfRequestCompleteWithInformation(Request, status, NT_SUCCESS(status) ? length : 0);
}

/* At DISPATCH_LEVEL. */
static VOID NTAPI Tick(WDFTIMER Timer)
{
    DEVICE_CONTEXT *context = OfDevice(WdfTimerGetParentObject(Timer));
    WDFREQUEST request;
    if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(context->Reads, &request))) {
        Answer(context, request);
    }
}

static VOID NTAPI ReadCanceled(WDFQUEUE Queue, WDFREQUEST Request)
{
    DEVICE_CONTEXT *context = OfQueue(Queue);
    WdfSpinLockAcquire(context->Lock);
    context->Canceled++;
    WdfSpinLockRelease(context->Lock);
    WdfRequestComplete(Request, STATUS_CANCELLED);
}

static NTSTATUS Queues(WDFDEVICE Device, DEVICE_CONTEXT *Context)
{
    WDF_IO_QUEUE_CONFIG config;
    NTSTATUS status;
    WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&config, WdfIoQueueDispatchParallel);
    config.EvtIoDefault = Sort;
    status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, NULL);
    if (NT_SUCCESS(status)) {
        WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchSequential);
        config.EvtIoWrite = Write;
        status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, &Context->Writes);
    }
    if (NT_SUCCESS(status)) {
        WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchManual);
        config.EvtIoCanceledOnQueue = ReadCanceled;
        status = WdfIoQueueCreate(Device, &config, WDF_NO_OBJECT_ATTRIBUTES, &Context->Reads);
    }
    return status;
}

static NTSTATUS NTAPI DeviceAdd(WDFDRIVER Driver, PWDFDEVICE_INIT Init)
{
    static const UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Echo");
    static const UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Echo");
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_TIMER_CONFIG timer;
    DEVICE_CONTEXT *context;
    WDFDEVICE device;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(Driver);
    WdfDeviceInitSetIoType(Init, WdfDeviceIoBuffered);
    status = WdfDeviceInitAssignName(Init, &name);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(&attributes, DEVICE_CONTEXT);
    status = WdfDeviceCreate(&Init, &attributes, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    context = OfDevice(device);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = device;
    status = WdfSpinLockCreate(&attributes, &context->Lock);
    if (NT_SUCCESS(status)) {
        status = Queues(device, context);
    }
    if (NT_SUCCESS(status)) {
        WDF_TIMER_CONFIG_INIT_PERIODIC(&timer, Tick, PERIOD_MS);
        status = WdfTimerCreate(&timer, &attributes, &context->Timer);
    }
    if (NT_SUCCESS(status)) {
        WdfTimerStart(context->Timer, WDF_REL_TIMEOUT_IN_MS(PERIOD_MS));
        status = WdfDeviceCreateSymbolicLink(device, &link);
    }
    return status;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Object, PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDF_DRIVER_CONFIG_INIT(&config, DeviceAdd);
    return WdfDriverCreate(Object, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, WDF_NO_HANDLE);
}
