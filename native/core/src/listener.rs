//! Listeners: bind, accept, count, suspend, drain.

use crate::bridge::{Bridge, Closed, ListenerInfo};
use crate::config::ListenerOptions;
use crate::handle::Handle;
use crate::http;
use crate::stream::Stream;
use crate::tls::{Acceptor, OptionError};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Pause after an accept failed for want of descriptors or memory; connections wait in the backlog meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for the accepting task to let go of its port; it does at its next turn.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a listener's connections share. `configure` makes a new one; running connections keep theirs.
pub struct Shared<B: Bridge> {
    bridge: Arc<B>,
    options: ListenerOptions,
    /// Present if the listener speaks TLS.
    tls: Option<Arc<Acceptor>>,
    acceptors: Arc<[B::Process]>,
    counters: Arc<Counters>,
    draining: watch::Receiver<bool>,
}

/// What is counted over the listener's life.
struct Counters {
    next_acceptor: AtomicUsize,
    /// Connections allowed at once; `u64::MAX` for any number.
    limit: AtomicU64,
    connections: AtomicU64,
    websockets: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    failed_handshakes: AtomicU64,
    /// A connection ended or the limit was raised.
    freed: Notify,
}

impl<B: Bridge> Shared<B> {
    pub fn bridge(&self) -> &B {
        &self.bridge
    }

    pub fn options(&self) -> &ListenerOptions {
        &self.options
    }

