//! The task of one WebSocket connection: read, decode, deliver; drain the outbox; timers.
//!
//! The stages of its life are `Stage`'s. A socket that is closed with unread bytes makes the kernel reset the
//! connection, under the last frame as it may be: so the write side is shut first and what the peer still sends is
//! discarded for a while.

use crate::bridge::{Bridge, End, Events};
use crate::clock;
use crate::config::{EarlyData, Framing, UpgradeOptions};
use crate::deflate::Compressor;
use crate::framing::Framed;
use crate::handle::Handle;
use crate::hixie;
use crate::listener::Admission;
use crate::message::{Message, Progress, ProtocolError, Sink};
use crate::reactor;
use crate::stream::{Http2Stream, OutboxHalf, Socket, Stream, TaskHalf};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::runtime;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes read at once. One buffer per thread serves every connection, so an idle one owns none.
const READ_BUFFER: usize = 64 * 1024;
/// A payload of which at least this much is missing is read straight into its own storage.
const DIRECT_READ: usize = READ_BUFFER;
/// What an event weighs beside its bytes, so that a flood of tiny frames is bounded as well.
const EVENT_WEIGHT: usize = 64;
/// Longest time that corked frames wait for their caller's next call.
const CORK_TIME: Duration = Duration::from_millis(1);
/// How long an owner may take to begin with a batch before its frames are no longer corked.
const CORK_PATIENCE: Duration = Duration::from_millis(20);
/// How long a peer that takes nothing may delay the end of a connection that its owner has closed.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// How long the last bytes of a draft 76 challenge may take, as in Cowboy 0.6.
const CHALLENGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes discarded from a peer that does not stop sending after the close.
const LINGER_BYTES: u32 = 1024 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Events are delivered.
    Open,
    /// A terminal event was delivered; the owner's `close` is awaited.
    Ended,
    /// The owner closed; what is queued still goes out.
    Flushing,
    /// The last byte is out and the write side is shut; what arrives is discarded.
    Lingering { discarded: u32 },
}

/// See the module's documentation.
pub struct Connection<B: Bridge> {
    handle: Arc<Handle<B>>,
    socket: TaskHalf,
    /// Bytes that came with the request.
    early: Option<Box<[u8]>>,
    decoder: Framed<B::Payload>,
    /// Present if what is sent may be compressed.
    compressor: Option<Box<Compressor>>,
    stage: Stage,
    /// Bytes read that no delivered event has accounted for: parts of unfinished messages.
    unaccounted: usize,
    idle_timeout: Option<Duration>,
    /// When the last byte was read; in later stages, when the last progress was made.
    last_read: Instant,
    cork_until: Option<Instant>,
    /// The outbox had bytes left when it was last looked at.
    draining: bool,
    /// Wakes at the earliest of the deadlines above. Absent while there is none.
    timer: Option<Pin<Box<Sleep>>>,
    _admission: Admission<B>,
}

/// Turns an upgraded socket into a running connection. `head` is still to be sent; `early` are the bytes that came with the
/// request.
pub fn start<B: Bridge>(
    stream: Stream,
    head: Vec<u8>,
    early: Vec<u8>,
    handle: Arc<Handle<B>>,
    options: &UpgradeOptions,
    admission: Admission<B>,
) {
    match options.framing {
        Framing::Hixie76(first, second) => {
            let numbers = (first, second);
            let options = options.clone();
            tokio::spawn(challenged(
                stream, head, early, handle, options, admission, numbers,
            ));
        }
        _ => run(stream, head, early, handle, options, admission),
    }
}

/// Turns a stream of HTTP/2 into a running connection.
pub fn start_stream<B: Bridge>(
    stream: Http2Stream,
    handle: Arc<Handle<B>>,
    options: &UpgradeOptions,
    admission: Admission<B>,
) {
    handle.outbox().attach(OutboxHalf::Task, Vec::new());
    let socket = TaskHalf::Http2(Box::new(stream));
    tokio::spawn(Connection::new(
        handle,
        socket,
        Vec::new(),
        options,
        admission,
    ));
}

