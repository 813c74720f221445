/*
 * Memory that belongs to a driver object, found again by an address that only its owner knows:
 * learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocatedriverobjectextension and
 * nf-wdm-iogetdriverobjectextension.
 *
 * Wine 8 answers STATUS_NOT_IMPLEMENTED to the first and NULL to the second. WDFLDR.SYS keeps what
 * it knows of a client there. A Wine that implements them is left to do so.
 */

#include <ntddk.h>

struct extension {
    struct extension *next;
    PDRIVER_OBJECT driver;
    PVOID client;
    /* An address in the driver's image: with the image go the extensions. */
    ULONG_PTR image;
    /* The owner's part follows, aligned as pool is. */
    DECLSPEC_ALIGN(16) UCHAR memory[];
};

/* From ntdll.dll: learn.microsoft.com/windows/win32/devnotes/ldrdllnotification */
struct unloaded {
    ULONG flags;
    PCUNICODE_STRING full_name;
    PCUNICODE_STRING base_name;
    PVOID base;
    ULONG size;
};
typedef VOID(NTAPI *notification)(ULONG reason, const struct unloaded *data, PVOID context);
#define LDR_DLL_NOTIFICATION_REASON_UNLOADED 2
DECLSPEC_IMPORT NTSTATUS NTAPI LdrRegisterDllNotification(ULONG, notification, PVOID, PVOID *);

/* From ntdll.dll, too. A lock that is all zeroes is free. */
struct lock {
    PVOID state;
};
DECLSPEC_IMPORT VOID NTAPI RtlAcquireSRWLockExclusive(struct lock *);
DECLSPEC_IMPORT VOID NTAPI RtlReleaseSRWLockExclusive(struct lock *);

#define TAG 'xEsP'

static struct lock lock;
static struct extension *first;
static PVOID registration;

/*
 * Wine frees a driver object without telling anyone; that its image goes, it tells. The page warns
 * against calling other DLLs from here; what is called is ntdll's, which stays.
 */
static VOID NTAPI image_gone(ULONG reason, const struct unloaded *data, PVOID context)
{
    (void)context;
    if (reason != LDR_DLL_NOTIFICATION_REASON_UNLOADED)
        return;
    ULONG_PTR base = (ULONG_PTR)data->base;
    RtlAcquireSRWLockExclusive(&lock);
    for (struct extension **link = &first; *link;) {
        struct extension *one = *link;
        if (one->image - base < data->size) {
            *link = one->next;
            ExFreePoolWithTag(one, TAG);
        } else {
            link = &one->next;
        }
    }
    RtlReleaseSRWLockExclusive(&lock);
}

static struct extension *find(PDRIVER_OBJECT driver, PVOID client)
{
    struct extension *one = first;
    while (one && (one->driver != driver || one->client != client))
        one = one->next;
    return one;
}

static NTSTATUS add(struct extension *made)
{
    NTSTATUS status = STATUS_SUCCESS;
    if (!registration)
        status = LdrRegisterDllNotification(0, image_gone, NULL, &registration);
    if (!NT_SUCCESS(status))
        return status;
    if (find(made->driver, made->client))
        return STATUS_OBJECT_NAME_COLLISION;
    made->next = first;
    first = made;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI shim_IoAllocateDriverObjectExtension(PDRIVER_OBJECT driver, PVOID client, ULONG size,
                                                    PVOID *memory)
{
    NTSTATUS status = IoAllocateDriverObjectExtension(driver, client, size, memory);
    if (status != STATUS_NOT_IMPLEMENTED)
        return status;
    *memory = NULL;
    SIZE_T bytes = sizeof(struct extension) + (SIZE_T)size;
    struct extension *made = ExAllocatePoolWithTag(NonPagedPool, bytes, TAG);
    if (!made)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(made, bytes);
    made->driver = driver;
    made->client = client;
    made->image = (ULONG_PTR)driver->DriverInit;

    RtlAcquireSRWLockExclusive(&lock);
    status = add(made);
    RtlReleaseSRWLockExclusive(&lock);
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(made, TAG);
        return status;
    }
    *memory = made->memory;
    return STATUS_SUCCESS;
}

PVOID NTAPI shim_IoGetDriverObjectExtension(PDRIVER_OBJECT driver, PVOID client)
{
    RtlAcquireSRWLockExclusive(&lock);
    struct extension *one = find(driver, client);
    RtlReleaseSRWLockExclusive(&lock);
    return one ? one->memory : IoGetDriverObjectExtension(driver, client);
}
