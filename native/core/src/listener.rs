//! Listeners: bind, accept, count, suspend, drain.

use crate::bridge::{Bridge, Closed, Endpoint, ListenerInfo};
use crate::config::{Limit, ListenerOptions};
use crate::handle::Handle;
use crate::http;
use crate::proxy::{self, ProxyInfo};
use crate::runtime::Executors;
use crate::stream::{Socket as Accepted, Stream};
use crate::tls::{Acceptor, OptionError};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Pause after an accept failed for want of descriptors or memory; connections wait in the backlog meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for the accepting task to let go of its port; it does at its next turn.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a listener's connections share. `configure` makes a new one; running connections keep theirs.
pub struct Shared<B: Bridge> {
    bridge: Arc<B>,
    executors: Executors,
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
    /// Whether it has been told that there are as many.
    full: AtomicBool,
    connections: AtomicU64,
    websockets: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    failed_handshakes: AtomicU64,
    /// A connection ended or the limit was raised.
    freed: Notify,
}

impl Counters {
    fn set_limit(&self, max_connections: Limit) {
        let limit = max_connections.0.unwrap_or(u64::MAX);
        self.limit.store(limit, Ordering::Release);
        self.freed.notify_one();
    }

    fn is_full(&self) -> bool {
        self.connections.load(Ordering::Acquire) >= self.limit.load(Ordering::Acquire)
    }
}

impl<B: Bridge> Shared<B> {
    pub fn bridge(&self) -> &B {
        &self.bridge
    }

    pub fn options(&self) -> &ListenerOptions {
        &self.options
    }

    pub(crate) fn executors(&self) -> &Executors {
        &self.executors
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

/// A bound port, or path.
pub struct Listener<B: Bridge> {
    executors: Executors,
    address: SockAddr,
    /// The file that binding a path has made.
    file: Mutex<Option<File>>,
    draining: watch::Sender<bool>,
    current: Arc<Mutex<Arc<Shared<B>>>>,
    accepting: Mutex<Option<Accepting>>,
}

/// The tasks that accept. `released` hangs up once all have let go of the port.
struct Accepting {
    tasks: Vec<JoinHandle<()>>,
    released: Receiver<()>,
}

/// A listening socket, which closes before whoever waits for `released` is told.
struct Bound {
    socket: Listening,
    _released: Sender<()>,
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    fn new(socket: Socket) -> io::Result<Self> {
        if socket.local_addr()?.is_unix() {
            UnixListener::from_std(socket.into()).map(Listening::Unix)
        } else {
            TcpListener::from_std(socket.into()).map(Listening::Tcp)
        }
    }

    async fn accept(&self) -> io::Result<(Accepted, Endpoint)> {
        match self {
            Listening::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Accepted::Tcp(stream), peer.into()))
            }
            Listening::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let peer = SockRef::from(&stream).peer_addr()?.into();
                Ok((Accepted::Unix(stream), peer))
            }
        }
    }
}

