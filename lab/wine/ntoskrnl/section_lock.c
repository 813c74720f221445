/*
 * Locks a section of a driver's image in memory:
 * learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmlockpagabledatasection.
 *
 * Wine 8 ends winedevice when this is called, while its MmLockPagableSectionByHandle and
 * MmUnlockPagableImageSection take any handle and do nothing. Nothing is paged on Wine, so a lock
 * has nothing to do here either; the handle is opaque to the driver.
 */

void *shim_MmLockPagableDataSection(void *address)
{
    return address;
}
