use pagewise_lab_wire::{BugCheck, SpecialPool, Verifier};

use super::super::{allocate, blocks, free};
use super::*;
use crate::ke::irql::{DISPATCH_LEVEL, Raised};
use crate::testing::child::{bug_check_of, survives, test_path};
use crate::testing::driver::Driver;

const TAG: u32 = u32::from_le_bytes(*b"Test");

fn turn_on(special_pool: SpecialPool) {
    verifier::set(&Verifier { special_pool, ..Verifier::default() });
}

fn block(kind: Kind, bytes: usize) -> *mut u8 {
    let here = block as *const () as usize;
    allocate(kind, bytes, TAG, here).cast()
}

fn write(block: *mut u8, at: isize) {
    // SAFETY: none: whether it is allowed is what is tried, in a process of its own.
    unsafe { block.wrapping_offset(at).write_volatile(1) };
}

fn read(block: *mut u8, at: isize) -> u8 {
    // SAFETY: as in `write`.
    unsafe { block.wrapping_offset(at).read_volatile() }
}

fn code_and_fourth(report: &BugCheck) -> (u32, u64) {
    (report.code, report.parameters[3])
}

#[test]
fn blocks_lie_at_the_end_of_their_page_or_at_its_start() {
    survives(test_path!(), || {
        for kind in [Kind::NonPaged, Kind::Paged] {
            turn_on(SpecialPool::End);
            let last = block(kind, 40);
            assert_eq!(last.addr() % 4096, 4096 - 48);
            turn_on(SpecialPool::Start);
            let first = block(kind, 40);
            assert_eq!(first.addr() % 4096, 0);
            assert!((0..40).all(|at| read(last, at) == 0 && read(first, at) == 0));
            turn_on(SpecialPool::Turns);
            let ends = [block(kind, 16), block(kind, 16)].map(|block| block.addr() % 4096 == 0);
            assert_ne!(ends[0], ends[1]);
            // What is on now says nothing of where a block came from.
            turn_on(SpecialPool::Off);
            free(last.cast(), Some(TAG));
            free(first.cast(), None);
        }
    });
}

#[test]
fn a_page_or_more_comes_from_ordinary_pool_and_so_does_all_when_it_is_used_up() {
    survives(test_path!(), || {
        turn_on(SpecialPool::End);
        let large = block(Kind::NonPaged, 4096);
        assert!(Arena::find(large.addr()).is_none());
        let many: Vec<_> = (0..5000).map(|_| block(Kind::Paged, 64)).collect();
        assert!(Arena::find(many[0].addr()).is_some() && Arena::find(many[4999].addr()).is_none());
        many.into_iter().for_each(|block| free(block.cast(), Some(TAG)));
        free(large.cast(), None);
        assert!(blocks().is_empty());
        assert!(Arena::find(block(Kind::Paged, 64).addr()).is_some());
    });
}

#[test]
fn a_page_is_not_used_again_soon() {
    survives(test_path!(), || {
        turn_on(SpecialPool::End);
        let first = block(Kind::NonPaged, 64);
        free(first.cast(), None);
        for _ in 0..1000 {
            let next = block(Kind::NonPaged, 64);
            assert_ne!(next, first);
            free(next.cast(), None);
        }
    });
}

#[test]
fn paged_special_pool_is_paged() {
    survives(test_path!(), || {
        turn_on(SpecialPool::Start);
        let block = block(Kind::Paged, 64);
        write(block, 9);
        assert!(crate::mm::is_pageable(block.addr()));
        assert_eq!((crate::mm::trim(), crate::mm::purge()), (1, 1));
        assert_eq!((read(block, 9), crate::mm::counters().hard_faults), (1, 1));
        free(block.cast(), None);
    });
}

