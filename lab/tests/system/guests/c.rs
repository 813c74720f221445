//! The guests in C.

use std::thread;
use std::time::Duration;

use super::{
    STATUS_BUFFER_TOO_SMALL, STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER, STATUS_NO_MORE_ENTRIES, answer, code, each_way, numbers, open,
};
use crate::common::READ;
use pagewise_lab_wire::{Client, Token};

const STATUS_ACCESS_DENIED: u32 = super::STATUS_ACCESS_DENIED;

mod buffers {
    use super::code;

    pub const REVERSE: u32 = code(0x800, 0, 0);
    pub const COUNT: u32 = code(0x801, 1, 2);
    pub const FILL: u32 = code(0x802, 2, 1);
    pub const CIPHER: u32 = code(0x803, 3, 0);
}

fn both(client: &mut Client, handle: u32, code: u32, input: &[u8], output: &[u8]) -> (u32, u32) {
    let id = client.start_both(handle, code, input, output).unwrap();
    let end = client.wait(id).unwrap();
    (end.status, end.information)
}

#[test]
fn each_buffer_method_reaches_the_driver() {
    each_way("buffers", |client| {
        let handle = open(client, r"\\.\Buffers");
        let reversed = client.ioctl(handle, buffers::REVERSE, b"abcde", 9).unwrap();
        assert_eq!(answer(reversed), b"edcba");
        let short = client.ioctl(handle, buffers::REVERSE, b"abc", 2).unwrap();
        assert_eq!(short.status, STATUS_BUFFER_TOO_SMALL);
        // What is in the second buffer is input.
        let counted = both(client, handle, buffers::COUNT, b"s", b"mississippi");
        assert_eq!(counted, (0, 4));
        assert_eq!(both(client, handle, buffers::COUNT, b"z", b"mississippi"), (0, 0));
        let none = both(client, handle, buffers::COUNT, b"s", b"");
        assert_eq!(none.0, STATUS_INVALID_PARAMETER, "a buffer of nothing has no MDL");
        let filled = client.ioctl(handle, buffers::FILL, b"xyz", 7).unwrap();
        assert_eq!(answer(filled), b"xyzxyzx");
        let turned = client.ioctl(handle, buffers::CIPHER, &[0, 255, 0x0f], 3).unwrap();
        assert_eq!(answer(turned), [255, 0, 0xf0]);
        let unknown = client.ioctl(handle, code(0x900, 0, 0), &[], 0).unwrap();
        assert_eq!(unknown.status, STATUS_INVALID_DEVICE_REQUEST);
        client.close(handle).unwrap();
    });
}

#[test]
fn large_buffers_span_pages() {
    each_way("buffers", |client| {
        let handle = open(client, r"\\.\Buffers");
        let data = vec![b'.'; 100_001];
        assert_eq!(both(client, handle, buffers::COUNT, b".", &data), (0, 100_001));
        let turned = client.ioctl(handle, buffers::CIPHER, &data, 100_001).unwrap();
        assert!(answer(turned).iter().all(|&byte| byte == !b'.'));
        client.close(handle).unwrap();
    });
}

#[test]
fn a_control_code_names_the_access_it_needs() {
    each_way("buffers", |client| {
        let opened = client.open_name(r"\\.\Buffers", READ, Token::Administrator).unwrap();
        let denied = both(client, opened.handle, buffers::COUNT, b"s", b"mississippi");
        assert_eq!(denied.0, STATUS_ACCESS_DENIED, "it needs write access");
        let allowed = client.ioctl(opened.handle, buffers::FILL, b"x", 1).unwrap();
        assert_eq!(allowed.status, 0);
        client.close(opened.handle).unwrap();
    });
}

mod pending {
    use super::code;

    pub const WAITING: u32 = code(0x800, 0, 0);
    pub const TIMER: u32 = code(0x801, 0, 0);
}

