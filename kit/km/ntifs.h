/*
 * The first header that wdk-build includes: the DDK's own, set right where version 10 of mingw-w64's
 * DDK headers differs from what a Windows 10 WDK declares.
 */
#pragma once

/*
 * mingw-w64 has these as inline functions for x64, which bindgen passes over; a WDK declares the
 * exports of ntoskrnl.exe (learn.microsoft.com/windows-hardware/drivers/ddi/wdm). The inline ones
 * step aside under another name.
 */
#define KeGetCurrentIrql InlineKeGetCurrentIrql
#define KeLowerIrql InlineKeLowerIrql
#define KfRaiseIrql InlineKfRaiseIrql
#define KeRaiseIrqlToDpcLevel InlineKeRaiseIrqlToDpcLevel

#include <ddk/ntifs.h>

#undef KeGetCurrentIrql
#undef KeLowerIrql
#undef KfRaiseIrql
#undef KeRaiseIrqlToDpcLevel

NTKERNELAPI KIRQL NTAPI KeGetCurrentIrql(VOID);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KfRaiseIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID);

/* Newer than these headers: ddi/wdm/nf-wdm-exallocatepool2 and ddi/wdm/ne-wdm-pool_flags. */
typedef ULONG64 POOL_FLAGS;

NTKERNELAPI PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
