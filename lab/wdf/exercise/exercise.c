/*
 * A KMDF driver that exercises the framework beyond what pagewise.sys uses of it. It is C on
 * purpose: against the clients' header it is a second opinion on every structure and prototype
 * that lab/wdf has in Rust.
 *
 * A client drives it by control codes (see enum Request). A check that fails answers with the line
 * it failed in; what the driver is told in between is kept as letters in a log.
 */
/* The DDK headers define these in every object; WdfDriverEntry.lib has them already. */
#define InterlockedBitTestAndSet ExerciseBitTestAndSet
#define InterlockedBitTestAndReset ExerciseBitTestAndReset
#include <ntddk.h>
#include <wdf.h>

#define CALL(Name, NAME, ...)                                                                      \
    (((PFN_##NAME)WdfFunctions[Name##TableIndex])(WdfDriverGlobals, ##__VA_ARGS__))

#define CODE(function) CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* What can be asked. */
enum Request {
    CheckObjects = CODE(0x900),    /* each check: out ULONG, 0 or the line that failed */
    CheckContexts = CODE(0x901),
    CheckMemory = CODE(0x902),
    CheckLocks = CODE(0x903),
    CheckWork = CODE(0x904),
    CheckTimers = CODE(0x905),
    CheckStrings = CODE(0x906),
    CheckRegistry = CODE(0x907),
    CheckQueues = CODE(0x908),
    CheckRequest = CODE(0x909),    /* in: 1, 2, 3, 4 as bytes */
    CheckDevice = CODE(0x90a),
    CheckCollections = CODE(0x90b),
    TakeLog = CODE(0x980),         /* out: the letters since the last time */
    Pend = CODE(0x981),            /* forwarded to the manual queue */
    Pop = CODE(0x982),             /* completes the first in the manual queue; out: how many waited */
    Hold = CODE(0x983),            /* kept by the driver, cancelable */
    Release = CODE(0x984),         /* completes what is held; out: NTSTATUS of the unmarking */
    Return = CODE(0x985),          /* takes the first in the manual queue and requeues it */
    Block = CODE(0x986),           /* the callback waits until Unblock; out: 1 */
    Unblock = CODE(0x987),
    Missing = CODE(0x988),         /* calls a function that is not provided */
    Keep = CODE(0x989),            /* kept by the driver, not cancelable, until Release */
    StopManual = CODE(0x98a),
    StartManual = CODE(0x98b),
    PurgeManual = CODE(0x98c),     /* returns when the manual queue is purged */
    Waiting = CODE(0x98d),         /* out: how many wait in the manual queue */
    PassOn = CODE(0x98e),          /* goes on to the next driver for good */
    AskBelow = CODE(0x98f),        /* goes to the next driver and comes back; out: its NTSTATUS */
};

typedef struct _LETTER {
    CHAR Letter;
    ULONG Zero[3];
} LETTER;

static const WDF_OBJECT_CONTEXT_TYPE_INFO ContextType = {
    sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), "LETTER", sizeof(LETTER), &ContextType, NULL};
static const WDF_OBJECT_CONTEXT_TYPE_INFO OtherType = {
    sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), "OTHER", 24, &OtherType, NULL};

/* {8a0c5f1e-2f0b-4f5e-9d53-657865726369} */
static const GUID Interface = {
    0x8a0c5f1e, 0x2f0b, 0x4f5e, {0x9d, 0x53, 0x65, 0x78, 0x65, 0x72, 0x63, 0x69}};

/* The DDK headers read CR8 in line, which only ring 0 may. */
static KIRQL(NTAPI *CurrentIrql)(VOID);

static CHAR Log[512];
static LONG LogLength;
static WDFDRIVER Driver;
static WDFDEVICE Device;
static WDFQUEUE Manual;
static WDFREQUEST Held;
static WDFSPINLOCK HeldLock;
static KEVENT Unblocked;

static VOID Note(CHAR letter)
{
    LONG at = InterlockedIncrement(&LogLength) - 1;
    if (at < (LONG)sizeof(Log)) {
        Log[at] = letter;
    }
}

static BOOLEAN LogIs(const CHAR *expected)
{
    LONG i;
    for (i = 0; expected[i] != 0; i++) {
        if (i >= LogLength || Log[i] != expected[i]) {
            return FALSE;
        }
    }
    return i == LogLength;
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return __LINE__;                                                                       \
        }                                                                                          \
    } while (0)

static WDF_OBJECT_ATTRIBUTES Attributes(WDFOBJECT parent)
{
    WDF_OBJECT_ATTRIBUTES attributes = {0};
    attributes.Size = sizeof(attributes);
    attributes.ExecutionLevel = WdfExecutionLevelInheritFromParent;
    attributes.SynchronizationScope = WdfSynchronizationScopeInheritFromParent;
    attributes.ParentObject = parent;
    return attributes;
}

static LETTER *ContextOf(WDFOBJECT object)
{
    return CALL(WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER, object, &ContextType);
}

/* Upper-case letters are cleanups, lower-case ones destructions. */
static VOID NTAPI Cleanup(WDFOBJECT object)
{
    Note(ContextOf(object)->Letter);
}

static VOID NTAPI Destroy(WDFOBJECT object)
{
    Note(ContextOf(object)->Letter + ('a' - 'A'));
}

static WDFOBJECT Object(WDFOBJECT parent, CHAR letter)
{
    WDFOBJECT object = NULL;
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(parent);
    attributes.ContextTypeInfo = &ContextType;
    attributes.EvtCleanupCallback = Cleanup;
    attributes.EvtDestroyCallback = Destroy;
    if (NT_SUCCESS(CALL(WdfObjectCreate, WDFOBJECTCREATE, &attributes, &object))) {
        ContextOf(object)->Letter = letter;
    }
    return object;
}