/// Answers the challenge of draft 76 first: its last bytes follow the head of the request, and are not looked for before
/// the response's head is out.
async fn challenged<B: Bridge>(
    mut stream: Stream,
    head: Vec<u8>,
    mut early: Vec<u8>,
    handle: Arc<Handle<B>>,
    options: UpgradeOptions,
    admission: Admission<B>,
    numbers: (u32, u32),
) {
    let exchange = async {
        stream.write_all(&head).await?;
        stream.flush().await?;
        while early.len() < hixie::KEY3 {
            if stream.read_buf(&mut early).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        io::Result::Ok(())
    };
    let answered = tokio::time::timeout(CHALLENGE_TIMEOUT, exchange).await;
    match (answered, early.split_first_chunk()) {
        (Ok(Ok(())), Some((key3, _))) => {
            let answer = hixie::answer(numbers, *key3).to_vec();
            let early = early.split_off(hixie::KEY3);
            run(stream, answer, early, handle, &options, admission);
        }
        _ => handle.upgrade_lost(End::Challenge),
    }
}

fn run<B: Bridge>(
    stream: Stream,
    head: Vec<u8>,
    early: Vec<u8>,
    handle: Arc<Handle<B>>,
    options: &UpgradeOptions,
    admission: Admission<B>,
) {
    let (stream, executor) = match place(stream, &handle, options) {
        Ok(placed) => placed,
        Err(error) => {
            tracing::debug!(%error, "socket was lost while it became a WebSocket's");
            return handle.upgrade_lost(End::Closed);
        }
    };
    let early = match options.early_data {
        EarlyData::Deliver => early,
        EarlyData::Discard => Vec::new(),
    };
    let (socket, writer) = stream.split();
    handle.outbox().attach(writer, head);
    executor.spawn(Connection::new(handle, socket, early, options, admission));
}

/// Where a connection is to run. What may take long at a time is nothing for a scheduler, which may drive a reactor.
fn place<B: Bridge>(
    stream: Stream,
    handle: &Handle<B>,
    options: &UpgradeOptions,
) -> io::Result<(Stream, runtime::Handle)> {
    let executors = handle.shared().executors();
    match (stream, executors.reactor()) {
        (Stream::Clear(Socket::Tcp(socket)), Some(reactor)) if options.compress.is_none() => {
            let socket = reactor.take(socket)?;
            Ok((Stream::Clear(socket), reactor.handle().clone()))
        }
        (stream, _) => Ok((stream, executors.general().clone())),
    }
}

impl<B: Bridge> Connection<B> {
    fn new(
        handle: Arc<Handle<B>>,
        socket: TaskHalf,
        early: Vec<u8>,
        options: &UpgradeOptions,
        admission: Admission<B>,
    ) -> Self {
        Connection {
            handle,
            early: (!early.is_empty()).then(|| early.into_boxed_slice()),
            socket,
            decoder: Framed::new(options),
            compressor: options.compress.map(|c| Box::new(Compressor::new(c))),
            stage: Stage::Open,
            unaccounted: 0,
            idle_timeout: options.idle_timeout.0,
            last_read: Instant::now(),
            cork_until: None,
            draining: false,
            timer: None,
            _admission: admission,
        }
    }

    /// Decodes and delivers what one read brought.
    fn decode(
        &mut self,
        bytes: usize,
        decode: impl FnOnce(
            &mut Framed<B::Payload>,
            &mut EventSink<'_, B::Payload>,
        ) -> Result<Progress, ProtocolError>,
    ) {
        self.last_read = clock::recently();
        let read = self.unaccounted + bytes;
        let handle = &self.handle;
        let decoder = &mut self.decoder;
        let mut decode = Some(decode);
        let mut ended = false;
        let mut events = 0;
        let Some(owner) = handle.owner() else {
            return;
        };
        let alive = handle.shared().bridge().deliver(owner, &mut |out| {
            let mut sink = EventSink { out, count: 0 };
            let result = match decode.take() {
                Some(decode) => decode(decoder, &mut sink),
                None => Ok(Progress::Open),
            };
            ended = !matches!(result, Ok(Progress::Open));
            if let Err(error) = result {
                sink.end(decoder.end_of(error));
            }
            events = sink.count;
            if events > 1 {
                handle.outbox().allow_cork();
            }
            reactor::note(events, bytes);
            // Counted before the message is out: the owner may hand the bytes back at once.
            let weight = read + events * EVENT_WEIGHT;
            handle.delivered(if events == 0 { 0 } else { weight });
            weight
        });
        self.unaccounted = if events == 0 { read } else { 0 };
        if ended {
            self.stage = Stage::Ended;
        }
        if events > 1 {
            // A handler that takes longer than this for the batch writes the rest of its replies one by one.
            self.cork_until = Some(self.last_read + CORK_TIME);
        }
        if !alive {
            self.handle.abandon();
        }
    }

    fn end(&mut self, end: End) {
        self.stage = Stage::Ended;
        let Some(owner) = self.handle.owner() else {
            return;
        };
        let bytes = std::mem::take(&mut self.unaccounted);
        self.handle.delivered(bytes);
        let alive = self.handle.shared().bridge().deliver(owner, &mut |out| {
            out.end(end);
            bytes
        });
        if !alive {
            self.handle.abandon();
        }
    }

    fn apply_change(&mut self) {
        let Some(change) = self.handle.take_change() else {
            return;
        };
        if let Some(timeout) = change.idle_timeout {
            self.idle_timeout = timeout.0;
            self.last_read = Instant::now();
        }
        if let Some(limit) = change.max_frame_size {
            self.decoder.set_max_frame_size(limit.0);
        }
    }

    /// Stops to believe in more frames. An owner that has not been scheduled yet, and so has sent nothing of its
    /// batch, gets another while: else the whole batch would leave frame by frame.
    fn expire_cork(&mut self) {
        let now = Instant::now();
        if self.cork_until.is_none_or(|due| due > now) {
            return;
        }
        let waits = now < self.last_read + CORK_PATIENCE
            && self.handle.is_outstanding()
            && !self.handle.outbox().is_corked();
        self.cork_until = waits.then(|| now + CORK_TIME);
        if !waits {
            self.handle.outbox().uncork();
        }
    }

    /// Whether there may be something to write. The outbox itself is not asked: a caller that writes holds its lock for a
    /// system call, and its client may have answered before that returns.
    fn may_drain(&self) -> bool {
        match self.stage {
            Stage::Lingering { .. } => false,
            Stage::Flushing => true,
            Stage::Open | Stage::Ended => {
                self.handle.take_undrained() || self.draining || self.socket.writes()
            }
        }
    }

    /// Writes what is queued. Ready once nothing is, or only frames that still wait for company.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.expire_cork();
        if self.socket.writes() {
            return self.poll_send(cx);
        }
        loop {
            self.encode();
            let (step, waiter) = {
                let mut outbox = self.handle.outbox();
                if outbox.is_corked() && self.stage != Stage::Flushing {
                    return Poll::Ready(Ok(()));
                }
                let before = outbox.queued();
                let step = match outbox.drain() {
                    Ok(true) => Poll::Ready(Ok(true)),
                    Ok(false) => outbox.poll_writable(cx).map_ok(|()| false),
                    Err(error) => Poll::Ready(Err(error)),
                };
                let written = before.saturating_sub(outbox.queued());
                reactor::note(0, written);
                if self.stage == Stage::Flushing && written > 0 {
                    self.last_read = Instant::now();
                }
                let low = self.handle.shared().options().low_watermark;
                (step, outbox.take_waiter(low))
            };
            self.handle.notify(waiter, Ok(()));
            if ready!(step)? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The same for a socket that is the task's alone.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.encode();
            let handle = &self.handle;
            let stream = &mut self.socket;
            if handle.outbox().is_corked() && self.stage != Stage::Flushing {
                return stream.poll_unsent(cx);
            }
            let before = stream.unsent();
            let step = stream.poll_send(cx, |memory| handle.outbox().take(memory));
            let moved = matches!(step, Poll::Ready(Ok(1..))) || stream.unsent() < before;
            if self.stage == Stage::Flushing && moved {
                self.last_read = Instant::now();
            }
            let low = handle.shared().options().low_watermark;
            let waiter = handle.outbox().take_waiter(low);
            handle.notify(waiter, Ok(()));
            if ready!(step)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Encodes frames that may have to be compressed. The outbox is not locked meanwhile: its callers must not wait.
    fn encode(&mut self) {
        let Some(compressor) = &mut self.compressor else {
            return;
        };
        let mut compressed = Vec::new();
        loop {
            let Some(frame) = self.handle.outbox().next_uncompressed() else {
                return;
            };
            let compress = frame.compress && compressor.wants(frame.payload());
            let payload = if compress {
                compressed.clear();
                compressor.compress(frame.payload(), &mut compressed);
                &compressed
            } else {
                frame.payload()
            };
            self.handle.outbox().encoded(&frame, payload, compress);
        }
    }

    fn may_read(&self) -> bool {
        match self.stage {
            Stage::Open => self.handle.is_active() && !self.handle.is_behind(),
            Stage::Ended | Stage::Flushing => false,
            Stage::Lingering { .. } => true,
        }
    }

    /// Reads once. Ready(Ok(0)) at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.stage == Stage::Open
            && let Some(window) = self
                .decoder
                .window(DIRECT_READ, reactor::read_limit(16 * READ_BUFFER))
        {
            let mut buffer = ReadBuf::new(window);
            ready!(self.socket.poll_read(cx, &mut buffer))?;
            let n = buffer.filled().len();
            if n > 0 {
                self.decode(n, |decoder, sink| decoder.filled(n, sink));
            }
            return Poll::Ready(Ok(n));
        }
        BUFFER.with_borrow_mut(|memory| {
            let mut buffer = ReadBuf::new(memory);
            ready!(self.socket.poll_read(cx, &mut buffer))?;
            let n = buffer.filled().len();
            match &mut self.stage {
                Stage::Lingering { discarded } => *discarded += n as u32,
                _ if n > 0 => {
                    self.decode(n, |decoder, sink| decoder.decode(&mut memory[..n], sink));
                }
                _ => {}
            }
            Poll::Ready(Ok(n))
        })
    }

    /// A peer that hangs up is noticed even while nothing is read, once no unread byte is left.
    fn poll_hangup(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match ready!(self.socket.poll_hangup(cx)) {
            Ok(()) => Poll::Ready(End::Closed),
            Err(error) => Poll::Ready(end_of(&error)),
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if !self.may_read() {
                if self.stage == Stage::Open && !self.handle.is_active() {
                    let end = ready!(self.poll_hangup(cx));
                    self.end(end);
                }
                return Poll::Pending;
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) => {
                    if let Stage::Lingering { .. } = self.stage {
                        return Poll::Ready(());
                    }
                    self.end(End::Closed);
                }
                Ok(_) => {
                    if let Stage::Lingering { discarded } = self.stage
                        && discarded > LINGER_BYTES
                    {
                        return Poll::Ready(());
                    }
                    if reactor::is_spent() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Err(error) => {
                    if let Stage::Lingering { .. } = self.stage {
                        return Poll::Ready(());
                    }
                    self.end(end_of(&error));
                }
            }
        }
    }

    /// Arms the timer for the earliest deadline and acts on those that have passed. Ready when lingering is over.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let limit = match self.stage {
                Stage::Open => self.idle_timeout,
                Stage::Ended => None,
                Stage::Flushing => Some(FLUSH_PATIENCE),
                Stage::Lingering { .. } => self.handle.shared().options().linger_timeout.0,
            };
            let idle_at = limit.map(|limit| self.last_read + limit);
            let Some(next) = earliest(idle_at, self.cork_until) else {
                self.timer = None;
                return Poll::Pending;
            };
            match &mut self.timer {
                // Waking early costs a look; re-arming on every read would cost each message.
                Some(timer) if timer.deadline() <= next && !timer.is_elapsed() => {}
                Some(timer) => timer.as_mut().reset(next),
                None => self.timer = Some(Box::pin(sleep_until(next))),
            }
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(cx));
            }
            let now = Instant::now();
            if idle_at.is_some_and(|at| at <= now) {
                match self.stage {
                    // Not the peer's silence: we don't listen.
                    Stage::Open if self.handle.is_behind() => self.last_read = now,
                    Stage::Open => self.end(End::Timeout),
                    _ => return Poll::Ready(()),
                }
            }
            if self.cork_until.is_some_and(|due| due <= now) {
                let drained = self.poll_drain(cx);
                self.draining = drained.is_pending();
                if let Poll::Ready(Err(error)) = drained {
                    self.lose(&error);
                }
            }
        }
    }

    /// What follows once nothing is queued or the socket is lost. Ready at the end of the connection.
    fn after_drain(&mut self, result: io::Result<()>, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = result {
            self.lose(&error);
        }
        if self.stage != Stage::Flushing {
            return Poll::Pending;
        }
        if ready!(self.socket.poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        let Some(writer) = self.handle.outbox().take_writer() else {
            return Poll::Ready(());
        };
        if !matches!(writer.poll_shutdown(cx), Poll::Ready(Ok(()))) {
            return Poll::Ready(());
        }
        self.stage = Stage::Lingering { discarded: 0 };
        self.last_read = Instant::now();
        self.poll_receive(cx)
    }

    fn lose(&mut self, error: &io::Error) {
        let waiter = {
            let mut outbox = self.handle.outbox();
            outbox.lost();
            outbox.take_waiter(usize::MAX)
        };
        self.handle.notify(waiter, Err(crate::bridge::Closed));
        if self.stage == Stage::Open {
            self.end(end_of(error));
        }
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl<B: Bridge> Future for Connection<B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.handle.set_waker(cx.waker());
        if reactor::is_spent() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.apply_change();
        if let Some(mut early) = this.early.take() {
            this.decode(early.len(), |decoder, sink| {
                decoder.decode(&mut early, sink)
            });
        }
        // Reading comes first: what arrived is often answered before this poll ends.
        if this.poll_receive(cx).is_ready() {
            return Poll::Ready(());
        }
        if matches!(this.stage, Stage::Open | Stage::Ended) && this.handle.is_closing() {
            this.stage = Stage::Flushing;
            this.last_read = Instant::now();
        }
        if this.may_drain() {
            let drained = this.poll_drain(cx);
            this.draining = drained.is_pending();
            if let Poll::Ready(result) = drained
                && this.after_drain(result, cx).is_ready()
            {
                return Poll::Ready(());
            }
        }
        this.poll_timer(cx)
    }
}

