/* The function table: its slots by name, and the symbols through which it is reached. */
#pragma once

typedef enum _WDFFUNCENUM {
#define SLOT(name) name##TableIndex,
#include "wdfslots.h"
#undef SLOT
    WdfFunctionTableNumEntries,
} WDFFUNCENUM;

/* An entry before it is cast to the type of its slot. */
typedef VOID (*WDFFUNC)(VOID);

/*
 * These are defined by WdfDriverEntry.lib and filled when the driver binds. The name of the table
 * carries the version, so that a driver never links to a library of another version.
 */
#define WdfFunctions WdfFunctions_01031
extern const WDFFUNC *WdfFunctions;
extern ULONG WdfFunctionCount;
extern PWDF_DRIVER_GLOBALS WdfDriverGlobals;
extern BOOLEAN WdfClientVersionHigherThanFramework;
extern ULONG WdfStructureCount;
extern WDF_STRUCT_INFO WdfStructures;
