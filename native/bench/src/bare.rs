//! What the bare servers do alike: the port from the command line, the line `ready`, the end with standard input.

use std::io::{Read, stdin};
use std::net::Ipv4Addr;
use std::thread;

use anyhow::{Context, Result};
use tokio::net::TcpListener;

/// The port given as the only argument.
pub fn argument() -> Result<u16> {
    let port = std::env::args()
        .nth(1)
        .context("give a port as the only argument")?;
    port.parse()
        .with_context(|| format!("{port:?} is not a port"))
}

/// Listens on the port and says so.
pub async fn bind(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("ready");
    Ok(listener)
}

/// Ends the process once its standard input is closed.
pub fn when_stdin_closes() {
    thread::spawn(|| {
        // Whatever is written there, only the end of it matters.
        let _ = stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