static ULONG Objects(VOID)
{
    WDFOBJECT parent = Object(Device, 'P');
    WDFOBJECT a = Object(parent, 'A');
    WDFOBJECT b = Object(parent, 'B');
    WDFOBJECT c = Object(a, 'C');
    EXPECT(parent != NULL && a != NULL && b != NULL && c != NULL);
    LogLength = 0;
    CALL(WdfObjectReferenceActual, WDFOBJECTREFERENCEACTUAL, b, NULL, __LINE__, __FILE__);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, parent);
    /* Children are cleaned up first, in the order they were made, then destroyed likewise. */
    EXPECT(LogIs("CABPcap"));
    CALL(WdfObjectDereferenceActual, WDFOBJECTDEREFERENCEACTUAL, b, NULL, __LINE__, __FILE__);
    EXPECT(LogIs("CABPcapb"));

    /* An object that is deleted by itself leaves its parent alone. */
    LogLength = 0;
    parent = Object(Device, 'P');
    a = Object(parent, 'A');
    EXPECT(parent != NULL && a != NULL);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, a);
    EXPECT(LogIs("Aa"));
    CALL(WdfObjectDelete, WDFOBJECTDELETE, parent);
    EXPECT(LogIs("AaPp"));
    LogLength = 0;
    return 0;
}

static ULONG Contexts(VOID)
{
    WDFOBJECT object = Object(NULL, 'X'), none = NULL;
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(NULL);
    PVOID other = NULL, again = NULL;
    EXPECT(object != NULL);
    EXPECT(ContextOf(object)->Zero[0] == 0 && ContextOf(object)->Zero[2] == 0);
    EXPECT(((ULONG_PTR)ContextOf(object) & 15) == 0);
    EXPECT(CALL(WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER, object,
                &OtherType) == NULL);
    EXPECT(CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, object, &attributes, &other) ==
           STATUS_OBJECT_NAME_INVALID);
    attributes.ContextTypeInfo = &OtherType;
    attributes.ContextSizeOverride = 8;
    EXPECT(CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, object, &attributes, &other) ==
           (NTSTATUS)0xC0200209);
    attributes.ContextSizeOverride = 4096;
    EXPECT(CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, object, &attributes, &other) ==
           STATUS_SUCCESS);
    EXPECT(((UCHAR *)other)[4095] == 0);
    EXPECT(CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, object, &attributes, &again) ==
           STATUS_OBJECT_NAME_EXISTS);
    EXPECT(again == other);
    EXPECT(CALL(WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER, object,
                &OtherType) == other);
    EXPECT(CALL(WdfObjectContextGetObject, WDFOBJECTCONTEXTGETOBJECT, other) == object);
    EXPECT(CALL(WdfObjectContextGetObject, WDFOBJECTCONTEXTGETOBJECT, ContextOf(object)) == object);
    attributes.Size = 8;
    EXPECT(CALL(WdfObjectCreate, WDFOBJECTCREATE, &attributes, &none) ==
           STATUS_INFO_LENGTH_MISMATCH);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, object);
    LogLength = 0;
    return 0;
}

static ULONG Memory(VOID)
{
    WDFMEMORY memory = NULL, borrowed = NULL;
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    PVOID buffer = NULL;
    size_t size = 0;
    UCHAR bytes[16] = {1, 2, 3, 4};
    EXPECT(CALL(WdfMemoryCreate, WDFMEMORYCREATE, &attributes, NonPagedPoolNx, 'xErP', 64, &memory,
                &buffer) == STATUS_SUCCESS);
    EXPECT(CALL(WdfMemoryGetBuffer, WDFMEMORYGETBUFFER, memory, &size) == buffer && size == 64);
    EXPECT(CALL(WdfMemoryCopyFromBuffer, WDFMEMORYCOPYFROMBUFFER, memory, 60, bytes, 4) ==
           STATUS_SUCCESS);
    EXPECT(((UCHAR *)buffer)[63] == 4);
    EXPECT(CALL(WdfMemoryCopyFromBuffer, WDFMEMORYCOPYFROMBUFFER, memory, 61, bytes, 4) ==
           STATUS_INVALID_BUFFER_SIZE);
    EXPECT(CALL(WdfMemoryCopyToBuffer, WDFMEMORYCOPYTOBUFFER, memory, 62, bytes + 8, 2) ==
           STATUS_SUCCESS);
    EXPECT(bytes[8] == 3 && bytes[9] == 4);
    EXPECT(CALL(WdfMemoryCopyToBuffer, WDFMEMORYCOPYTOBUFFER, memory, 64, bytes, 1) ==
           STATUS_BUFFER_TOO_SMALL);
    EXPECT(CALL(WdfMemoryCopyToBuffer, WDFMEMORYCOPYTOBUFFER, memory, ~(size_t)0, bytes, 2) ==
           STATUS_BUFFER_TOO_SMALL);
    EXPECT(CALL(WdfMemoryAssignBuffer, WDFMEMORYASSIGNBUFFER, memory, bytes, 4) ==
           STATUS_INVALID_PARAMETER);
    EXPECT(CALL(WdfMemoryCreatePreallocated, WDFMEMORYCREATEPREALLOCATED, &attributes, bytes, 4,
                &borrowed) == STATUS_SUCCESS);
    EXPECT(CALL(WdfMemoryAssignBuffer, WDFMEMORYASSIGNBUFFER, borrowed, bytes + 8, 2) ==
           STATUS_SUCCESS);
    EXPECT(CALL(WdfMemoryGetBuffer, WDFMEMORYGETBUFFER, borrowed, &size) == bytes + 8 && size == 2);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, borrowed);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, memory);
    EXPECT(CALL(WdfMemoryCreate, WDFMEMORYCREATE, &attributes, NonPagedPoolNx, 0, 0, &memory,
                NULL) == STATUS_INVALID_PARAMETER);
    return 0;
}

static WDFWAITLOCK Wait;
static NTSTATUS WaitStatus;
static LONG Ran;
static KIRQL RanAt;

static VOID NTAPI Work(WDFWORKITEM item)
{
    LONGLONG soon = -10000;
    UNREFERENCED_PARAMETER(item);
    RanAt = CurrentIrql();
    if (Wait != NULL) {
        WaitStatus = CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, Wait, &soon);
    }
    InterlockedIncrement(&Ran);
}

