/* I/O requests. */
#pragma once

typedef enum _WDF_REQUEST_TYPE {
    WdfRequestTypeCreate = 0x00,
    WdfRequestTypeCreateNamedPipe = 0x01,
    WdfRequestTypeClose = 0x02,
    WdfRequestTypeRead = 0x03,
    WdfRequestTypeWrite = 0x04,
    WdfRequestTypeQueryInformation = 0x05,
    WdfRequestTypeSetInformation = 0x06,
    WdfRequestTypeQueryEA = 0x07,
    WdfRequestTypeSetEA = 0x08,
    WdfRequestTypeFlushBuffers = 0x09,
    WdfRequestTypeQueryVolumeInformation = 0x0a,
    WdfRequestTypeSetVolumeInformation = 0x0b,
    WdfRequestTypeDirectoryControl = 0x0c,
    WdfRequestTypeFileSystemControl = 0x0d,
    WdfRequestTypeDeviceControl = 0x0e,
    WdfRequestTypeDeviceControlInternal = 0x0f,
    WdfRequestTypeShutdown = 0x10,
    WdfRequestTypeLockControl = 0x11,
    WdfRequestTypeCleanup = 0x12,
    WdfRequestTypeCreateMailSlot = 0x13,
    WdfRequestTypeQuerySecurity = 0x14,
    WdfRequestTypeSetSecurity = 0x15,
    WdfRequestTypePower = 0x16,
    WdfRequestTypeSystemControl = 0x17,
    WdfRequestTypeDeviceChange = 0x18,
    WdfRequestTypeQueryQuota = 0x19,
    WdfRequestTypeSetQuota = 0x1a,
    WdfRequestTypePnp = 0x1b,
    WdfRequestTypeOther = 0x1c,
    WdfRequestTypeUsb = 0x40,
    WdfRequestTypeNoFormat = 0xff,
    WdfRequestTypeMax = 0x100,
} WDF_REQUEST_TYPE;

typedef enum _WDF_REQUEST_REUSE_FLAGS {
    WDF_REQUEST_REUSE_NO_FLAGS = 0,
    WDF_REQUEST_REUSE_SET_NEW_IRP = 1,
} WDF_REQUEST_REUSE_FLAGS;

typedef enum _WDF_REQUEST_STOP_ACTION_FLAGS {
    WdfRequestStopActionInvalid = 0,
    WdfRequestStopActionSuspend = 1,
    WdfRequestStopActionPurge = 2,
    WdfRequestStopRequestCancelable = 0x10000000,
} WDF_REQUEST_STOP_ACTION_FLAGS;

typedef enum _WDF_REQUEST_SEND_OPTIONS_FLAGS {
    WDF_REQUEST_SEND_OPTION_TIMEOUT = 0x01,
    WDF_REQUEST_SEND_OPTION_SYNCHRONOUS = 0x02,
    WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE = 0x04,
    WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET = 0x08,
    WDF_REQUEST_SEND_OPTION_IMPERSONATE_CLIENT = 0x10000,
    WDF_REQUEST_SEND_OPTION_IMPERSONATION_IGNORE_FAILURE = 0x20000,
} WDF_REQUEST_SEND_OPTIONS_FLAGS;

typedef enum _WDF_REQUEST_FORWARD_OPTIONS_FLAGS {
    WDF_REQUEST_FORWARD_OPTION_SEND_AND_FORGET = 1,
} WDF_REQUEST_FORWARD_OPTIONS_FLAGS;

typedef struct _WDF_REQUEST_PARAMETERS {
    USHORT Size;
    UCHAR MinorFunction;
    WDF_REQUEST_TYPE Type;
    union {
        struct {
            PIO_SECURITY_CONTEXT SecurityContext;
            ULONG Options;
            USHORT POINTER_ALIGNMENT FileAttributes;
            USHORT ShareAccess;
            ULONG POINTER_ALIGNMENT EaLength;
        } Create;
        struct {
            size_t Length;
            ULONG POINTER_ALIGNMENT Key;
            LONGLONG DeviceOffset;
        } Read;
        struct {
            size_t Length;
            ULONG POINTER_ALIGNMENT Key;
            LONGLONG DeviceOffset;
        } Write;
        struct {
            size_t OutputBufferLength;
            size_t POINTER_ALIGNMENT InputBufferLength;
            ULONG POINTER_ALIGNMENT IoControlCode;
            PVOID Type3InputBuffer;
        } DeviceIoControl;
        struct {
            PVOID Arg1;
            PVOID Arg2;
            ULONG POINTER_ALIGNMENT IoControlCode;
            PVOID Arg4;
        } Others;
    } Parameters;
} WDF_REQUEST_PARAMETERS, *PWDF_REQUEST_PARAMETERS;

