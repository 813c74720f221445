/*
 * wdm.h for drivers in C: the DDK's of mingw-w64 (public domain), set right where a driver that runs
 * against ntoskrnl.exe's exports, or that is linked of several objects, needs it.
 */
#pragma once

/* Defined in every object that includes the header; under this name no other object has them. */
#define InterlockedBitTestAndSet DriverBitTestAndSet
#define InterlockedBitTestAndReset DriverBitTestAndReset

/* Inline functions that read CR8; a WDK declares the exports (ddi/wdm). */
#define KeGetCurrentIrql InlineKeGetCurrentIrql
#define KeLowerIrql InlineKeLowerIrql
#define KfRaiseIrql InlineKfRaiseIrql
#define KeRaiseIrqlToDpcLevel InlineKeRaiseIrqlToDpcLevel

#include <ddk/wdm.h>

#undef KeGetCurrentIrql
#undef KeLowerIrql
#undef KfRaiseIrql
#undef KeRaiseIrqlToDpcLevel

NTKERNELAPI KIRQL NTAPI KeGetCurrentIrql(VOID);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KfRaiseIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID);

/* Newer than these headers: ddi/wdm/nf-wdm-exallocatepool2, kernel/pool_flags. */
typedef ULONG64 POOL_FLAGS;
#define POOL_FLAG_NON_PAGED 0x0000000000000040ULL
#define POOL_FLAG_PAGED 0x0000000000000100ULL
NTKERNELAPI PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