static WDFWORKITEM Item(VOID)
{
    WDFWORKITEM item = NULL;
    WDF_WORKITEM_CONFIG config = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    config.Size = sizeof(config);
    config.EvtWorkItemFunc = Work;
    (VOID)CALL(WdfWorkItemCreate, WDFWORKITEMCREATE, &config, &attributes, &item);
    return item;
}

static ULONG Locks(VOID)
{
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    WDFSPINLOCK spin = NULL;
    LONGLONG now = 0;
    WDFWORKITEM item = Item();
    EXPECT(item != NULL);
    EXPECT(CALL(WdfWaitLockCreate, WDFWAITLOCKCREATE, &attributes, &Wait) == STATUS_SUCCESS);
    EXPECT(CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, Wait, NULL) == STATUS_SUCCESS);
    EXPECT(CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, Wait, &now) == STATUS_TIMEOUT);
    WaitStatus = STATUS_SUCCESS;
    CALL(WdfWorkItemEnqueue, WDFWORKITEMENQUEUE, item);
    CALL(WdfWorkItemFlush, WDFWORKITEMFLUSH, item);
    EXPECT(WaitStatus == STATUS_TIMEOUT);
    CALL(WdfWaitLockRelease, WDFWAITLOCKRELEASE, Wait);
    EXPECT(CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, Wait, &now) == STATUS_SUCCESS);
    CALL(WdfWaitLockRelease, WDFWAITLOCKRELEASE, Wait);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, item);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, Wait);
    Wait = NULL;
    EXPECT(CALL(WdfSpinLockCreate, WDFSPINLOCKCREATE, &attributes, &spin) == STATUS_SUCCESS);
    EXPECT(CurrentIrql() == PASSIVE_LEVEL);
    CALL(WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, spin);
    EXPECT(CurrentIrql() == DISPATCH_LEVEL);
    CALL(WdfSpinLockRelease, WDFSPINLOCKRELEASE, spin);
    EXPECT(CurrentIrql() == PASSIVE_LEVEL);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, spin);
    return 0;
}

static VOID NTAPI Deferred(WDFDPC dpc)
{
    UNREFERENCED_PARAMETER(dpc);
    RanAt = CurrentIrql();
    InterlockedIncrement(&Ran);
}

static VOID Sleep(LONGLONG milliseconds)
{
    LARGE_INTEGER due;
    due.QuadPart = -10000 * milliseconds;
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

static ULONG WorkAndDpcs(VOID)
{
    WDFWORKITEM item = Item();
    WDFDPC dpc = NULL;
    WDF_DPC_CONFIG config = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    ULONG i;
    Wait = NULL;
    EXPECT(item != NULL);
    EXPECT(CALL(WdfWorkItemGetParentObject, WDFWORKITEMGETPARENTOBJECT, item) == Device);
    Ran = 0;
    CALL(WdfWorkItemEnqueue, WDFWORKITEMENQUEUE, item);
    CALL(WdfWorkItemFlush, WDFWORKITEMFLUSH, item);
    EXPECT(Ran == 1 && RanAt == PASSIVE_LEVEL);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, item);
    config.Size = sizeof(config);
    config.EvtDpcFunc = Deferred;
    EXPECT(CALL(WdfDpcCreate, WDFDPCCREATE, &config, &attributes, &dpc) == STATUS_SUCCESS);
    EXPECT(CALL(WdfDpcGetParentObject, WDFDPCGETPARENTOBJECT, dpc) == Device);
    Ran = 0;
    EXPECT(CALL(WdfDpcEnqueue, WDFDPCENQUEUE, dpc));
    for (i = 0; i < 1000 && Ran == 0; i++) {
        Sleep(1);
    }
    EXPECT(Ran == 1 && RanAt == DISPATCH_LEVEL);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, dpc);
    /* A work item and a DPC need a parent with a device above it. */
    attributes.ParentObject = NULL;
    EXPECT(!NT_SUCCESS(CALL(WdfDpcCreate, WDFDPCCREATE, &config, &attributes, &dpc)));
    return 0;
}

static VOID NTAPI Tick(WDFTIMER timer)
{
    UNREFERENCED_PARAMETER(timer);
    RanAt = CurrentIrql();
    InterlockedIncrement(&Ran);
}

static ULONG Timers(VOID)
{
    WDFTIMER timer = NULL;
    WDF_TIMER_CONFIG config = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    ULONG i;
    config.Size = sizeof(config);
    config.EvtTimerFunc = Tick;
    EXPECT(CALL(WdfTimerCreate, WDFTIMERCREATE, &config, &attributes, &timer) == STATUS_SUCCESS);
    EXPECT(CALL(WdfTimerGetParentObject, WDFTIMERGETPARENTOBJECT, timer) == Device);
    Ran = 0;
    EXPECT(!CALL(WdfTimerStart, WDFTIMERSTART, timer, -10000));
    for (i = 0; i < 1000 && Ran == 0; i++) {
        Sleep(1);
    }
    EXPECT(Ran == 1 && RanAt == DISPATCH_LEVEL);
    EXPECT(!CALL(WdfTimerStart, WDFTIMERSTART, timer, -10000LL * 100000));
    EXPECT(CALL(WdfTimerStart, WDFTIMERSTART, timer, -10000LL * 100000));
    EXPECT(CALL(WdfTimerStop, WDFTIMERSTOP, timer, TRUE));
    EXPECT(!CALL(WdfTimerStop, WDFTIMERSTOP, timer, TRUE));
    EXPECT(Ran == 1);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, timer);

    config.Period = 2;
    attributes.ExecutionLevel = WdfExecutionLevelPassive;
    EXPECT(CALL(WdfTimerCreate, WDFTIMERCREATE, &config, &attributes, &timer) == STATUS_SUCCESS);
    Ran = 0;
    EXPECT(!CALL(WdfTimerStart, WDFTIMERSTART, timer, -10000));
    for (i = 0; i < 1000 && Ran < 3; i++) {
        Sleep(1);
    }
    EXPECT(Ran >= 3 && RanAt == PASSIVE_LEVEL);
    /* Deleted while it runs: nothing is called afterwards. */
    CALL(WdfObjectDelete, WDFOBJECTDELETE, timer);
    Ran = 0;
    Sleep(10);
    EXPECT(Ran == 0);
    return 0;
}

