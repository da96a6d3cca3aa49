//! The functions of `farrier_nif`. Terms of the control plane come and go as ETF in binaries.

use crate::sitter::{ProcessSitter, ReactorResource};
use crate::terms::{NifBridge, SavedReference, atoms};
use crate::{HandleResource, ListenerResource, frames, log, terms};
use farrier_core::bridge::{Closed, RespondError, ResponseBody, ResponseHead, ResponseState};
use farrier_core::config::{ConnectionChange, ListenerOptions, RuntimeOptions, UpgradeOptions};
use farrier_core::listener::{ListenError, Listener};
use farrier_core::outbox::Outgoing;
use farrier_core::posix;
use farrier_core::reactor::Sitter;
use farrier_core::runtime::{self, Executors, Runtime};
use farrier_core::tls::OptionError;
use rustler::{
    Atom, Binary, Encoder, Env, Error, LocalPid, NewBinary, NifResult, ResourceArc, Term,
};
use serde::de::DeserializeOwned;
use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

type HandleArc = ResourceArc<HandleResource>;
type ListenerArc = ResourceArc<ListenerResource>;

/// The descriptor names no open file (Linux number).
const EBADF: i32 = 9;

static RUNTIME: Mutex<Option<Running>> = Mutex::new(None);

struct Running {
    runtime: Runtime,
    /// As many as the runtime has reactors.
    sitters: Vec<Arc<ProcessSitter>>,
}

fn running() -> MutexGuard<'static, Option<Running>> {
    terms::lock(&RUNTIME)
}

fn executors() -> Option<Executors> {
    let running = running();
    Some(running.as_ref()?.runtime.executors().clone())
}

// ---- results as terms

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    NewBinary::from_slice(env, bytes).into()
}

fn error<'a>(env: Env<'a>, reason: impl Encoder) -> Term<'a> {
    (atoms::error(), reason).encode(env)
}

fn ok(env: Env<'_>) -> Term<'_> {
    atoms::ok().to_term(env)
}

fn io_error<'a>(env: Env<'a>, failure: &io::Error) -> Term<'a> {
    let name = posix::name(failure);
    match Atom::from_str(env, name) {
        Ok(name) => error(env, name),
        Err(_) => error(env, failure.to_string()),
    }
}

/// Decodes a term of the control plane, or gives `{error, {bad_option, Name, Value, Allowed}}` as ETF.
fn decode<'a, T: DeserializeOwned>(env: Env<'a>, etf: &Binary<'_>) -> Result<T, Term<'a>> {
    farrier_etf::from_slice(etf).map_err(|failure| {
        let mut reason = Vec::new();
        let encoded = failure.to_term().encode(&mut reason).is_ok();
        let reason = match env.binary_to_term(&reason) {
            Some((term, _)) if encoded => term,
            // An atom that this VM has never seen.
            _ => failure.to_string().encode(env),
        };
        error(env, reason)
    })
}

fn option_error<'a>(env: Env<'a>, failure: &OptionError) -> Term<'a> {
    let value = binary(env, failure.value.as_bytes());
    let allowed = binary(env, failure.allowed.as_bytes());
    match Atom::from_str(env, failure.name) {
        Ok(name) => error(env, (atoms::bad_option(), name, value, allowed)),
        Err(_) => error(env, failure.to_string()),
    }
}

