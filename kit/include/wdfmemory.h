/* Memory objects and lookaside lists. */
#pragma once

typedef enum _WDF_MEMORY_DESCRIPTOR_TYPE {
    WdfMemoryDescriptorTypeInvalid = 0,
    WdfMemoryDescriptorTypeBuffer = 1,
    WdfMemoryDescriptorTypeMdl = 2,
    WdfMemoryDescriptorTypeHandle = 3,
} WDF_MEMORY_DESCRIPTOR_TYPE;

typedef struct _WDFMEMORY_OFFSET {
    size_t BufferOffset;
    size_t BufferLength;
} WDFMEMORY_OFFSET, *PWDFMEMORY_OFFSET;

typedef struct _WDF_MEMORY_DESCRIPTOR {
    WDF_MEMORY_DESCRIPTOR_TYPE Type;
    union {
        struct {
            PVOID Buffer;
            ULONG Length;
        } BufferType;
        struct {
            PMDL Mdl;
            ULONG BufferLength;
        } MdlType;
        struct {
            WDFMEMORY Memory;
            PWDFMEMORY_OFFSET Offsets;
        } HandleType;
    } u;
} WDF_MEMORY_DESCRIPTOR, *PWDF_MEMORY_DESCRIPTOR;

WDF_SLOT(WDFMEMORYCREATE, NTSTATUS, PWDF_OBJECT_ATTRIBUTES Attributes, POOL_TYPE PoolType, ULONG
         PoolTag, size_t BufferSize, WDFMEMORY *Memory, PVOID *Buffer);
WDF_SLOT(WDFMEMORYCREATEPREALLOCATED, NTSTATUS, PWDF_OBJECT_ATTRIBUTES Attributes, PVOID Buffer,
         size_t BufferSize, WDFMEMORY *Memory);
WDF_SLOT(WDFMEMORYGETBUFFER, PVOID, WDFMEMORY Memory, size_t *BufferSize);
WDF_SLOT(WDFMEMORYASSIGNBUFFER, NTSTATUS, WDFMEMORY Memory, PVOID Buffer, size_t BufferSize);
WDF_SLOT(WDFMEMORYCOPYTOBUFFER, NTSTATUS, WDFMEMORY SourceMemory, size_t SourceOffset, PVOID
         Buffer, size_t NumBytesToCopyTo);
WDF_SLOT(WDFMEMORYCOPYFROMBUFFER, NTSTATUS, WDFMEMORY DestinationMemory, size_t DestinationOffset,
         PVOID Buffer, size_t NumBytesToCopyFrom);
WDF_SLOT(WDFLOOKASIDELISTCREATE, NTSTATUS, PWDF_OBJECT_ATTRIBUTES LookasideAttributes, size_t
         BufferSize, POOL_TYPE PoolType, PWDF_OBJECT_ATTRIBUTES MemoryAttributes, ULONG PoolTag,
         WDFLOOKASIDE *Lookaside);
WDF_SLOT(WDFMEMORYCREATEFROMLOOKASIDE, NTSTATUS, WDFLOOKASIDE Lookaside, WDFMEMORY *Memory);