static ULONG Strings(VOID)
{
    WDFSTRING string = NULL;
    UNICODE_STRING text, back = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    RtlInitUnicodeString(&text, L"exercise");
    EXPECT(CALL(WdfStringCreate, WDFSTRINGCREATE, &text, &attributes, &string) == STATUS_SUCCESS);
    CALL(WdfStringGetUnicodeString, WDFSTRINGGETUNICODESTRING, string, &back);
    EXPECT(back.Length == 16 && back.Buffer != text.Buffer && back.Buffer[7] == L'e');
    CALL(WdfObjectDelete, WDFOBJECTDELETE, string);
    EXPECT(CALL(WdfStringCreate, WDFSTRINGCREATE, NULL, &attributes, &string) == STATUS_SUCCESS);
    CALL(WdfStringGetUnicodeString, WDFSTRINGGETUNICODESTRING, string, &back);
    EXPECT(back.Length == 0);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, string);
    return 0;
}

static ULONG Collections(VOID)
{
    WDFCOLLECTION collection = NULL;
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    WDFOBJECT a = Object(Device, 'A'), b = Object(Device, 'B'), c = Object(Device, 'C');
    EXPECT(a != NULL && b != NULL && c != NULL);
    EXPECT(CALL(WdfCollectionCreate, WDFCOLLECTIONCREATE, &attributes, &collection) ==
           STATUS_SUCCESS);
    EXPECT(CALL(WdfCollectionGetFirstItem, WDFCOLLECTIONGETFIRSTITEM, collection) == NULL);
    EXPECT(CALL(WdfCollectionAdd, WDFCOLLECTIONADD, collection, a) == STATUS_SUCCESS);
    EXPECT(CALL(WdfCollectionAdd, WDFCOLLECTIONADD, collection, b) == STATUS_SUCCESS);
    EXPECT(CALL(WdfCollectionAdd, WDFCOLLECTIONADD, collection, c) == STATUS_SUCCESS);
    EXPECT(CALL(WdfCollectionGetCount, WDFCOLLECTIONGETCOUNT, collection) == 3);
    EXPECT(CALL(WdfCollectionGetItem, WDFCOLLECTIONGETITEM, collection, 1) == b);
    EXPECT(CALL(WdfCollectionGetLastItem, WDFCOLLECTIONGETLASTITEM, collection) == c);
    CALL(WdfCollectionRemove, WDFCOLLECTIONREMOVE, collection, b);
    CALL(WdfCollectionRemoveItem, WDFCOLLECTIONREMOVEITEM, collection, 0);
    EXPECT(CALL(WdfCollectionGetFirstItem, WDFCOLLECTIONGETFIRSTITEM, collection) == c);
    LogLength = 0;
    /* The collection keeps what is in it: cleaned up now, destroyed with the collection. */
    CALL(WdfObjectDelete, WDFOBJECTDELETE, c);
    EXPECT(LogIs("C"));
    CALL(WdfObjectDelete, WDFOBJECTDELETE, collection);
    EXPECT(LogIs("Cc"));
    CALL(WdfObjectDelete, WDFOBJECTDELETE, a);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, b);
    LogLength = 0;
    return 0;
}

static ULONG Registry(VOID)
{
    WDFKEY parameters = NULL, key = NULL;
    UNICODE_STRING name, value, back;
    WCHAR room[16];
    ULONG number = 0, length = 0, type = 0, disposition = 0;
    USHORT bytes = 0;
    WDFSTRING string = NULL;
    WDFMEMORY memory = NULL;
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    NTSTATUS status;
    status = CALL(WdfDriverOpenParametersRegistryKey, WDFDRIVEROPENPARAMETERSREGISTRYKEY, Driver,
                  KEY_ALL_ACCESS, NULL, &parameters);
    EXPECT(status == STATUS_SUCCESS || status == STATUS_OBJECT_NAME_NOT_FOUND);
    status = CALL(WdfDeviceOpenRegistryKey, WDFDEVICEOPENREGISTRYKEY, Device,
                  PLUGPLAY_REGKEY_DEVICE, KEY_ALL_ACCESS, NULL, &key);
    EXPECT(status == STATUS_SUCCESS);
    if (parameters != NULL) {
        CALL(WdfRegistryClose, WDFREGISTRYCLOSE, parameters);
    }
    RtlInitUnicodeString(&name, L"Exercise");
    EXPECT(CALL(WdfRegistryCreateKey, WDFREGISTRYCREATEKEY, key, &name, KEY_ALL_ACCESS, 1,
                &disposition, NULL, &parameters) == STATUS_SUCCESS);
    RtlInitUnicodeString(&name, L"Nothing");
    EXPECT(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, parameters, &name, &number) ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    RtlInitUnicodeString(&name, L"Number");
    EXPECT(CALL(WdfRegistryAssignULong, WDFREGISTRYASSIGNULONG, parameters, &name, 0x12345678) ==
           STATUS_SUCCESS);
    EXPECT(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, parameters, &name, &number) ==
           STATUS_SUCCESS);
    EXPECT(number == 0x12345678);
    number = 0;
    EXPECT(CALL(WdfRegistryQueryValue, WDFREGISTRYQUERYVALUE, parameters, &name, 4, &number,
                &length, &type) == STATUS_SUCCESS);
    EXPECT(number == 0x12345678 && length == 4 && type == 4);
    EXPECT(CALL(WdfRegistryQueryValue, WDFREGISTRYQUERYVALUE, parameters, &name, 0, NULL, &length,
                NULL) == STATUS_BUFFER_OVERFLOW);
    EXPECT(length == 4);
    RtlInitUnicodeString(&name, L"Text");
    RtlInitUnicodeString(&value, L"some text");
    EXPECT(CALL(WdfRegistryAssignUnicodeString, WDFREGISTRYASSIGNUNICODESTRING, parameters, &name,
                &value) == STATUS_SUCCESS);
    EXPECT(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, parameters, &name, &number) ==
           STATUS_OBJECT_TYPE_MISMATCH);
    back.Buffer = room;
    back.MaximumLength = sizeof(room);
    back.Length = 0;
    EXPECT(CALL(WdfRegistryQueryUnicodeString, WDFREGISTRYQUERYUNICODESTRING, parameters, &name,
                &bytes, &back) == STATUS_SUCCESS);
    EXPECT(bytes == 20 && back.Length == 18 && room[5] == L't');
    EXPECT(CALL(WdfStringCreate, WDFSTRINGCREATE, NULL, &attributes, &string) == STATUS_SUCCESS);
    EXPECT(CALL(WdfRegistryQueryString, WDFREGISTRYQUERYSTRING, parameters, &name, string) ==
           STATUS_SUCCESS);
    CALL(WdfStringGetUnicodeString, WDFSTRINGGETUNICODESTRING, string, &back);
    EXPECT(back.Length == 18);
    EXPECT(CALL(WdfRegistryQueryMemory, WDFREGISTRYQUERYMEMORY, parameters, &name, NonPagedPoolNx,
                &attributes, &memory, &type) == STATUS_SUCCESS);
    EXPECT(type == 1);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, memory);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, string);
    CALL(WdfRegistryClose, WDFREGISTRYCLOSE, parameters);
    CALL(WdfRegistryClose, WDFREGISTRYCLOSE, key);
    return 0;
}

