//! What a queue does next: the pure part of the queue's machine.
//!
//! A [`Gate`] is the numbers and flags of a queue, changed under its lock; [`Gate::next`] says what
//! the dispatcher has to do (behaviour of
//! Windows-Driver-Frameworks:src/framework/shared/irphandlers/io/fxioqueue.cpp, DispatchEvents).

/// How requests reach the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// One at a time.
    Sequential,
    /// This many at a time at most.
    Parallel(u32),
    /// When the driver asks.
    Manual,
}

/// Where a power-managed queue is with respect to its device's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Dispatching.
    On,
    /// On the way to `Off`: the driver is to finish or acknowledge what it has.
    Stopping,
    /// On the way to `Off` for good: the driver is to finish what it has.
    Purging,
    /// Nothing is dispatched.
    Off,
}

/// What the dispatcher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tell the driver of requests that were cancelled.
    TellCancelled,
    /// Tell who stopped the queue that the driver has no request any more.
    IdleComplete,
    /// Tell who purged or drained the queue that it is empty.
    PurgeComplete,
    /// Ask the driver, by `EvtIoStop`, to stop the requests that were not asked about so far.
    AskToStop,
    /// The power transition is over: `Off`.
    PowerOff,
    /// The queue is at its end.
    Delete,
    /// Tell the driver that a manual queue is no longer empty.
    Ready,
    /// Present the next request.
    Present,
    /// Nothing.
    Done,
}

/// The state of a queue.
#[derive(Clone, Debug)]
pub struct Gate {
    /// How requests reach the driver.
    pub dispatch: Dispatch,
    /// Whether requests are taken in.
    pub accepts: bool,
    /// Whether requests are presented.
    pub dispatches: bool,
    /// The device is going: nobody may make it accept requests again.
    pub shut_down: bool,
    /// Power.
    pub power: Power,
    /// Requests that wait.
    pub waiting: u32,
    /// Requests that the driver has.
    pub owned: u32,
    /// Of these, how many it acknowledged to have stopped.
    pub stopped: u32,
    /// Of these, how many `EvtIoStop` has yet to be called for.
    pub to_stop: u32,
    /// Requests whose cancellation the driver has yet to hear of.
    pub cancelled: u32,
    /// Threads in the dispatcher.
    pub dispatchers: u32,
    /// Somebody waits for the driver to have no request.
    pub idle_wanted: bool,
    /// Somebody waits for the queue to be empty.
    pub purge_wanted: bool,
    /// Purged together with what the driver has: what it gives back is cancelled.
    pub cancels_returned: bool,
    /// A manual queue went from empty to not empty and the driver wants to know.
    pub became_ready: bool,
    /// Being disposed of.
    pub disposing: bool,
    /// Disposed of.
    pub deleted: bool,
}

impl Gate {
    /// A queue that takes requests and, where its power allows, presents them.
    pub const fn new(dispatch: Dispatch, power: Power) -> Self {
        Self {
            dispatch,
            accepts: true,
            dispatches: true,
            shut_down: false,
            power,
            waiting: 0,
            owned: 0,
            stopped: 0,
            to_stop: 0,
            cancelled: 0,
            dispatchers: 0,
            idle_wanted: false,
            purge_wanted: false,
            cancels_returned: false,
            became_ready: false,
            disposing: false,
            deleted: false,
        }
    }

    /// Opens the queue, unless its device is going.
    pub fn start(&mut self) {
        self.accepts |= !self.shut_down;
        self.dispatches = true;
        self.cancels_returned = false;
    }

    /// Closes it for good.
    pub fn shut_down(&mut self) {
        self.shut_down = true;
        self.accepts = false;
    }

