/* Handles, the types that every other header uses, and the two shapes of declaration. */
#pragma once

/* A callback of the driver: the function type EVT_<name> and the pointer type PFN_<name>. */
#define WDF_CALLBACK(name, result, ...)                                                            \
    typedef result NTAPI EVT_##name(__VA_ARGS__);                                                  \
    typedef EVT_##name *PFN_##name

/* A function of the framework: the type of its slot. The globals always come first. */
#define WDF_SLOT(name, result, ...)                                                                \
    typedef result(NTAPI *PFN_##name)(PWDF_DRIVER_GLOBALS DriverGlobals, ##__VA_ARGS__)

/* A handle is a pointer to a structure of its own, so that handles of two kinds do not mix. */
#define WDF_HANDLE(name)                                                                           \
    struct name##__ {                                                                              \
        int unused;                                                                                \
    };                                                                                             \
    typedef struct name##__ *name

/* The one handle without a type: any framework object. */
typedef HANDLE WDFOBJECT, *PWDFOBJECT;

WDF_HANDLE(WDFDRIVER);
WDF_HANDLE(WDFDEVICE);
WDF_HANDLE(WDFFILEOBJECT);
WDF_HANDLE(WDFQUEUE);
WDF_HANDLE(WDFREQUEST);
WDF_HANDLE(WDFMEMORY);
WDF_HANDLE(WDFLOOKASIDE);
WDF_HANDLE(WDFWAITLOCK);
WDF_HANDLE(WDFSPINLOCK);
WDF_HANDLE(WDFTIMER);
WDF_HANDLE(WDFWORKITEM);
WDF_HANDLE(WDFDPC);
WDF_HANDLE(WDFINTERRUPT);
WDF_HANDLE(WDFKEY);
WDF_HANDLE(WDFSTRING);
WDF_HANDLE(WDFCOLLECTION);
WDF_HANDLE(WDFCHILDLIST);
WDF_HANDLE(WDFIOTARGET);
WDF_HANDLE(WDFIORESREQLIST);
WDF_HANDLE(WDFIORESLIST);
WDF_HANDLE(WDFCMRESLIST);
WDF_HANDLE(WDFCOMMONBUFFER);
WDF_HANDLE(WDFCOMPANIONTARGET);
WDF_HANDLE(WDFDMAENABLER);
WDF_HANDLE(WDFDMATRANSACTION);
WDF_HANDLE(WDFUSBDEVICE);
WDF_HANDLE(WDFUSBINTERFACE);
WDF_HANDLE(WDFUSBPIPE);
WDF_HANDLE(WDFWMIINSTANCE);
WDF_HANDLE(WDFWMIPROVIDER);

/* What the framework keeps of a device that is about to be created. Never seen inside. */
typedef struct WDFDEVICE_INIT *PWDFDEVICE_INIT;

/* A value of the driver that the framework hands back as it is. */
typedef PVOID WDFCONTEXT;

/* One entry of the table of structure sizes. */
typedef size_t *WDF_STRUCT_INFO;

typedef enum _WDF_TRI_STATE {
    WdfFalse = 0,
    WdfTrue = 1,
    WdfUseDefault = 2,
} WDF_TRI_STATE, *PWDF_TRI_STATE;

#define WDF_DRIVER_GLOBALS_NAME_LEN 32

/* What the framework shares with a driver that it serves. Lives in the framework. */
typedef struct _WDF_DRIVER_GLOBALS {
    WDFDRIVER Driver;
    ULONG DriverFlags;
    ULONG DriverTag;
    CHAR DriverName[WDF_DRIVER_GLOBALS_NAME_LEN];
    BOOLEAN DisplaceDriverUnload;
} WDF_DRIVER_GLOBALS, *PWDF_DRIVER_GLOBALS;
