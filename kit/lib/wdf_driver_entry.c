/*
 * WdfDriverEntry.lib: the entry point of a KMDF driver and the variables through which it reaches
 * the framework.
 *
 * What must happen here is told by the loader's interface (microsoft/Windows-Driver-Frameworks,
 * src/framework/shared/inc/private/common/fxldr.h, MIT): bind, run the driver's DriverEntry, unbind
 * when that fails or when the driver is unloaded.
 */
#include <ntddk.h>
#include <wdf.h>

/* The longest registry path that is kept for unbinding, in characters. */
#define REGISTRY_PATH_CHARACTERS 512

typedef struct _WDF_VERSION {
    ULONG Major;
    ULONG Minor;
    ULONG Build;
} WDF_VERSION;

/* What a driver tells the loader. The framework keeps a pointer to it for as long as it is bound. */
typedef struct _WDF_BIND_INFO {
    ULONG Size;
    PWCHAR Component;
    WDF_VERSION Version;
    ULONG FuncCount;
    WDFFUNC *FuncTable;
    PVOID Module;
} WDF_BIND_INFO, *PWDF_BIND_INFO;

C_ASSERT(sizeof(WDF_BIND_INFO) == 48);
C_ASSERT(FIELD_OFFSET(WDF_BIND_INFO, FuncTable) == 32);

__declspec(dllimport) NTSTATUS NTAPI WdfVersionBind(PDRIVER_OBJECT DriverObject,
                                                    PUNICODE_STRING RegistryPath,
                                                    PWDF_BIND_INFO BindInfo,
                                                    PWDF_DRIVER_GLOBALS *ComponentGlobals);
__declspec(dllimport) NTSTATUS NTAPI WdfVersionUnbind(PUNICODE_STRING RegistryPath,
                                                      PWDF_BIND_INFO BindInfo,
                                                      PWDF_DRIVER_GLOBALS ComponentGlobals);

/* The driver's own. */
extern NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

/*
 * Since 1.15 the loader stores the address of the framework's table here; nothing is copied. The
 * count is the one the driver was built with: wdk-sys checks each call against it.
 */
const WDFFUNC *WdfFunctions = NULL;
ULONG WdfFunctionCount = WdfFunctionTableNumEntries;
PWDF_DRIVER_GLOBALS WdfDriverGlobals = NULL;

/* This driver asks for the version it was built with and no other, so it is never the newer one. */
BOOLEAN WdfClientVersionHigherThanFramework = FALSE;
ULONG WdfStructureCount = 0;
WDF_STRUCT_INFO WdfStructures = NULL;

static WCHAR ComponentName[] = L"KmdfLibrary";

WDF_BIND_INFO WdfBindInfo = {
    .Size = sizeof(WDF_BIND_INFO),
    .Component = ComponentName,
    .Version = {.Major = KMDF_VERSION_MAJOR, .Minor = KMDF_VERSION_MINOR, .Build = 0},
    .FuncCount = WdfFunctionTableNumEntries,
    .FuncTable = (WDFFUNC *)&WdfFunctions,
    .Module = NULL,
};

static WCHAR RegistryPathBuffer[REGISTRY_PATH_CHARACTERS];
static UNICODE_STRING KeptRegistryPath = {0, sizeof(RegistryPathBuffer), RegistryPathBuffer};
static PDRIVER_UNLOAD DisplacedUnload = NULL;

static NTSTATUS KeepRegistryPath(PUNICODE_STRING RegistryPath)
{
    USHORT i;
    USHORT characters = RegistryPath->Length / sizeof(WCHAR);

    if (characters > REGISTRY_PATH_CHARACTERS) {
        return STATUS_NAME_TOO_LONG;
    }
    for (i = 0; i < characters; i++) {
        RegistryPathBuffer[i] = RegistryPath->Buffer[i];
    }
    KeptRegistryPath.Length = characters * sizeof(WCHAR);
    return STATUS_SUCCESS;
}

static VOID Unbind(VOID)
{
    (VOID)WdfVersionUnbind(&KeptRegistryPath, &WdfBindInfo, WdfDriverGlobals);
}

/* The driver's unload routine, or the framework's, first; then the framework lets go of the image. */
static VOID NTAPI UnloadAndUnbind(PDRIVER_OBJECT DriverObject)
{
    if (DisplacedUnload != NULL) {
        DisplacedUnload(DriverObject);
    }
    Unbind();
}

NTSTATUS NTAPI FxDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS status;

    status = KeepRegistryPath(RegistryPath);
    if (!NT_SUCCESS(status)) {
        return status;
    }

    status = WdfVersionBind(DriverObject, &KeptRegistryPath, &WdfBindInfo, &WdfDriverGlobals);
    if (!NT_SUCCESS(status)) {
        return status;
    }

    status = DriverEntry(DriverObject, RegistryPath);
    if (!NT_SUCCESS(status)) {
        Unbind();
        return status;
    }

    /* Ours replaces whatever is there now. Without it the framework would never be told. */
    if (WdfDriverGlobals->DisplaceDriverUnload) {
        if (DriverObject->DriverUnload != NULL) {
            DisplacedUnload = DriverObject->DriverUnload;
        }
        DriverObject->DriverUnload = UnloadAndUnbind;
    }
    return status;
}