fn respond_result(env: Env<'_>, result: Result<(), RespondError>) -> Term<'_> {
    match result {
        Ok(()) => ok(env),
        Err(RespondError::AlreadySent) => error(env, atoms::already_sent()),
        Err(RespondError::Closed) => error(env, atoms::closed()),
        Err(RespondError::InvalidHeader(name)) => {
            error(env, (atoms::invalid_header(), binary(env, &name)))
        }
    }
}

fn send_result(env: Env<'_>, result: Result<bool, Closed>) -> Term<'_> {
    match result {
        Ok(false) => ok(env),
        Ok(true) => atoms::blocked().to_term(env),
        Err(Closed) => error(env, atoms::closed()),
    }
}

// ---- runtime

#[rustler::nif(name = "start_nif", schedule = "DirtyIo")]
fn start<'a>(env: Env<'a>, options: Binary<'a>) -> Term<'a> {
    let options: RuntimeOptions = match decode(env, &options) {
        Ok(options) => options,
        Err(error) => return error,
    };
    let mut running = running();
    if running.is_some() {
        return ok(env);
    }
    let reactors = (options.reactors).unwrap_or_else(|| (runtime::cores() / 2).max(1));
    let sitters: Vec<_> = (0..reactors)
        .map(|_| Arc::new(ProcessSitter::new()))
        .collect();
    let called = sitters
        .iter()
        .map(|sitter| sitter.clone() as Arc<dyn Sitter>);
    match Runtime::start(&options, terms::flush, called.collect()) {
        Ok(runtime) => {
            log::start(runtime.executors().general(), options.log_level);
            *running = Some(Running { runtime, sitters });
            ok(env)
        }
        Err(failure) => error(env, failure.to_string()),
    }
}

#[rustler::nif(name = "log_to_nif")]
fn log_to(process: LocalPid) -> Atom {
    log::send_to(process);
    atoms::ok()
}

#[rustler::nif(name = "stop_nif", schedule = "DirtyIo")]
fn stop() -> Atom {
    let running = running().take();
    farrier_core::log::stop();
    if let Some(running) = running {
        running.runtime.stop();
    }
    atoms::ok()
}

/// The running reactors, each of which waits for a process to `sit`.
#[rustler::nif(name = "reactors_nif")]
fn reactors() -> Vec<ResourceArc<ReactorResource>> {
    let running = running();
    let Some(Running { runtime, sitters }) = running.as_ref() else {
        return Vec::new();
    };
    let reactors = runtime.reactors().iter().zip(sitters);
    let reactors = reactors.map(|(reactor, sitter)| ReactorResource {
        reactor: reactor.clone(),
        sitter: sitter.clone(),
    });
    reactors.map(ResourceArc::new).collect()
}

// ---- listeners

#[rustler::nif(name = "listen_nif", schedule = "DirtyIo")]
fn listen<'a>(env: Env<'a>, options: Binary<'a>, acceptors: Vec<LocalPid>) -> NifResult<Term<'a>> {
    if acceptors.is_empty() {
        return Err(Error::BadArg);
    }
    let options: ListenerOptions = match decode(env, &options) {
        Ok(options) => options,
        Err(error) => return Ok(error),
    };
    let Some(executors) = executors() else {
        return Ok(error(env, atoms::closed()));
    };
    Ok(
        match Listener::bind(executors, Arc::new(NifBridge), options, acceptors) {
            Ok(listener) => {
                let info = etf(env, &listener.info());
                let listener = ResourceArc::new(ListenerResource(listener));
                (atoms::ok(), listener, info).encode(env)
            }
            Err(ListenError::Socket(failure)) => io_error(env, &failure),
            Err(ListenError::Tls(failure)) => option_error(env, &failure),
        },
    )
}

/// Serves a duplicate of the socket with this descriptor.
#[rustler::nif(name = "adopt_nif", schedule = "DirtyIo")]
fn adopt<'a>(
    env: Env<'a>,
    options: Binary<'a>,
    descriptor: i32,
    owner: LocalPid,
    reference: Term<'a>,
) -> Term<'a> {
    let options: ListenerOptions = match decode(env, &options) {
        Ok(options) => options,
        Err(error) => return error,
    };
    let Some(executors) = executors() else {
        return error(env, atoms::closed());
    };
    let ended = SavedReference::new(env, reference);
    let adopted = duplicate(descriptor).and_then(|socket| {
        Listener::adopt(
            executors,
            Arc::new(NifBridge),
            options,
            socket,
            owner,
            ended,
        )
    });
    match adopted {
        Ok(listener) => (atoms::ok(), ResourceArc::new(ListenerResource(listener))).encode(env),
        Err(failure) => io_error(env, &failure),
    }
}

fn duplicate(descriptor: i32) -> io::Result<TcpStream> {
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(EBADF));
    }
    // SAFETY:
    // - the descriptor is not -1, and is borrowed for this one call, which does not close it;
    // - whatever it names, duplicating it is harmless; a stale number fails with EBADF.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(TcpStream::from(borrowed.try_clone_to_owned()?))
}

