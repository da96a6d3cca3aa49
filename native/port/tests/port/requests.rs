//! Requests and responses.

use crate::erlang::{
    Erlang, atom, binary, elements_of, error, head, int, list, map, ok, tuple, value_of,
};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn request(address: SocketAddr, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn get(address: SocketAddr) -> TcpStream {
    request(address, "GET /p?q HTTP/1.1\r\nhost: a:8\r\n\r\n").await
}

/// Reads until `end`, which must come.
async fn read_to(client: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let got = client.read_buf(&mut read).await.unwrap();
        assert_ne!(got, 0, "{}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

async fn read_all(mut client: TcpStream) -> String {
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_request_is_offered_accepted_and_answered() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(3, []).await;
    let mut client = get(address).await;
    let (id, request) = erlang.accept(3).await;
    assert_eq!(*value_of("method", &request), binary("GET"));
    assert_eq!(*value_of("path", &request), binary("/p"));
    assert_eq!(*value_of("qs", &request), binary("q"));
    assert_eq!(
        erlang.call(tuple([atom("accept"), int(id)])).await,
        error("closed")
    );
    let state = tuple([atom("response_state"), int(id)]);
    assert_eq!(erlang.call(state.clone()).await, atom("none"));
    let early = head(103, [("link", "x")]);
    assert_eq!(
        erlang.call(tuple([atom("inform"), int(id), early])).await,
        ok()
    );
    let response = head(200, [("content-length", "3")]);
    let respond = tuple([atom("respond"), int(id), response, binary("abc")]);
    assert_eq!(erlang.call(respond.clone()).await, ok());
    assert_eq!(erlang.call(respond).await, error("already_sent"));
    assert_eq!(erlang.call(state).await, atom("done"));
    let answer = read_to(&mut client, "abc").await;
    assert_eq!(
        answer,
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
    );
}

#[tokio::test]
async fn a_response_may_be_a_file_or_come_in_pieces() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let mut client = get(address).await;
    let (id, _) = erlang.accept(1).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let file = tuple([atom("sendfile"), int(1), int(7), binary(path)]);
    let response = head(200, [("content-length", "7")]);
    assert_eq!(
        erlang
            .call(tuple([atom("respond"), int(id), response, file]))
            .await,
        ok()
    );
    assert!(
        read_to(&mut client, "package")
            .await
            .starts_with("HTTP/1.1 200")
    );

    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        .await
        .unwrap();
    let (id, _) = erlang.accept(1).await;
    let response = head(200, [("trailer", "t")]);
    let stream = tuple([atom("respond_stream"), int(id), response]);
    assert_eq!(erlang.call(stream).await, ok());
    let chunk = tuple([atom("respond_chunk"), int(id), binary("piece")]);
    assert_eq!(erlang.call(chunk.clone()).await, ok());
    let trailers = list([tuple([binary("t"), binary("v")])]);
    assert_eq!(
        erlang
            .call(tuple([atom("respond_end"), int(id), trailers]))
            .await,
        ok()
    );
    assert_eq!(erlang.call(chunk).await, error("closed"));
    let answer = read_to(&mut client, "0\r\nt: v\r\n\r\n").await;
    assert!(answer.contains("\r\n\r\n5\r\npiece\r\n0\r\n"), "{answer}");
}

#[tokio::test]
async fn a_header_that_would_break_a_response_is_refused() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let _client = get(address).await;
    let (id, _) = erlang.accept(1).await;
    let response = head(200, [("x", "a\r\nb: c")]);
    let answer = erlang
        .call(tuple([atom("respond"), int(id), response, binary("")]))
        .await;
    let reason = tuple([atom("invalid_header"), binary("x")]);
    assert_eq!(answer, tuple([atom("error"), reason]));
    let answer = erlang
        .call(tuple([atom("respond"), int(id), map([]), binary("")]))
        .await;
    let reason = elements_of(&answer)[1].clone();
    assert_eq!(elements_of(&reason)[0], atom("bad_option"));
}

#[tokio::test]
async fn a_body_is_read_in_pieces() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc";
    let mut client = request(address, post).await;
    let (id, _) = erlang.accept(1).await;
    let infinity = atom("infinity");
    erlang.command([atom("read_body"), int(id), int(2), infinity.clone()]);
    let piece = erlang.message().await;
    assert_eq!(
        piece,
        tuple([atom("body"), int(id), atom("nofin"), binary("ab")])
    );
    erlang.command([atom("read_body"), int(id), int(100), infinity.clone()]);
    client.write_all(b"def").await.unwrap();
    let rest = erlang.message().await;
    assert_eq!(
        rest,
        tuple([atom("body"), int(id), atom("fin"), binary("cdef")])
    );

    let client = request(address, post).await;
    let (id, _) = erlang.accept(1).await;
    erlang.command([atom("read_body"), int(id), int(100), infinity]);
    drop(client);
    let lost = erlang.message().await;
    assert_eq!(
        lost,
        tuple([atom("body"), int(id), atom("error"), atom("closed")])
    );
}

