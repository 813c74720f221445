//! Lookaside lists: freed blocks of one size, kept for the next who needs one.
//!
//! Allocating and freeing is inline code in the driver, which takes from the list and else calls what
//! the list names; the machine makes lists and empties them. The depth does not adapt.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/using-lookaside-lists.

use std::ffi::c_void;
use std::mem::{offset_of, transmute};

use pagewise_lab_nt as nt;

use super::slist::{self, ExpInterlockedPopEntrySList};
use crate::exports;
use crate::ke::ddi::{self, Rule};
use crate::ke::irql::APC_LEVEL;

/// A list begins with this depth
/// (wdm/nf-wdm-exinitializenpagedlookasidelist: the depth argument is reserved).
const DEPTH: u16 = 4;
const MAXIMUM_DEPTH: u16 = 256;

type List = nt::GENERAL_LOOKASIDE;

/// `GENERAL_LOOKASIDE_POOL`, with which every list begins, is the same without the last fields.
const ALLOCATE: usize = offset_of!(List, __bindgen_anon_4);
const FREE: usize = offset_of!(List, __bindgen_anon_5);

const _: () = assert!(ALLOCATE == 48 && FREE == 56 && offset_of!(List, Depth) == 16);

type Free = unsafe extern "win64" fn(*mut c_void);
type FreeEx = unsafe extern "win64" fn(*mut c_void, *mut List);

/// The address of a routine of the pool's: drivers call it with the pool's own convention.
fn pool_routine(name: &str) -> usize {
    exports::resolve(exports::KERNEL, name).unwrap_or_default()
}

struct Form {
    pool: i32,
    size: usize,
    tag: u32,
    allocate: usize,
    free: usize,
}

unsafe fn initialize(list: *mut List, bytes: usize, form: &Form) {
    // SAFETY: the caller vouches for the storage; every field may be zero.
    unsafe { list.cast::<u8>().write_bytes(0, bytes) };
    // SAFETY: as above, and it has just been written.
    let fields = unsafe { &mut *list.cast::<nt::GENERAL_LOOKASIDE_POOL>() };
    fields.Depth = DEPTH;
    fields.MaximumDepth = MAXIMUM_DEPTH;
    fields.Type = form.pool as _;
    fields.Tag = form.tag;
    fields.Size = form.size as u32;
    for (offset, routine) in [(ALLOCATE, form.allocate), (FREE, form.free)] {
        let field = list.wrapping_byte_add(offset).cast::<usize>();
        // SAFETY: the field is one of the list's.
        unsafe { field.write(routine) };
    }
}

/// Takes every block out of the list, and has `free` free it.
unsafe fn empty(list: *mut List, free: impl Fn(usize, *mut c_void)) {
    let routine = list.wrapping_byte_add(FREE).cast::<usize>();
    // SAFETY: the callers vouch for the list.
    let routine = unsafe { routine.read() };
    let head = list.cast::<slist::Header>();
    loop {
        // SAFETY: a list begins with the head of its blocks.
        let block = unsafe { ExpInterlockedPopEntrySList(head) };
        if block.is_null() {
            return;
        }
        free(routine, block.cast());
    }
}

unsafe fn empty_plain(list: *mut List) {
    let free = |routine, block| {
        // SAFETY: the field holds what `initialize` or the driver put there.
        let routine = unsafe { transmute::<usize, Free>(routine) };
        // SAFETY: the block came out of the list.
        unsafe { routine(block) };
    };
    // SAFETY: the callers vouch for it.
    unsafe { empty(list, free) };
}

fn or(routine: usize, name: &str) -> usize {
    if routine == 0 { pool_routine(name) } else { routine }
}

/// Makes a list of blocks of nonpaged pool.
///
/// Page: wdm/nf-wdm-exinitializenpagedlookasidelist.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`. The list has to lie in resident memory.
///
/// # Safety
/// `list` points to storage for an `NPAGED_LOOKASIDE_LIST`; the routines are null or allocate and
/// free.
pub unsafe extern "win64" fn ExInitializeNPagedLookasideList(
    list: *mut List,
    allocate: usize,
    free: usize,
    flags: u32,
    size: usize,
    tag: u32,
    _depth: u16,
) {
    const POOL_NX_ALLOCATION: u32 = 512;
    let nx = flags & POOL_NX_ALLOCATION != 0;
    let pool = if nx { nt::NonPagedPoolNx } else { nt::NonPagedPool } as i32;
    let allocate = or(allocate, "ExAllocatePoolWithTag");
    let form = Form { pool, size, tag, allocate, free: or(free, "ExFreePool") };
    // SAFETY: the caller vouches for it.
    unsafe { initialize(list, size_of::<nt::NPAGED_LOOKASIDE_LIST>(), &form) };
}