/// The file of a Unix socket. Whoever took the path since has another one there.
struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl File {
    fn of(address: &SockAddr) -> Option<Self> {
        let path = address.as_pathname()?.to_path_buf();
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        Some(File {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    fn remove(&self) {
        if let Ok(metadata) = std::fs::symlink_metadata(&self.path)
            && (metadata.dev(), metadata.ino()) == (self.device, self.inode)
        {
            let _ = std::fs::remove_file(&self.path);
        }
    }
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
        executors: Executors,
        bridge: Arc<B>,
        mut options: ListenerOptions,
        acceptors: Vec<B::Process>,
    ) -> Result<Self, ListenError> {
        let tls = tls_of(&mut options)?;
        let sockets = bind(&options.address()?, &options)?;
        let address = sockets[0].local_addr()?;
        let listener = Self::new(executors, bridge, options, tls, acceptors, address);
        listener.accept_from(sockets)?;
        Ok(listener)
    }

    /// Serves one connection that somebody else has accepted, and accepts none. Requests are offered to `owner`, who is also
    /// told by `ended` when the connection is over, unless it becomes a WebSocket.
    pub fn adopt(
        executors: Executors,
        bridge: Arc<B>,
        options: ListenerOptions,
        socket: std::net::TcpStream,
        owner: B::Process,
        ended: B::Reference,
    ) -> io::Result<Self> {
        let address = socket.local_addr()?.into();
        let peer = socket.peer_addr()?.into();
        socket.set_nonblocking(true)?;
        let listener = Self::new(
            executors,
            bridge,
            options,
            None,
            vec![owner.clone()],
            address,
        );
        let stream = {
            let _runtime = listener.executors.general().enter();
            Stream::Clear(Accepted::Tcp(TcpStream::from_std(socket)?))
        };
        let shared = lock(&listener.current).clone();
        shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
        let mut admission = Admission::new(shared.clone());
        admission.watcher = Some(Box::new((owner, ended)));
        let client = Client {
            peer,
            proxy_header: None,
        };
        let served = http::serve(stream, client, shared, admission);
        listener.executors.general().spawn(served);
        Ok(listener)
    }

    fn new(
        executors: Executors,
        bridge: Arc<B>,
        options: ListenerOptions,
        tls: Option<Arc<Acceptor>>,
        acceptors: Vec<B::Process>,
        address: SockAddr,
    ) -> Self {
        let (draining, receiver) = watch::channel(false);
        let counters = Counters {
            next_acceptor: AtomicUsize::new(0),
            limit: AtomicU64::new(options.max_connections.0.unwrap_or(u64::MAX)),
            full: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            websockets: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
            freed: Notify::new(),
        };
        let shared = Arc::new(Shared {
            bridge,
            executors: executors.clone(),
            options,
            tls,
            acceptors: acceptors.into(),
            counters: Arc::new(counters),
            draining: receiver,
        });
        Listener {
            executors,
            address,
            file: Mutex::new(None),
            draining,
            current: Arc::new(Mutex::new(shared)),
            accepting: Mutex::new(None),
        }
    }

    fn accept_from(&self, sockets: Vec<Socket>) -> io::Result<()> {
        let _runtime = self.executors.general().enter();
        *lock(&self.file) = File::of(&self.address);
        let sockets: io::Result<Vec<Listening>> = sockets.into_iter().map(Listening::new).collect();
        let (sender, released) = mpsc::channel();
        let tasks = sockets?.into_iter().map(|socket| {
            let bound = Bound {
                socket,
                _released: sender.clone(),
            };
            self.executors
                .general()
                .spawn(accept(bound, self.current.clone()))
        });
        let tasks = tasks.collect();
        *lock(&self.accepting) = Some(Accepting { tasks, released });
        Ok(())
    }

    /// The bound address, unless it is a path.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.as_socket()
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
        accepting.tasks.iter().for_each(JoinHandle::abort);
        Some(accepting.released)
    }

    /// Binds the same port again. Nothing happens if it is bound already.
    pub fn resume(&self) -> io::Result<()> {
        if lock(&self.accepting).is_some() {
            return Ok(());
        }
        let options = lock(&self.current).options.clone();
        self.accept_from(bind(&self.address, &options)?)
    }

    /// Options for connections that are accepted from now on. The address stays; so does TLS where `options` have none.
    pub fn configure(&self, mut options: ListenerOptions) -> Result<(), OptionError> {
        let tls = tls_of(&mut options)?;
        let mut current = lock(&self.current);
        let tls = tls.or_else(|| current.tls.clone());
        current.counters.set_limit(options.max_connections);
        *current = Arc::new(Shared {
            bridge: current.bridge.clone(),
            executors: current.executors.clone(),
            options,
            tls,
            acceptors: current.acceptors.clone(),
            counters: current.counters.clone(),
            draining: current.draining.clone(),
        });
        Ok(())
    }

    /// Changes `max_connections` alone, until the next `configure`. Returns how many connections there are.
    pub fn limit(&self, max_connections: Limit) -> u64 {
        let counters = lock(&self.current).counters.clone();
        counters.set_limit(max_connections);
        counters.connections.load(Ordering::Acquire)
    }

    /// Stops accepting for good; idle HTTP connections close, busy ones after their response.
    pub fn close(&self) {
        self.suspend();
        self.remove_file();
        self.draining.send_replace(true);
    }

    fn remove_file(&self) {
        if let Some(file) = lock(&self.file).take() {
            file.remove();
        }
    }

    pub fn info(&self) -> ListenerInfo {
        let accepting = lock(&self.accepting).is_some();
        let shared = lock(&self.current).clone();
        let counters = &shared.counters;
        ListenerInfo {
            address: accepting.then(|| self.address.clone().into()),
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
        self.remove_file();
        self.draining.send_replace(true);
    }
}

/// As many listening sockets as the options say, on one port.
fn bind(address: &SockAddr, options: &ListenerOptions) -> io::Result<Vec<Socket>> {
    if address.is_unix() {
        return Ok(vec![bind_path(address, options)?]);
    }
    let shared = options.reuse_port || options.num_listen_sockets > 1;
    let first = bind_port(address, shared, options)?;
    let bound = first.local_addr()?;
    let others = (1..options.num_listen_sockets).map(|_| bind_port(&bound, shared, options));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// A socket's file stays when its process dies, so an old one is replaced, as Ranch does.
fn bind_path(address: &SockAddr, options: &ListenerOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    if let Some(path) = address.as_pathname()
        && std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
    {
        std::fs::remove_file(path)?;
    }
    listen(socket, address, options)
}

fn bind_port(address: &SockAddr, shared: bool, options: &ListenerOptions) -> io::Result<Socket> {
    let domain = address.domain();
    let socket = Socket::new(domain, Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if let (Domain::IPV6, Some(only)) = (domain, options.ipv6_v6only) {
        socket.set_only_v6(only)?;
    }
    if let (Domain::IPV4, Some(tos)) = (domain, options.tos) {
        socket.set_tos_v4(tos)?;
    }
    if let (Domain::IPV6, Some(tclass)) = (domain, options.tclass) {
        socket.set_tclass_v6(tclass)?;
    }
    if let Some(interface) = &options.bind_to_device {
        socket.bind_device(Some(interface))?;
    }
    listen(socket, address, options)
}

/// Accepted sockets inherit what is set here.
fn listen(socket: Socket, address: &SockAddr, options: &ListenerOptions) -> io::Result<Socket> {
    if let Some(bytes) = options.recbuf {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.sndbuf {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some((linger, seconds)) = options.linger {
        socket.set_linger(linger.then(|| Duration::from_secs(seconds)))?;
    }
    if let Some(priority) = options.priority {
        socket.set_priority(priority)?;
    }
    socket.bind(address)?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn accept<B: Bridge>(bound: Bound, current: Arc<Mutex<Arc<Shared<B>>>>) {
    loop {
        room(&current).await;
        match bound.socket.accept().await {
            Ok((stream, peer)) => {
                // The limit may have been lowered while nobody came.
                room(&current).await;
                let shared = lock(&current).clone();
                shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
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

/// Waits until another connection is allowed.
async fn room<B: Bridge>(current: &Mutex<Arc<Shared<B>>>) {
    let counters = lock(current).counters.clone();
    while counters.is_full() {
        if !counters.full.swap(true, Ordering::AcqRel) {
            let shared = lock(current).clone();
            shared.bridge.full(&shared.acceptors[0]);
        }
        counters.freed.notified().await;
    }
    counters.full.store(false, Ordering::Release);
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

/// Who is at the other end.
pub(crate) struct Client {
    pub peer: Endpoint,
    /// What a proxy said of the client.
    pub proxy_header: Option<Box<ProxyInfo>>,
}

fn start<B: Bridge>(socket: Accepted, peer: Endpoint, shared: Arc<Shared<B>>) {
    let options = shared.options();
    if let Accepted::Tcp(stream) = &socket {
        let prepared = stream.set_nodelay(options.nodelay).and_then(|()| {
            if options.keepalive {
                SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new())?;
            }
            Ok(())
        });
        if let Err(error) = prepared {
            tracing::debug!(%error, ?peer, "socket was lost while it was accepted");
            return;
        }
    }
    let admission = Admission::new(shared.clone());
    let client = Client {
        peer,
        proxy_header: None,
    };
    if options.proxy_header || shared.tls.is_some() {
        tokio::spawn(serve_prepared(socket, client, shared, admission));
    } else {
        let stream = Stream::Clear(socket);
        tokio::spawn(http::serve(stream, client, shared, admission));
    }
}

/// Reads what comes before HTTP.
async fn serve_prepared<B: Bridge>(
    socket: Accepted,
    mut client: Client,
    shared: Arc<Shared<B>>,
    admission: Admission<B>,
) {
    let prepared = tokio::select! {
        prepared = prepare(socket, &mut client, &shared) => prepared,
        () = shared.draining() => return,
    };
    match prepared {
        // A task of its own: this one keeps the memory that a handshake takes.
        Ok(stream) => drop(tokio::spawn(http::serve(stream, client, shared, admission))),
        Err((error, what)) => {
            let failed = &shared.counters.failed_handshakes;
            failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, peer = ?client.peer, "{what} failed");
        }
    }
}

/// The header of a proxy comes before TLS.
async fn prepare<B: Bridge>(
    mut socket: Accepted,
    client: &mut Client,
    shared: &Shared<B>,
) -> Result<Stream, (io::Error, &'static str)> {
    let options = shared.options();
    if options.proxy_header {
        let header = proxy::read(&mut socket);
        let header = match options.request_timeout.0 {
            Some(timeout) => tokio::time::timeout(timeout, header)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            None => header.await,
        };
        let header = header.map_err(|error| (error, "reading the header of a proxy"))?;
        client.proxy_header = Some(Box::new(header));
    }
    match &shared.tls {
        Some(tls) => match tls.accept(socket).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err((error, "TLS handshake")),
        },
        None => Ok(Stream::Clear(socket)),
    }
}