#[tokio::test]
async fn an_owner_that_asks_is_told_when_the_client_goes_away() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let client = get(address).await;
    let (id, _) = erlang.accept(1).await;
    erlang.command([atom("await_closed"), int(id)]);
    drop(client);
    let gone = tuple([atom("closed"), int(id)]);
    assert_eq!(erlang.message().await, gone);
    erlang.command([atom("await_closed"), int(id)]);
    assert_eq!(erlang.message().await, gone);
}

#[tokio::test]
async fn an_abandoned_request_is_answered() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let mut client = get(address).await;
    let id = erlang.offer(1).await;
    erlang.command([atom("abandon"), int(id)]);
    let answer = read_to(&mut client, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(
        erlang.call(tuple([atom("accept"), int(id)])).await,
        error("closed")
    );

    let mut client = get(address).await;
    let (id, _) = erlang.accept(1).await;
    erlang.command([atom("abandon"), int(id)]);
    let answer = read_to(&mut client, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
}

#[tokio::test]
async fn a_close_without_a_response_closes_without_a_byte() {
    let mut erlang = Erlang::start().await;
    let address = erlang.listen(1, []).await;
    let client = get(address).await;
    let (id, _) = erlang.accept(1).await;
    erlang.command([atom("close"), int(id), list([])]);
    assert_eq!(read_all(client).await, "");
}

#[tokio::test]
async fn nobody_is_known_by_an_unknown_number() {
    let mut erlang = Erlang::start().await;
    let id = || int(1 << 40);
    let closed = error("closed");
    erlang.command([atom("send"), id(), list([]), int(1), atom("false")]);
    erlang.command([atom("handled"), id(), int(1)]);
    erlang.command([atom("close"), id(), list([])]);
    erlang.command([atom("abandon"), id()]);
    erlang.command([atom("read_body"), id(), int(1), int(1)]);
    let lost = tuple([atom("body"), id(), atom("error"), atom("closed")]);
    assert_eq!(erlang.message().await, lost);
    erlang.command([atom("await_writable"), id()]);
    let lost = tuple([atom("writable"), id(), closed.clone()]);
    assert_eq!(erlang.message().await, lost);
    erlang.command([atom("await_closed"), id()]);
    assert_eq!(erlang.message().await, tuple([atom("closed"), id()]));
    let accept = tuple([atom("accept"), id()]);
    assert_eq!(erlang.call(accept).await, closed);
    let set_active = tuple([atom("set_active"), id(), atom("true")]);
    assert_eq!(erlang.call(set_active).await, closed);
    let chunk = tuple([atom("respond_chunk"), id(), binary("")]);
    assert_eq!(erlang.call(chunk).await, closed);
    let state = tuple([atom("response_state"), id()]);
    assert_eq!(erlang.call(state).await, atom("none"));
}
