//! Where clear WebSockets are read: a runtime of one thread, whose work a scheduler of the VM can take over.
//!
//! A message that a thread of ours sends wakes a scheduler on another core, moves the socket and the process between two cores, and lies
//! in memory that neither may give back itself. While many sockets have something to read at a time all of this is saved by reading
//! them on the scheduler that runs their processes: a process of the VM takes the thread's *seat* and calls [`Reactor::begin`]
//! again and again, in turn with those that handle the messages.
//!
//! The thread lends its seat after some waits in a row that have brought several events each. The scheduler gives it back
//! as soon as nothing is left to read, or when others keep it busy for longer than reading is worth: then more cores do
//! better than a near one. For the same reason it loses the seat if it is busy without a pause while cores of the machine
//! are idle. A scheduler that does not come back at all loses the seat within a few milliseconds. So a lent seat never
//! delays a message by more than that.

use crate::clock;
use crate::cpu_time::CpuTime;
use crate::stream::Socket;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::task::Poll;
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

/// Events that one wait must have brought for the seat to be lent. Fewer are not worth the way to a scheduler.
const LEND_EVENTS: usize = 4;
/// How many waits in a row must have brought so many: one burst, as after a pause, is over before a scheduler has come.
const LEND_WAITS: u32 = 3;
/// Tasks that run between two looks at the sockets; bounds a turn on a scheduler.
const TASKS: u32 = 32;
/// Bytes that a turn on a scheduler moves at most, but for one read or write more: about 0.1 ms.
const TURN_BYTES: usize = 256 * 1024;
/// How long a scheduler may stay away before its seat is taken.
const PATIENCE: Duration = Duration::from_millis(2);
/// How long a scheduler may take to come: it may have to be woken.
const ALLOWED_FIRST: Duration = Duration::from_micros(500);
/// What it may do between two turns, whatever was sent to its processes.
const ALLOWED: Duration = Duration::from_micros(50);
/// What it may take for each event that was sent to them, so that a handler takes no more than reading and writing do.
const ALLOWED_FOR_EVENT: Duration = Duration::from_micros(12);
/// The same for a KiB of payload.
const ALLOWED_FOR_KIB: Duration = Duration::from_micros(1);
/// Turns in time that make good for one too late.
const LATE: u32 = 64;
/// Too many of them too late.
const TOO_LATE: u32 = 4 * LATE;
/// For how long a seat is not lent again after it had to be taken, or given back by one who was late. Doubled each time, up to the second.
const HOLD: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(5));

/// Looks after a lent seat, one each `PATIENCE`, between two at the machine: a tenth of a second.
const LOOKS: u32 = 50;
/// Idle share of the machine from which on one scheduler is not to read for all that need it.
const IDLE: f64 = 0.35;

/// What a thread has read and delivered, or written.
#[derive(Clone, Copy, Default)]
struct Tally {
    events: usize,
    bytes: usize,
}

impl Tally {
    fn is_something(self) -> bool {
        self.events > 0 || self.bytes > 0
    }
}

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { events: 0, bytes: 0 }) };
    /// Whether a turn is being made on this thread, which is a scheduler's.
    static TURN: Cell<bool> = const { Cell::new(false) };
    /// On a thread that has a reactor's seat, which change of seats has given it that.
    static CHANGE: Cell<u64> = const { Cell::new(0) };
    /// On a reactor's thread: how many waits in a row have brought many events.
    static BUSY: Cell<u32> = const { Cell::new(0) };
    /// On a reactor's thread: the seat may be lent from then on.
    static LENDABLE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Notes what this thread has done.
pub(crate) fn note(events: usize, bytes: usize) {
    let tally = TALLY.get();
    TALLY.set(Tally {
        events: tally.events + events,
        bytes: tally.bytes + bytes,
    });
}

/// How often the seat that this thread has has changed hands. Messages of one connection are in order if they are by this
/// number, and as they came by the same number. `None` if this thread has no seat: another one never delivers for its connections.
pub fn change() -> Option<u64> {
    Some(CHANGE.get()).filter(|change| *change > 0)
}

/// Whether this thread is a scheduler's and has done as much as it may at a time.
pub(crate) fn is_spent() -> bool {
    TURN.get() && TALLY.get().bytes > TURN_BYTES
}

/// The largest read on this thread, given the largest anywhere.
pub(crate) fn read_limit(most: usize) -> usize {
    if TURN.get() {
        most.min(TURN_BYTES)
    } else {
        most
    }
}

/// A process of the VM that can take a reactor's seat.
pub trait Sitter: Send + Sync {
    /// Has the process call [`Reactor::begin`] until that gives nothing. False if there is no such process.
    fn call(&self) -> bool;
    /// Sends each message that its turns have left to be sent. The caller has the seat.
    fn flush(&self);
}