static ULONG Queues(VOID)
{
    WDFQUEUE queue = NULL;
    WDF_IO_QUEUE_CONFIG config = {0};
    ULONG waiting = 9, owned = 9;
    WDFREQUEST request = NULL;
    config.Size = sizeof(config);
    config.DispatchType = WdfIoQueueDispatchSequential;
    config.PowerManaged = WdfUseDefault;
    EXPECT(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, Device, &config, NULL, &queue) ==
           (NTSTATUS)0xC020020B);
    config.DispatchType = WdfIoQueueDispatchManual;
    EXPECT(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, Device, &config, NULL, &queue) ==
           STATUS_SUCCESS);
    EXPECT(CALL(WdfIoQueueGetDevice, WDFIOQUEUEGETDEVICE, queue) == Device);
    EXPECT(CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, queue, &waiting, &owned) == 0xf);
    EXPECT(waiting == 0 && owned == 0);
    EXPECT(CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, queue, &request) ==
           STATUS_NO_MORE_ENTRIES);
    CALL(WdfIoQueueStopSynchronously, WDFIOQUEUESTOPSYNCHRONOUSLY, queue);
    EXPECT(CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, queue, NULL, NULL) == 0xd);
    EXPECT(CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, queue, &request) ==
           (NTSTATUS)0xC0200203);
    CALL(WdfIoQueueDrainSynchronously, WDFIOQUEUEDRAINSYNCHRONOUSLY, queue);
    EXPECT(CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, queue, NULL, NULL) == 0xc);
    CALL(WdfIoQueueStart, WDFIOQUEUESTART, queue);
    EXPECT(CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, queue, NULL, NULL) == 0xf);
    CALL(WdfIoQueuePurgeSynchronously, WDFIOQUEUEPURGESYNCHRONOUSLY, queue);
    EXPECT(CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, queue, NULL, NULL) == 0xe);
    CALL(WdfObjectDelete, WDFOBJECTDELETE, queue);
    return 0;
}

