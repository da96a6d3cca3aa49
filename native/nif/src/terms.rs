//! Messages to Erlang, built term by term on the runtime's threads, or on a scheduler in the place of one.

use crate::HandleResource;
use crate::payload::BinaryPayload;
use farrier_core::bridge::{BodyEvent, Bridge, Closed, End, Events};
use farrier_core::handle::Handle;
use farrier_core::message::Payload;
use farrier_core::reactor;
use rustler::env::SavedTerm;
use rustler::sys::{
    ErlNifEnv, ErlNifTerm, enif_alloc_env, enif_clear_env, enif_free_env,
    enif_make_list_from_array, enif_make_tuple_from_array, enif_send, enif_thread_type,
};
use rustler::{Atom, Encoder, Env, LocalPid, NewBinary, OwnedEnv, ResourceArc, Term};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

pub mod atoms {
    rustler::atoms! {
        ok, error, undefined, none, headers, done, upgraded, wait, blocked, closed, infinity,
        already_sent, invalid_header, bad_option, sendfile,
        text, binary, ping, pong, close, timeout, badframe, badencoding, badsize,
        protocol, unmasked, badopcode, challenge,
        body, fin, nofin, writable,
        farrier = "$farrier",
        farrier_accept = "$farrier_accept",
        farrier_turn = "$farrier_turn",
        farrier_log = "$farrier_log",
    }
}

/// The bridge to processes of this VM.
pub struct NifBridge;

/// A reference of Erlang's, kept until an answer carries it back to the process that gave it: the owner, or one that
/// the owner has lent its request to.
pub struct SavedReference {
    env: OwnedEnv,
    term: SavedTerm,
    process: LocalPid,
}

impl SavedReference {
    pub fn new(caller: Env<'_>, reference: Term<'_>) -> Self {
        let env = OwnedEnv::new();
        let term = env.save(reference);
        SavedReference {
            env,
            term,
            process: caller.pid(),
        }
    }
}

/// Events that wait for their burst at most. Bounds the time that a message waits and the environment's size, which is to stay
/// in the processor's cache.
const BURST: usize = 32;

/// Messages that a turn of a scheduler sends before those who receive them run. With more at a time, other schedulers wake and take
/// some of the processes away.
const PORTION: usize = 2;

/// A message that is ready to be sent.
struct Waiting {
    receiver: LocalPid,
    message: ErlNifTerm,
    events: usize,
    bytes: usize,
}

/// Messages on their way out: of one of the runtime's threads, or of a scheduler that has a reactor's seat.
///
/// A thread's messages that carry events leave in bursts: when it has nothing left to do, or `BURST` events have come together. A
/// scheduler that is woken then finds more than one process to run, and spins and sleeps less often. A scheduler's own leave in
/// portions. All are copied out of one environment that is reused; a fragment that is moved would take 200 words at least
/// along to its receiver.
pub struct Messages {
    env: *mut ErlNifEnv,
    waiting: VecDeque<Waiting>,
    /// Events in those that wait.
    events: usize,
    /// Who sends, while a scheduler does: the environment of the process that it runs, and its number.
    scheduler: Option<(*mut ErlNifEnv, u32)>,
}

// SAFETY: an environment of `enif_alloc_env` may be used by any thread, by one at a time. The caller's is there only during
// its call, on its thread (`on_scheduler`).
unsafe impl Send for Messages {}

impl Messages {
    pub fn new() -> Self {
        Messages {
            // SAFETY: `enif_alloc_env` has no preconditions.
            env: unsafe { enif_alloc_env() },
            waiting: VecDeque::new(),
            events: 0,
            scheduler: None,
        }
    }