#[test]
fn an_overrun_of_a_driver_faults_at_once() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let driver = Driver::load();
        let block = block(Kind::NonPaged, 64);
        driver.write(block.wrapping_add(60).cast(), 7);
    });
    // The host tells the first byte that cannot be written.
    assert_eq!((report.code, report.parameters[1]), (0xD6, 1));
    assert_eq!(report.parameters[0] % 4096, 0);
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
    assert!(report.details[0].what.contains("64 bytes"), "{:?}", report.details);
}

#[test]
fn an_overrun_of_the_machine_is_the_system_s() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        read(block(Kind::Paged, 64), 64);
    });
    assert_eq!((report.code, report.parameters[1]), (0xCD, 0));
}

#[test]
fn an_underrun_faults_at_once_under_verify_start() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::Start);
        write(block(Kind::NonPaged, 64), -1);
    });
    assert_eq!((report.code, report.parameters[1], report.parameters[3]), (0xCD, 1, 0));
}

#[test]
fn an_overrun_faults_above_apc_level_too() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::NonPaged, 64);
        let _raised = Raised::to(DISPATCH_LEVEL);
        write(block, 64);
    });
    assert_eq!(report.code, 0xCD);
}

#[test]
fn paged_special_pool_at_dispatch_level_is_what_paged_pool_is() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::Paged, 64);
        crate::mm::trim();
        let _raised = Raised::to(DISPATCH_LEVEL);
        write(block, 0);
    });
    assert_eq!((report.code, report.parameters[1]), (0xA, 2));
    assert!(report.advice.contains("nonpaged pool"), "{}", report.advice);
}

#[test]
fn a_use_after_free_faults() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::NonPaged, 64);
        free(block.cast(), Some(TAG));
        read(block, 3);
    });
    assert_eq!((report.code, report.parameters[1]), (0xCC, 0));
}

#[test]
fn a_use_after_free_by_a_driver_names_it() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::Start);
        let driver = Driver::load();
        let block = block(Kind::Paged, 64);
        free(block.cast(), Some(TAG));
        driver.write(block.cast(), 7);
    });
    assert_eq!((report.code, report.parameters[1]), (0xD5, 1));
    assert_eq!(report.blamed.as_deref(), Some("tiny.sys"));
}

#[test]
fn what_lies_beyond_in_the_last_granule_is_found_when_the_block_is_freed() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::NonPaged, 100);
        write(block, 100);
        free(block.cast(), Some(TAG));
    });
    assert_eq!(code_and_fourth(&report), (0xC1, 0x24));
    assert_eq!(report.parameters[1], report.parameters[0] + 100);
}

#[test]
fn what_lies_before_is_found_when_the_block_is_freed() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::NonPaged, 64);
        write(block, -3);
        free(block.cast(), Some(TAG));
    });
    assert_eq!(code_and_fourth(&report), (0xC1, 0x23));
    assert_eq!(report.parameters[1], report.parameters[0] - 3);
}

#[test]
fn a_single_bit_has_a_code_of_its_own() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::Paged, 64);
        let changed = block.wrapping_sub(8);
        // SAFETY: in the page of the block.
        unsafe { changed.write(PATTERN ^ 0x10) };
        free(block.cast(), Some(TAG));
    });
    assert_eq!(code_and_fourth(&report), (0xC1, 0x32));
}

#[test]
fn an_address_inside_a_block_cannot_be_freed() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        free(block(Kind::NonPaged, 100).wrapping_add(16).cast(), Some(TAG));
    });
    assert_eq!(code_and_fourth(&report), (0xC1, 0x21));
    assert_eq!(report.parameters[1..3], [100, 112]);
}

#[test]
fn a_block_that_is_free_cannot_be_freed() {
    let report = bug_check_of(test_path!(), || {
        turn_on(SpecialPool::End);
        let block = block(Kind::NonPaged, 64);
        free(block.cast(), Some(TAG));
        free(block.cast(), Some(TAG));
    });
    assert_eq!((report.code, report.parameters[0]), (0xC4, 0x13));
}
