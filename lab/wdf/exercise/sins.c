/*
 * A KMDF driver that does wrong on demand: the negative twins of the verifier's checks. Each control
 * code is one sin (see enum Sin), committed as plainly as drivers commit it; nothing else is wrong
 * with the driver. What the verifier has to say to each stands in lab/tests/system/verifier.rs.
 */
/* The DDK headers define these in every object; WdfDriverEntry.lib has them already. */
#define InterlockedBitTestAndSet SinsBitTestAndSet
#define InterlockedBitTestAndReset SinsBitTestAndReset
#include <ntddk.h>
#include <wdf.h>

#define CALL(Name, NAME, ...)                                                                      \
    (((PFN_##NAME)WdfFunctions[Name##TableIndex])(WdfDriverGlobals, ##__VA_ARGS__))

#define CODE(function) CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define TAG 'niSP'

enum Sin {
    NoSin = CODE(0x800),
    Leak = CODE(0x801),              /* two blocks of one place, one of another */
    Overrun = CODE(0x802),           /* a byte beyond the end of a block that fills its granules */
    OverrunTail = CODE(0x803),       /* a byte beyond the end of one that does not */
    Underrun = CODE(0x804),          /* a byte before the block */
    UseAfterFree = CODE(0x805),
    DoubleFree = CODE(0x806),
    ReadBeyond = CODE(0x807),        /* the system is made to read beyond the end */
    PagedOverrun = CODE(0x808),      /* as Overrun, in paged pool */
    PagedUseAfterFree = CODE(0x809),
    PagedAtDispatch = CODE(0x80a),   /* allocates paged pool at DISPATCH_LEVEL */
    OneBit = CODE(0x80b),            /* turns a bit before the block */
    FreeInside = CODE(0x80c),        /* frees an address inside a block */
    RtlAtDispatch = CODE(0x810),     /* calls a passive-level routine at DISPATCH_LEVEL */
    ZwAtApc = CODE(0x811),           /* calls ZwClose at APC_LEVEL */
    WaitAtDispatch = CODE(0x812),    /* waits at DISPATCH_LEVEL */
    CompleteTwice = CODE(0x820),     /* WdfRequestComplete, and again */
    NeverComplete = CODE(0x821),     /* keeps the request for good */
    CompleteCancelled = CODE(0x822), /* completes after its cancel callback has */
    PagedEvent = CODE(0x830),        /* initialises a KEVENT in paged pool */
    SectionTimer = CODE(0x831),      /* initialises a KTIMER in section PAGEDATA */
    PagedSpinLock = CODE(0x832),     /* takes a spin lock in paged pool */
    PagedFastMutex = CODE(0x833),
    PagedResource = CODE(0x834),
    PagedMutex = CODE(0x835),
    LockOrder = CODE(0x840),         /* takes A then B, then B then A: spin locks */
    MutexOrder = CODE(0x841),        /* the same with fast mutexes */
    MixedOrder = CODE(0x842),        /* the same with a mutex and a fast mutex */
    WrongRelease = CODE(0x843),      /* releases a spin lock that it has not acquired */
    TryAllocate = CODE(0x850),       /* allocates in many ways, and copes with each failure */
    Careless = CODE(0x851),          /* allocates, and does not look whether it got anything */
};

/* {5149e05e-6a30-4f6b-8c4e-73696e736973} */
static const GUID Interface = {
    0x5149e05e, 0x6a30, 0x4f6b, {0x8c, 0x4e, 0x73, 0x69, 0x6e, 0x73, 0x69, 0x73}};

/* The DDK headers write CR8 in line, which only ring 0 may. */
static KIRQL(NTAPI *Raise)(KIRQL);
static VOID(NTAPI *Lower)(KIRQL);

static KSPIN_LOCK LockA, LockB;
static FAST_MUTEX MutexA, MutexB;
static KMUTEX Mutex;
static WDFDEVICE Device;

#pragma section("PAGEDATA", read, write)
static __attribute__((section("PAGEDATA"))) KTIMER PagedTimer = {0};

/* Inlined, so that each sin is its own place. */
static inline __attribute__((always_inline)) volatile CHAR *Allocate(POOL_TYPE pool, SIZE_T bytes)
{
    return ExAllocatePoolWithTag(pool, bytes, TAG);
}

static inline __attribute__((always_inline)) VOID Free(volatile CHAR *block)
{
    ExFreePoolWithTag((PVOID)block, TAG);
}

static __attribute__((noinline)) VOID LeakTwo(VOID)
{
    volatile int i;
    for (i = 0; i < 2; i++) {
        Allocate(NonPagedPool, 100);
    }
}

static VOID InitializeFastMutex(PFAST_MUTEX mutex)
{
    mutex->Count = 1;
    mutex->Owner = NULL;
    mutex->Contention = 0;
    KeInitializeEvent(&mutex->Event, SynchronizationEvent, FALSE);
}

static NTSTATUS SinOfPool(ULONG code)
{
    POOL_TYPE pool = NonPagedPool;
    volatile CHAR *block;
    KIRQL old;
    switch ((enum Sin)code) {
    case Leak:
        LeakTwo();
        Allocate(PagedPool, 500);
        return STATUS_SUCCESS;
    case PagedAtDispatch:
        old = Raise(DISPATCH_LEVEL);
        Allocate(PagedPool, 64);
        Lower(old);
        return STATUS_SUCCESS;
    case PagedOverrun:
    case PagedUseAfterFree:
        pool = PagedPool;
        break;
    default: break;
    }
    block = Allocate(pool, code == (ULONG)OverrunTail ? 100 : 64);
    if (block == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    switch ((enum Sin)code) {
    case Overrun:
    case PagedOverrun: block[64] = 1; break;
    case OverrunTail: block[100] = 1; break;
    case Underrun: block[-1] = 1; break;
    case OneBit: block[-1] ^= 4; break;
    case UseAfterFree:
    case PagedUseAfterFree:
        Free(block);
        return block[3] == 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
    case DoubleFree:
        Free(block);
        break;
    case ReadBeyond: RtlCompareMemory((PVOID)block, (PVOID)(block + 16), 64); break;
    case FreeInside: block += 16; break;
    default: break;
    }
    Free(block);
    return STATUS_SUCCESS;
}

static NTSTATUS SinOfIrql(ULONG code)
{
    UNICODE_STRING string;
    LARGE_INTEGER timeout;
    KEVENT event;
    KIRQL old;
    RtlInitUnicodeString(&string, L"sin");
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    timeout.QuadPart = -10000;
    old = Raise(code == (ULONG)ZwAtApc ? APC_LEVEL : DISPATCH_LEVEL);
    switch ((enum Sin)code) {
    case RtlAtDispatch: RtlCompareUnicodeString(&string, &string, TRUE); break;
    case ZwAtApc: ZwClose(NULL); break;
    case WaitAtDispatch:
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &timeout);
        break;
    default: break;
    }
    Lower(old);
    return STATUS_SUCCESS;
}

static NTSTATUS SinOfObject(ULONG code)
{
    volatile CHAR *block = Allocate(PagedPool, 512);
    KIRQL old;
    if (block == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory((PVOID)block, 512);
    switch ((enum Sin)code) {
    case PagedEvent: KeInitializeEvent((PRKEVENT)block, NotificationEvent, FALSE); break;
    case SectionTimer: KeInitializeTimer(&PagedTimer); break;
    case PagedSpinLock:
        /* Zeroed memory is a lock that is free: nothing initialises it. */
        KeAcquireSpinLock((PKSPIN_LOCK)block, &old);
        KeReleaseSpinLock((PKSPIN_LOCK)block, old);
        break;
    case PagedFastMutex: InitializeFastMutex((PFAST_MUTEX)block); break;
    case PagedResource: ExInitializeResourceLite((PERESOURCE)block); break;
    case PagedMutex: KeInitializeMutex((PRKMUTEX)block, 0); break;
    default: break;
    }
    Free(block);
    return STATUS_SUCCESS;
}

static VOID Both(PKSPIN_LOCK first, PKSPIN_LOCK second)
{
    KIRQL old;
    KeAcquireSpinLock(first, &old);
    KeAcquireSpinLockAtDpcLevel(second);
    KeReleaseSpinLockFromDpcLevel(second);
    KeReleaseSpinLock(first, old);
}

static VOID BothMutexes(PFAST_MUTEX first, PFAST_MUTEX second)
{
    ExAcquireFastMutex(first);
    ExAcquireFastMutex(second);
    ExReleaseFastMutex(second);
    ExReleaseFastMutex(first);
}

static NTSTATUS SinOfOrder(ULONG code)
{
    switch ((enum Sin)code) {
    case LockOrder:
        Both(&LockA, &LockB);
        Both(&LockB, &LockA);
        break;
    case MutexOrder:
        BothMutexes(&MutexA, &MutexB);
        BothMutexes(&MutexB, &MutexA);
        break;
    case MixedOrder:
        KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
        ExAcquireFastMutex(&MutexA);
        ExReleaseFastMutex(&MutexA);
        KeReleaseMutex(&Mutex, FALSE);
        ExAcquireFastMutex(&MutexA);
        KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
        KeReleaseMutex(&Mutex, FALSE);
        ExReleaseFastMutex(&MutexA);
        break;
    case WrongRelease: {
        KIRQL old;
        old = Raise(DISPATCH_LEVEL);
        KeReleaseSpinLock(&LockA, old);
        break;
    }
    default: break;
    }
    return STATUS_SUCCESS;
}

/* Every kind of allocation, one after the other; a failure is no reason to leave anything behind. */
static NTSTATUS TryEverything(VOID)
{
    volatile CHAR *block = Allocate(NonPagedPool, 40);
    PIO_WORKITEM item;
    ANSI_STRING ansi;
    UNICODE_STRING unicode;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    WDFMEMORY memory;
    PIRP irp;
    PMDL mdl;
    if (block == NULL) {
        return status;
    }
    irp = IoAllocateIrp(2, FALSE);
    if (irp != NULL) {
        IoFreeIrp(irp);
        mdl = IoAllocateMdl((PVOID)block, 40, FALSE, FALSE, NULL);
        if (mdl != NULL) {
            IoFreeMdl(mdl);
            item = IoAllocateWorkItem(CALL(WdfDeviceWdmGetDeviceObject,
                                           WDFDEVICEWDMGETDEVICEOBJECT, Device));
            if (item != NULL) {
                IoFreeWorkItem(item);
                RtlInitAnsiString(&ansi, "sin");
                status = RtlAnsiStringToUnicodeString(&unicode, &ansi, TRUE);
            }
        }
    }
    if (NT_SUCCESS(status)) {
        RtlFreeUnicodeString(&unicode);
        status = CALL(WdfMemoryCreate, WDFMEMORYCREATE, NULL, NonPagedPool, TAG, 24, &memory, NULL);
        if (NT_SUCCESS(status)) {
            CALL(WdfObjectDelete, WDFOBJECTDELETE, memory);
        }
    }
    Free(block);
    return status;
}

static VOID NTAPI OnCancel(WDFREQUEST request)
{
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_CANCELLED);
    /* And once more, as the code does that does not know of the cancellation. */
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_SUCCESS);
}

static VOID NTAPI OnDeviceControl(WDFQUEUE queue, WDFREQUEST request, size_t outputLength,
                                  size_t inputLength, ULONG code)
{
    NTSTATUS status = STATUS_SUCCESS;
    UNREFERENCED_PARAMETER(queue);
    UNREFERENCED_PARAMETER(outputLength);
    UNREFERENCED_PARAMETER(inputLength);
    switch (code >> 6 & 0x3f) {
    case 0: status = code == (ULONG)NoSin ? STATUS_SUCCESS : SinOfPool(code); break;
    case 1: status = SinOfIrql(code); break;
    case 2:
        if (code == (ULONG)NeverComplete) {
            return;
        }
        if (code == (ULONG)CompleteCancelled) {
            CALL(WdfRequestMarkCancelable, WDFREQUESTMARKCANCELABLE, request, OnCancel);
            return;
        }
        CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_SUCCESS);
        break;
    case 3: status = SinOfObject(code); break;
    case 4: status = SinOfOrder(code); break;
    default:
        if (code == (ULONG)TryAllocate) {
            status = TryEverything();
        } else {
            volatile CHAR *block = Allocate(NonPagedPool, 40);
            block[0] = 1;
            Free(block);
        }
    }
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, status);
}

