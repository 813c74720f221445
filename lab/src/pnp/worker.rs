//! The thread in which everything of Plug and Play happens.

use std::sync::mpsc::{self, Receiver, RecvError, Sender, TryRecvError};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::watchdog;
use crate::ke::schedule;
use crate::ps;

type Action = Box<dyn FnOnce() + Send>;

fn queue() -> &'static Mutex<Sender<Action>> {
    static QUEUE: OnceLock<Mutex<Sender<Action>>> = OnceLock::new();
    QUEUE.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Action>();
        // It ends with the process.
        let _thread = ps::spawn_system("pnp", move || {
            while let Ok(action) = receive(&receiver) {
                let _armed = watchdog::arm();
                action();
            }
        });
        Mutex::new(sender)
    })
}

/// Has `action` done after what was asked for before, and does not wait for it.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
pub fn post(action: impl FnOnce() + Send + 'static) {
    let queue = queue().lock().unwrap_or_else(PoisonError::into_inner);
    // The receiver is never dropped.
    let _ = queue.send(Box::new(action));
    schedule::wake_on(SENT, true);
}

/// What those sleep on who wait for an action, or for its result.
const SENT: usize = 1;

/// The next message. Where there is a schedule, others run meanwhile.
fn receive<T>(receiver: &Receiver<T>) -> Result<T, RecvError> {
    loop {
        let Some(bed) = schedule::lie_down(SENT, None) else { return receiver.recv() };
        match receiver.try_recv() {
            Err(TryRecvError::Empty) => bed.sleep(),
            received => {
                bed.leave();
                return received.map_err(|_| RecvError);
            }
        };
    }
}

/// Has `action` done and waits for its result. Not from within another action.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Panics
/// When the action did.
pub fn run<T: Send + 'static>(action: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    post(move || {
        // The receiver waits.
        let _ = sender.send(action());
        drop(sender);
        schedule::wake_on(SENT, true);
    });
    receive(&receiver).expect("the Plug and Play thread does not end")
}

/// Waits until everything posted so far is done.
pub fn settle() {
    run(|| ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::irql;

    #[test]
    fn actions_run_in_order_in_one_thread_at_passive_level() {
        let first = run(|| (std::thread::current().id(), irql::current()));
        post(|| std::thread::sleep(std::time::Duration::from_millis(1)));
        let second = run(|| (std::thread::current().id(), irql::current()));
        assert_eq!(first, second);
        assert_eq!(first.1, irql::PASSIVE_LEVEL);
    }
}
