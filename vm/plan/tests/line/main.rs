//! Both ends of the line against each other: whatever happens to bytes and machines, the host gets
//! the journal's lines, each once and in order.

mod world;

use std::time::Duration;

use pagewise_vm_plan::control::Control;
use pagewise_vm_plan::event::Event;
use pagewise_vm_plan::frame;
use pagewise_vm_plan::journal;
use pagewise_vm_plan::receiver::{Received, Receiver};
use pagewise_vm_plan::sender::{Sender, WINDOW};
use proptest::prelude::*;

use world::{Fault, Twin, World};

fn fault() -> impl Strategy<Value = Fault> {
    let byte = any::<prop::sample::Index>;
    prop_oneof![
        4 => (1u16..6000).prop_map(Fault::Pass),
        2 => Just(Fault::Write),
        2 => any::<u16>().prop_map(Fault::Wait),
        1 => (1u16..6000).prop_map(Fault::Lose),
        1 => (byte(), 1u8..).prop_map(|(at, with)| Fault::Flip(at, with)),
        1 => (byte(), byte()).prop_map(|(from, to)| Fault::Repeat(from, to)),
        1 => (byte(), byte()).prop_map(|(from, to)| Fault::Reorder(from, to)),
        1 => (byte(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(at, bytes)| {
            Fault::Insert(at, bytes)
        }),
        1 => (any::<u8>(), 1u16..20_000).prop_map(|(byte, count)| Fault::Flood(byte, count)),
        1 => Just(Fault::GuestResets),
        1 => Just(Fault::HostRestarts),
        1 => Just(Fault::Swap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_host_gets_each_line_once_and_in_order(faults in prop::collection::vec(fault(), 0..150)) {
        let mut world = World::new(Twin::None);
        faults.into_iter().for_each(|fault| world.suffer(fault));
        world.calm_down();
        prop_assert_eq!(world.on_host(), world.journal());
    }
}

/// Lines written, lost, and a restart: enough for either twin to show.
fn rough() -> Vec<Fault> {
    let write = || std::iter::repeat_n(Fault::Write, 3);
    let time = || [Fault::Wait(1100), Fault::Pass(6000), Fault::Wait(10), Fault::Pass(6000)];
    let mut faults = Vec::new();
    for event in [Fault::GuestResets, Fault::HostRestarts, Fault::Lose(6000)] {
        faults.extend(write());
        faults.extend(time());
        faults.extend(write());
        faults.extend([Fault::Wait(1100), event]);
        faults.extend(time());
    }
    faults
}

fn after(twin: Twin) -> World {
    let mut world = World::new(twin);
    rough().into_iter().for_each(|fault| world.suffer(fault));
    world.calm_down();
    world
}

#[test]
fn ends_that_are_broken_on_purpose_are_caught() {
    let sound = after(Twin::None);
    assert_eq!(sound.on_host(), sound.journal());
    for twin in [Twin::AcknowledgesTooEarly, Twin::NumbersAnew] {
        let world = after(twin);
        assert_ne!(world.on_host(), world.journal(), "{twin:?}");
    }
}

#[test]
fn a_flood_costs_no_memory_and_one_answer() {
    let mut receiver = Receiver::default();
    for _ in 0..200 {
        let flood = b"~1 {\"event\":\"x\"} 00000000\n".repeat(1000);
        assert!(receiver.feed(&flood).is_empty());
        assert_eq!(receiver.answer(), Some(Control::Ack(0).frame()));
        assert_eq!(receiver.answer(), None);
    }
    assert_eq!(receiver.traffic().noise.broken, 200_000);
}

#[test]
fn noise_alone_is_not_answered() {
    let mut receiver = Receiver::default();
    receiver.feed(b"SeaBIOS (version 1.16)\r\nBooting from Hard Disk...\r\n");
    assert_eq!(receiver.answer(), None);
}

/// A sender with so many lines, and a host that has greeted it.
fn greeted(lines: u64) -> Sender {
    let mut sender = Sender::new(1, String::new());
    (1..=lines).for_each(|number| sender.push(journal::line(number, &Event::said("x"))));
    assert!(sender.poll(Duration::ZERO).starts_with(br#"~0 {"hello""#));
    sender.feed(&Control::Ack(0).frame(), Duration::ZERO);
    sender
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[test]
fn no_more_than_the_window_is_on_its_way() {
    let mut sender = greeted(100);
    let at = Duration::from_secs;
    assert_eq!(count(&sender.poll(at(0))), WINDOW);
    assert_eq!(count(&sender.poll(at(0))), 0);
    sender.feed(&Control::Ack(5).frame(), at(0));
    assert_eq!(count(&sender.poll(at(0))), 5);
}

#[test]
fn what_is_not_acknowledged_is_repeated_ever_more_slowly() {
    let mut sender = greeted(1);
    let mut sent = Vec::new();
    for second in 0..30 {
        if !sender.poll(Duration::from_secs(second)).is_empty() {
            sent.push(second);
        }
    }
    assert_eq!(sent, [0, 1, 2, 4, 8, 13, 18, 23, 28]);
    sender.feed(&Control::Ack(1).frame(), Duration::from_secs(30));
    assert!(sender.is_drained() && sender.poll(Duration::from_secs(60)).is_empty());
}

#[test]
fn a_host_that_has_more_than_there_is_is_told_so_and_not_believed() {
    let mut sender = Sender::new(1, "cafe".to_owned());
    sender.push(journal::line(1, &Event::said("x")));
    sender.feed(&Control::Ack(9).frame(), Duration::ZERO);
    assert_eq!(sender.acknowledged(), None);
    let mut receiver = Receiver::new(9);
    let received = receiver.feed(&sender.poll(Duration::ZERO));
    assert!(matches!(received[..], [Received::Rewound { have: 9, .. }]));
    assert_eq!(receiver.answer(), None);
}

#[test]
fn a_later_version_s_event_is_kept() {
    let mut receiver = Receiver::default();
    let frame = frame::encode(1, r#"{"event":"brand-new","x":[1]}"#);
    let received = receiver.feed(&frame);
    assert!(matches!(&received[..], [Received::Line(_, Event::Unknown)]));
}

proptest! {
    /// The entry for a fuzzer: any bytes into either end.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut receiver = Receiver::default();
        receiver.feed(&bytes);
        let mut sender = greeted(20);
        sender.feed(&bytes, Duration::from_secs(1));
        sender.poll(Duration::from_secs(2));
    }
}