/// Makes a list of blocks of paged pool.
///
/// Page: wdm/nf-wdm-exinitializepagedlookasidelist.
///
/// # IRQL
/// <= `APC_LEVEL`; else bug check 0xC4/0x20006 under DDI compliance checking.
///
/// # Safety
/// As [`ExInitializeNPagedLookasideList`].
pub unsafe extern "win64" fn ExInitializePagedLookasideList(
    list: *mut List,
    allocate: usize,
    free: usize,
    _flags: u32,
    size: usize,
    tag: u32,
    _depth: u16,
) {
    ddi::at_most(APC_LEVEL, Rule::ExApcLte2);
    let (allocate, free) = (or(allocate, "ExAllocatePoolWithTag"), or(free, "ExFreePool"));
    let form = Form { pool: nt::PagedPool as i32, size, tag, allocate, free };
    // SAFETY: the caller vouches for it.
    unsafe { initialize(list, size_of::<nt::PAGED_LOOKASIDE_LIST>(), &form) };
}

/// Frees what is in a list, which is not used any more.
///
/// Page: wdm/nf-wdm-exdeletenpagedlookasidelist.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised list.
pub unsafe extern "win64" fn ExDeleteNPagedLookasideList(list: *mut List) {
    // SAFETY: the caller vouches for it.
    unsafe { empty_plain(list) };
}

/// As [`ExDeleteNPagedLookasideList`].
///
/// Page: wdm/nf-wdm-exdeletepagedlookasidelist.
///
/// # IRQL
/// <= `APC_LEVEL`; else bug check 0xC4/0x20006 under DDI compliance checking.
///
/// # Safety
/// `list` points to an initialised list.
pub unsafe extern "win64" fn ExDeletePagedLookasideList(list: *mut List) {
    ddi::at_most(APC_LEVEL, Rule::ExApcLte2);
    // SAFETY: the caller vouches for it.
    unsafe { empty_plain(list) };
}

/// Allocates for a list that names no routine of its own.
unsafe extern "win64" fn allocate_ex(
    pool: i32,
    size: usize,
    tag: u32,
    _list: *mut List,
) -> *mut c_void {
    type Allocate = unsafe extern "win64" fn(i32, usize, u32) -> *mut c_void;
    // SAFETY: the pool's routine has this form.
    let allocate =
        unsafe { transmute::<usize, Option<Allocate>>(pool_routine("ExAllocatePoolWithTag")) };
    // SAFETY: any pool, size and tag may be asked for.
    allocate.map_or(std::ptr::null_mut(), |allocate| unsafe { allocate(pool, size, tag) })
}

/// Frees for a list that names no routine of its own.
unsafe extern "win64" fn free_ex(block: *mut c_void, _list: *mut List) {
    // SAFETY: the pool's routine has this form.
    let free = unsafe { transmute::<usize, Option<Free>>(pool_routine("ExFreePool")) };
    if let Some(free) = free {
        // SAFETY: the block came from the pool.
        unsafe { free(block) };
    }
}

/// Makes a list whose routines are given the list.
///
/// Page: wdm/nf-wdm-exinitializelookasidelistex. `STATUS_INVALID_PARAMETER_4` for unknown flags,
/// `STATUS_INVALID_PARAMETER_5` for flags that need routines other than the pool's.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to storage for a `LOOKASIDE_LIST_EX`; the routines are null or allocate and free.
pub unsafe extern "win64" fn ExInitializeLookasideListEx(
    list: *mut List,
    allocate: usize,
    free: usize,
    pool: i32,
    flags: u32,
    size: usize,
    tag: u32,
    _depth: u16,
) -> i32 {
    const RAISE_ON_FAIL: u32 = 1;
    const FAIL_NO_RAISE: u32 = 2;
    match flags {
        0 => {}
        RAISE_ON_FAIL | FAIL_NO_RAISE if allocate == 0 => return nt::STATUS_INVALID_PARAMETER_5,
        RAISE_ON_FAIL | FAIL_NO_RAISE => {}
        _ => return nt::STATUS_INVALID_PARAMETER_4,
    }
    let allocate = if allocate == 0 { allocate_ex as *const () as usize } else { allocate };
    let free = if free == 0 { free_ex as *const () as usize } else { free };
    let form = Form { pool, size, tag, allocate, free };
    // SAFETY: the caller vouches for it.
    unsafe { initialize(list, size_of::<nt::LOOKASIDE_LIST_EX>(), &form) };
    nt::STATUS_SUCCESS
}

