//! One HTTP request and, once upgraded, the WebSocket connection that it became: the state that the connection's
//! task and the calls of its owner share.
//!
//! Who may touch what: the task reads the socket and drains the outbox; the owner's calls write the outbox directly
//! and leave notes (`change`, `active`, `closing`) that the task picks up when woken. Locks are held for one system
//! call at most and never while another lock is taken.

use crate::bridge::{
    BodyEvent, Bridge, Closed, End, Request, RespondError, ResponseBody, ResponseHead,
    ResponseState,
};
use crate::config::{ConnectionChange, Framing, OwnerDeath, UpgradeOptions};
use crate::listener::Shared;
use crate::outbox::{Accepted, Outbox, Outgoing};
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What the owner asks of the HTTP side.
pub enum HttpCommand<B: Bridge> {
    ReadBody {
        reference: B::Reference,
        length: usize,
        period: Option<Duration>,
    },
    Respond(ResponseHead, ResponseBody),
    Stream(ResponseHead, mpsc::UnboundedReceiver<StreamChunk>),
    Upgrade(Box<Upgrade>),
    /// An informational response, as it goes out.
    Inform(Vec<u8>),
    /// The connection is to end without an answer.
    Close,
    /// The owner died, or nobody ever owned the request.
    Abandoned,
}

/// A piece of a streamed response body.
pub enum StreamChunk {
    Data(Bytes),
    End(Vec<(Vec<u8>, Vec<u8>)>),
}

/// An accepted upgrade: the head of the response and the options of the connection.
pub struct Upgrade {
    pub head: ResponseHead,
    pub options: UpgradeOptions,
}

struct Http<B: Bridge> {
    request: Option<Request>,
    commands: mpsc::UnboundedSender<HttpCommand<B>>,
    stream: Option<mpsc::UnboundedSender<StreamChunk>>,
    state: ResponseState,
    /// Who is told if the client goes away before it has the response.
    watcher: Option<B::Reference>,
    signals: Arc<Signals>,
}

/// What a request tells the connection that it came on.
#[derive(Default)]
pub struct Signals {
    /// No request is to be read after this one.
    pub last: Notify,
    /// The owner is done with the request.
    pub released: Notify,
}