/// Waits until so many requests wait with the driver.
fn until_waiting(client: &mut Client, handle: u32, count: u32) {
    loop {
        let waiting = numbers(client.ioctl(handle, pending::WAITING, &[], 4).unwrap());
        if waiting == [count] {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_timer_s_dpc_completes_what_waits_in_order() {
    each_way("pending", |client| {
        let handle = open(client, r"\\.\Pending");
        let reads = [0, 1, 2].map(|_| client.start_read(handle, 0, 4).unwrap());
        until_waiting(client, handle, 3);
        client.ioctl(handle, pending::TIMER, &1_u32.to_le_bytes(), 0).unwrap();
        for (number, read) in (0..).zip(reads) {
            assert_eq!(numbers(client.wait(read).unwrap()), [number]);
        }
        client.close(handle).unwrap();
        // The timer runs on: unloading has to stop it.
    });
}

#[test]
fn what_waits_is_cancelled_by_its_client_or_with_its_handle() {
    each_way("pending", |client| {
        let (handle, other) = (open(client, r"\\.\Pending"), open(client, r"\\.\Pending"));
        let cancelled = client.start_read(handle, 0, 4).unwrap();
        let closed = client.start_read(handle, 0, 4).unwrap();
        let kept = client.start_read(other, 0, 4).unwrap();
        until_waiting(client, handle, 3);
        client.cancel(cancelled).unwrap();
        assert_eq!(client.wait(cancelled).unwrap().status, STATUS_CANCELLED);
        client.close(handle).unwrap();
        assert_eq!(client.wait(closed).unwrap().status, STATUS_CANCELLED);
        until_waiting(client, other, 1);
        client.ioctl(other, pending::TIMER, &1_u32.to_le_bytes(), 0).unwrap();
        assert_eq!(numbers(client.wait(kept).unwrap()), [0], "the first that was completed");
        let short = client.start_read(other, 0, 3).unwrap();
        assert_eq!(client.wait(short).unwrap().status, STATUS_BUFFER_TOO_SMALL);
        client.close(other).unwrap();
    });
}

mod echo {
    use super::code;

    pub const PASS_THE_BALL: u32 = code(0x800, 0, 0);
    pub const FIGURES: u32 = code(0x801, 0, 0);
}

fn write(client: &mut Client, handle: u32, text: &[u8]) -> (u32, u32) {
    let id = client.start_write(handle, 0, text).unwrap();
    let end = client.wait(id).unwrap();
    (end.status, end.information)
}

#[test]
fn what_is_written_is_read_again() {
    each_way("echo", |client| {
        let handle = open(client, r"\\.\Echo");
        let early = client.start_read(handle, 0, 8).unwrap();
        assert_eq!(client.wait(early).unwrap().status, STATUS_NO_MORE_ENTRIES);
        assert_eq!(write(client, handle, b"first"), (0, 5));
        assert_eq!(write(client, handle, b"hello, world"), (0, 12));
        let reads = [64, 5].map(|room| client.start_read(handle, 0, room).unwrap());
        assert_eq!(answer(client.wait(reads[0]).unwrap()), b"hello, world");
        assert_eq!(answer(client.wait(reads[1]).unwrap()), b"hello");
        assert_eq!(write(client, handle, &[b'x'; 257]).0, 0xC000_0206, "too long");
        let figures = client.ioctl(handle, echo::FIGURES, &[], 12).unwrap();
        assert_eq!(numbers(figures), [2, 0, 12]);
        client.close(handle).unwrap();
    });
}

#[test]
fn requests_in_a_queue_and_with_the_driver_are_cancelled() {
    each_way("echo", |client| {
        let handle = open(client, r"\\.\Echo");
        let ball = client.start(handle, echo::PASS_THE_BALL, &[], 0).unwrap();
        let next = client.start(handle, echo::PASS_THE_BALL, &[], 0).unwrap();
        assert_eq!(client.wait(ball).unwrap().status, 0, "passed on");
        client.cancel(next).unwrap();
        assert_eq!(client.wait(next).unwrap().status, STATUS_CANCELLED);
        // A read waits for the timer; of many, some are cancelled before it gets to them.
        let reads: Vec<u64> = (0..8).map(|_| client.start_read(handle, 0, 4).unwrap()).collect();
        for read in &reads {
            client.cancel(*read).unwrap();
        }
        let ends = reads.iter().map(|&read| client.wait(read).unwrap().status);
        let cancelled = ends.filter(|&status| status == STATUS_CANCELLED).count();
        assert!(cancelled > 0, "no read was cancelled");
        let figures = numbers(client.ioctl(handle, echo::FIGURES, &[], 12).unwrap());
        assert_eq!(figures[1] as usize, cancelled, "each was told of");
        client.close(handle).unwrap();
    });
}
