//! WebSocket connections, with tungstenite as the client.

use crate::erlang::{
    Erlang, atom, binary, bytes_of, elements_of, error, int, list, map, ok, tuple,
};
use farrier_etf::Term;
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

const TEXT: u64 = 1;
const BINARY: u64 = 2;
const CLOSE: u64 = 8;
const PONG: u64 = 10;

async fn connect(erlang: &mut Erlang, address: SocketAddr) -> (Client, u64) {
    let connecting = tokio::spawn(connect_async(format!("ws://{address}/")));
    let id = erlang.upgrade(1).await;
    (connecting.await.unwrap().unwrap().0, id)
}

async fn start() -> (Erlang, SocketAddr) {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    (erlang, address)
}

fn frame(opcode: u64, payload: impl AsRef<[u8]>) -> Term {
    tuple([int(opcode), binary(payload)])
}

fn send<const N: usize>(erlang: &mut Erlang, id: u64, frames: [Term; N], handled: u64) {
    erlang.command([
        atom("send"),
        int(id),
        list(frames),
        int(handled),
        atom("false"),
    ]);
}

fn close<const N: usize>(erlang: &mut Erlang, id: u64, frames: [Term; N]) {
    erlang.command([atom("close"), int(id), list(frames)]);
}

#[tokio::test]
async fn what_a_client_sends_arrives_and_what_it_is_sent_leaves() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    client.send(Message::text("héllo")).await.unwrap();
    let (events, bytes) = erlang.events(id).await;
    assert_eq!(events, [tuple([atom("text"), binary("héllo")])]);
    assert!(bytes > 0);
    send(
        &mut erlang,
        id,
        [frame(TEXT, "one"), frame(BINARY, [0; 300])],
        bytes,
    );
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("one"));
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::binary(vec![0; 300])
    );
    client.send(Message::Ping("p".into())).await.unwrap();
    let (events, bytes) = erlang.events(id).await;
    assert_eq!(events, [tuple([atom("ping"), binary("p")])]);
    erlang.command([atom("handled"), int(id), int(bytes)]);
    send(&mut erlang, id, [frame(PONG, "p")], 0);
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong("p".into())
    );
    let state = tuple([atom("response_state"), int(id)]);
    assert_eq!(erlang.call(state).await, atom("upgraded"));
}

#[tokio::test]
async fn both_sides_close() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    client
        .close(Some(CloseFrame {
            code: 1000.into(),
            reason: "bye".into(),
        }))
        .await
        .unwrap();
    let (events, _) = erlang.events(id).await;
    assert_eq!(events, [tuple([atom("close"), int(1000), binary("bye")])]);
    close(&mut erlang, id, [frame(CLOSE, [3, 232])]);
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert!(client.next().await.is_none());
    erlang.command([atom("abandon"), int(id)]);

    let (mut client, id) = connect(&mut erlang, address).await;
    close(
        &mut erlang,
        id,
        [frame(TEXT, "last"), frame(CLOSE, b"\x0f\xa1why")],
    );
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("last"));
    let reason = CloseFrame {
        code: 4001.into(),
        reason: "why".into(),
    };
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Close(Some(reason))
    );
}

#[tokio::test]
async fn a_connection_whose_owner_died_is_closed() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    send(&mut erlang, id, [frame(TEXT, "queued")], 0);
    erlang.command([atom("abandon"), int(id)]);
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::text("queued")
    );
    assert!(!matches!(client.next().await, Some(Ok(_))));
}

#[tokio::test]
async fn a_lost_client_is_reported_once() {
    let (mut erlang, address) = start().await;
    let (client, id) = connect(&mut erlang, address).await;
    drop(client);
    let (events, _) = erlang.events(id).await;
    assert_eq!(events, [error("closed")]);
    erlang.command([atom("abandon"), int(id)]);
    let info = erlang.call(tuple([atom("listener_info"), int(1)])).await;
    assert!(matches!(info, Term::Map(_)));
}