/// See the module's documentation.
pub struct Reactor {
    handle: Handle,
    seat: Mutex<Seat>,
    sitter: Arc<dyn Sitter>,
    /// The scheduler has the seat, between its turns as well.
    lent: AtomicBool,
    /// Turns made, so that the thread sees whether any was.
    turns: AtomicU32,
    /// Has the thread leave its sockets, to lend the seat or to stop.
    leave: Arc<Notify>,
    stopping: AtomicBool,
    thread: OnceLock<Thread>,
    end: Mutex<Option<End>>,
}

/// The end of the thread.
struct End {
    /// Hung up once every task has been dropped.
    stopped: Receiver<()>,
    thread: JoinHandle<()>,
}

/// Who holds its lock runs the sockets.
struct Seat {
    /// Taken out when the reactor stops.
    runtime: Option<Runtime>,
    /// When the last turn ended, or the seat was lent.
    since: Instant,
    /// How long the scheduler may be away after that.
    allowed: Duration,
    lateness: u32,
    hold: Duration,
    lendable: Instant,
    /// Times that it has changed hands, and one for the first.
    changes: u64,
}

impl Seat {
    /// It was no good idea to lend it.
    fn hold_off(&mut self) {
        self.lateness = LATE;
        self.lendable = Instant::now() + self.hold;
        self.hold = (self.hold * 2).min(HOLD.1);
    }

    fn hold_longest(&mut self) {
        self.hold = HOLD.1;
        self.hold_off();
    }
}

impl Reactor {
    /// Starts the thread. `idle` is called on it when it is about to wait for its sockets.
    pub(crate) fn start(
        idle: impl Fn() + Send + Sync + 'static,
        sitter: Arc<dyn Sitter>,
    ) -> io::Result<Arc<Self>> {
        let leave = Arc::new(Notify::new());
        let lend = leave.clone();
        let runtime = Builder::new_current_thread()
            .event_interval(TASKS)
            .on_thread_park(move || {
                idle();
                if is_worth_lending(TALLY.take()) {
                    lend.notify_one();
                }
                clock::forget();
            })
            .enable_io()
            .enable_time()
            .build()?;
        let (running, stopped) = mpsc::channel();
        let now = Instant::now();
        let reactor = Arc::new(Reactor {
            handle: runtime.handle().clone(),
            seat: Mutex::new(Seat {
                runtime: Some(runtime),
                since: now,
                allowed: ALLOWED_FIRST,
                lateness: 0,
                hold: HOLD.0,
                lendable: now,
                changes: 1,
            }),
            sitter,
            lent: AtomicBool::new(false),
            turns: AtomicU32::new(0),
            leave,
            stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
            end: Mutex::new(None),
        });
        let own = reactor.clone();
        let thread = thread::Builder::new()
            .name("farrier_sockets".into())
            .spawn(move || own.run(running))?;
        let _ = reactor.thread.set(thread.thread().clone());
        *lock(&reactor.end) = Some(End { stopped, thread });
        Ok(reactor)
    }

    /// For spawning from other threads.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Drops every task, which closes every socket, and joins the thread. One that hangs is waited for no longer than `timeout`.
    pub(crate) fn stop(&self, timeout: Duration) {
        self.stopping.store(true, Ordering::Release);
        self.leave.notify_one();
        self.unpark();
        if let Some(End { stopped, thread }) = lock(&self.end).take()
            && stopped.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout)
        {
            // A panic of the thread has been reported by the hook.
            let _ = thread.join();
        }
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The thread.
    fn run(&self, running: Sender<()>) {
        let mut seat = lock(&self.seat);
        while !self.is_stopping() {
            CHANGE.set(seat.changes);
            LENDABLE.set(Some(seat.lendable));
            if let Some(runtime) = &seat.runtime {
                runtime.block_on(self.leave.notified());
            }
            if !self.is_stopping() && seat.lendable <= Instant::now() {
                seat = self.lend(seat);
            }
        }
        if let Some(runtime) = seat.runtime.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
        drop(running);
    }

