//! tokio-tungstenite against a farrier listener: `farrier-test-client URL`. Exits 0 after one line that counts the checks.
#![forbid(unsafe_code)]

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a failed check panics with is all that the suite needs.
async fn connect(url: &str) -> Socket {
    connect_async(url).await.expect("the handshake").0
}

async fn send(socket: &mut Socket, message: Message) {
    socket.send(message).await.expect("a message sent");
}

async fn next(socket: &mut Socket) -> Message {
    socket
        .next()
        .await
        .expect("a message and not the end")
        .expect("a message and not an error")
}

async fn messages_come_back(url: &str) -> usize {
    let mut socket = connect(url).await;
    let sizes = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
    for size in sizes {
        for message in [
            Message::text("x".repeat(size)),
            Message::binary(vec![7; size]),
        ] {
            send(&mut socket, message.clone()).await;
            assert_eq!(next(&mut socket).await, message);
        }
    }
    2 * sizes.len()
}

async fn fragments_are_one_message(url: &str) -> usize {
    let mut socket = connect(url).await;
    let pieces = [
        ("one, ", Data::Text, false),
        ("two, ", Data::Continue, false),
        ("three", Data::Continue, true),
    ];
    for (text, opcode, last) in pieces {
        let frame = Frame::message(text.as_bytes().to_vec(), OpCode::Data(opcode), last);
        send(&mut socket, Message::Frame(frame)).await;
    }
    assert_eq!(next(&mut socket).await, Message::text("one, two, three"));
    1
}

async fn pings_are_answered(url: &str) -> usize {
    let mut socket = connect(url).await;
    let sizes = [0, 1, 125];
    for size in sizes {
        send(&mut socket, Message::Ping(vec![1; size].into())).await;
        assert_eq!(next(&mut socket).await, Message::Pong(vec![1; size].into()));
    }
    sizes.len()
}

/// Who closes first tells the other the code; only a handler's own close frame carries a reason.
async fn close_codes_arrive(url: &str) -> usize {
    let codes = [1000, 1001, 1011, 3000, 4999];
    for code in codes {
        let mut socket = connect(url).await;
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: "bye".into(),
        };
        socket.close(Some(frame)).await.expect("a close frame sent");
        expect_close(&mut socket, code, "").await;

        let mut socket = connect(url).await;
        send(
            &mut socket,
            Message::text(format!("close {code} going away")),
        )
        .await;
        expect_close(&mut socket, code, "going away").await;
    }
    2 * codes.len()
}

async fn expect_close(socket: &mut Socket, code: u16, reason: &str) {
    let Message::Close(Some(frame)) = next(socket).await else {
        panic!("close frame {code} and not another message")
    };
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (code, reason)
    );
    assert!(
        socket.next().await.is_none(),
        "the connection ends after close frame {code}"
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args()
        .nth(1)
        .expect("an URL as the only argument");
    let checks = messages_come_back(&url).await
        + fragments_are_one_message(&url).await
        + pings_are_answered(&url).await
        + close_codes_arrive(&url).await;
    println!("{checks} checks");
}
