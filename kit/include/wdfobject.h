/* Objects: attributes, context types, references. */
#pragma once

typedef enum _WDF_EXECUTION_LEVEL {
    WdfExecutionLevelInvalid = 0,
    WdfExecutionLevelInheritFromParent = 1,
    WdfExecutionLevelPassive = 2,
    WdfExecutionLevelDispatch = 3,
} WDF_EXECUTION_LEVEL;

typedef enum _WDF_SYNCHRONIZATION_SCOPE {
    WdfSynchronizationScopeInvalid = 0,
    WdfSynchronizationScopeInheritFromParent = 1,
    WdfSynchronizationScopeDevice = 2,
    WdfSynchronizationScopeQueue = 3,
    WdfSynchronizationScopeNone = 4,
} WDF_SYNCHRONIZATION_SCOPE;

WDF_CALLBACK(WDF_OBJECT_CONTEXT_CLEANUP, VOID, WDFOBJECT Object);
WDF_CALLBACK(WDF_OBJECT_CONTEXT_DESTROY, VOID, WDFOBJECT Object);

typedef const struct _WDF_OBJECT_CONTEXT_TYPE_INFO *PCWDF_OBJECT_CONTEXT_TYPE_INFO;

typedef struct _WDF_OBJECT_ATTRIBUTES {
    ULONG Size;
    PFN_WDF_OBJECT_CONTEXT_CLEANUP EvtCleanupCallback;
    PFN_WDF_OBJECT_CONTEXT_DESTROY EvtDestroyCallback;
    WDF_EXECUTION_LEVEL ExecutionLevel;
    WDF_SYNCHRONIZATION_SCOPE SynchronizationScope;
    WDFOBJECT ParentObject;
    size_t ContextSizeOverride;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO ContextTypeInfo;
} WDF_OBJECT_ATTRIBUTES, *PWDF_OBJECT_ATTRIBUTES;

typedef PCWDF_OBJECT_CONTEXT_TYPE_INFO (*PFN_GET_UNIQUE_CONTEXT_TYPE)(VOID);

/* Describes a context. Its address is its identity: the framework compares pointers. */
typedef struct _WDF_OBJECT_CONTEXT_TYPE_INFO {
    ULONG Size;
    LPCSTR ContextName;
    size_t ContextSize;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO UniqueType;
    PFN_GET_UNIQUE_CONTEXT_TYPE EvtDriverGetUniqueContextType;
} WDF_OBJECT_CONTEXT_TYPE_INFO, *PWDF_OBJECT_CONTEXT_TYPE_INFO;

typedef struct _WDF_CUSTOM_TYPE_CONTEXT {
    ULONG Size;
    ULONG_PTR Data;
} WDF_CUSTOM_TYPE_CONTEXT, *PWDF_CUSTOM_TYPE_CONTEXT;

WDF_SLOT(WDFOBJECTGETTYPEDCONTEXTWORKER, PVOID, WDFOBJECT Handle, PCWDF_OBJECT_CONTEXT_TYPE_INFO
         TypeInfo);
WDF_SLOT(WDFOBJECTALLOCATECONTEXT, NTSTATUS, WDFOBJECT Handle, PWDF_OBJECT_ATTRIBUTES
         ContextAttributes, PVOID *Context);
WDF_SLOT(WDFOBJECTCONTEXTGETOBJECT, WDFOBJECT, PVOID ContextPointer);
WDF_SLOT(WDFOBJECTREFERENCEACTUAL, VOID, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File);
WDF_SLOT(WDFOBJECTDEREFERENCEACTUAL, VOID, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File);
WDF_SLOT(WDFOBJECTCREATE, NTSTATUS, PWDF_OBJECT_ATTRIBUTES Attributes, WDFOBJECT *Object);
WDF_SLOT(WDFOBJECTDELETE, VOID, WDFOBJECT Object);
WDF_SLOT(WDFOBJECTQUERY, NTSTATUS, WDFOBJECT Object, const GUID *Guid, ULONG QueryBufferLength,
         PVOID QueryBuffer);