/* Seen only by USB drivers; here a pointer to something unknown. */
typedef struct _WDF_USB_REQUEST_COMPLETION_PARAMS *PWDF_USB_REQUEST_COMPLETION_PARAMS;

typedef struct _WDF_REQUEST_COMPLETION_PARAMS {
    ULONG Size;
    WDF_REQUEST_TYPE Type;
    IO_STATUS_BLOCK IoStatus;
    union {
        struct {
            WDFMEMORY Buffer;
            size_t Length;
            size_t Offset;
        } Write;
        struct {
            WDFMEMORY Buffer;
            size_t Length;
            size_t Offset;
        } Read;
        struct {
            ULONG IoControlCode;
            struct {
                WDFMEMORY Buffer;
                size_t Offset;
            } Input;
            struct {
                WDFMEMORY Buffer;
                size_t Offset;
                size_t Length;
            } Output;
        } Ioctl;
        struct {
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument1;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument2;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument3;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument4;
        } Others;
        struct {
            PWDF_USB_REQUEST_COMPLETION_PARAMS Completion;
        } Usb;
    } Parameters;
} WDF_REQUEST_COMPLETION_PARAMS, *PWDF_REQUEST_COMPLETION_PARAMS;

WDF_CALLBACK(WDF_REQUEST_CANCEL, VOID, WDFREQUEST Request);
WDF_CALLBACK(WDF_REQUEST_COMPLETION_ROUTINE, VOID, WDFREQUEST Request, WDFIOTARGET Target,
             PWDF_REQUEST_COMPLETION_PARAMS Params, WDFCONTEXT Context);

typedef struct _WDF_REQUEST_REUSE_PARAMS {
    ULONG Size;
    ULONG Flags;
    NTSTATUS Status;
    PIRP NewIrp;
} WDF_REQUEST_REUSE_PARAMS, *PWDF_REQUEST_REUSE_PARAMS;

typedef struct _WDF_REQUEST_SEND_OPTIONS {
    ULONG Size;
    ULONG Flags;
    LONGLONG Timeout;
} WDF_REQUEST_SEND_OPTIONS, *PWDF_REQUEST_SEND_OPTIONS;

typedef struct _WDF_REQUEST_FORWARD_OPTIONS {
    ULONG Size;
    ULONG Flags;
} WDF_REQUEST_FORWARD_OPTIONS, *PWDF_REQUEST_FORWARD_OPTIONS;

WDF_SLOT(WDFREQUESTCREATE, NTSTATUS, PWDF_OBJECT_ATTRIBUTES RequestAttributes, WDFIOTARGET
         IoTarget, WDFREQUEST *Request);
WDF_SLOT(WDFREQUESTCREATEFROMIRP, NTSTATUS, PWDF_OBJECT_ATTRIBUTES RequestAttributes, PIRP Irp,
         BOOLEAN RequestFreesIrp, WDFREQUEST *Request);
WDF_SLOT(WDFREQUESTREUSE, NTSTATUS, WDFREQUEST Request, PWDF_REQUEST_REUSE_PARAMS ReuseParams);
WDF_SLOT(WDFREQUESTCHANGETARGET, NTSTATUS, WDFREQUEST Request, WDFIOTARGET IoTarget);
WDF_SLOT(WDFREQUESTFORMATREQUESTUSINGCURRENTTYPE, VOID, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTWDMFORMATUSINGSTACKLOCATION, VOID, WDFREQUEST Request, PIO_STACK_LOCATION
         Stack);
WDF_SLOT(WDFREQUESTSEND, BOOLEAN, WDFREQUEST Request, WDFIOTARGET Target,
         PWDF_REQUEST_SEND_OPTIONS Options);
WDF_SLOT(WDFREQUESTGETSTATUS, NTSTATUS, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTMARKCANCELABLE, VOID, WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL
         EvtRequestCancel);
WDF_SLOT(WDFREQUESTUNMARKCANCELABLE, NTSTATUS, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTISCANCELED, BOOLEAN, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTCANCELSENTREQUEST, BOOLEAN, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTISFROM32BITPROCESS, BOOLEAN, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTSETCOMPLETIONROUTINE, VOID, WDFREQUEST Request,
         PFN_WDF_REQUEST_COMPLETION_ROUTINE CompletionRoutine, WDFCONTEXT CompletionContext);
