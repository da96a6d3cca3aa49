//! The transport over real sockets, with owners written in Rust and tokio-tungstenite as the client.

use bytes::Bytes;
use farrier_core::bridge::{
    BodyEvent, Bridge, Closed, End, Events, ResponseBody, ResponseHead, ResponseState,
};
use farrier_core::config::{ListenerOptions, Timeout, UpgradeOptions};
use farrier_core::frame::Opcode;
use farrier_core::handle::Handle;
use farrier_core::listener::Listener;
use farrier_core::message::{Payload, VecPayload};
use farrier_core::outbox::{Accepted, Held, Outbox, Outgoing};
use farrier_core::stream::{Socket, Stream, TaskHalf};
use futures_util::{SinkExt, StreamExt};
use serde_bytes::ByteBuf;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

struct Mailboxes;
type Mailbox = mpsc::UnboundedSender<Mail>;

enum Mail {
    Offer(Arc<Handle<Mailboxes>>),
    Events(Vec<Event>, usize),
    Body(BodyEvent),
    Writable(Result<(), Closed>),
}

#[derive(Debug, PartialEq)]
enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    End(End),
}

struct Collected(Vec<Event>);

fn bytes(payload: Payload<'_, VecPayload>) -> Vec<u8> {
    payload.as_slice().to_vec()
}

impl Events<VecPayload> for Collected {
    fn text(&mut self, payload: Payload<'_, VecPayload>) {
        self.0.push(Event::Text(bytes(payload)));
    }
    fn binary(&mut self, payload: Payload<'_, VecPayload>) {
        self.0.push(Event::Binary(bytes(payload)));
    }
    fn ping(&mut self, payload: &[u8]) {
        self.0.push(Event::Ping(payload.to_vec()));
    }
    fn pong(&mut self, payload: &[u8]) {
        self.0.push(Event::Pong(payload.to_vec()));
    }
    fn close(&mut self, reason: Option<(u16, &[u8])>) {
        self.0.push(Event::Close(reason.map(|(code, _)| code)));
    }
    fn end(&mut self, end: End) {
        self.0.push(Event::End(end));
    }
}

impl Bridge for Mailboxes {
    type Process = Mailbox;
    type Reference = ();
    type Payload = VecPayload;

    fn offer(&self, acceptor: &Mailbox, handle: Arc<Handle<Self>>) -> bool {
        acceptor.send(Mail::Offer(handle)).is_ok()
    }
    fn deliver(
        &self,
        owner: &Mailbox,
        fill: &mut dyn FnMut(&mut dyn Events<VecPayload>) -> usize,
    ) -> bool {
        let mut events = Collected(Vec::new());
        let bytes = fill(&mut events);
        events.0.is_empty() || owner.send(Mail::Events(events.0, bytes)).is_ok()
    }
    fn body(&self, owner: &Mailbox, (): (), event: BodyEvent) -> bool {
        owner.send(Mail::Body(event)).is_ok()
    }
    fn writable(&self, owner: &Mailbox, (): (), result: Result<(), Closed>) -> bool {
        owner.send(Mail::Writable(result)).is_ok()
    }
}

struct Frame(Opcode, Vec<u8>);

impl Outgoing for Frame {
    fn opcode(&self) -> Opcode {
        self.0
    }
    fn payload(&self) -> &[u8] {
        &self.1
    }
    fn hold(&self) -> Box<dyn Held> {
        Box::new(self.1.clone())
    }
}

fn head(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
    let headers = headers
        .iter()
        .map(|(name, value)| (ByteBuf::from(*name), ByteBuf::from(*value)));
    ResponseHead {
        status,
        reason: None,
        headers: headers.collect(),
    }
}

/// A listener whose requests reach the test.
fn listen(options: ListenerOptions) -> (Listener<Mailboxes>, mpsc::UnboundedReceiver<Mail>) {
    let (acceptor, offers) = mpsc::unbounded_channel();
    let executors = tokio::runtime::Handle::current().into();
    let options = ListenerOptions {
        ip: farrier_core::config::Address([127, 0, 0, 1].into()),
        ..options
    };
    let listener = Listener::bind(executors, Arc::new(Mailboxes), options, vec![acceptor]).unwrap();
    (listener, offers)
}