fn etf<'a, T: serde::Serialize>(env: Env<'a>, value: &T) -> Term<'a> {
    match farrier_etf::to_vec(value) {
        Ok(bytes) => binary(env, &bytes),
        // Our own types always have a form in ETF; an empty binary would fail loudly in `binary_to_term/1`.
        Err(_) => binary(env, &[]),
    }
}

/// Reads certificates, as `listen` does.
#[rustler::nif(name = "configure_nif", schedule = "DirtyIo")]
fn configure<'a>(env: Env<'a>, listener: ListenerArc, options: Binary<'a>) -> Term<'a> {
    match decode(env, &options) {
        Ok(options) => match listener.0.configure(options) {
            Ok(()) => ok(env),
            Err(failure) => option_error(env, &failure),
        },
        Err(error) => error,
    }
}

#[rustler::nif(schedule = "DirtyIo")]
fn suspend(listener: ListenerArc) -> Atom {
    listener.0.suspend();
    atoms::ok()
}

#[rustler::nif(schedule = "DirtyIo")]
fn resume(env: Env<'_>, listener: ListenerArc) -> Term<'_> {
    match listener.0.resume() {
        Ok(()) => ok(env),
        Err(failure) => io_error(env, &failure),
    }
}

#[rustler::nif(schedule = "DirtyIo")]
fn close_listener(listener: ListenerArc) -> Atom {
    listener.0.close();
    atoms::ok()
}

#[rustler::nif(name = "listener_info_nif")]
fn listener_info(env: Env<'_>, listener: ListenerArc) -> Term<'_> {
    etf(env, &listener.0.info())
}

// ---- requests and responses

#[rustler::nif(name = "accept_nif")]
fn accept(env: Env<'_>, handle: HandleArc) -> Term<'_> {
    let owner = env.pid();
    match handle.0.accept(owner) {
        Some(request) if env.monitor(&handle, &owner).is_some() => {
            (atoms::ok(), etf(env, &request)).encode(env)
        }
        _ => error(env, atoms::closed()),
    }
}

/// `infinity` or milliseconds.
fn period(term: Term<'_>) -> NifResult<Option<Duration>> {
    match term.decode::<Atom>() {
        Ok(atom) if atom == atoms::infinity() => Ok(None),
        Ok(_) => Err(Error::BadArg),
        Err(_) => Ok(Some(Duration::from_millis(term.decode()?))),
    }
}

#[rustler::nif]
fn read_body<'a>(
    env: Env<'a>,
    handle: HandleArc,
    reference: Term<'a>,
    length: usize,
    wait: Term<'a>,
) -> NifResult<Term<'a>> {
    let wait = period(wait)?;
    let reference = SavedReference::new(env, reference);
    Ok(respond_result(
        env,
        handle.0.read_body(reference, length, wait),
    ))
}

#[rustler::nif(name = "inform_nif")]
fn inform<'a>(env: Env<'a>, handle: HandleArc, head: Binary<'a>) -> Term<'a> {
    match decode(env, &head) {
        Ok(head) => respond_result(env, handle.0.inform(head)),
        Err(error) => error,
    }
}

#[rustler::nif]
fn await_closed<'a>(env: Env<'a>, handle: HandleArc, reference: Term<'a>) -> Term<'a> {
    match handle.0.await_closed(SavedReference::new(env, reference)) {
        Ok(()) => ok(env),
        Err(Closed) => error(env, atoms::closed()),
    }
}

#[rustler::nif(name = "respond_nif")]
fn respond<'a>(
    env: Env<'a>,
    handle: HandleArc,
    head: Binary<'a>,
    body: Term<'a>,
) -> NifResult<Term<'a>> {
    let head: ResponseHead = match decode(env, &head) {
        Ok(head) => head,
        Err(error) => return Ok(error),
    };
    let body = match body.decode::<(Atom, u64, u64, Binary)>() {
        Ok((tag, offset, length, path)) if tag == atoms::sendfile() => ResponseBody::File {
            path: PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())),
            offset,
            length,
        },
        _ => ResponseBody::Bytes(frames::body(body)?),
    };
    Ok(respond_result(env, handle.0.respond(head, body)))
}

