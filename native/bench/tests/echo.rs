//! The load client against servers that echo well and servers that do not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use farrier_bench::layer::Transport;
use farrier_bench::messages::{Coding, Kind};
use farrier_bench::modes::{
    Echo, Idle, OpenLoop, SlowReaders, Span, Target, connect, echo, idle, open_loop, slow_readers,
};
use farrier_bench::process::Processes;
use farrier_bench::server::{Running, Server};

const SPAN: Span = Span {
    warm_up: Duration::from_millis(50),
    measured: Duration::from_millis(200),
    settle: Duration::from_millis(200),
};

const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn bare(program: &str) -> Running {
    let server = Server::bare("bare", program);
    server.start(Transport::Clear).unwrap()
}

fn load(connections: usize, depth: usize, size: usize, kind: Kind) -> Echo {
    Echo {
        connections,
        depth,
        size,
        kind,
        coding: Coding::Plain,
        transport: Transport::Clear,
    }
}

/// A server for one connection that answers the handshake and then sends what `reply` makes of each read.
fn server(reply: fn(&[u8]) -> Vec<u8>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(HEAD.as_bytes()).unwrap();
        serve(&mut stream, reply);
    });
    Target {
        address,
        processes: Processes::single(std::process::id()),
    }
}

fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
}

fn serve(stream: &mut TcpStream, reply: fn(&[u8]) -> Vec<u8>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = stream.read(&mut buffer)
        && length > 0
    {
        for byte in reply(&buffer[..length]) {
            // The client may have left after a wrong byte.
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    }
}

/// The echo of one small frame.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    let mut reply = vec![frame[0], frame[1] & 0x7f];
    reply.extend(
        frame[6..]
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ frame[2 + i % 4]),
    );
    reply
}

#[test]
fn every_size_depth_and_type_is_echoed() {
    let server = bare(env!("CARGO_BIN_EXE_bare-tungstenite"));
    for (depth, size) in [
        (1, 0),
        (16, 64),
        (3, 125),
        (3, 126),
        (2, 65_535),
        (2, 65_536),
    ] {
        for kind in [Kind::Text, Kind::Binary] {
            let rate = echo(&server.target, load(3, depth, size, kind), SPAN).unwrap();
            assert!(rate.times.len() > 1 && rate.server_cpu_us >= 0.0);
        }
    }
}

#[test]
fn messages_larger_than_the_socket_buffers_go_out_piece_by_piece() {
    let server = bare(env!("CARGO_BIN_EXE_bare-fastwebsockets"));
    let rate = echo(&server.target, load(2, 3, 8 << 20, Kind::Binary), SPAN).unwrap();
    assert!(rate.per_second > 0.0 && rate.server_cpu_us > 0.0);
}

#[test]
fn connections_come_and_go() {
    for program in [
        env!("CARGO_BIN_EXE_bare-tungstenite"),
        env!("CARGO_BIN_EXE_bare-fastwebsockets"),
    ] {
        let server = bare(program);
        assert!(connect(&server.target, 5, SPAN).unwrap().times.len() > 5);
    }
}

#[test]
fn idle_connections_are_weighed() {
    let server = bare(env!("CARGO_BIN_EXE_bare-tungstenite"));
    let load = Idle {
        connections: 200,
        hibernate: false,
        coding: Coding::Plain,
        transport: Transport::Clear,
    };
    let [handshake, echo] = idle(&server.target, load, SPAN).unwrap();
    // Its read buffer alone is 128 KiB.
    assert!(handshake.pss > 100.0 && echo.pss < 500.0);
}

#[test]
fn an_open_loop_sends_at_its_rate_and_times_every_message_that_was_due() {
    let server = bare(env!("CARGO_BIN_EXE_bare-fastwebsockets"));
    let load = OpenLoop {
        connections: 5,
        per_second: 1000,
        size: 64,
    };
    let rate = open_loop(&server.target, load, SPAN).unwrap();
    assert_eq!(rate.times.len(), 200);
}

#[test]
fn a_stall_of_the_server_counts_for_all_messages_that_were_due_in_it() {
    // What came in one stall is answered after the next: frames of 70 bytes.
    let target = server(|frames| {
        thread::sleep(Duration::from_millis(100));
        frames.chunks(70).flat_map(unmasked).collect()
    });
    let load = OpenLoop {
        connections: 1,
        per_second: 100,
        size: 64,
    };
    let rate = open_loop(&target, load, SPAN).unwrap();
    assert_eq!(rate.times.len(), 20);
    // Three digits of it are exact.
    assert!(rate.times.min() >= 99_900_000, "{}", rate.times.min());
}

#[test]
fn readers_that_do_not_read_leave_the_others_their_echo() {
    let server = bare(env!("CARGO_BIN_EXE_bare-tungstenite"));
    let load = SlowReaders {
        slow: 5,
        slow_size: 16_384,
        connections: 5,
    };
    let (rate, memory) = slow_readers(&server.target, load, SPAN).unwrap();
    assert!(rate.times.len() > 5);
    assert_eq!(memory.connections, 5);
}

#[test]
fn a_reply_that_arrives_byte_by_byte_is_one_reply() {
    let target = server(unmasked);
    let rate = echo(&target, load(1, 1, 64, Kind::Text), SPAN).unwrap();
    assert!(!rate.times.is_empty());
}

#[test]
fn a_wrong_byte_ends_the_run() {
    let target = server(|frame| {
        let mut reply = unmasked(frame);
        reply[40] ^= 1;
        reply
    });
    let error = echo(&target, load(1, 1, 64, Kind::Text), SPAN).unwrap_err();
    assert!(error.to_string().contains("reply 0 differs"), "{error}");
}

#[test]
fn a_server_that_refuses_the_upgrade_is_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            .unwrap();
    });
    let target = Target {
        address,
        processes: Processes::single(std::process::id()),
    };
    let error = echo(&target, load(1, 1, 64, Kind::Text), SPAN).unwrap_err();
    assert!(
        error.to_string().contains("503 Service Unavailable"),
        "{error}"
    );
}
