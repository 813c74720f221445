//! Timers and DPCs in memory that goes away.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid.

use std::ops::Range;

use crate::ke::{dpc, timer};
use crate::{bugcheck, verifier};

const TIMER_OR_DPC_INVALID: u32 = 0xC7;

/// Call before memory is given back: a pool block, or an image. With the verifier on, a timer that is
/// set or a DPC that is queued in it, or whose routine is in it, is bug check 0xC7; without, it is
/// found out when it comes due.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub fn check(range: &Range<usize>) {
    if !verifier::active() {
        return;
    }
    if verifier::on(verifier::Check::Deadlock) {
        verifier::deadlock::forget(range);
    }
    let found = timer::find_in(range)
        .map(|timer| (0, timer))
        .or_else(|| dpc::find_in(range).map(|dpc| (1, dpc)))
        .or_else(|| dpc::find_routine_in(range).map(|routine| (2, routine)));
    if let Some((kind, address)) = found {
        let parameters = [kind, address as u64, range.start as u64, range.end as u64];
        bugcheck::bug_check(TIMER_OR_DPC_INVALID, parameters);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::mem::MaybeUninit;
    use std::ptr;

    use pagewise_lab_nt as nt;

    use super::*;
    use crate::ke::testing::{dies, verify};

    unsafe extern "win64" fn hold(
        _dpc: *mut nt::KDPC,
        _context: *mut c_void,
        _first: *mut c_void,
        _second: *mut c_void,
    ) {
        loop {
            std::hint::spin_loop();
        }
    }

    /// Queues a DPC that keeps the queue busy, and the one to be found behind it.
    fn queue_two() -> *mut nt::KDPC {
        let mut last = ptr::null_mut();
        for _ in 0..2 {
            last = Box::leak(Box::new(MaybeUninit::<nt::KDPC>::uninit())).as_mut_ptr();
            // SAFETY: the place is a DPC's.
            unsafe { dpc::KeInitializeDpc(last, Some(hold), ptr::null_mut()) };
            // SAFETY: it is a DPC.
            unsafe { dpc::KeInsertQueueDpc(last, ptr::null_mut(), ptr::null_mut()) };
        }
        last
    }

    fn set_timer() -> *mut nt::KTIMER {
        let timer = Box::leak(Box::new(MaybeUninit::<nt::KTIMER>::uninit())).as_mut_ptr();
        // SAFETY: the place is a timer's.
        unsafe { timer::KeInitializeTimer(timer) };
        // SAFETY: it is a timer.
        unsafe { timer::KeSetTimer(timer, i64::MIN, ptr::null_mut()) };
        timer
    }

    #[test]
    fn other_memory_may_go() {
        crate::testing::child::survives(crate::testing::child::test_path!(), || {
            verify();
            let start = set_timer() as usize;
            check(&(start + 64..start + 128));
            check(&(start - 64..start));
        });
    }

    dies!(
        a_timer_that_is_set,
        {
            verify();
            let start = set_timer() as usize;
            check(&(start - 8..start + 8));
        },
        |code, parameters| {
            assert_eq!((code, parameters[0], parameters[1]), (0xC7, 0, parameters[2] + 8));
        }
    );

    dies!(
        a_dpc_that_is_queued,
        {
            verify();
            let start = queue_two() as usize;
            check(&(start..start + 64));
        },
        |code, parameters| assert_eq!(
            (code, parameters[0], parameters[1]),
            (0xC7, 1, parameters[2])
        )
    );

    dies!(
        a_routine_of_a_dpc_that_is_queued,
        {
            verify();
            queue_two();
            let start = hold as *const () as usize;
            check(&(start..start + 1));
        },
        |code, parameters| assert_eq!(
            (code, parameters[0], parameters[1]),
            (0xC7, 2, parameters[2])
        )
    );
}
