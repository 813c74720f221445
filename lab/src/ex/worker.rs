//! System worker threads.
//!
//! There is one queue for all priorities, and another thread whenever all are busy: a work item that
//! waits for another one never keeps it from running.
//!
//! Page: learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ke::schedule::Condvar;
use crate::ps;

/// More than this many work items that block at the same time are a deadlock of the driver's.
const MAXIMUM_THREADS: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

struct Workers {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static WORKERS: Mutex<Workers> = Mutex::new(Workers { jobs: VecDeque::new(), threads: 0, idle: 0 });
static QUEUED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Workers> {
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a system worker thread run `job` at `PASSIVE_LEVEL`.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub fn queue_system_work(job: Job) {
    let mut workers = lock();
    workers.jobs.push_back(job);
    let grow = workers.jobs.len() > workers.idle && workers.threads < MAXIMUM_THREADS;
    if grow {
        workers.threads += 1;
    }
    drop(workers);
    if grow {
        ps::spawn_system("worker", work);
    } else {
        QUEUED.notify_one();
    }
}

fn work() {
    loop {
        next()();
    }
}

fn next() -> Job {
    let mut workers = lock();
    loop {
        if let Some(job) = workers.jobs.pop_front() {
            return job;
        }
        workers.idle += 1;
        workers = QUEUED.wait(&WORKERS, workers);
        workers.idle -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::ke::irql;

    #[test]
    fn jobs_that_wait_for_each_other_all_run() {
        let (sender, receiver) = mpsc::channel();
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(8));
        for _ in 0..8 {
            let (sender, barrier) = (sender.clone(), barrier.clone());
            queue_system_work(Box::new(move || {
                barrier.wait();
                sender.send(irql::current()).unwrap();
            }));
        }
        for _ in 0..8 {
            assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(irql::PASSIVE_LEVEL));
        }
    }
}