    /// What a thread in the dispatcher has to do now; it is counted in `dispatchers`.
    pub fn next(&self) -> Step {
        let alone = self.dispatchers == 1;
        let total = self.waiting + self.owned;
        if self.cancelled > 0 {
            return Step::TellCancelled;
        }
        if self.idle_wanted && alone && self.owned == 0 {
            return Step::IdleComplete;
        }
        if self.purge_wanted && alone && total == 0 {
            return Step::PurgeComplete;
        }
        match self.power {
            Power::Stopping | Power::Purging if self.to_stop > 0 => return Step::AskToStop,
            Power::Stopping if alone && self.owned == self.stopped => return Step::PowerOff,
            Power::Purging if alone && self.owned == 0 => return Step::PowerOff,
            Power::Stopping | Power::Purging => return Step::Done,
            Power::On | Power::Off => {}
        }
        if self.disposing && alone && total == 0 {
            return Step::Delete;
        }
        if self.power == Power::Off || !self.dispatches {
            return Step::Done;
        }
        match self.dispatch {
            Dispatch::Manual if self.became_ready => Step::Ready,
            Dispatch::Manual => Step::Done,
            Dispatch::Sequential if self.owned > 0 => Step::Done,
            Dispatch::Parallel(most) if self.owned >= most => Step::Done,
            _ if self.waiting > 0 => Step::Present,
            _ => Step::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue with one thread in its dispatcher.
    fn gate(dispatch: Dispatch) -> Gate {
        Gate { dispatchers: 1, ..Gate::new(dispatch, Power::On) }
    }

    #[test]
    fn a_sequential_queue_presents_one_at_a_time() {
        let mut gate = gate(Dispatch::Sequential);
        assert_eq!(gate.next(), Step::Done);
        gate.waiting = 2;
        assert_eq!(gate.next(), Step::Present);
        (gate.waiting, gate.owned) = (1, 1);
        assert_eq!(gate.next(), Step::Done);
        gate.owned = 0;
        assert_eq!(gate.next(), Step::Present);
    }

    #[test]
    fn a_parallel_queue_presents_as_many_as_allowed() {
        let mut gate = gate(Dispatch::Parallel(2));
        (gate.waiting, gate.owned) = (1, 1);
        assert_eq!(gate.next(), Step::Present);
        gate.owned = 2;
        assert_eq!(gate.next(), Step::Done);
    }

    #[test]
    fn a_manual_queue_never_presents_but_says_when_it_fills() {
        let mut gate = gate(Dispatch::Manual);
        gate.waiting = 1;
        assert_eq!(gate.next(), Step::Done);
        gate.became_ready = true;
        assert_eq!(gate.next(), Step::Ready);
    }

    #[test]
    fn nothing_is_presented_while_stopped_or_without_power() {
        let mut gate = gate(Dispatch::Sequential);
        gate.waiting = 1;
        gate.dispatches = false;
        assert_eq!(gate.next(), Step::Done);
        gate.dispatches = true;
        gate.power = Power::Off;
        assert_eq!(gate.next(), Step::Done);
    }

    #[test]
    fn power_goes_off_once_the_driver_has_finished_or_acknowledged() {
        let mut gate = gate(Dispatch::Parallel(8));
        gate.power = Power::Stopping;
        (gate.owned, gate.to_stop, gate.waiting) = (2, 2, 1);
        assert_eq!(gate.next(), Step::AskToStop);
        gate.to_stop = 0;
        assert_eq!(gate.next(), Step::Done, "waits for the driver");
        (gate.owned, gate.stopped) = (1, 1);
        assert_eq!(gate.next(), Step::PowerOff);
        gate.dispatchers = 2;
        assert_eq!(gate.next(), Step::Done, "another thread is in a callback");
    }

    #[test]
    fn a_purge_for_power_waits_for_all_that_the_driver_has() {
        let mut gate = gate(Dispatch::Sequential);
        gate.power = Power::Purging;
        (gate.owned, gate.stopped) = (1, 1);
        assert_eq!(gate.next(), Step::Done, "an acknowledged request is not a finished one");
        (gate.owned, gate.stopped) = (0, 0);
        assert_eq!(gate.next(), Step::PowerOff);
    }

    #[test]
    fn who_waits_for_the_end_hears_when_it_is_there() {
        let mut gate = gate(Dispatch::Sequential);
        (gate.purge_wanted, gate.idle_wanted) = (true, true);
        (gate.owned, gate.dispatches) = (1, false);
        assert_eq!(gate.next(), Step::Done);
        (gate.owned, gate.waiting) = (0, 1);
        assert_eq!(gate.next(), Step::IdleComplete);
        gate.idle_wanted = false;
        assert_eq!(gate.next(), Step::Done, "one request waits");
        gate.waiting = 0;
        assert_eq!(gate.next(), Step::PurgeComplete);
    }

    #[test]
    fn cancellations_come_before_everything() {
        let mut gate = gate(Dispatch::Sequential);
        (gate.cancelled, gate.idle_wanted, gate.waiting) = (1, true, 1);
        assert_eq!(gate.next(), Step::TellCancelled);
    }

    #[test]
    fn a_queue_is_deleted_when_it_is_empty_and_left_alone() {
        let mut gate = gate(Dispatch::Manual);
        (gate.disposing, gate.waiting) = (true, 1);
        assert_eq!(gate.next(), Step::Done);
        gate.waiting = 0;
        assert_eq!(gate.next(), Step::Delete);
        gate.dispatchers = 2;
        assert_eq!(gate.next(), Step::Done);
    }

    #[test]
    fn a_device_that_goes_keeps_its_queues_closed() {
        let mut gate = gate(Dispatch::Sequential);
        gate.shut_down();
        gate.start();
        assert!(!gate.accepts);
        gate.shut_down = false;
        gate.start();
        assert!(gate.accepts && gate.dispatches);
    }
}
