//! Everything at once: no reference may see anything but what was last written.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pagewise_contract::PAGE_SIZE;

use crate::mm;
use crate::testing::child::{survives, test_path};
use crate::testing::driver::{DATA_SECTION, Driver, PAGECODE, PAGEDATA, RDATA, TEXT, word};

const CLIENTS: usize = 8;
/// What each does at least; all go on until the slowest has.
const ROUNDS: u64 = 1000;
const TIME: Duration = Duration::from_millis(1000);

#[test]
fn eight_clients_trim_purge_page_reset_lock_and_touch_at_once() {
    survives(test_path!(), || {
        let driver = Driver::load();
        mm::policy::set("lock-after-page-entire", "locks").unwrap();
        let done = AtomicUsize::new(0);
        let written: Vec<u64> = thread::scope(|scope| {
            let done = &done;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || client(driver, number, done)))
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for (number, written) in written.into_iter().enumerate() {
            assert_eq!(driver.read(driver.at(own(number))), written);
        }
        driver.ask("MmResetDriverPaging", driver.at(TEXT));
        assert_eq!(driver.pageable(), [2, 3, 6, 7], "no lock and no override is left");
        let counters = mm::counters();
        assert!(counters.soft_faults > 0 && counters.hard_faults > 0, "{counters:?}");
    });
}

/// A word of each client's own, in pages that all share.
fn own(number: usize) -> usize {
    let section = if number.is_multiple_of(2) { PAGEDATA } else { DATA_SECTION };
    section + number * 8
}

fn client(driver: Driver, number: usize, done: &AtomicUsize) -> u64 {
    mm::attach_thread();
    let mut rounds = 0;
    let own = driver.at(own(number));
    driver.write(own, 0);
    while done.load(Ordering::Relaxed) < CLIENTS {
        match (number, rounds % 4) {
            (0, _) => _ = mm::trim(),
            (1, _) => _ = mm::trim() + mm::purge(),
            (2, 0) => _ = driver.ask("MmPageEntireDriver", driver.at(TEXT)),
            (2, 2) => _ = driver.ask("MmResetDriverPaging", driver.at(TEXT)),
            (3, _) => {
                let handle = driver.ask("MmLockPagableDataSection", driver.at(PAGECODE));
                driver.kernel("MmUnlockPagableImageSection", [handle, 0]);
            }
            (4, _) => _ = driver.pages(),
            (5, _) => {
                let first = (RDATA / PAGE_SIZE) as u32;
                let content = mm::contents(driver.0, first, 1).unwrap();
                assert_eq!(content[..8], word(0).to_le_bytes());
            }
            _ => {}
        }
        assert_eq!(driver.call(driver.at(PAGECODE)), 0x1111);
        assert_eq!(driver.call(driver.at(PAGECODE + PAGE_SIZE)), 0x2222);
        assert_eq!(driver.read(driver.at(RDATA + 8 * number)), word(8 * number));
        assert_eq!(driver.read(own), rounds);
        rounds += 1;
        driver.write(own, rounds);
        if rounds == ROUNDS {
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    rounds
}

#[test]
fn images_come_and_go_under_trims() {
    survives(test_path!(), || {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let trimmer = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    mm::trim();
                    mm::purge();
                }
            });
            let start = Instant::now();
            let mut loads = 0;
            // More than are remembered after their unload.
            while start.elapsed() < TIME || loads < 60 {
                let driver = Driver::load();
                driver.ask("MmPageEntireDriver", driver.at(TEXT));
                assert_eq!(driver.call(driver.at(PAGECODE)), 0x1111);
                crate::image::unload(driver.0);
                loads += 1;
            }
            over.store(true, Ordering::Relaxed);
            trimmer.join().unwrap();
        });
    });
}