    /// Runs `build` with the environment. `None` on a scheduler that may not send this way.
    fn build<F, R>(&mut self, build: F) -> Option<R>
    where
        F: for<'a> FnOnce(Env<'a>) -> R,
    {
        // SAFETY: `enif_thread_type` may be called on any thread. A scheduler may send only with the environment of the
        // process that it runs.
        if self.scheduler.is_none() && unsafe { enif_thread_type() } != 0 {
            return None;
        }
        // SAFETY: the environment was allocated by `enif_alloc_env`, and `&mut self` makes its user the only one. The lifetime is
        // bound to a local, and `build` is generic over it, so no typed term outlives this call.
        Some(build(unsafe { Env::new(&(), self.env) }))
    }

    /// Sends a message at once, behind those that wait. False if the receiver is gone or this thread may not send.
    fn send<F>(&mut self, receiver: &LocalPid, build: F) -> bool
    where
        F: for<'a> FnOnce(Env<'a>) -> Option<Term<'a>>,
    {
        self.flush();
        let built = self.build(|env| build(env).map(|message| message.as_c_arg()));
        let sent = match built {
            Some(Some(message)) => self.deliver(receiver, message),
            Some(None) => true,
            None => false,
        };
        self.clear();
        sent
    }

    /// Sends a message with the next burst or portion. `build` tells how many events it carries as well, and how many bytes.
    fn send_soon<F>(&mut self, receiver: &LocalPid, build: F) -> bool
    where
        F: for<'a> FnOnce(Env<'a>, Option<u32>) -> Option<(Term<'a>, usize, usize)>,
    {
        let scheduler = self.scheduler.map(|(_, number)| number);
        let built = self.build(|env| {
            build(env, scheduler).map(|(message, events, bytes)| Waiting {
                receiver: *receiver,
                message: message.as_c_arg(),
                events,
                bytes,
            })
        });
        match built {
            Some(Some(waiting)) => {
                self.events += waiting.events;
                self.waiting.push_back(waiting);
            }
            Some(None) => {}
            None => return false,
        }
        if self.events >= BURST && scheduler.is_none() {
            self.flush();
        }
        true
    }

    fn deliver(&self, receiver: &LocalPid, message: ErlNifTerm) -> bool {
        let caller = (self.scheduler).map_or(std::ptr::null_mut(), |(caller, _)| caller);
        // SAFETY: on a scheduler the caller's environment is that of the process which it runs, elsewhere there is none (`build`
        // made the message); the message is a term of `self.env`, which has not been cleared since; without an environment of
        // its own it is copied.
        unsafe { enif_send(caller, receiver.as_c_arg(), std::ptr::null_mut(), message) == 1 }
    }

    /// Sends what waits. False if nothing does.
    pub fn flush(&mut self) -> bool {
        self.send_first(usize::MAX).0 > 0
    }

    /// Sends the first that wait. Returns how many events they carry, and how many bytes.
    pub fn send_portion(&mut self) -> (usize, usize) {
        self.send_first(PORTION)
    }

    fn send_first(&mut self, most: usize) -> (usize, usize) {
        let mut sent = (0, 0);
        for _ in 0..most {
            let Some(waiting) = self.waiting.pop_front() else {
                break;
            };
            // A receiver that is gone is noticed by its monitor.
            self.deliver(&waiting.receiver, waiting.message);
            sent = (sent.0 + waiting.events, sent.1 + waiting.bytes);
        }
        if self.waiting.is_empty() && sent.0 > 0 {
            self.events = 0;
            self.clear();
        }
        sent
    }

    fn clear(&mut self) {
        // SAFETY: nothing refers to terms of the environment any more: `waiting` is empty, and typed terms end with `build`.
        unsafe { enif_clear_env(self.env) }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.flush();
        // SAFETY: allocated in `new`, used by its owner only, never after this.
        unsafe { enif_free_env(self.env) }
    }
}

