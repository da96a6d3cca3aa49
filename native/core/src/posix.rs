//! How Erlang names the errors of sockets.

use std::io;

/// POSIX name of what binding and listening can answer (Linux numbers).
pub fn name(failure: &io::Error) -> &'static str {
    match failure.raw_os_error() {
        Some(1) => "eperm",
        Some(2) => "enoent",
        Some(9) => "ebadf",
        Some(12) => "enomem",
        Some(13) => "eacces",
        Some(19) => "enodev",
        Some(23) => "enfile",
        Some(24) => "emfile",
        Some(97) => "eafnosupport",
        Some(98) => "eaddrinuse",
        Some(99) => "eaddrnotavail",
        _ => "einval",
    }
}