async fn offered(offers: &mut mpsc::UnboundedReceiver<Mail>) -> Arc<Handle<Mailboxes>> {
    match offers.recv().await {
        Some(Mail::Offer(handle)) => handle,
        _ => panic!("an offer was expected"),
    }
}

/// Accepts a request and upgrades it.
async fn upgraded(
    offers: &mut mpsc::UnboundedReceiver<Mail>,
    options: UpgradeOptions,
) -> (Arc<Handle<Mailboxes>>, mpsc::UnboundedReceiver<Mail>) {
    let handle = offered(offers).await;
    let (owner, mails) = mpsc::unbounded_channel();
    let request = handle.accept(owner).unwrap();
    let key = request
        .headers
        .iter()
        .find(|(name, _)| name.as_slice() == b"sec-websocket-key")
        .unwrap();
    let accept = derive_accept_key(&key.1);
    let headers = [
        ("Connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", accept.as_str()),
    ];
    handle.upgrade(head(101, &headers), options).unwrap();
    (handle, mails)
}

/// Echoes until the connection ends; gives the terminal event.
async fn echo(handle: Arc<Handle<Mailboxes>>, mut mails: mpsc::UnboundedReceiver<Mail>) -> Event {
    loop {
        let Some(Mail::Events(events, bytes)) = mails.recv().await else {
            panic!("events were expected");
        };
        let count = events.len();
        for (i, event) in events.into_iter().enumerate() {
            let reply = match event {
                Event::Text(text) => Frame(Opcode::Text, text),
                Event::Binary(data) => Frame(Opcode::Binary, data),
                Event::Ping(data) => Frame(Opcode::Pong, data),
                Event::Pong(_) => continue,
                end => {
                    handle.close(&[Frame(Opcode::Close, Vec::new())]);
                    return end;
                }
            };
            let more = i + 1 < count;
            let blocked = handle.send(&[reply], if more { 0 } else { bytes }, more);
            if blocked == Ok(true) && handle.await_writable(()) == Ok(false) {
                assert!(matches!(mails.recv().await, Some(Mail::Writable(Ok(())))));
            }
        }
    }
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}/")
}

#[tokio::test]
async fn messages_of_every_size_come_back_whole() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let server = tokio::spawn(async move {
        let options = UpgradeOptions {
            max_frame_size: farrier_core::config::Limit(None),
            ..Default::default()
        };
        let (handle, mails) = upgraded(&mut offers, options).await;
        echo(handle, mails).await
    });
    let (mut client, _) = connect_async(url(address)).await.unwrap();
    for size in [0, 1, 64, 125, 126, 4096, 65_535, 65_536, 300_000, 5_000_000] {
        let data: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        client.send(Message::binary(data.clone())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::binary(data));
        let text = "ž".repeat(size / 2);
        client.send(Message::text(text.clone())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(text));
    }
    let close = CloseFrame {
        code: 1000.into(),
        reason: "".into(),
    };
    client.close(Some(close)).await.unwrap();
    assert_eq!(server.await.unwrap(), Event::Close(Some(1000)));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_its_owner_and_loses_nothing() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let connecting = tokio::spawn(connect_async(url(address)));
    let (handle, mut mails) = upgraded(&mut offers, UpgradeOptions::default()).await;
    let (mut client, _) = connecting.await.unwrap().unwrap();
    let payload = vec![7; 500_000];
    let mut sent = 0;
    while !handle
        .send(&[Frame(Opcode::Binary, payload.clone())], 0, false)
        .unwrap()
    {
        sent += 1;
        assert!(sent < 1000, "the outbox has no bound");
    }
    assert_eq!(handle.await_writable(()), Ok(false));
    for _ in 0..=sent {
        let message = client.next().await.unwrap().unwrap();
        assert_eq!(message, Message::binary(payload.clone()));
    }
    assert!(matches!(mails.recv().await, Some(Mail::Writable(Ok(())))));
}

