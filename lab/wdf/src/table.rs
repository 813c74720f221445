//! The function table: 458 slots, each with a function or with what stops the machine by name.

use core::ffi::c_void;

use crate::kernel::violation;
use crate::{
    collection, device, dpc, driver, file, io_target, lock, memory, object, queue, registry,
    request, string, timer, work_item,
};

/// Slot numbers and names.
#[expect(non_upper_case_globals, reason = "the functions' own names")]
#[expect(dead_code, reason = "most functions are not provided")]
mod slot {
    include!(concat!(env!("OUT_DIR"), "/slots.rs"));
    pub(super) use each_slot;
}

/// Slots of the table.
pub const SLOTS: usize = slot::NAMES.len();

/// The address of a function; each slot has a signature of its own.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Entry(*const c_void);

#[repr(transparent)]
struct Table([Entry; SLOTS]);

// SAFETY: addresses of functions, never written.
unsafe impl Sync for Table {}

/// What a slot without a function calls. Its own address is in the table, so it knows its slot.
unsafe extern "win64" fn missing<const SLOT: usize>(globals: *const c_void) -> ! {
    violation::not_provided(slot::NAMES[SLOT], SLOT, globals.addr())
}

const fn entry<const SLOT: usize>() -> Entry {
    Entry(missing::<SLOT> as *const c_void)
}

macro_rules! table {
    ($($name:ident => $function:path,)*) => {
        static TABLE: Table = {
            let mut table = slot::each_slot!(entry);
            $(table[slot::$name] = Entry($function as *const c_void);)*
            Table(table)
        };
    };
}

/// The address that clients get.
///
/// # IRQL
/// Any.
pub fn address() -> *const *const c_void {
    (&raw const TABLE).cast()
}