/// Frees what is in a list.
///
/// Page: wdm/nf-wdm-exflushlookasidelistex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised `LOOKASIDE_LIST_EX`.
pub unsafe extern "win64" fn ExFlushLookasideListEx(list: *mut List) {
    let free = |routine, block| {
        // SAFETY: the field holds what `initialize` or the driver put there.
        let routine = unsafe { transmute::<usize, FreeEx>(routine) };
        // SAFETY: the block came out of the list.
        unsafe { routine(block, list) };
    };
    // SAFETY: the caller vouches for it.
    unsafe { empty(list, free) };
}

/// Frees what is in a list, which is not used any more.
///
/// Page: wdm/nf-wdm-exdeletelookasidelistex.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `list` points to an initialised `LOOKASIDE_LIST_EX`.
pub unsafe extern "win64" fn ExDeleteLookasideListEx(list: *mut List) {
    // SAFETY: the caller vouches for it.
    unsafe { ExFlushLookasideListEx(list) };
}

crate::exports! {
    /// Lookaside lists.
    pub EXPORTS = [
        ExInitializeNPagedLookasideList(_, _, _, _, _, _, _),
        ExInitializePagedLookasideList(_, _, _, _, _, _, _),
        ExDeleteNPagedLookasideList(_),
        ExDeletePagedLookasideList(_),
        ExInitializeLookasideListEx(_, _, _, _, _, _, _, _),
        ExFlushLookasideListEx(_),
        ExDeleteLookasideListEx(_),
    ];
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use super::super::slist::ExpInterlockedPushEntrySList;
    use super::*;
    use crate::testing::child::{survives, test_path};

    const TAG: u32 = u32::from_le_bytes(*b"Look");

    type Allocate = unsafe extern "win64" fn(i32, usize, u32) -> *mut c_void;

    /// What the inline code of a driver does: the list's routine, since the list is empty.
    fn allocate(list: *mut nt::NPAGED_LOOKASIDE_LIST) -> *mut c_void {
        // SAFETY: the list is initialised.
        let fields = unsafe { &*list.cast::<nt::GENERAL_LOOKASIDE_POOL>() };
        // SAFETY: the field is one of the list's.
        let routine = unsafe { list.wrapping_byte_add(ALLOCATE).cast::<Allocate>().read() };
        // SAFETY: it allocates.
        unsafe { routine(fields.Type as i32, fields.Size as usize, fields.Tag) }
    }

    fn blocks() -> usize {
        crate::mm::pool::blocks().iter().filter(|block| block.tag == "Look").count()
    }

    #[test]
    fn deleting_a_list_frees_what_it_keeps() {
        // In a process of its own, since it counts the pool's blocks.
        survives(test_path!(), || {
            let mut list = MaybeUninit::<nt::NPAGED_LOOKASIDE_LIST>::uninit();
            let (general, list) = (list.as_mut_ptr().cast(), list.as_mut_ptr());
            // SAFETY: the place is a list's.
            unsafe { ExInitializeNPagedLookasideList(general, 0, 0, 0, 64, TAG, 0) };
            for _ in 0..3 {
                let block = allocate(list);
                assert!(!block.is_null());
                // SAFETY: a block is as large as an entry, and the list begins with its head.
                unsafe { ExpInterlockedPushEntrySList(list.cast(), block.cast()) };
            }
            assert_eq!(blocks(), 3);
            // SAFETY: it is a list.
            unsafe { ExDeleteNPagedLookasideList(general) };
            assert_eq!(blocks(), 0);
        });
    }

    #[test]
    fn an_extended_list_checks_its_flags() {
        let mut list = MaybeUninit::<nt::LOOKASIDE_LIST_EX>::uninit();
        let list = list.as_mut_ptr().cast();
        let pool = nt::NonPagedPoolNx as i32;
        let own = allocate_ex as *const () as usize;
        let statuses = [(0, 0), (0, 1), (own, 1), (own, 3)].map(|(allocate, flags)| {
            // SAFETY: the place is a list's.
            unsafe { ExInitializeLookasideListEx(list, allocate, 0, pool, flags, 64, TAG, 0) }
        });
        let refused = [nt::STATUS_INVALID_PARAMETER_5, nt::STATUS_INVALID_PARAMETER_4];
        assert_eq!(statuses, [0, refused[0], 0, refused[1]]);
    }
}