    /// Returns once the thread has the seat again.
    fn lend<'a>(&'a self, mut seat: MutexGuard<'a, Seat>) -> MutexGuard<'a, Seat> {
        let mut seen = self.turns.load(Ordering::Acquire);
        seat.since = Instant::now();
        seat.allowed = ALLOWED_FIRST;
        seat.changes += 1;
        self.lent.store(true, Ordering::Release);
        drop(seat);
        if !self.sitter.call() {
            return self.take_back(Seat::hold_longest);
        }
        let (mut looks, mut machine) = (0, None);
        let mut progress = Instant::now();
        loop {
            thread::park_timeout(PATIENCE);
            let turns = self.turns.load(Ordering::Acquire);
            if !self.lent.load(Ordering::Acquire) {
                return self.take_back(|_| {});
            }
            // It may have been unparked by the end of an earlier loan.
            let is_away = turns == seen && progress.elapsed() >= PATIENCE;
            if is_away || self.is_stopping() {
                return self.take_back(Seat::hold_off);
            }
            if turns != seen {
                seen = turns;
                progress = Instant::now();
            }
            looks += 1;
            if looks % LOOKS == 0 {
                let now = CpuTime::now();
                let idle = now
                    .zip(machine)
                    .map(|(now, before)| now.idle_since(&before));
                if idle.is_some_and(|idle| idle > IDLE) {
                    return self.take_back(Seat::hold_longest);
                }
                machine = now;
            }
        }
    }

    /// Waits for the end of a turn, which is short. `hold` says what follows unless the seat was given back meanwhile.
    fn take_back(&self, hold: impl FnOnce(&mut Seat)) -> MutexGuard<'_, Seat> {
        let mut seat = lock(&self.seat);
        if self.lent.swap(false, Ordering::AcqRel) {
            self.sitter.flush();
            hold(&mut seat);
        }
        seat.changes += 1;
        seat
    }

    /// To be called by the process that was called, again and again. `None` when the seat is not its any more.
    pub fn begin(&self) -> Option<Turn<'_>> {
        if !self.lent.load(Ordering::Acquire) {
            return None;
        }
        let mut seat = match self.seat.try_lock() {
            Ok(seat) => seat,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Taken back, or about to be.
            Err(TryLockError::WouldBlock) => return None,
        };
        if !self.lent.load(Ordering::Acquire) {
            return None;
        }
        let away = seat.since.elapsed();
        seat.lateness = if away > seat.allowed {
            seat.lateness + LATE
        } else {
            seat.lateness.saturating_sub(1)
        };
        Some(Turn {
            reactor: self,
            seat,
        })
    }

    /// Takes a socket over from the runtime of another thread.
    pub(crate) fn take(&self, socket: TcpStream) -> io::Result<Socket> {
        let socket = socket.into_std()?;
        let _reactor = self.handle.enter();
        TcpStream::from_std(socket).map(Socket::Tcp)
    }
}

/// A turn of a scheduler in a reactor's seat.
pub struct Turn<'a> {
    reactor: &'a Reactor,
    seat: MutexGuard<'a, Seat>,
}

impl Turn<'_> {
    /// Whether this scheduler has too much else to do.
    pub fn is_late(&self) -> bool {
        self.seat.lateness > TOO_LATE
    }

    /// Looks at the sockets once and runs what is ready, so far as a turn goes. Returns whether anything was received or sent.
    pub fn run(&mut self) -> bool {
        let Some(runtime) = &self.seat.runtime else {
            return false;
        };
        TALLY.take();
        TURN.set(true);
        CHANGE.set(self.seat.changes);
        let mut polls = 0;
        // Between two polls all that is ready runs, then the sockets are looked at: what is ready first may be nothing.
        runtime.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 3 || TALLY.get().is_something() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        TURN.set(false);
        CHANGE.set(0);
        clock::forget();
        TALLY.take().is_something()
    }

    /// Ends the turn, after as many events, of as many bytes together, have been sent to processes. Another one is to follow.
    pub fn rest(mut self, events: usize, bytes: usize) {
        let (events, kib) = (events as u32, (bytes / 1024) as u32);
        self.seat.allowed = ALLOWED + ALLOWED_FOR_EVENT * events + ALLOWED_FOR_KIB * kib;
        self.seat.since = Instant::now();
        self.reactor.turns.fetch_add(1, Ordering::Release);
    }

    /// Ends the turn and gives the seat back to the thread. Every message must be out.
    pub fn leave(mut self) {
        if self.is_late() {
            self.seat.hold_off();
        } else if self.seat.lateness < LATE {
            self.seat.hold = HOLD.0;
        }
        let reactor = self.reactor;
        reactor.lent.store(false, Ordering::Release);
        drop(self);
        reactor.unpark();
    }
}

fn is_worth_lending(tally: Tally) -> bool {
    let busy = if tally.events >= LEND_EVENTS {
        LEND_WAITS.min(BUSY.get() + 1)
    } else {
        0
    };
    let lend = busy == LEND_WAITS
        && LENDABLE
            .get()
            .is_some_and(|lendable| lendable <= Instant::now());
    BUSY.set(if lend { 0 } else { busy });
    lend
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