table! {
    WdfCollectionCreate => collection::collection_create,
    WdfCollectionGetCount => collection::collection_get_count,
    WdfCollectionAdd => collection::collection_add,
    WdfCollectionRemove => collection::collection_remove,
    WdfCollectionRemoveItem => collection::collection_remove_item,
    WdfCollectionGetItem => collection::collection_get_item,
    WdfCollectionGetFirstItem => collection::collection_get_first_item,
    WdfCollectionGetLastItem => collection::collection_get_last_item,
    WdfControlDeviceInitAllocate => device::control_device_init_allocate,
    WdfControlFinishInitializing => device::control_finish_initializing,
    WdfDeviceGetDeviceState => device::device_get_device_state,
    WdfDeviceSetDeviceState => device::device_set_device_state,
    WdfWdmDeviceGetWdfDeviceHandle => device::wdm_device_get_wdf_device_handle,
    WdfDeviceWdmGetDeviceObject => device::device_wdm_get_device_object,
    WdfDeviceWdmGetAttachedDevice => device::device_wdm_get_attached_device,
    WdfDeviceWdmGetPhysicalDevice => device::device_wdm_get_physical_device,
    WdfDeviceWdmDispatchPreprocessedIrp => device::device_wdm_dispatch_preprocessed_irp,
    WdfDeviceGetDriver => device::device_get_driver,
    WdfDeviceRetrieveDeviceName => device::device_retrieve_device_name,
    WdfDeviceGetIoTarget => io_target::device_get_io_target,
    WdfDeviceGetDevicePnpState => device::device_get_device_pnp_state,
    WdfDeviceOpenRegistryKey => registry::device_open_registry_key,
    WdfDeviceSetCharacteristics => device::device_set_characteristics,
    WdfDeviceGetCharacteristics => device::device_get_characteristics,
    WdfDeviceInitFree => device::device_init_free,
    WdfDeviceInitSetPnpPowerEventCallbacks => device::device_init_set_pnp_power_event_callbacks,
    WdfDeviceInitSetPowerPolicyEventCallbacks => device::device_init_set_power_policy_event_callbacks,
    WdfDeviceInitSetPowerPolicyOwnership => device::device_init_set_power_policy_ownership,
    WdfDeviceInitSetIoType => device::device_init_set_io_type,
    WdfDeviceInitSetExclusive => device::device_init_set_exclusive,
    WdfDeviceInitSetPowerNotPageable => device::device_init_set_power_not_pageable,
    WdfDeviceInitSetPowerPageable => device::device_init_set_power_pageable,
    WdfDeviceInitSetDeviceType => device::device_init_set_device_type,
    WdfDeviceInitAssignName => device::device_init_assign_name,
    WdfDeviceInitAssignSDDLString => device::device_init_assign_sddl_string,
    WdfDeviceInitSetDeviceClass => device::device_init_set_device_class,
    WdfDeviceInitSetCharacteristics => device::device_init_set_characteristics,
    WdfDeviceInitSetFileObjectConfig => device::device_init_set_file_object_config,
    WdfDeviceInitSetRequestAttributes => device::device_init_set_request_attributes,
    WdfDeviceInitAssignWdmIrpPreprocessCallback => device::device_init_assign_wdm_irp_preprocess_callback,
    WdfDeviceInitSetIoInCallerContextCallback => device::device_init_set_io_in_caller_context_callback,
    WdfDeviceCreate => device::device_create,
    WdfDeviceCreateSymbolicLink => device::device_create_symbolic_link,
    WdfDeviceCreateDeviceInterface => device::device_create_device_interface,
    WdfDeviceSetDeviceInterfaceState => device::device_set_device_interface_state,
    WdfDeviceRetrieveDeviceInterfaceString => device::device_retrieve_device_interface_string,
    WdfDeviceQueryProperty => device::device_query_property,
    WdfDeviceSetPnpCapabilities => device::device_set_pnp_capabilities,
    WdfDeviceSetFailed => device::device_set_failed,
    WdfDeviceGetFileObject => device::device_get_file_object,
    WdfDeviceEnqueueRequest => queue::device_enqueue_request,
    WdfDeviceGetDefaultQueue => device::device_get_default_queue,
    WdfDeviceConfigureRequestDispatching => queue::device_configure_request_dispatching,
    WdfDpcCreate => dpc::dpc_create,
    WdfDpcEnqueue => dpc::dpc_enqueue,
    WdfDpcCancel => dpc::dpc_cancel,
    WdfDpcGetParentObject => dpc::dpc_get_parent_object,
    WdfDpcWdmGetDpc => dpc::dpc_wdm_get_dpc,
    WdfDriverCreate => driver::driver_create,
    WdfDriverGetRegistryPath => driver::driver_get_registry_path,
    WdfDriverWdmGetDriverObject => driver::driver_wdm_get_driver_object,
    WdfDriverOpenParametersRegistryKey => registry::driver_open_parameters_registry_key,
    WdfWdmDriverGetWdfDriverHandle => driver::wdm_driver_get_wdf_driver_handle,
    WdfDriverIsVersionAvailable => driver::driver_is_version_available,
    WdfFdoInitWdmGetPhysicalDevice => device::fdo_init_wdm_get_physical_device,
    WdfFdoInitSetFilter => device::fdo_init_set_filter,
    WdfFileObjectGetFileName => file::file_object_get_file_name,
    WdfFileObjectGetFlags => file::file_object_get_flags,
    WdfFileObjectGetDevice => file::file_object_get_device,
    WdfFileObjectWdmGetFileObject => file::file_object_wdm_get_file_object,
    WdfIoQueueCreate => queue::io_queue_create,
    WdfIoQueueGetState => queue::io_queue_get_state,
    WdfIoQueueStart => queue::io_queue_start,
    WdfIoQueueStop => queue::io_queue_stop,
    WdfIoQueueStopSynchronously => queue::io_queue_stop_synchronously,
    WdfIoQueueGetDevice => queue::io_queue_get_device,
    WdfIoQueueRetrieveNextRequest => queue::io_queue_retrieve_next_request,
    WdfIoQueueRetrieveRequestByFileObject => queue::io_queue_retrieve_request_by_file_object,
    WdfIoQueueFindRequest => queue::io_queue_find_request,
    WdfIoQueueRetrieveFoundRequest => queue::io_queue_retrieve_found_request,
    WdfIoQueueDrainSynchronously => queue::io_queue_drain_synchronously,
    WdfIoQueueDrain => queue::io_queue_drain,
    WdfIoQueuePurgeSynchronously => queue::io_queue_purge_synchronously,
    WdfIoQueuePurge => queue::io_queue_purge,
    WdfIoQueueReadyNotify => queue::io_queue_ready_notify,
    WdfIoTargetGetDevice => io_target::io_target_get_device,
    WdfIoTargetWdmGetTargetDeviceObject => io_target::io_target_wdm_get_target_device_object,
    WdfIoTargetWdmGetTargetPhysicalDevice => io_target::io_target_wdm_get_target_physical_device,
    WdfMemoryCreate => memory::memory_create,
    WdfMemoryCreatePreallocated => memory::memory_create_preallocated,
    WdfMemoryGetBuffer => memory::memory_get_buffer,
    WdfMemoryAssignBuffer => memory::memory_assign_buffer,
    WdfMemoryCopyToBuffer => memory::memory_copy_to_buffer,
    WdfMemoryCopyFromBuffer => memory::memory_copy_from_buffer,
    WdfObjectGetTypedContextWorker => object::api::object_get_typed_context_worker,
    WdfObjectAllocateContext => object::api::object_allocate_context,
    WdfObjectContextGetObject => object::api::object_context_get_object,
    WdfObjectReferenceActual => object::api::object_reference_actual,
    WdfObjectDereferenceActual => object::api::object_dereference_actual,
    WdfObjectCreate => object::api::object_create,
    WdfObjectDelete => object::api::object_delete,
    WdfObjectQuery => object::api::object_query,
    WdfRegistryOpenKey => registry::registry_open_key,
    WdfRegistryCreateKey => registry::registry_create_key,
    WdfRegistryClose => registry::registry_close,
    WdfRegistryWdmGetHandle => registry::registry_wdm_get_handle,
    WdfRegistryQueryValue => registry::registry_query_value,
    WdfRegistryQueryMemory => registry::registry_query_memory,
    WdfRegistryQueryUnicodeString => registry::registry_query_unicode_string,
    WdfRegistryQueryString => registry::registry_query_string,
    WdfRegistryQueryULong => registry::registry_query_ulong,
    WdfRegistryAssignValue => registry::registry_assign_value,
    WdfRegistryAssignUnicodeString => registry::registry_assign_unicode_string,
    WdfRegistryAssignString => registry::registry_assign_string,
    WdfRegistryAssignULong => registry::registry_assign_ulong,
    WdfRequestFormatRequestUsingCurrentType => io_target::request_format_request_using_current_type,
    WdfRequestSend => io_target::request_send,
    WdfRequestGetStatus => request::request_get_status,
    WdfRequestMarkCancelable => request::request_mark_cancelable,
    WdfRequestUnmarkCancelable => request::request_unmark_cancelable,
    WdfRequestIsCanceled => request::request_is_canceled,
    WdfRequestIsFrom32BitProcess => request::request_is_from_32_bit_process,
    WdfRequestComplete => request::request_complete,
    WdfRequestCompleteWithPriorityBoost => request::request_complete_with_priority_boost,
    WdfRequestCompleteWithInformation => request::request_complete_with_information,
    WdfRequestGetParameters => request::request_get_parameters,
    WdfRequestRetrieveInputMemory => request::request_retrieve_input_memory,
    WdfRequestRetrieveOutputMemory => request::request_retrieve_output_memory,
    WdfRequestRetrieveInputBuffer => request::request_retrieve_input_buffer,
    WdfRequestRetrieveOutputBuffer => request::request_retrieve_output_buffer,
    WdfRequestRetrieveInputWdmMdl => request::request_retrieve_wdm_mdl,
    WdfRequestRetrieveOutputWdmMdl => request::request_retrieve_wdm_mdl,
    WdfRequestRetrieveUnsafeUserInputBuffer => request::request_retrieve_unsafe_user_input_buffer,
    WdfRequestRetrieveUnsafeUserOutputBuffer => request::request_retrieve_unsafe_user_output_buffer,
    WdfRequestSetInformation => request::request_set_information,
    WdfRequestGetInformation => request::request_get_information,
    WdfRequestGetFileObject => request::request_get_file_object,
    WdfRequestGetRequestorMode => request::request_get_requestor_mode,
    WdfRequestForwardToIoQueue => request::request_forward_to_io_queue,
    WdfRequestGetIoQueue => request::request_get_io_queue,
    WdfRequestRequeue => request::request_requeue,
    WdfRequestStopAcknowledge => request::request_stop_acknowledge,
    WdfRequestWdmGetIrp => request::request_wdm_get_irp,
    WdfStringCreate => string::string_create,
    WdfStringGetUnicodeString => string::string_get_unicode_string,
    WdfObjectAcquireLock => object::api::object_acquire_lock,
    WdfObjectReleaseLock => object::api::object_release_lock,
    WdfWaitLockCreate => lock::wait_lock_create,
    WdfWaitLockAcquire => lock::wait_lock_acquire,
    WdfWaitLockRelease => lock::wait_lock_release,
    WdfSpinLockCreate => lock::spin_lock_create,
    WdfSpinLockAcquire => lock::spin_lock_acquire,
    WdfSpinLockRelease => lock::spin_lock_release,
    WdfTimerCreate => timer::timer_create,
    WdfTimerStart => timer::timer_start,
    WdfTimerStop => timer::timer_stop,
    WdfTimerGetParentObject => timer::timer_get_parent_object,
    WdfWorkItemCreate => work_item::work_item_create,
    WdfWorkItemEnqueue => work_item::work_item_enqueue,
    WdfWorkItemGetParentObject => work_item::work_item_get_parent_object,
    WdfWorkItemFlush => work_item::work_item_flush,
    WdfRequestMarkCancelableEx => request::request_mark_cancelable_ex,
    WdfRequestIsReserved => request::request_is_reserved,
    WdfIoQueueStopAndPurge => queue::io_queue_stop_and_purge,
    WdfIoQueueStopAndPurgeSynchronously => queue::io_queue_stop_and_purge_synchronously,
    WdfDeviceInitSetIoTypeEx => device::device_init_set_io_type_ex,
    WdfDeviceSetDeviceInterfaceStateEx => device::device_set_device_interface_state,
}