thread_local! {
    static MESSAGES: RefCell<Messages> = RefCell::new(Messages::new());
    /// Those of the turn that this thread, a scheduler's, is making.
    static OF_TURN: RefCell<Option<Arc<Mutex<Messages>>>> = const { RefCell::new(None) };
    static EVENTS: RefCell<Vec<ErlNifTerm>> = const { RefCell::new(Vec::new()) };
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Calls `f` with the messages of this thread, or of the turn that it is making.
fn with_messages<R>(f: impl FnOnce(&mut Messages) -> R) -> R {
    OF_TURN.with_borrow(|of_turn| match of_turn {
        Some(messages) => f(&mut lock(messages)),
        None => MESSAGES.with_borrow_mut(f),
    })
}

/// Has what is sent during `turn` be sent by the calling process, on the scheduler of this number.
pub fn on_scheduler<R>(
    caller: Env<'_>,
    number: u32,
    messages: &Arc<Mutex<Messages>>,
    turn: impl FnOnce() -> R,
) -> R {
    /// Ends it, even by a panic: the environment does not outlive the call.
    struct Ended<'a>(&'a Mutex<Messages>);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            lock(self.0).scheduler = None;
            OF_TURN.set(None);
        }
    }
    lock(messages).scheduler = Some((caller.as_c_arg(), number));
    let _ended = Ended(messages);
    OF_TURN.set(Some(messages.clone()));
    turn()
}

/// Sends a message from one of the runtime's threads, or from a turn.
pub fn send<F>(receiver: &LocalPid, build: F) -> bool
where
    F: for<'a> FnOnce(Env<'a>) -> Option<Term<'a>>,
{
    with_messages(|messages| messages.send(receiver, build))
}

/// Sends the waiting messages of this thread. Called whenever it has nothing left to do.
pub fn flush() {
    if MESSAGES.with_borrow_mut(Messages::flush) {
        // Where schedulers and this thread share a core, what they do now makes the next burst a larger one.
        std::thread::yield_now();
    }
}

fn tuple<'a, const N: usize>(env: Env<'a>, elements: [Term<'a>; N]) -> Term<'a> {
    let elements = elements.map(|element| element.as_c_arg());
    // SAFETY: all elements are terms of `env`, and the array lives through the call, which copies it.
    unsafe {
        Term::new(
            env,
            enif_make_tuple_from_array(env.as_c_arg(), elements.as_ptr(), N as u32),
        )
    }
}

/// Collects the events of one read as terms.
struct TermEvents<'a, 'b> {
    env: Env<'a>,
    events: &'b mut Vec<ErlNifTerm>,
}

impl<'a> TermEvents<'a, '_> {
    fn push(&mut self, event: Term<'a>) {
        self.events.push(event.as_c_arg());
    }

    fn push_pair(&mut self, tag: Atom, payload: Term<'a>) {
        let event = tuple(self.env, [tag.to_term(self.env), payload]);
        self.push(event);
    }

    fn payload(&self, payload: Payload<'_, BinaryPayload>) -> Term<'a> {
        match payload {
            Payload::Borrowed(bytes) => NewBinary::from_slice(self.env, bytes).into(),
            Payload::Owned(payload) => payload.into_term(self.env),
        }
    }

    fn bytes(&self, bytes: &[u8]) -> Term<'a> {
        NewBinary::from_slice(self.env, bytes).into()
    }

    fn list(&self) -> Term<'a> {
        // SAFETY: every element was made in `env`; the vector lives through the call, which copies it.
        unsafe {
            Term::new(
                self.env,
                enif_make_list_from_array(
                    self.env.as_c_arg(),
                    self.events.as_ptr(),
                    self.events.len() as u32,
                ),
            )
        }
    }
}

impl Events<BinaryPayload> for TermEvents<'_, '_> {
    fn text(&mut self, payload: Payload<'_, BinaryPayload>) {
        let payload = self.payload(payload);
        self.push_pair(atoms::text(), payload);
    }

    fn binary(&mut self, payload: Payload<'_, BinaryPayload>) {
        let payload = self.payload(payload);
        self.push_pair(atoms::binary(), payload);
    }

    fn ping(&mut self, payload: &[u8]) {
        let payload = self.bytes(payload);
        self.push_pair(atoms::ping(), payload);
    }

    fn pong(&mut self, payload: &[u8]) {
        let payload = self.bytes(payload);
        self.push_pair(atoms::pong(), payload);
    }