static ULONG RequestParts(WDFREQUEST request)
{
    WDF_REQUEST_PARAMETERS parameters = {0};
    WDFMEMORY memory = NULL, same = NULL;
    WDFFILEOBJECT file;
    UCHAR *input = NULL;
    PVOID output = NULL;
    size_t length = 0;
    parameters.Size = sizeof(parameters);
    CALL(WdfRequestGetParameters, WDFREQUESTGETPARAMETERS, request, &parameters);
    EXPECT(parameters.Type == WdfRequestTypeDeviceControl && parameters.MinorFunction == 0);
    EXPECT(parameters.Parameters.DeviceIoControl.IoControlCode == CheckRequest);
    EXPECT(parameters.Parameters.DeviceIoControl.InputBufferLength == 4);
    EXPECT(CALL(WdfRequestRetrieveInputBuffer, WDFREQUESTRETRIEVEINPUTBUFFER, request, 5,
                (PVOID *)&input, &length) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(CALL(WdfRequestRetrieveInputBuffer, WDFREQUESTRETRIEVEINPUTBUFFER, request, 4,
                (PVOID *)&input, &length) == STATUS_SUCCESS);
    EXPECT(length == 4 && input[0] == 1 && input[3] == 4);
    EXPECT(CALL(WdfRequestRetrieveOutputBuffer, WDFREQUESTRETRIEVEOUTPUTBUFFER, request, 4,
                &output, NULL) == STATUS_SUCCESS);
    EXPECT(CALL(WdfRequestRetrieveInputMemory, WDFREQUESTRETRIEVEINPUTMEMORY, request, &memory) ==
           STATUS_SUCCESS);
    EXPECT(CALL(WdfRequestRetrieveInputMemory, WDFREQUESTRETRIEVEINPUTMEMORY, request, &same) ==
           STATUS_SUCCESS);
    EXPECT(memory == same);
    EXPECT(CALL(WdfMemoryGetBuffer, WDFMEMORYGETBUFFER, memory, &length) == input && length == 4);
    EXPECT(CALL(WdfRequestRetrieveUnsafeUserInputBuffer, WDFREQUESTRETRIEVEUNSAFEUSERINPUTBUFFER,
                request, 1, &output, NULL) == STATUS_INVALID_DEVICE_REQUEST);
    EXPECT(CALL(WdfRequestGetRequestorMode, WDFREQUESTGETREQUESTORMODE, request) == UserMode);
    EXPECT(!CALL(WdfRequestIsCanceled, WDFREQUESTISCANCELED, request));
    EXPECT(CALL(WdfRequestWdmGetIrp, WDFREQUESTWDMGETIRP, request) != NULL);
    EXPECT(CALL(WdfRequestGetIoQueue, WDFREQUESTGETIOQUEUE, request) ==
           CALL(WdfDeviceGetDefaultQueue, WDFDEVICEGETDEFAULTQUEUE, Device));
    file = CALL(WdfRequestGetFileObject, WDFREQUESTGETFILEOBJECT, request);
    EXPECT(CALL(WdfFileObjectGetDevice, WDFFILEOBJECTGETDEVICE, file) == Device);
    EXPECT(CALL(WdfRequestRequeue, WDFREQUESTREQUEUE, request) == STATUS_INVALID_DEVICE_REQUEST);
    EXPECT(CALL(WdfRequestUnmarkCancelable, WDFREQUESTUNMARKCANCELABLE, request) ==
           STATUS_INVALID_DEVICE_REQUEST);
    EXPECT(CurrentIrql() == PASSIVE_LEVEL);
    return 0;
}

static ULONG DeviceParts(VOID)
{
    PDEVICE_OBJECT object = CALL(WdfDeviceWdmGetDeviceObject, WDFDEVICEWDMGETDEVICEOBJECT, Device);
    PDEVICE_OBJECT below =
        CALL(WdfDeviceWdmGetAttachedDevice, WDFDEVICEWDMGETATTACHEDDEVICE, Device);
    WDFIOTARGET target;
    WDF_DRIVER_VERSION_AVAILABLE_PARAMS version = {sizeof(version), 1, 31};
    EXPECT(object != NULL && below != NULL && object->StackSize == below->StackSize + 1);
    EXPECT((object->Flags & (DO_BUFFERED_IO | DO_DEVICE_INITIALIZING)) == DO_BUFFERED_IO);
    EXPECT(CALL(WdfDeviceWdmGetPhysicalDevice, WDFDEVICEWDMGETPHYSICALDEVICE, Device) != NULL);
    target = CALL(WdfDeviceGetIoTarget, WDFDEVICEGETIOTARGET, Device);
    EXPECT(target != NULL && target == CALL(WdfDeviceGetIoTarget, WDFDEVICEGETIOTARGET, Device));
    EXPECT(CALL(WdfWdmDeviceGetWdfDeviceHandle, WDFWDMDEVICEGETWDFDEVICEHANDLE, object) == Device);
    EXPECT(CALL(WdfDeviceGetDriver, WDFDEVICEGETDRIVER, Device) == Driver);
    EXPECT(CALL(WdfDriverWdmGetDriverObject, WDFDRIVERWDMGETDRIVEROBJECT, Driver) ==
           object->DriverObject);
    EXPECT(CALL(WdfDriverGetRegistryPath, WDFDRIVERGETREGISTRYPATH, Driver)[0] == L'\\');
    EXPECT(CALL(WdfDriverIsVersionAvailable, WDFDRIVERISVERSIONAVAILABLE, Driver, &version));
    version.MinorVersion = 33;
    EXPECT(!CALL(WdfDriverIsVersionAvailable, WDFDRIVERISVERSIONAVAILABLE, Driver, &version));
    EXPECT(WdfDriverGlobals->Driver == Driver && WdfDriverGlobals->DisplaceDriverUnload);
    return 0;
}

static VOID NTAPI OnCancel(WDFREQUEST request)
{
    Note('k');
    CALL(WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, HeldLock);
    Held = NULL;
    CALL(WdfSpinLockRelease, WDFSPINLOCKRELEASE, HeldLock);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_CANCELLED);
}

static VOID NTAPI OnCanceledOnQueue(WDFQUEUE queue, WDFREQUEST request)
{
    UNREFERENCED_PARAMETER(queue);
    Note('K');
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_CANCELLED);
}

static NTSTATUS ReleaseHeld(ULONG *answer)
{
    WDFREQUEST request;
    CALL(WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, HeldLock);
    request = Held;
    Held = NULL;
    CALL(WdfSpinLockRelease, WDFSPINLOCKRELEASE, HeldLock);
    if (request == NULL) {
        return STATUS_NOT_FOUND;
    }
    *answer = (ULONG)CALL(WdfRequestUnmarkCancelable, WDFREQUESTUNMARKCANCELABLE, request);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_SUCCESS);
    return STATUS_SUCCESS;
}

static NTSTATUS PopManual(ULONG *answer)
{
    WDFREQUEST request = NULL;
    NTSTATUS status;
    CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, Manual, answer, NULL);
    status = CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, Manual, &request);
    if (NT_SUCCESS(status)) {
        CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_SUCCESS);
    }
    return status;
}

static NTSTATUS ReturnManual(VOID)
{
    WDFREQUEST request = NULL;
    NTSTATUS status =
        CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, Manual, &request);
    return NT_SUCCESS(status) ? CALL(WdfRequestRequeue, WDFREQUESTREQUEUE, request) : status;
}

static BOOLEAN SendBelow(WDFREQUEST request, ULONG flags)
{
    WDF_REQUEST_SEND_OPTIONS options = {0};
    WDFIOTARGET target = CALL(WdfDeviceGetIoTarget, WDFDEVICEGETIOTARGET, Device);
    options.Size = sizeof(options);
    options.Flags = flags;
    return CALL(WdfRequestSend, WDFREQUESTSEND, request, target, &options);
}