#[rustler::nif(name = "respond_stream_nif")]
fn respond_stream<'a>(env: Env<'a>, handle: HandleArc, head: Binary<'a>) -> Term<'a> {
    match decode(env, &head) {
        Ok(head) => respond_result(env, handle.0.respond_stream(head)),
        Err(error) => error,
    }
}

#[rustler::nif]
fn respond_chunk<'a>(env: Env<'a>, handle: HandleArc, data: Term<'a>) -> NifResult<Term<'a>> {
    let data = frames::body(data)?;
    account(env, data.len());
    Ok(send_result(env, handle.0.respond_chunk(data)))
}

#[rustler::nif(name = "respond_end_nif")]
fn respond_end<'a>(
    env: Env<'a>,
    handle: HandleArc,
    trailers: Vec<(Binary<'a>, Binary<'a>)>,
) -> Term<'a> {
    let trailers = trailers
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    send_result(env, handle.0.respond_end(trailers).map(|()| false))
}

#[rustler::nif]
fn response_state(handle: HandleArc) -> Atom {
    match handle.0.response_state() {
        ResponseState::None => atoms::none(),
        ResponseState::Headers => atoms::headers(),
        ResponseState::Done => atoms::done(),
        ResponseState::Upgraded => atoms::upgraded(),
    }
}

#[rustler::nif(name = "upgrade_nif")]
fn upgrade<'a>(env: Env<'a>, handle: HandleArc, head: Binary<'a>, options: Binary<'a>) -> Term<'a> {
    let decoded = decode::<ResponseHead>(env, &head)
        .and_then(|head| Ok((head, decode::<UpgradeOptions>(env, &options)?)));
    match decoded {
        Ok((head, options)) => respond_result(env, handle.0.upgrade(head, options)),
        Err(error) => error,
    }
}

// ---- WebSocket connections

/// Tells the scheduler of a call that moved many bytes: a time slice is about 1 ms, in which some megabytes are copied.
fn account(env: Env<'_>, bytes: usize) {
    const BYTES_PER_PERCENT: usize = 32 * 1024;
    let percent = bytes / BYTES_PER_PERCENT;
    if percent > 0 {
        rustler::schedule::consume_timeslice(env, percent.min(100) as i32);
    }
}

#[rustler::nif]
fn send<'a>(
    env: Env<'a>,
    handle: &'a HandleResource,
    frames: Term<'a>,
    handled: usize,
    more: bool,
) -> NifResult<Term<'a>> {
    let frames = frames::decode(frames)?;
    account(env, frames.iter().map(|frame| frame.payload().len()).sum());
    Ok(send_result(env, handle.0.send(&frames, handled, more)))
}

#[rustler::nif]
fn handled(handle: HandleArc, bytes: usize) -> Atom {
    handle.0.handled(bytes);
    atoms::ok()
}

#[rustler::nif]
fn await_writable<'a>(env: Env<'a>, handle: HandleArc, reference: Term<'a>) -> Term<'a> {
    match handle.0.await_writable(SavedReference::new(env, reference)) {
        Ok(true) => ok(env),
        Ok(false) => atoms::wait().to_term(env),
        Err(Closed) => error(env, atoms::closed()),
    }
}

#[rustler::nif]
fn set_active(handle: HandleArc, active: bool) -> Atom {
    handle.0.set_active(active);
    atoms::ok()
}

#[rustler::nif(name = "set_options_nif")]
fn set_options<'a>(env: Env<'a>, handle: HandleArc, options: Binary<'a>) -> Term<'a> {
    match decode::<ConnectionChange>(env, &options) {
        Ok(change) => {
            handle.0.change(change);
            ok(env)
        }
        Err(error) => error,
    }
}

#[rustler::nif]
fn close<'a>(handle: HandleArc, frames: Term<'a>) -> NifResult<Atom> {
    let frames = frames::decode(frames)?;
    handle.0.close(&frames);
    Ok(atoms::ok())
}