#[tokio::test]
async fn a_slow_owner_stops_the_reading_of_its_client() {
    let options = ListenerOptions {
        read_ahead: 64 * 1024,
        ..Default::default()
    };
    let (listener, mut offers) = listen(options);
    let address = listener.address().unwrap();
    let connecting = tokio::spawn(connect_async(url(address)));
    let (handle, mut mails) = upgraded(&mut offers, UpgradeOptions::default()).await;
    let (mut client, _) = connecting.await.unwrap().unwrap();
    // More than the kernel's buffers hold: the sender can finish only if somebody reads.
    let writer = tokio::spawn(async move {
        for _ in 0..400 {
            client
                .send(Message::binary(vec![1; 100_000]))
                .await
                .unwrap();
        }
        client
    });
    let mut received = 0;
    let mut largest = 0;
    while received < 400 {
        let Some(Mail::Events(events, bytes)) = mails.recv().await else {
            panic!("events were expected");
        };
        received += events.len();
        largest = largest.max(bytes);
        handle.handled(bytes);
    }
    assert!(
        largest <= 2 * 100_014 + 64 * 1024,
        "{largest} bytes at once"
    );
    drop(writer.await.unwrap());
    loop {
        match mails.recv().await {
            Some(Mail::Events(events, _)) if events == [Event::End(End::Closed)] => break,
            Some(_) => {}
            None => panic!("the end was expected"),
        }
    }
}

#[tokio::test]
async fn silence_is_reported_and_the_close_frame_still_leaves() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let connecting = tokio::spawn(connect_async(url(address)));
    let options = UpgradeOptions {
        idle_timeout: Timeout(Some(Duration::from_millis(50))),
        ..Default::default()
    };
    let (handle, mails) = upgraded(&mut offers, options).await;
    let (mut client, _) = connecting.await.unwrap().unwrap();
    assert_eq!(echo(handle, mails).await, Event::End(End::Timeout));
    assert!(matches!(
        client.next().await,
        Some(Ok(Message::Close(None)))
    ));
}

#[tokio::test]
async fn replies_leave_though_the_owner_never_ends_its_batch() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let connecting = tokio::spawn(connect_async(url(address)));
    let (handle, mut mails) = upgraded(&mut offers, UpgradeOptions::default()).await;
    let (mut client, _) = connecting.await.unwrap().unwrap();
    client.feed(Message::text("one")).await.unwrap();
    client.feed(Message::text("two")).await.unwrap();
    client.flush().await.unwrap();
    assert!(matches!(mails.recv().await, Some(Mail::Events(..))));
    handle
        .send(&[Frame(Opcode::Text, b"reply".to_vec())], 0, true)
        .unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::text("reply")
    );
}

async fn exchange(address: SocketAddr, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = vec![0; 4096];
    let n = stream.read(&mut response).await.unwrap();
    response.truncate(n);
    (stream, String::from_utf8(response).unwrap())
}

