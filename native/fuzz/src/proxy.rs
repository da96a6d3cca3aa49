//! The PROXY protocol.

use crate::within;
use farrier_core::proxy::{self, ProxyInfo};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Parts of a header are kept one by one.
const RATIO: usize = 64;
const FIXED: usize = 256 * 1024;

/// The first byte says where the stream is cut; the rest is the stream.
pub fn run(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else {
        return;
    };
    let mut rest = stream;
    let most = FIXED + RATIO * stream.len();
    let whole = within(most, || read(&mut rest));
    let taken = stream.len() - rest.len();
    assert!(taken <= 16 + usize::from(u16::MAX));

    let (first, second) = stream.split_at(usize::from(cut).min(stream.len()));
    let in_two = read(&mut first.chain(second));
    assert_eq!(in_two.ok(), whole.as_ref().ok().cloned(), "cut in two");

    let Ok(info) = whole else {
        return;
    };
    assert!(farrier_etf::to_vec(&info).is_ok(), "{info:?}");
    let header = &stream[..taken];
    assert!(header.starts_with(b"\r\n\r\n\0\r\nQUIT\n") || header.ends_with(b"\r\n"));
    // Whatever follows does not matter, and nothing less is a header.
    assert_eq!(read(&mut &header[..]).ok(), Some(info));
    for shorter in 0..taken {
        let error = read(&mut &header[..shorter]).err();
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(io::ErrorKind::UnexpectedEof));
    }
}

/// What is read never has to be waited for.
fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<ProxyInfo> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(proxy::read(stream)).poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("waits although all has come"),
    }
}
