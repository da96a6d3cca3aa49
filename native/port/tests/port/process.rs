//! How the process begins, ends, and does with listeners.

use crate::erlang::{
    Erlang, atom, binary, elements_of, error, int, localhost, map, ok, tuple, value_of,
};
use std::net::{SocketAddr, TcpListener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn options_of_the_start_that_are_wrong_may_be_put_right() {
    let mut erlang = Erlang::spawn().await;
    let wrong = tuple([atom("start"), map([("log_level", atom("loud"))])]);
    let answer = erlang.call(wrong).await;
    let reason = &elements_of(&elements_of(&answer)[1])[..3];
    assert_eq!(
        reason,
        [atom("bad_option"), atom("log_level"), atom("loud")]
    );
    let right = tuple([atom("start"), map([("workers", int(2))])]);
    assert_eq!(erlang.call(right.clone()).await, ok());
    assert_eq!(erlang.call(right).await, ok());
}

#[tokio::test]
async fn the_end_of_input_ends_the_process_and_frees_its_port() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    erlang.accept(1).await;
    erlang.hang_up();
    assert_eq!(erlang.exit().await.code(), Some(0));
    TcpListener::bind(address).unwrap();
    assert_eq!(client.read(&mut [0; 10]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn the_end_of_input_ends_a_process_that_nobody_has_started() {
    let mut erlang = Erlang::spawn().await;
    erlang.hang_up();
    assert_eq!(erlang.exit().await.code(), Some(0));
}

#[tokio::test]
async fn what_is_no_command_ends_the_process() {
    let call = [&b"\x83h\x03w\x04callm\0\0\0\x01am"[..], b"\0\0\0\x01a"].concat();
    let garbage: [&[u8]; 5] = [
        b"",
        b"garbage",
        b"\x83h\x02w\x04sendb",
        b"\x83w\x02ok",
        &call,
    ];
    for packet in garbage {
        let mut erlang = Erlang::start().await;
        erlang.send_raw(packet);
        assert_eq!(erlang.exit().await.code(), Some(70), "{packet:?}");
    }
    let mut erlang = Erlang::start().await;
    erlang.command([
        atom("call"),
        binary("a"),
        tuple([atom("dance"), atom("now")]),
    ]);
    assert_eq!(erlang.exit().await.code(), Some(70));
}

#[tokio::test]
async fn nothing_comes_before_the_start() {
    let mut erlang = Erlang::spawn().await;
    erlang.command([atom("abandon"), int(1)]);
    assert_eq!(erlang.exit().await.code(), Some(70));
}

#[tokio::test]
async fn a_panic_outside_of_connections_ends_the_process() {
    let mut erlang = Erlang::start().await;
    if cfg!(debug_assertions) {
        erlang.command([atom("call"), binary("a"), atom("panic")]);
        assert_eq!(erlang.exit().await.code(), Some(70));
    } else {
        assert_eq!(erlang.call(atom("panic")).await, error("unknown"));
    }
}

#[tokio::test]
async fn a_listener_is_suspended_resumed_and_closed() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(7, []).await;
    assert_eq!(erlang.call(tuple([atom("suspend"), int(7)])).await, ok());
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(erlang.call(tuple([atom("resume"), int(7)])).await, ok());
    assert!(TcpStream::connect(address).await.is_ok());
    assert_eq!(
        erlang.call(tuple([atom("close_listener"), int(7)])).await,
        ok()
    );
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(
        erlang.call(tuple([atom("resume"), int(7)])).await,
        error("closed")
    );
}

#[tokio::test]
async fn a_listener_says_what_is_wrong() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let port = int(address.port().into());
    let taken = map([("port", port), ("ip", localhost())]);
    let answer = erlang.call(tuple([atom("listen"), int(2), taken])).await;
    assert_eq!(answer, error("eaddrinuse"));
    let wrong = map([("port", atom("http"))]);
    for name in ["listen", "configure"] {
        let answer = erlang
            .call(tuple([atom(name), int(1), wrong.clone()]))
            .await;
        let reason = &elements_of(&elements_of(&answer)[1])[..3];
        assert_eq!(reason, [atom("bad_option"), atom("port"), atom("http")]);
    }
}

async fn connections(erlang: &mut Erlang) -> u64 {
    let info = erlang.call(tuple([atom("listener_info"), int(1)])).await;
    crate::erlang::integer_of(value_of("connections", &info))
}

async fn request(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn a_full_listener_says_so_each_time_it_comes_about() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, [("max_connections", int(1))]).await;
    let full = tuple([atom("full"), int(1)]);
    let _first = request(address).await;
    // The order of these two depends on which task is first.
    let (one, other) = (erlang.message().await, erlang.message().await);
    assert!(one == full || other == full);
    let _second = request(address).await;
    assert_eq!(connections(&mut erlang).await, 1);
    let limit = |limit| tuple([atom("limit"), int(1), limit]);
    let counted = tuple([ok(), int(1)]);
    assert_eq!(erlang.call(limit(int(2))).await, counted);
    let (one, other) = (erlang.message().await, erlang.message().await);
    assert!(one == full || other == full);
    let two = tuple([ok(), int(2)]);
    assert_eq!(erlang.call(limit(atom("infinity"))).await, two);
    let _third = request(address).await;
    erlang.offer(1).await;
    assert_eq!(connections(&mut erlang).await, 3);
}

#[tokio::test]
async fn log_events_are_told_with_their_fields() {
    let mut erlang = Erlang::start_with("debug").await;
    let address = erlang.listen(1, [("proxy_header", atom("true"))]).await;
    let _client = request(address).await;
    let log = erlang.message().await;
    let [tag, level, message, fields, dropped] = elements_of(&log) else {
        panic!("{log} is no log event");
    };
    assert_eq!([tag, level], [&atom("log"), &atom("debug")]);
    assert_eq!(*message, binary("reading the header of a proxy failed"));
    assert_eq!(
        *value_of("target", fields),
        binary("farrier_core::listener")
    );
    assert_eq!(*dropped, int(0));
}