#[tokio::test]
async fn a_held_owner_is_told_when_the_client_has_taken_enough() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    erlang.command([atom("await_writable"), int(id)]);
    let writable = tuple([atom("writable"), int(id), atom("writable")]);
    assert_eq!(erlang.message().await, writable);
    // More than the buffers of both sockets hold.
    let sent = 64;
    let payload = vec![7; 1 << 20];
    for _ in 0..sent {
        send(&mut erlang, id, [frame(BINARY, &payload)], 0);
    }
    erlang.command([atom("await_writable"), int(id)]);
    // Calls are answered in order: nothing was writable yet.
    let state = tuple([atom("response_state"), int(id)]);
    assert_eq!(erlang.call(state).await, atom("upgraded"));
    for _ in 0..sent {
        assert_eq!(client.next().await.unwrap().unwrap().len(), payload.len());
    }
    assert_eq!(erlang.message().await, writable);

    for _ in 0..sent {
        send(&mut erlang, id, [frame(BINARY, &payload)], 0);
    }
    erlang.command([atom("await_writable"), int(id)]);
    drop(client);
    let lost = tuple([atom("writable"), int(id), error("closed")]);
    let ended = tuple([int(id), list([error("closed")]), int(0)]);
    let mut both = [erlang.message().await, erlang.message().await];
    both.sort_by_key(|message| *message == ended);
    assert_eq!(both, [lost, ended]);
}

#[tokio::test]
async fn a_passive_connection_is_not_read() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    let set_active = |active| tuple([atom("set_active"), int(id), atom(active)]);
    assert_eq!(erlang.call(set_active("false")).await, ok());
    let change = map([("idle_timeout", atom("infinity"))]);
    let set_options = tuple([atom("set_options"), int(id), change]);
    assert_eq!(erlang.call(set_options).await, ok());
    client.send(Message::text("a")).await.unwrap();
    let (mut other, second) = connect(&mut erlang, address).await;
    other.send(Message::text("b")).await.unwrap();
    assert_eq!(
        erlang.events(second).await.0,
        [tuple([atom("text"), binary("b")])]
    );
    erlang.command([atom("call"), binary(""), set_active("true")]);
    let reply = tuple([atom("reply"), binary(""), ok()]);
    let (first, second) = (erlang.message().await, erlang.message().await);
    let event = if first == reply { second } else { first };
    let events = list([tuple([atom("text"), binary("a")])]);
    assert_eq!(elements_of(&event)[..2], [int(id), events]);
}

#[tokio::test]
async fn large_messages_cross_whole() {
    let (mut erlang, address) = start().await;
    let (mut client, id) = connect(&mut erlang, address).await;
    let change = map([("max_frame_size", atom("infinity"))]);
    let set_options = tuple([atom("set_options"), int(id), change]);
    assert_eq!(erlang.call(set_options).await, ok());
    let payload: Vec<u8> = (0..5_000_000u32).map(|i| (i % 251) as u8).collect();
    for _ in 0..3 {
        client.send(Message::binary(payload.clone())).await.unwrap();
        let (events, bytes) = erlang.events(id).await;
        assert!(events == [tuple([atom("binary"), binary(&payload)])]);
        send(&mut erlang, id, [frame(BINARY, &payload)], bytes);
        assert!(client.next().await.unwrap().unwrap() == Message::binary(payload.clone()));
    }
}

#[tokio::test]
async fn messages_keep_their_order_while_erlang_does_not_read() {
    let mut erlang = Erlang::start().await;
    // More than pipes take.
    let address = erlang.listen(1, [("read_ahead", int(8 << 20))]).await;
    let (mut client, id) = connect(&mut erlang, address).await;
    let (mut other, second) = connect(&mut erlang, address).await;
    let reading = erlang.reading.clone();
    let held = reading.lock().await;
    let count: usize = 4000;
    for i in 0..count {
        client
            .send(Message::text(format!("{i:01000}")))
            .await
            .unwrap();
    }
    // Commands are carried out all the same.
    send(&mut erlang, second, [frame(TEXT, "still here")], 0);
    assert_eq!(
        other.next().await.unwrap().unwrap(),
        Message::text("still here")
    );
    drop(held);
    let mut received = 0;
    while received < count {
        let (events, bytes) = erlang.events(id).await;
        for event in &events {
            let text = bytes_of(&elements_of(event)[1]);
            assert_eq!(text, format!("{received:01000}").as_bytes());
            received += 1;
        }
        erlang.command([atom("handled"), int(id), int(bytes)]);
    }
}
