/*
 * The helpers by which drivers fill in the framework's structures, and context types. Each does what
 * its page under learn.microsoft.com/windows-hardware/drivers/ddi says.
 */
#pragma once

/* ddi/wdfobject/nf-wdfobject-wdf_object_attributes_init */
static inline VOID WDF_OBJECT_ATTRIBUTES_INIT(PWDF_OBJECT_ATTRIBUTES Attributes)
{
    RtlZeroMemory(Attributes, sizeof(*Attributes));
    Attributes->Size = sizeof(*Attributes);
    Attributes->ExecutionLevel = WdfExecutionLevelInheritFromParent;
    Attributes->SynchronizationScope = WdfSynchronizationScopeInheritFromParent;
}

/* ddi/wdfdriver/nf-wdfdriver-wdf_driver_config_init */
static inline VOID WDF_DRIVER_CONFIG_INIT(PWDF_DRIVER_CONFIG Config, PFN_WDF_DRIVER_DEVICE_ADD Add)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtDriverDeviceAdd = Add;
}

/* ddi/wdfio/nf-wdfio-wdf_io_queue_config_init */
static inline VOID WDF_IO_QUEUE_CONFIG_INIT(PWDF_IO_QUEUE_CONFIG Config,
                                            WDF_IO_QUEUE_DISPATCH_TYPE Type)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->DispatchType = Type;
    Config->PowerManaged = WdfUseDefault;
    if (Type == WdfIoQueueDispatchParallel) {
        Config->Settings.Parallel.NumberOfPresentedRequests = (ULONG)-1;
    }
}

/* ddi/wdfio/nf-wdfio-wdf_io_queue_config_init_default_queue */
static inline VOID WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(PWDF_IO_QUEUE_CONFIG Config,
                                                          WDF_IO_QUEUE_DISPATCH_TYPE Type)
{
    WDF_IO_QUEUE_CONFIG_INIT(Config, Type);
    Config->DefaultQueue = TRUE;
}

/* ddi/wdfdevice/nf-wdfdevice-wdf_fileobject_config_init */
static inline VOID WDF_FILEOBJECT_CONFIG_INIT(PWDF_FILEOBJECT_CONFIG Config,
                                              PFN_WDF_DEVICE_FILE_CREATE Create,
                                              PFN_WDF_FILE_CLOSE Close, PFN_WDF_FILE_CLEANUP Cleanup)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtDeviceFileCreate = Create;
    Config->EvtFileClose = Close;
    Config->EvtFileCleanup = Cleanup;
    Config->FileObjectClass = WdfFileObjectWdfCanUseFsContext;
    Config->AutoForwardCleanupClose = WdfUseDefault;
}

/* ddi/wdftimer/nf-wdftimer-wdf_timer_config_init */
static inline VOID WDF_TIMER_CONFIG_INIT(PWDF_TIMER_CONFIG Config, PFN_WDF_TIMER Timer)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtTimerFunc = Timer;
    Config->AutomaticSerialization = TRUE;
}

/* ddi/wdftimer/nf-wdftimer-wdf_timer_config_init_periodic */
static inline VOID WDF_TIMER_CONFIG_INIT_PERIODIC(PWDF_TIMER_CONFIG Config, PFN_WDF_TIMER Timer,
                                                  LONG Period)
{
    WDF_TIMER_CONFIG_INIT(Config, Timer);
    Config->Period = Period;
}

/* ddi/wdfworkitem/nf-wdfworkitem-wdf_workitem_config_init */
static inline VOID WDF_WORKITEM_CONFIG_INIT(PWDF_WORKITEM_CONFIG Config, PFN_WDF_WORKITEM Work)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtWorkItemFunc = Work;
    Config->AutomaticSerialization = TRUE;
}

/* ddi/wdfcore/nf-wdfcore-wdf_rel_timeout_in_ms */
static inline LONGLONG WDF_REL_TIMEOUT_IN_MS(ULONGLONG Milliseconds)
{
    return -(LONGLONG)Milliseconds * 10000;
}

/* wdf/framework-object-context-space: a type, and the accessor of an object's context of that type */
#define WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(Type, Accessor)                                         \
    static const WDF_OBJECT_CONTEXT_TYPE_INFO WdfTypeInfo_##Type = {                               \
        sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), #Type, sizeof(Type), &WdfTypeInfo_##Type, NULL};      \
    static inline Type *Accessor(WDFOBJECT Object)                                                 \
    {                                                                                              \
        return (Type *)WdfObjectGetTypedContextWorker(Object, &WdfTypeInfo_##Type);                \
    }

#define WDF_OBJECT_ATTRIBUTES_SET_CONTEXT_TYPE(Attributes, Type)                                   \
    ((Attributes)->ContextTypeInfo = &WdfTypeInfo_##Type)

#define WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(Attributes, Type)                                  \
    (WDF_OBJECT_ATTRIBUTES_INIT(Attributes), WDF_OBJECT_ATTRIBUTES_SET_CONTEXT_TYPE(Attributes, Type))

#define WDF_NO_OBJECT_ATTRIBUTES NULL
#define WDF_NO_HANDLE NULL
#define WDF_NO_EVENT_CALLBACK NULL

#define WdfObjectReference(Handle) WdfObjectReferenceActual(Handle, NULL, __LINE__, (PCCH)__FILE__)
#define WdfObjectDereference(Handle) \
    WdfObjectDereferenceActual(Handle, NULL, __LINE__, (PCCH)__FILE__)
