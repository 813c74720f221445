use std::ptr;

use super::*;
use crate::testing::child::{bug_check_of, survives, test_path};

const TAG: u32 = u32::from_le_bytes(*b"Test");

fn allocate(kind: Kind, bytes: usize) -> *mut u8 {
    super::allocate(kind, bytes, TAG, 0).cast()
}

#[test]
fn nonpaged_blocks_are_zeroed_aligned_and_listed() {
    survives(test_path!(), || check_blocks(Kind::NonPaged));
}

#[test]
fn paged_blocks_are_zeroed_aligned_and_listed() {
    survives(test_path!(), || check_blocks(Kind::Paged));
}

fn check_blocks(kind: Kind) {
    let small = allocate(kind, 100);
    let large = allocate(kind, 5000);
    assert!(small.addr().is_multiple_of(16) && large.addr().is_multiple_of(PAGE_SIZE));
    // SAFETY: a new block of 5000 bytes.
    let content = unsafe { std::slice::from_raw_parts(large, 5000) };
    assert!(content.iter().all(|&byte| byte == 0));
    let listed = blocks();
    let sizes: Vec<_> = listed.iter().map(|block| (block.tag.as_str(), block.bytes)).collect();
    assert!(sizes.contains(&("Test", 100)) && sizes.contains(&("Test", 5000)), "{sizes:?}");
    assert!(listed.iter().all(|block| block.paged == (kind == Kind::Paged)));
    free(small.cast(), Some(TAG));
    free(large.cast(), None);
    assert!(blocks().is_empty());
}

#[test]
fn paged_pool_is_paged_and_comes_back() {
    survives(test_path!(), || {
        let block = allocate(Kind::Paged, 3 * PAGE_SIZE);
        let place = block.wrapping_add(5000);
        // SAFETY: inside the block.
        unsafe { place.write(7) };
        assert!(crate::mm::is_pageable(block.addr()));
        assert!(crate::mm::trim() >= 3);
        assert!(!crate::mm::is_valid(block.addr() + 5000));
        assert!(crate::mm::purge() >= 3);
        // SAFETY: inside the block, whose pages may fault at this IRQL.
        assert_eq!(unsafe { place.read_volatile() }, 7);
        assert_eq!(crate::mm::counters().hard_faults, 1);
        free(block.cast(), Some(TAG));
    });
}

#[test]
fn nonpaged_pool_stays() {
    survives(test_path!(), || {
        let block = allocate(Kind::NonPaged, 64);
        crate::mm::trim();
        assert!(!crate::mm::is_pageable(block.addr()) && crate::mm::is_valid(block.addr()));
        let _raised = irql::Raised::to(DISPATCH_LEVEL);
        // SAFETY: inside the block.
        unsafe { block.write_volatile(1) };
        free(block.cast(), Some(TAG));
    });
}

#[test]
fn paged_pool_at_dispatch_level_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::Paged, 64);
        crate::mm::trim();
        let _raised = irql::Raised::to(DISPATCH_LEVEL);
        // SAFETY: inside the block, but nobody may fault here.
        unsafe { block.write_volatile(1) };
    });
    // The machine itself touched it, and it is no driver's.
    assert_eq!((report.code, report.parameters[1], report.parameters[2]), (0xA, 2, 1));
    assert!(report.advice.contains("nonpaged pool"), "{}", report.advice);
}

#[test]
fn allocating_paged_pool_at_dispatch_level_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let _raised = irql::Raised::to(DISPATCH_LEVEL);
        allocate(Kind::Paged, 64);
    });
    assert_eq!((report.code, report.parameters), (0xC2, [8, 2, 1, 64]));
}

#[test]
fn freeing_paged_pool_at_dispatch_level_is_a_bug_check() {
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::Paged, 64);
        let _raised = irql::Raised::to(DISPATCH_LEVEL);
        free(block.cast(), None);
    });
    assert_eq!((report.code, report.parameters[0], report.parameters[1]), (0xC2, 9, 2));
}

#[test]
fn a_block_is_freed_only_once() {
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::NonPaged, 64);
        free(block.cast(), Some(TAG));
        free(block.cast(), Some(TAG));
    });
    assert_eq!((report.code, report.parameters[0]), (0xC2, 7));
    assert_eq!(report.parameters[2], u64::from(TAG) << 32 | 64);
}

#[test]
fn a_block_is_freed_by_its_own_tag() {
    let other = u32::from_le_bytes(*b"Othr");
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::NonPaged, 64);
        free(block.cast(), Some(other));
    });
    assert_eq!((report.code, report.parameters[0]), (0xC2, 0xA));
    assert_eq!(report.parameters[2..], [u64::from(TAG), u64::from(other)]);
    assert_eq!(report.meaning[2], r#"its tag is "Test""#);
}

#[test]
fn what_is_no_block_cannot_be_freed() {
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::NonPaged, 64);
        free(block.wrapping_add(16).cast(), Some(TAG));
    });
    assert_eq!((report.code, report.parameters[0]), (0xC2, 0x42));
}

#[test]
fn freed_paged_pool_is_gone() {
    let report = bug_check_of(test_path!(), || {
        let block = allocate(Kind::Paged, PAGE_SIZE);
        free(block.cast(), None);
        // SAFETY: the page is mapped, without access: the handler stops the machine.
        unsafe { block.read_volatile() };
    });
    assert_eq!((report.code, report.parameters[1], report.parameters[3]), (0x50, 0, 0));
    assert!(report.advice.contains("freed before"), "{}", report.advice);
}

#[test]
fn more_than_there_is_cannot_be_had() {
    survives(test_path!(), || {
        assert_eq!(allocate(Kind::Paged, 1 << 30), ptr::null_mut());
        assert_eq!(allocate(Kind::Paged, usize::MAX), ptr::null_mut());
        assert_eq!(allocate(Kind::NonPaged, usize::MAX), ptr::null_mut());
        assert!(blocks().is_empty());
    });
}

#[test]
fn tags_read_as_in_memory() {
    assert_eq!(tag_name(TAG), "Test");
    assert_eq!(tag_name(1), "....");
}