static VOID NTAPI OnDeviceControl(WDFQUEUE queue, WDFREQUEST request, size_t outputLength,
                                  size_t inputLength, ULONG code)
{
    ULONG answer = 0;
    ULONG *output = NULL;
    size_t length = 0, i;
    NTSTATUS status = STATUS_SUCCESS;
    UNREFERENCED_PARAMETER(queue);
    UNREFERENCED_PARAMETER(outputLength);
    UNREFERENCED_PARAMETER(inputLength);
    switch ((enum Request)code) {
    case CheckObjects: answer = Objects(); break;
    case CheckContexts: answer = Contexts(); break;
    case CheckMemory: answer = Memory(); break;
    case CheckLocks: answer = Locks(); break;
    case CheckWork: answer = WorkAndDpcs(); break;
    case CheckTimers: answer = Timers(); break;
    case CheckStrings: answer = Strings(); break;
    case CheckRegistry: answer = Registry(); break;
    case CheckQueues: answer = Queues(); break;
    case CheckRequest: answer = RequestParts(request); break;
    case CheckDevice: answer = DeviceParts(); break;
    case CheckCollections: answer = Collections(); break;
    case TakeLog:
        status = CALL(WdfRequestRetrieveOutputBuffer, WDFREQUESTRETRIEVEOUTPUTBUFFER, request,
                      sizeof(Log), (PVOID *)&output, &length);
        if (NT_SUCCESS(status)) {
            length = LogLength < (LONG)sizeof(Log) ? LogLength : sizeof(Log);
            for (i = 0; i < length; i++) {
                ((CHAR *)output)[i] = Log[i];
            }
            LogLength = 0;
        }
        CALL(WdfRequestCompleteWithInformation, WDFREQUESTCOMPLETEWITHINFORMATION, request, status,
             length);
        return;
    case Pend:
        status = CALL(WdfRequestForwardToIoQueue, WDFREQUESTFORWARDTOIOQUEUE, request, Manual);
        if (NT_SUCCESS(status)) {
            return;
        }
        break;
    case Pop: status = PopManual(&answer); break;
    case Return: status = ReturnManual(); break;
    case Waiting: CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, Manual, &answer, NULL); break;
    case Keep:
    case Hold:
        CALL(WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, HeldLock);
        Held = request;
        CALL(WdfSpinLockRelease, WDFSPINLOCKRELEASE, HeldLock);
        if (code == Hold) {
            CALL(WdfRequestMarkCancelable, WDFREQUESTMARKCANCELABLE, request, OnCancel);
        }
        return;
    case Release: status = ReleaseHeld(&answer); break;
    case Block:
        KeWaitForSingleObject(&Unblocked, Executive, KernelMode, FALSE, NULL);
        answer = 1;
        break;
    case Unblock: KeSetEvent(&Unblocked, 0, FALSE); break;
    case StopManual: CALL(WdfIoQueueStopSynchronously, WDFIOQUEUESTOPSYNCHRONOUSLY, Manual); break;
    case StartManual: CALL(WdfIoQueueStart, WDFIOQUEUESTART, Manual); break;
    case PurgeManual:
        CALL(WdfIoQueuePurgeSynchronously, WDFIOQUEUEPURGESYNCHRONOUSLY, Manual);
        break;
    case PassOn:
        if (SendBelow(request, WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET)) {
            return;
        }
        status = CALL(WdfRequestGetStatus, WDFREQUESTGETSTATUS, request);
        break;
    case AskBelow:
        status = SendBelow(request, WDF_REQUEST_SEND_OPTION_SYNCHRONOUS) ? STATUS_SUCCESS
                                                                         : STATUS_UNSUCCESSFUL;
        answer = (ULONG)CALL(WdfRequestGetStatus, WDFREQUESTGETSTATUS, request);
        break;
    case Missing:
        ((VOID(*)(PVOID))WdfFunctions[WdfUsbTargetDeviceCreateTableIndex])(WdfDriverGlobals);
        break;
    default: status = STATUS_INVALID_DEVICE_REQUEST; break;
    }
    if (NT_SUCCESS(status)) {
        status = CALL(WdfRequestRetrieveOutputBuffer, WDFREQUESTRETRIEVEOUTPUTBUFFER, request,
                      sizeof(answer), (PVOID *)&output, &length);
        if (NT_SUCCESS(status)) {
            *output = answer;
            length = sizeof(answer);
        }
    }
    CALL(WdfRequestCompleteWithInformation, WDFREQUESTCOMPLETEWITHINFORMATION, request, status,
         NT_SUCCESS(status) ? length : 0);
}

/* PnP and power: each callback is a letter. */
#define NOTED(name, letter)                                                                        \
    static NTSTATUS NTAPI name(WDFDEVICE device)                                                   \
    {                                                                                              \
        UNREFERENCED_PARAMETER(device);                                                            \
        Note(letter);                                                                              \
        return STATUS_SUCCESS;                                                                     \
    }
#define NOTED_VOID(name, letter)                                                                   \
    static VOID NTAPI name(WDFDEVICE device)                                                       \
    {                                                                                              \
        UNREFERENCED_PARAMETER(device);                                                            \
        Note(letter);                                                                              \
    }

NOTED(OnSelfManagedInit, 'I')
NOTED(OnSelfManagedSuspend, 'S')
NOTED(OnSelfManagedRestart, 'R')
NOTED(OnQueryRemove, 'q')
NOTED(OnQueryStop, 's')
NOTED_VOID(OnSelfManagedFlush, 'F')
NOTED_VOID(OnSelfManagedCleanup, 'C')
NOTED_VOID(OnSurpriseRemoval, '!')

static NTSTATUS NTAPI OnPrepare(WDFDEVICE device, WDFCMRESLIST raw, WDFCMRESLIST translated)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(raw);
    UNREFERENCED_PARAMETER(translated);
    Note('P');
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnReleaseHardware(WDFDEVICE device, WDFCMRESLIST translated)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(translated);
    Note('H');
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnD0Entry(WDFDEVICE device, WDF_POWER_DEVICE_STATE previous)
{
    UNREFERENCED_PARAMETER(device);
    Note(previous == WdfPowerDeviceD3Final ? '0' : '?');
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnD0Exit(WDFDEVICE device, WDF_POWER_DEVICE_STATE target)
{
    UNREFERENCED_PARAMETER(device);
    Note(target == WdfPowerDeviceD3Final ? 'x' : '?');
    return STATUS_SUCCESS;
}

static VOID NTAPI OnFileCreate(WDFDEVICE device, WDFREQUEST request, WDFFILEOBJECT file)
{
    UNREFERENCED_PARAMETER(device);
    Note(CALL(WdfFileObjectGetDevice, WDFFILEOBJECTGETDEVICE, file) == Device ? 'o' : '?');
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_SUCCESS);
}

/* Cleanups reach the driver when its queues are held, so this can let go of what it keeps. */
static VOID NTAPI OnFileCleanup(WDFFILEOBJECT file)
{
    ULONG answer;
    UNREFERENCED_PARAMETER(file);
    Note('c');
    (VOID)ReleaseHeld(&answer);
}