impl<B: Bridge> Drop for Connection<B> {
    fn drop(&mut self) {
        let waiter = {
            let mut outbox = self.handle.outbox();
            outbox.lost();
            outbox.take_waiter(usize::MAX)
        };
        self.handle.notify(waiter, Err(crate::bridge::Closed));
        if self.stage == Stage::Open && !self.handle.is_closing() {
            // The runtime stops, or this task panicked: the owner must not wait for ever.
            self.end(End::Closed);
        }
    }
}

struct EventSink<'a, P> {
    out: &'a mut dyn Events<P>,
    count: usize,
}

impl<P> EventSink<'_, P> {
    fn end(&mut self, end: End) {
        self.count += 1;
        self.out.end(end);
    }
}

impl<P> Sink<P> for EventSink<'_, P> {
    fn message(&mut self, message: Message<'_, P>) {
        self.count += 1;
        match message {
            Message::Text(payload) => self.out.text(payload),
            Message::Binary(payload) => self.out.binary(payload),
            Message::Ping(payload) => self.out.ping(payload),
            Message::Pong(payload) => self.out.pong(payload),
            Message::Close(reason) => self.out.close(reason),
        }
    }
}

/// How Erlang names a socket error. A reset is `closed`, as it is for `gen_tcp`.
fn end_of(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::TimedOut => End::Posix("etimedout"),
        io::ErrorKind::HostUnreachable => End::Posix("ehostunreach"),
        io::ErrorKind::NetworkUnreachable => End::Posix("enetunreach"),
        _ => End::Closed,
    }
}