static NTSTATUS NTAPI OnDeviceAdd(WDFDRIVER driver, PWDFDEVICE_INIT init)
{
    WDF_IO_QUEUE_CONFIG config = {0};
    NTSTATUS status;
    UNREFERENCED_PARAMETER(driver);
    status = CALL(WdfDeviceCreate, WDFDEVICECREATE, &init, NULL, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    config.Size = sizeof(config);
    config.PowerManaged = WdfUseDefault;
    config.DispatchType = WdfIoQueueDispatchParallel;
    config.Settings.Parallel.NumberOfPresentedRequests = (ULONG)-1;
    config.DefaultQueue = TRUE;
    config.EvtIoDeviceControl = OnDeviceControl;
    status = CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, Device, &config, NULL, NULL);
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
    RtlInitUnicodeString(&name, L"KfRaiseIrql");
    *(PVOID *)&Raise = MmGetSystemRoutineAddress(&name);
    RtlInitUnicodeString(&name, L"KeLowerIrql");
    *(PVOID *)&Lower = MmGetSystemRoutineAddress(&name);
    KeInitializeSpinLock(&LockA);
    KeInitializeSpinLock(&LockB);
    InitializeFastMutex(&MutexA);
    InitializeFastMutex(&MutexB);
    KeInitializeMutex(&Mutex, 0);
    config.Size = sizeof(config);
    config.EvtDriverDeviceAdd = OnDeviceAdd;
    config.EvtDriverUnload = OnUnload;
    return CALL(WdfDriverCreate, WDFDRIVERCREATE, driverObject, registryPath, NULL, &config, NULL);
}