WDF_SLOT(WDFREQUESTGETCOMPLETIONPARAMS, VOID, WDFREQUEST Request, PWDF_REQUEST_COMPLETION_PARAMS
         Params);
WDF_SLOT(WDFREQUESTALLOCATETIMER, NTSTATUS, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTCOMPLETE, VOID, WDFREQUEST Request, NTSTATUS Status);
WDF_SLOT(WDFREQUESTCOMPLETEWITHPRIORITYBOOST, VOID, WDFREQUEST Request, NTSTATUS Status, CCHAR
         PriorityBoost);
WDF_SLOT(WDFREQUESTCOMPLETEWITHINFORMATION, VOID, WDFREQUEST Request, NTSTATUS Status, ULONG_PTR
         Information);
WDF_SLOT(WDFREQUESTGETPARAMETERS, VOID, WDFREQUEST Request, PWDF_REQUEST_PARAMETERS Parameters);
WDF_SLOT(WDFREQUESTRETRIEVEINPUTMEMORY, NTSTATUS, WDFREQUEST Request, WDFMEMORY *Memory);
WDF_SLOT(WDFREQUESTRETRIEVEOUTPUTMEMORY, NTSTATUS, WDFREQUEST Request, WDFMEMORY *Memory);
WDF_SLOT(WDFREQUESTRETRIEVEINPUTBUFFER, NTSTATUS, WDFREQUEST Request, size_t
         MinimumRequiredLength, PVOID *Buffer, size_t *Length);
WDF_SLOT(WDFREQUESTRETRIEVEOUTPUTBUFFER, NTSTATUS, WDFREQUEST Request, size_t MinimumRequiredSize,
         PVOID *Buffer, size_t *Length);
WDF_SLOT(WDFREQUESTRETRIEVEINPUTWDMMDL, NTSTATUS, WDFREQUEST Request, PMDL *Mdl);
WDF_SLOT(WDFREQUESTRETRIEVEOUTPUTWDMMDL, NTSTATUS, WDFREQUEST Request, PMDL *Mdl);
WDF_SLOT(WDFREQUESTRETRIEVEUNSAFEUSERINPUTBUFFER, NTSTATUS, WDFREQUEST Request, size_t
         MinimumRequiredLength, PVOID *InputBuffer, size_t *Length);
WDF_SLOT(WDFREQUESTRETRIEVEUNSAFEUSEROUTPUTBUFFER, NTSTATUS, WDFREQUEST Request, size_t
         MinimumRequiredLength, PVOID *OutputBuffer, size_t *Length);
WDF_SLOT(WDFREQUESTSETINFORMATION, VOID, WDFREQUEST Request, ULONG_PTR Information);
WDF_SLOT(WDFREQUESTGETINFORMATION, ULONG_PTR, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTGETFILEOBJECT, WDFFILEOBJECT, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTPROBEANDLOCKUSERBUFFERFORREAD, NTSTATUS, WDFREQUEST Request, PVOID Buffer,
         size_t Length, WDFMEMORY *MemoryObject);
WDF_SLOT(WDFREQUESTPROBEANDLOCKUSERBUFFERFORWRITE, NTSTATUS, WDFREQUEST Request, PVOID Buffer,
         size_t Length, WDFMEMORY *MemoryObject);
WDF_SLOT(WDFREQUESTGETREQUESTORMODE, KPROCESSOR_MODE, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTFORWARDTOIOQUEUE, NTSTATUS, WDFREQUEST Request, WDFQUEUE DestinationQueue);
WDF_SLOT(WDFREQUESTGETIOQUEUE, WDFQUEUE, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTREQUEUE, NTSTATUS, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTSTOPACKNOWLEDGE, VOID, WDFREQUEST Request, BOOLEAN Requeue);
WDF_SLOT(WDFREQUESTWDMGETIRP, PIRP, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTMARKCANCELABLEEX, NTSTATUS, WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL
         EvtRequestCancel);
WDF_SLOT(WDFREQUESTISRESERVED, BOOLEAN, WDFREQUEST Request);
WDF_SLOT(WDFREQUESTFORWARDTOPARENTDEVICEIOQUEUE, NTSTATUS, WDFREQUEST Request, WDFQUEUE
         ParentDeviceQueue, PWDF_REQUEST_FORWARD_OPTIONS ForwardOptions);
WDF_SLOT(WDFREQUESTGETREQUESTORPROCESSID, ULONG, WDFREQUEST Request);