/// See the module's documentation.
pub struct Handle<B: Bridge> {
    shared: Arc<Shared<B>>,
    owner: OnceLock<B::Process>,
    http: Mutex<Option<Box<Http<B>>>>,
    outbox: Mutex<Outbox<B>>,
    /// Upgraded: bytes delivered to the owner and not yet handed back. Before: bytes of a streamed response that the
    /// client has not taken yet.
    outstanding: AtomicUsize,
    active: AtomicBool,
    closing: AtomicBool,
    /// The owner has ended, or has closed.
    released: AtomicBool,
    /// The outbox holds bytes for the task to write. The task looks here, so as not to wait for a caller's lock.
    undrained: AtomicBool,
    change: Mutex<Option<Box<ConnectionChange>>>,
    waker: OnceLock<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another thread costs that call, not the connection's consistency: every critical section leaves
    // its data usable at every point.
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<B: Bridge> Handle<B> {
    pub fn new(
        shared: Arc<Shared<B>>,
        request: Request,
        commands: mpsc::UnboundedSender<HttpCommand<B>>,
        signals: Arc<Signals>,
    ) -> Arc<Self> {
        Arc::new(Handle {
            shared,
            owner: OnceLock::new(),
            http: Mutex::new(Some(Box::new(Http {
                request: Some(request),
                commands,
                stream: None,
                state: ResponseState::None,
                watcher: None,
                signals,
            }))),
            outbox: Mutex::new(Outbox::new()),
            outstanding: AtomicUsize::new(0),
            active: AtomicBool::new(true),
            closing: AtomicBool::new(false),
            released: AtomicBool::new(false),
            undrained: AtomicBool::new(true),
            change: Mutex::new(None),
            waker: OnceLock::new(),
        })
    }

    pub fn shared(&self) -> &Arc<Shared<B>> {
        &self.shared
    }

    pub fn owner(&self) -> Option<&B::Process> {
        self.owner.get()
    }

    /// Makes a process the owner, once. `None` if there is one already or the client is gone.
    pub fn accept(&self, owner: B::Process) -> Option<Request> {
        let mut http = lock(&self.http);
        let http = http.as_mut()?;
        if http.commands.is_closed() {
            return None;
        }
        let request = http.request.take()?;
        self.owner.set(owner).ok()?;
        Some(request)
    }

    // ---- the HTTP side

    fn command(&self, command: HttpCommand<B>) -> Result<(), RespondError> {
        match lock(&self.http).as_ref() {
            Some(http) => http
                .commands
                .send(command)
                .map_err(|_| RespondError::Closed),
            None => Err(RespondError::Closed),
        }
    }

    /// Asks for up to `length` bytes of the body, or what came within `period`.
    pub fn read_body(
        &self,
        reference: B::Reference,
        length: usize,
        period: Option<Duration>,
    ) -> Result<(), RespondError> {
        self.command(HttpCommand::ReadBody {
            reference,
            length,
            period,
        })
    }

    fn start_response(
        &self,
        next: ResponseState,
        command: HttpCommand<B>,
        stream: Option<mpsc::UnboundedSender<StreamChunk>>,
    ) -> Result<(), RespondError> {
        let mut guard = lock(&self.http);
        let http = guard.as_mut().ok_or(RespondError::Closed)?;
        if http.state != ResponseState::None {
            return Err(RespondError::AlreadySent);
        }
        http.commands
            .send(command)
            .map_err(|_| RespondError::Closed)?;
        http.state = next;
        http.stream = stream;
        Ok(())
    }

    /// Sends an informational response (RFC 9110 15.2). To a client of HTTP/1.0 nothing is sent.
    pub fn inform(&self, head: ResponseHead) -> Result<(), RespondError> {
        crate::http::check_head(&head)?;
        if !(100..=199).contains(&head.status) || head.status == 101 {
            return Err(RespondError::InvalidHeader(b":status".to_vec()));
        }
        if self.response_state() != ResponseState::None {
            return Err(RespondError::AlreadySent);
        }
        self.command(HttpCommand::Inform(crate::http::inform_head(&head)))
    }

    /// Registers who is told if the client goes away before it has the whole response.
    pub fn await_closed(&self, reference: B::Reference) -> Result<(), Closed> {
        let mut guard = lock(&self.http);
        let http = guard.as_mut().ok_or(Closed)?;
        let gone = match &http.stream {
            Some(stream) => stream.is_closed(),
            None => http.commands.is_closed(),
        };
        if gone {
            return Err(Closed);
        }
        http.watcher = Some(reference);
        Ok(())
    }

    /// The client went away before it had the whole response.
    pub(crate) fn client_gone(&self) {
        let watcher = lock(&self.http)
            .as_mut()
            .and_then(|http| http.watcher.take());
        self.notify(watcher, Err(Closed));
    }

    /// Sends a complete response.
    pub fn respond(&self, head: ResponseHead, body: ResponseBody) -> Result<(), RespondError> {
        crate::http::check_head(&head)?;
        self.start_response(ResponseState::Done, HttpCommand::Respond(head, body), None)
    }

    /// Starts a streamed response.
    pub fn respond_stream(&self, head: ResponseHead) -> Result<(), RespondError> {
        crate::http::check_head(&head)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        self.start_response(
            ResponseState::Headers,
            HttpCommand::Stream(head, receiver),
            Some(sender),
        )
    }

    /// Adds to a streamed response. `Ok(true)` if the caller should wait until the client has taken more.
    pub fn respond_chunk(&self, data: Bytes) -> Result<bool, Closed> {
        let length = data.len();
        let guard = lock(&self.http);
        let stream = guard
            .as_ref()
            .and_then(|h| h.stream.as_ref())
            .ok_or(Closed)?;
        // Counted first: the reader may take the chunk before this call returns.
        let queued = self.outstanding.fetch_add(length, Ordering::AcqRel) + length;
        stream.send(StreamChunk::Data(data)).map_err(|_| Closed)?;
        Ok(queued > self.shared.options().high_watermark)
    }

    /// Ends a streamed response.
    pub fn respond_end(&self, trailers: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), Closed> {
        let mut guard = lock(&self.http);
        let http = guard.as_mut().ok_or(Closed)?;
        let stream = http.stream.take().ok_or(Closed)?;
        http.state = ResponseState::Done;
        stream.send(StreamChunk::End(trailers)).map_err(|_| Closed)
    }

    /// The client took `bytes` of a streamed response.
    pub(crate) fn chunk_taken(&self, bytes: usize) {
        let left = self.outstanding.fetch_sub(bytes, Ordering::AcqRel) - bytes;
        if left <= self.shared.options().low_watermark {
            let waiter = lock(&self.outbox).take_waiter(usize::MAX);
            self.notify(waiter, Ok(()));
        }
    }

    pub fn response_state(&self) -> ResponseState {
        lock(&self.http)
            .as_ref()
            .map_or(ResponseState::Upgraded, |http| http.state)
    }

    /// The request is over on the HTTP side: later commands answer `Closed`.
    pub(crate) fn http_ended(&self) {
        let waiter = lock(&self.outbox).take_waiter(usize::MAX);
        self.notify(waiter, Err(Closed));
    }

    pub(crate) fn body(&self, reference: B::Reference, event: BodyEvent) {
        if let Some(owner) = self.owner.get() {
            self.shared.bridge().body(owner, reference, event);
        }
    }

    /// Answers 101 and turns the handle into a WebSocket.
    pub fn upgrade(&self, head: ResponseHead, options: UpgradeOptions) -> Result<(), RespondError> {
        crate::http::check_head(&head)?;
        if let Framing::Hixie76(..) = options.framing {
            lock(&self.outbox).speak_hixie();
        } else if options.compress.is_some() {
            lock(&self.outbox).compress();
        }
        let upgrade = HttpCommand::Upgrade(Box::new(Upgrade { head, options }));
        // The end of HTTP is no loss to whoever waits for one: a WebSocket says itself how it ends.
        if let Some(http) = lock(&self.http).as_mut() {
            http.watcher = None;
        }
        self.start_response(ResponseState::Upgraded, upgrade, None)?;
        // What belonged to HTTP only is not kept for the life of a WebSocket.
        *lock(&self.http) = None;
        Ok(())
    }

    /// The client went away before the upgrade that its owner was promised took place.
    pub(crate) fn upgrade_lost(&self, end: End) {
        let waiter = {
            let mut outbox = lock(&self.outbox);
            outbox.lost();
            outbox.take_waiter(usize::MAX)
        };
        self.notify(waiter, Err(Closed));
        if let Some(owner) = self.owner.get() {
            self.shared.bridge().deliver(owner, &mut |out| {
                out.end(end);
                0
            });
        }
    }

    // ---- the WebSocket side

    /// Sends frames after those that are queued. `Ok(true)` if the caller should wait.
    pub fn send<F: Outgoing>(
        &self,
        frames: &[F],
        handled: usize,
        more: bool,
    ) -> Result<bool, Closed> {
        let accepted = lock(&self.outbox).send(frames, more, self.shared.options().high_watermark);
        let resume = self.hand_back(handled);
        self.attended(accepted, resume)
    }

    /// Has the task see to what a call has left it, or to the loss of the socket. `Ok(true)` if the caller should wait.
    fn attended(&self, accepted: Result<Accepted, Closed>, resume: bool) -> Result<bool, Closed> {
        let wake = match accepted {
            Ok(Accepted { wake, .. }) => {
                if wake {
                    self.undrained.store(true, Ordering::Release);
                }
                wake || resume
            }
            Err(Closed) => true,
        };
        if wake {
            self.wake();
        }
        accepted.map(|accepted| accepted.blocked)
    }

    fn hand_back(&self, bytes: usize) -> bool {
        if bytes == 0 {
            return false;
        }
        let limit = self.shared.options().read_ahead;
        let before = self.outstanding.fetch_sub(bytes, Ordering::AcqRel);
        before > limit && before - bytes <= limit
    }

    /// Hands back read bytes without sending.
    pub fn handled(&self, bytes: usize) {
        if self.hand_back(bytes) {
            self.wake();
        }
    }

    /// Registers for the low watermark. `Ok(true)` if there is nothing to wait for.
    pub fn await_writable(&self, reference: B::Reference) -> Result<bool, Closed> {
        let low = self.shared.options().low_watermark;
        let client_gone = lock(&self.http).as_ref().map(|http| match &http.stream {
            Some(stream) => stream.is_closed(),
            None => http.commands.is_closed(),
        });
        match client_gone {
            Some(true) => Err(Closed),
            Some(false) => {
                let mut outbox = lock(&self.outbox);
                if self.outstanding.load(Ordering::Acquire) <= low {
                    return Ok(true);
                }
                outbox.hold_waiter(reference);
                Ok(false)
            }
            None => {
                let accepted = lock(&self.outbox).await_writable(reference, low);
                self.attended(accepted, false).map(|blocked| !blocked)
            }
        }
    }

    /// Stops or restarts reading.
    pub fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Release);
        self.wake();
    }

    /// Changes options of the running connection.
    pub fn change(&self, change: ConnectionChange) {
        if let Some(deflate) = change.deflate {
            lock(&self.outbox).set_compress(deflate);
        }
        {
            let mut pending = lock(&self.change);
            let pending = pending.get_or_insert_default();
            // An earlier change that the task has not seen yet stays, except for what this one names.
            pending.idle_timeout = change.idle_timeout.or(pending.idle_timeout);
            pending.max_frame_size = change.max_frame_size.or(pending.max_frame_size);
        }
        self.wake();
    }

    fn release(&self) {
        self.released.store(true, Ordering::Release);
        if let Some(http) = lock(&self.http).as_ref() {
            http.signals.released.notify_one();
        }
    }

    /// Whether the owner is done with the request.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Sends the last frames and closes. Before an upgrade: the connection ends after the response, or at once if
    /// there is none.
    pub fn close<F: Outgoing>(&self, frames: &[F]) {
        if let Some(http) = lock(&self.http).as_mut() {
            self.released.store(true, Ordering::Release);
            http.signals.last.notify_one();
            if http.state == ResponseState::None {
                http.state = ResponseState::Done;
                let _ = http.commands.send(HttpCommand::Close);
            }
            return;
        }
        {
            let mut outbox = lock(&self.outbox);
            let _ = outbox.send(frames, false, usize::MAX);
            outbox.seal();
        }
        self.begin_close();
    }

    fn begin_close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    /// The owner died, or the last reference to a request that nobody accepted is gone.
    pub fn abandon(&self) {
        self.release();
        if self.response_state() == ResponseState::Upgraded {
            lock(&self.outbox).seal();
            self.begin_close();
        } else {
            if let Some(http) = lock(&self.http).as_mut() {
                // A streamed body without an end must not look complete: dropping the sender aborts it.
                http.stream = None;
            }
            let _ = self.command(HttpCommand::Abandoned);
        }
    }

    /// What a client gets whose request nobody answered.
    pub(crate) fn on_abandoned(&self) -> Option<u16> {
        match (self.owner.get(), self.shared.options().owner_death) {
            (None, _) => Some(503),
            (Some(_), OwnerDeath::InternalServerError) => Some(500),
            (Some(_), OwnerDeath::Close) => None,
        }
    }

    // ---- for the connection's task

    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox<B>> {
        lock(&self.outbox)
    }

    /// Whether the outbox has come to hold bytes for the task to write since this was last asked.
    pub(crate) fn take_undrained(&self) -> bool {
        self.undrained.load(Ordering::Relaxed) && self.undrained.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        // A task keeps its waker for life, so the first one is the right one.
        self.waker.get_or_init(|| waker.clone());
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn take_change(&self) -> Option<Box<ConnectionChange>> {
        lock(&self.change).take()
    }

    /// Adds to the bytes that the owner has not handled yet.
    pub(crate) fn delivered(&self, bytes: usize) {
        self.outstanding.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Whether the owner has not handled all that was delivered.
    pub(crate) fn is_outstanding(&self) -> bool {
        self.outstanding.load(Ordering::Acquire) > 0
    }

    /// Whether the owner has fallen too far behind for more to be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.outstanding.load(Ordering::Acquire) > self.shared.options().read_ahead
    }

    pub(crate) fn notify(&self, waiter: Option<B::Reference>, result: Result<(), Closed>) {
        if let (Some(reference), Some(owner)) = (waiter, self.owner.get()) {
            self.shared.bridge().writable(owner, reference, result);
        }
    }
}