static VOID NTAPI OnFileClose(WDFFILEOBJECT file)
{
    UNREFERENCED_PARAMETER(file);
    Note('l');
}

static VOID NTAPI OnDeviceCleanup(WDFOBJECT device)
{
    UNREFERENCED_PARAMETER(device);
    Note('d');
}

static VOID NTAPI OnDeviceDestroy(WDFOBJECT device)
{
    UNREFERENCED_PARAMETER(device);
    Note('D');
}

static NTSTATUS CreateQueues(VOID)
{
    WDF_IO_QUEUE_CONFIG config = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(Device);
    NTSTATUS status;
    config.Size = sizeof(config);
    config.PowerManaged = WdfUseDefault;
    config.DispatchType = WdfIoQueueDispatchParallel;
    config.Settings.Parallel.NumberOfPresentedRequests = (ULONG)-1;
    config.DefaultQueue = TRUE;
    config.EvtIoDeviceControl = OnDeviceControl;
    attributes.ExecutionLevel = WdfExecutionLevelPassive;
    attributes.ParentObject = NULL;
    status = CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, Device, &config, &attributes, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    RtlZeroMemory(&config, sizeof(config));
    config.Size = sizeof(config);
    config.PowerManaged = WdfFalse;
    config.DispatchType = WdfIoQueueDispatchManual;
    config.EvtIoCanceledOnQueue = OnCanceledOnQueue;
    return CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, Device, &config, &attributes, &Manual);
}

static NTSTATUS NTAPI OnDeviceAdd(WDFDRIVER driver, PWDFDEVICE_INIT init)
{
    WDF_PNPPOWER_EVENT_CALLBACKS pnp = {0};
    WDF_FILEOBJECT_CONFIG file = {0};
    WDF_OBJECT_ATTRIBUTES attributes = Attributes(NULL);
    UNICODE_STRING sddl;
    NTSTATUS status;
    UNREFERENCED_PARAMETER(driver);
    Note('a');
    pnp.Size = sizeof(pnp);
    pnp.EvtDevicePrepareHardware = OnPrepare;
    pnp.EvtDeviceReleaseHardware = OnReleaseHardware;
    pnp.EvtDeviceD0Entry = OnD0Entry;
    pnp.EvtDeviceD0Exit = OnD0Exit;
    pnp.EvtDeviceSelfManagedIoInit = OnSelfManagedInit;
    pnp.EvtDeviceSelfManagedIoSuspend = OnSelfManagedSuspend;
    pnp.EvtDeviceSelfManagedIoRestart = OnSelfManagedRestart;
    pnp.EvtDeviceSelfManagedIoFlush = OnSelfManagedFlush;
    pnp.EvtDeviceSelfManagedIoCleanup = OnSelfManagedCleanup;
    pnp.EvtDeviceSurpriseRemoval = OnSurpriseRemoval;
    pnp.EvtDeviceQueryRemove = OnQueryRemove;
    pnp.EvtDeviceQueryStop = OnQueryStop;
    CALL(WdfDeviceInitSetPnpPowerEventCallbacks, WDFDEVICEINITSETPNPPOWEREVENTCALLBACKS, init, &pnp);
    file.Size = sizeof(file);
    file.EvtDeviceFileCreate = OnFileCreate;
    file.EvtFileCleanup = OnFileCleanup;
    file.EvtFileClose = OnFileClose;
    file.AutoForwardCleanupClose = WdfUseDefault;
    file.FileObjectClass = WdfFileObjectWdfCannotUseFsContexts;
    CALL(WdfDeviceInitSetFileObjectConfig, WDFDEVICEINITSETFILEOBJECTCONFIG, init, &file, NULL);
    RtlInitUnicodeString(&sddl, L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    status = CALL(WdfDeviceInitAssignSDDLString, WDFDEVICEINITASSIGNSDDLSTRING, init, &sddl);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    /* Security without a name is refused, and the initialisation stays usable. */
    if (CALL(WdfDeviceCreate, WDFDEVICECREATE, &init, NULL, &Device) !=
        STATUS_INVALID_SECURITY_DESCR) {
        return STATUS_UNSUCCESSFUL;
    }
    CALL(WdfDeviceInitSetCharacteristics, WDFDEVICEINITSETCHARACTERISTICS, init,
         FILE_AUTOGENERATED_DEVICE_NAME, TRUE);
    attributes.EvtCleanupCallback = OnDeviceCleanup;
    attributes.EvtDestroyCallback = OnDeviceDestroy;
    status = CALL(WdfDeviceCreate, WDFDEVICECREATE, &init, &attributes, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = CreateQueues();
    if (!NT_SUCCESS(status)) {
        return status;
    }
    attributes = Attributes(Device);
    status = CALL(WdfSpinLockCreate, WDFSPINLOCKCREATE, &attributes, &HeldLock);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    return CALL(WdfDeviceCreateDeviceInterface, WDFDEVICECREATEDEVICEINTERFACE, Device, &Interface,
                NULL);
}

static VOID NTAPI OnUnload(WDFDRIVER driver)
{
    UNREFERENCED_PARAMETER(driver);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driverObject, PUNICODE_STRING registryPath)
{
    WDF_DRIVER_CONFIG config = {0};
    UNICODE_STRING name;
    NTSTATUS status;
    RtlInitUnicodeString(&name, L"KeGetCurrentIrql");
    *(PVOID *)&CurrentIrql = MmGetSystemRoutineAddress(&name);
    KeInitializeEvent(&Unblocked, NotificationEvent, FALSE);
    config.Size = sizeof(config);
    config.EvtDriverDeviceAdd = OnDeviceAdd;
    config.EvtDriverUnload = OnUnload;
    status = CALL(WdfDriverCreate, WDFDRIVERCREATE, driverObject, registryPath, NULL, &config,
                  &Driver);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    /* A driver is created once. */
    return CALL(WdfDriverCreate, WDFDRIVERCREATE, driverObject, registryPath, NULL, &config,
                NULL) == STATUS_DRIVER_INTERNAL_ERROR
               ? STATUS_SUCCESS
               : STATUS_UNSUCCESSFUL;
}
