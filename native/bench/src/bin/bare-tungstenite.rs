//! The least that a WebSocket echo costs with tokio-tungstenite: defaults, a task per connection, every reply flushed.

#![forbid(unsafe_code)]

use anyhow::Result;
use farrier_bench::bare::{argument, bind, when_stdin_closes};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::accept_async;

#[tokio::main]
async fn main() -> Result<()> {
    let listener = bind(argument()?).await?;
    when_stdin_closes();
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that goes away ends its own echo and nothing else.
        tokio::spawn(async move { echo(stream).await.ok() });
    }
}

async fn echo(stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