    fn close(&mut self, reason: Option<(u16, &[u8])>) {
        let close = atoms::close().to_term(self.env);
        let event = match reason {
            None => close,
            Some((code, text)) => {
                let text = self.bytes(text);
                tuple(self.env, [close, code.encode(self.env), text])
            }
        };
        self.push(event);
    }

    fn end(&mut self, end: End) {
        let reason = match end {
            End::Timeout => {
                let timeout = atoms::timeout().to_term(self.env);
                return self.push(timeout);
            }
            End::BadFrame => atoms::badframe().to_term(self.env),
            End::BadEncoding => atoms::badencoding().to_term(self.env),
            End::BadSize => atoms::badsize().to_term(self.env),
            End::Protocol => atoms::protocol().to_term(self.env),
            End::Unmasked => atoms::unmasked().to_term(self.env),
            End::BadOpcode => atoms::badopcode().to_term(self.env),
            End::Challenge => atoms::challenge().to_term(self.env),
            End::Closed => atoms::closed().to_term(self.env),
            End::Posix(name) => match Atom::from_str(self.env, name) {
                Ok(name) => name.to_term(self.env),
                Err(_) => atoms::closed().to_term(self.env),
            },
        };
        self.push_pair(atoms::error(), reason);
    }
}

impl Bridge for NifBridge {
    type Process = LocalPid;
    type Reference = SavedReference;
    type Payload = BinaryPayload;

    fn offer(&self, acceptor: &LocalPid, handle: Arc<Handle<Self>>) -> bool {
        send(acceptor, |env| {
            let handle = ResourceArc::new(HandleResource(handle)).encode(env);
            Some(tuple(env, [atoms::farrier_accept().to_term(env), handle]))
        })
    }

    fn deliver(
        &self,
        owner: &LocalPid,
        fill: &mut dyn FnMut(&mut dyn Events<BinaryPayload>) -> usize,
    ) -> bool {
        EVENTS.with_borrow_mut(|events| {
            with_messages(|messages| {
                messages.send_soon(owner, |env, scheduler| {
                    events.clear();
                    let mut collected = TermEvents { env, events };
                    let bytes = fill(&mut collected);
                    if collected.events.is_empty() {
                        return None;
                    }
                    let count = collected.events.len();
                    let list = collected.list();
                    let (tag, weight) = (atoms::farrier().to_term(env), bytes.encode(env));
                    let message = match reactor::change() {
                        None => tuple(env, [tag, list, weight]),
                        Some(change) => {
                            let scheduler = scheduler.unwrap_or(0).encode(env);
                            tuple(env, [tag, list, weight, scheduler, change.encode(env)])
                        }
                    };
                    Some((message, count, bytes))
                })
            })
        })
    }

    fn body(&self, _owner: &LocalPid, reference: SavedReference, event: BodyEvent) -> bool {
        let process = reference.process;
        send(&process, |env| {
            let reference = reference
                .env
                .run(|from| reference.term.load(from).in_env(env));
            let body = atoms::body().to_term(env);
            let (kind, data) = match event {
                BodyEvent::More(data) => (atoms::nofin(), data),
                BodyEvent::Fin(data) => (atoms::fin(), data),
                BodyEvent::Error(reason) => {
                    let reason = Atom::from_str(env, reason).ok()?;
                    let error = (atoms::error(), reason).encode(env);
                    return Some(tuple(env, [reference, body, error]));
                }
            };
            let data = NewBinary::from_slice(env, &data).into();
            Some(tuple(env, [reference, body, kind.to_term(env), data]))
        })
    }

    fn writable(
        &self,
        _owner: &LocalPid,
        reference: SavedReference,
        result: Result<(), Closed>,
    ) -> bool {
        let process = reference.process;
        send(&process, |env| {
            let reference = reference
                .env
                .run(|from| reference.term.load(from).in_env(env));
            let result = match result {
                Ok(()) => atoms::writable().to_term(env),
                Err(Closed) => (atoms::error(), atoms::closed()).encode(env),
            };
            Some(tuple(env, [reference, result]))
        })
    }
}