    /// Offers a request to the next acceptor that is alive.
    pub(crate) fn offer(&self, handle: Arc<Handle<B>>) -> bool {
        let count = self.acceptors.len();
        let first = self.counters.next_acceptor.fetch_add(1, Ordering::Relaxed);
        let taken = (0..count).any(|i| {
            let acceptor = &self.acceptors[(first.wrapping_add(i)) % count];
            self.bridge.offer(acceptor, handle.clone())
        });
        if !taken {
            self.counters.rejected.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Resolves once the listener is closed for good.
    pub(crate) fn draining(&self) -> impl Future<Output = ()> + use<B> {
        let mut draining = self.draining.clone();
        async move {
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }
}

/// A connection's place under `max_connections`, given back when dropped.
pub struct Admission<B: Bridge> {
    shared: Arc<Shared<B>>,
    /// Whether this is a connection of its own, and no stream of one.
    connection: bool,
    websocket: bool,
    /// Who is told when the connection ends without having become a WebSocket.
    watcher: Option<Box<(B::Process, B::Reference)>>,
}

impl<B: Bridge> Admission<B> {
    fn new(shared: Arc<Shared<B>>) -> Self {
        shared.counters.connections.fetch_add(1, Ordering::AcqRel);
        Admission {
            shared,
            connection: true,
            websocket: false,
            watcher: None,
        }
    }

    /// For a stream that became a WebSocket. Its connection has an admission of its own.
    pub(crate) fn stream(shared: &Arc<Shared<B>>) -> Self {
        (shared.counters.websockets).fetch_add(1, Ordering::Relaxed);
        Admission {
            shared: shared.clone(),
            connection: false,
            websocket: true,
            watcher: None,
        }
    }

    /// The connection became a WebSocket; it goes on counting.
    pub(crate) fn into_websocket(mut self) -> Self {
        self.websocket = true;
        self.watcher = None;
        (self.shared.counters.websockets).fetch_add(1, Ordering::Relaxed);
        self
    }
}

impl<B: Bridge> Drop for Admission<B> {
    fn drop(&mut self) {
        let counters = &self.shared.counters;
        if self.websocket {
            counters.websockets.fetch_sub(1, Ordering::Relaxed);
        }
        if self.connection {
            counters.connections.fetch_sub(1, Ordering::AcqRel);
            counters.freed.notify_one();
        }
        if let Some((process, reference)) = self.watcher.take().map(|watcher| *watcher) {
            (self.shared.bridge).writable(&process, reference, Err(Closed));
        }
    }
}

/// A bound port.
pub struct Listener<B: Bridge> {
    runtime: runtime::Handle,
    address: SocketAddr,
    draining: watch::Sender<bool>,
    current: Arc<Mutex<Arc<Shared<B>>>>,
    accepting: Mutex<Option<Accepting>>,
}

/// The task that accepts. `released` hangs up once the task has let go of the port.
struct Accepting {
    task: JoinHandle<()>,
    released: Receiver<()>,
}

/// The listening socket, which closes before whoever waits for `released` is told.
struct Bound {
    socket: TcpListener,
    _released: Sender<()>,
}

/// Why a listener can't start.
#[derive(Debug)]
pub enum ListenError {
    Socket(io::Error),
    Tls(OptionError),
}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> Self {
        ListenError::Socket(error)
    }
}

impl From<OptionError> for ListenError {
    fn from(error: OptionError) -> Self {
        ListenError::Tls(error)
    }
}

/// Takes the options of TLS out: nobody needs the keys any more.
fn tls_of(options: &mut ListenerOptions) -> Result<Option<Arc<Acceptor>>, OptionError> {
    match options.tls.take() {
        Some(tls) => Ok(Some(Arc::new(Acceptor::new(&tls)?))),
        None => Ok(None),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<B: Bridge> Listener<B> {
    /// Binds and starts to accept. Requests are offered to `acceptors` in turn.
    pub fn bind(
        runtime: runtime::Handle,
        bridge: Arc<B>,
        mut options: ListenerOptions,
        acceptors: Vec<B::Process>,
    ) -> Result<Self, ListenError> {
        let tls = tls_of(&mut options)?;
        let socket = bind(options.socket_addr(), &options)?;
        let address = socket.local_addr()?;
        let listener = Self::new(runtime, bridge, options, tls, acceptors, address);
        listener.accept_from(socket)?;
        Ok(listener)
    }

    /// Serves one connection that somebody else has accepted, and accepts none. Requests are offered to `owner`, who is also
    /// told by `ended` when the connection is over, unless it becomes a WebSocket.
    pub fn adopt(
        runtime: runtime::Handle,
        bridge: Arc<B>,
        options: ListenerOptions,
        socket: std::net::TcpStream,
        owner: B::Process,
        ended: B::Reference,
    ) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let peer = socket.peer_addr()?;
        socket.set_nonblocking(true)?;
        let listener = Self::new(runtime, bridge, options, None, vec![owner.clone()], address);
        let stream = {
            let _runtime = listener.runtime.enter();
            Stream::Tcp(TcpStream::from_std(socket)?)
        };
        let shared = lock(&listener.current).clone();
        shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
        let mut admission = Admission::new(shared.clone());
        admission.watcher = Some(Box::new((owner, ended)));
        let served = http::serve(stream, peer, shared, admission);
        listener.runtime.spawn(served);
        Ok(listener)
    }

    fn new(
        runtime: runtime::Handle,
        bridge: Arc<B>,
        options: ListenerOptions,
        tls: Option<Arc<Acceptor>>,
        acceptors: Vec<B::Process>,
        address: SocketAddr,
    ) -> Self {
        let (draining, receiver) = watch::channel(false);
        let counters = Counters {
            next_acceptor: AtomicUsize::new(0),
            limit: AtomicU64::new(options.max_connections.0.unwrap_or(u64::MAX)),
            connections: AtomicU64::new(0),
            websockets: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
            freed: Notify::new(),
        };
        let shared = Arc::new(Shared {
            bridge,
            options,
            tls,
            acceptors: acceptors.into(),
            counters: Arc::new(counters),
            draining: receiver,
        });
        Listener {
            runtime,
            address,
            draining,
            current: Arc::new(Mutex::new(shared)),
            accepting: Mutex::new(None),
        }
    }

    fn accept_from(&self, socket: std::net::TcpListener) -> io::Result<()> {
        let _runtime = self.runtime.enter();
        let socket = TcpListener::from_std(socket)?;
        let (sender, released) = mpsc::channel();
        let bound = Bound {
            socket,
            _released: sender,
        };
        let task = self.runtime.spawn(accept(bound, self.current.clone()));
        *lock(&self.accepting) = Some(Accepting { task, released });
        Ok(())
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and releases the port: connecting fails once this returns. Connections go on.
    pub fn suspend(&self) {
        if let Some(released) = self.stop_accepting() {
            // Nothing is ever sent: this waits for the sender to be dropped.
            let _ = released.recv_timeout(RELEASE_TIMEOUT);
        }
    }

    fn stop_accepting(&self) -> Option<Receiver<()>> {
        let accepting = lock(&self.accepting).take()?;
        accepting.task.abort();
        Some(accepting.released)
    }

    /// Binds the same port again. Nothing happens if it is bound already.
    pub fn resume(&self) -> io::Result<()> {
        if lock(&self.accepting).is_some() {
            return Ok(());
        }
        let options = lock(&self.current).options.clone();
        self.accept_from(bind(self.address, &options)?)
    }

    /// Options for connections that are accepted from now on. The address stays; so does TLS where `options` have none.
    pub fn configure(&self, mut options: ListenerOptions) -> Result<(), OptionError> {
        let tls = tls_of(&mut options)?;
        let mut current = lock(&self.current);
        let tls = tls.or_else(|| current.tls.clone());
        let limit = options.max_connections.0.unwrap_or(u64::MAX);
        current.counters.limit.store(limit, Ordering::Release);
        current.counters.freed.notify_one();
        *current = Arc::new(Shared {
            bridge: current.bridge.clone(),
            options,
            tls,
            acceptors: current.acceptors.clone(),
            counters: current.counters.clone(),
            draining: current.draining.clone(),
        });
        Ok(())
    }

    /// Stops accepting for good; idle HTTP connections close, busy ones after their response.
    pub fn close(&self) {
        self.suspend();
        self.draining.send_replace(true);
    }

    pub fn info(&self) -> ListenerInfo {
        let accepting = lock(&self.accepting).is_some();
        let shared = lock(&self.current).clone();
        let counters = &shared.counters;
        ListenerInfo {
            address: accepting.then(|| self.address.into()),
            connections: counters.connections.load(Ordering::Relaxed),
            websockets: counters.websockets.load(Ordering::Relaxed),
            accepted: counters.accepted.load(Ordering::Relaxed),
            rejected: counters.rejected.load(Ordering::Relaxed),
            failed_handshakes: counters.failed_handshakes.load(Ordering::Relaxed),
        }
    }
}

impl<B: Bridge> Drop for Listener<B> {
    fn drop(&mut self) {
        self.stop_accepting();
        self.draining.send_replace(true);
    }
}

fn bind(address: SocketAddr, options: &ListenerOptions) -> io::Result<std::net::TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if let (Domain::IPV6, Some(only)) = (domain, options.ipv6_v6only) {
        socket.set_only_v6(only)?;
    }
    if let Some(bytes) = options.recbuf {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.sndbuf {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

async fn accept<B: Bridge>(bound: Bound, current: Arc<Mutex<Arc<Shared<B>>>>) {
    loop {
        let counters = lock(&current).counters.clone();
        while counters.connections.load(Ordering::Acquire) >= counters.limit.load(Ordering::Acquire)
        {
            counters.freed.notified().await;
        }
        match bound.socket.accept().await {
            Ok((stream, peer)) => {
                counters.accepted.fetch_add(1, Ordering::Relaxed);
                let shared = lock(&current).clone();
                start(stream, peer, shared);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "accept failed; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors that concern the connection that was to be accepted, not the listener (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn start<B: Bridge>(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared<B>>) {
    let options = shared.options();
    let prepared = stream.set_nodelay(options.nodelay).and_then(|()| {
        if options.keepalive {
            SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new())?;
        }
        Ok(())
    });
    if let Err(error) = prepared {
        tracing::debug!(%error, %peer, "socket was lost while it was accepted");
        return;
    }
    let admission = Admission::new(shared.clone());
    if shared.tls.is_some() {
        tokio::spawn(serve_encrypted(stream, peer, shared, admission));
    } else {
        tokio::spawn(http::serve(Stream::Tcp(stream), peer, shared, admission));
    }
}

/// Shakes hands first.
async fn serve_encrypted<B: Bridge>(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared<B>>,
    admission: Admission<B>,
) {
    let Some(tls) = &shared.tls else {
        return;
    };
    let accepted = tokio::select! {
        accepted = tls.accept(stream) => accepted,
        () = shared.draining() => return,
    };
    match accepted {
        Ok(stream) => {
            // A task of its own: this one keeps the memory that a handshake takes.
            let stream = Stream::Tls(Box::new(stream));
            tokio::spawn(http::serve(stream, peer, shared.clone(), admission));
        }
        Err(error) => {
            let failed = &shared.counters.failed_handshakes;
            failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, %peer, "TLS handshake failed");
        }
    }
}