#[tokio::test]
async fn a_request_is_answered_and_its_connection_kept() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let handle = offered(&mut offers).await;
            let (owner, mut mails) = mpsc::unbounded_channel();
            let request = handle.accept(owner).unwrap();
            assert_eq!(
                (&request.path[..], &request.qs[..]),
                (&b"/a"[..], &b"b=c"[..])
            );
            assert_eq!(request.body_length, Some(4));
            handle.read_body((), 10, None).unwrap();
            let Some(Mail::Body(BodyEvent::Fin(body))) = mails.recv().await else {
                panic!("the body was expected");
            };
            let response = head(200, &[("content-length", "4")]);
            handle.respond(response, ResponseBody::Bytes(body)).unwrap();
            assert_eq!(handle.response_state(), ResponseState::Done);
            assert!(
                handle
                    .respond(head(200, &[]), ResponseBody::Bytes(Bytes::new()))
                    .is_err()
            );
        }
    });
    let request = "POST /a?b=c HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody";
    let (mut stream, response) = exchange(address, request).await;
    assert_eq!(response, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut again = vec![0; response.len()];
    stream.read_exact(&mut again).await.unwrap();
    assert_eq!(again, response.as_bytes());
    server.await.unwrap();
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused_with_their_status() {
    let (listener, _offers) = listen(ListenerOptions::default());
    let long = "x".repeat(9000);
    let name = "n".repeat(65);
    let cases = [
        (format!("GET /{long} HTTP/1.1\r\nhost: h\r\n\r\n"), "414"),
        (
            format!("GET / HTTP/1.1\r\nhost: h\r\nx: {long}\r\n\r\n"),
            "431",
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: h\r\n{name}: v\r\n\r\n"),
            "431",
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".into(), "400"),
        ("nonsense\r\n\r\n".into(), "400"),
    ];
    for (request, status) in cases {
        let (mut stream, response) = exchange(listener.address().unwrap(), &request).await;
        assert_eq!(response.get(9..12), Some(status), "{response}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_nobody_takes_is_answered_503() {
    let (listener, mut offers) = listen(ListenerOptions::default());
    let address = listener.address().unwrap();
    let client = tokio::spawn(async move {
        exchange(address, "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .1
    });
    offered(&mut offers).await.abandon();
    assert!(client.await.unwrap().starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let options = ListenerOptions {
        max_connections: farrier_core::config::Limit(Some(1)),
        ..Default::default()
    };
    let (listener, mut offers) = listen(options);
    let address = listener.address().unwrap();
    let first = tokio::spawn(connect_async(url(address)));
    let (handle, mails) = upgraded(&mut offers, UpgradeOptions::default()).await;
    let (mut first, _) = first.await.unwrap().unwrap();
    let second = tokio::spawn(connect_async(url(address)));
    first.send(Message::text("still served")).await.unwrap();
    tokio::spawn(echo(handle, mails));
    assert!(first.next().await.unwrap().is_ok());
    assert_eq!(listener.info().connections, 1);
    assert!(offers.try_recv().is_err());
    first.close(None).await.unwrap();
    drop(first);
    let (_handle, _mails) = upgraded(&mut offers, UpgradeOptions::default()).await;
    assert!(second.await.unwrap().is_ok());
}

/// Taken, and nothing is left for the connection's task.
const FREE: Accepted = Accepted {
    blocked: false,
    wake: false,
};

/// An outbox whose callers write themselves and promise more, and the client's end of its socket.
async fn corkable() -> (Outbox<Mailboxes>, TaskHalf, UnixStream) {
    let (ours, client) = UnixStream::pair().unwrap();
    ours.writable().await.unwrap();
    let (task, writer) = Stream::Clear(Socket::Unix(ours)).split();
    let mut outbox = Outbox::new();
    outbox.attach(writer, Vec::new());
    assert!(outbox.drain().unwrap());
    outbox.allow_cork();
    (outbox, task, client)
}

/// On the wire its header takes 4 bytes more.
fn text(length: usize) -> Frame {
    Frame(Opcode::Text, vec![b'x'; length])
}

#[tokio::test]
async fn replies_beyond_the_watermark_leave_though_more_is_promised() {
    let (mut outbox, _task, mut client) = corkable().await;
    assert_eq!(outbox.send(&[text(600)], true, 1024), Ok(FREE));
    assert_eq!(outbox.queued(), 604);
    assert_eq!(outbox.send(&[text(600)], true, 1024), Ok(FREE));
    assert_eq!(outbox.queued(), 0);
    client.read_exact(&mut [0; 2 * 604]).await.unwrap();
}

#[tokio::test]
async fn replies_leave_before_their_owner_waits_for_room() {
    let (mut outbox, _task, mut client) = corkable().await;
    assert_eq!(outbox.send(&[text(2000)], true, 64 * 1024), Ok(FREE));
    assert_eq!(outbox.queued(), 2004);
    assert_eq!(outbox.await_writable((), 512), Ok(FREE));
    client.read_exact(&mut [0; 2004]).await.unwrap();
}

#[tokio::test]
async fn an_owner_waits_while_its_client_takes_nothing() {
    let (mut outbox, _task, _client) = corkable().await;
    while !outbox
        .send(&[text(60_000)], true, 64 * 1024)
        .unwrap()
        .blocked
    {}
    let waits = Accepted {
        blocked: true,
        wake: false,
    };
    assert_eq!(outbox.await_writable((), 512), Ok(waits));
}
