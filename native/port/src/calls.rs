//! Calls of Erlang's, which have an answer: the control plane.

use crate::answer::{self, Answer};
use crate::bridge::{Number, PortBridge};
use bytes::Bytes;
use farrier_core::bridge::{RespondError, ResponseBody, ResponseHead};
use farrier_core::config::{ConnectionChange, Limit, ListenerOptions, UpgradeOptions};
use farrier_core::handle::Handle;
use farrier_core::listener::Listener;
use farrier_core::runtime::Executors;
use farrier_etf::Term;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

type ListenerArc = Arc<Listener<PortBridge>>;

/// Not a call that this version knows.
#[derive(Debug)]
pub struct Unknown;

/// A call: who asks, and what.
pub struct Call {
    pub from: Vec<u8>,
    pub name: String,
    pub arguments: Vec<Term>,
}

impl Call {
    /// Reads `{call, From, Name}` or `{call, From, {Name, Argument, ...}}`.
    pub fn decode(packet: &[u8]) -> Result<Self, Unknown> {
        let Ok(Term::Tuple(call)) = farrier_etf::term_from_slice(packet) else {
            return Err(Unknown);
        };
        let call: [Term; 3] = call.elements.try_into().map_err(|_| Unknown)?;
        match call {
            [Term::Atom(call), Term::Binary(from), request] if call.name == "call" => {
                let (name, arguments) = request_of(request)?;
                let from = from.bytes;
                Ok(Call {
                    from,
                    name,
                    arguments,
                })
            }
            _ => Err(Unknown),
        }
    }
}

fn request_of(request: Term) -> Result<(String, Vec<Term>), Unknown> {
    match request {
        Term::Atom(name) => Ok((name.name, Vec::new())),
        Term::Tuple(mut tuple) if !tuple.elements.is_empty() => match tuple.elements.remove(0) {
            Term::Atom(name) => Ok((name.name, tuple.elements)),
            _ => Err(Unknown),
        },
        _ => Err(Unknown),
    }
}

fn number(term: &Term) -> Result<Number, Unknown> {
    farrier_etf::from_term(term).map_err(|_| Unknown)
}

fn bytes(term: &mut Term) -> Result<Vec<u8>, Unknown> {
    match term {
        Term::Binary(binary) => Ok(std::mem::take(&mut binary.bytes)),
        _ => Err(Unknown),
    }
}

fn body(term: &mut Term) -> Result<ResponseBody, Unknown> {
    let Term::Tuple(tuple) = term else {
        return Ok(ResponseBody::Bytes(bytes(term)?.into()));
    };
    match tuple.elements.as_mut_slice() {
        [Term::Atom(sendfile), offset, length, path] if sendfile.name == "sendfile" => {
            Ok(ResponseBody::File {
                path: PathBuf::from(OsString::from_vec(bytes(path)?)),
                offset: number(offset)?,
                length: number(length)?,
            })
        }
        _ => Err(Unknown),
    }
}

/// Decodes options, or gives the answer that says what is wrong with them.
pub fn options<T: DeserializeOwned>(term: &Term) -> Result<T, Answer> {
    farrier_etf::from_term(term).map_err(|failure| answer::etf_error(&failure))
}

/// Carries calls out.
pub struct Calls {
    bridge: Arc<PortBridge>,
    executors: Executors,
    listeners: Mutex<HashMap<Number, ListenerArc>>,
}

impl Calls {
    pub fn new(bridge: Arc<PortBridge>, executors: Executors) -> Arc<Self> {
        Arc::new(Calls {
            bridge,
            executors,
            listeners: Mutex::default(),
        })
    }

    /// Carries out what `packet` asks for. The answer goes out at once, or when what blocks is done.
    pub fn call(self: &Arc<Self>, packet: &[u8]) -> Result<(), Unknown> {
        let mut call = Call::decode(packet)?;
        let answer = match (call.name.as_str(), call.arguments.as_mut_slice()) {
            // The first has started what is running.
            ("start", [_]) => answer::ok(),
            ("listen" | "configure" | "suspend" | "resume" | "close_listener", _) => {
                self.clone().call_blocking(call);
                return Ok(());
            }
            ("limit", [listener, limit]) => {
                let limit: Limit = farrier_etf::from_term(limit).map_err(|_| Unknown)?;
                self.listener(listener, |listener| {
                    answer::ok_value(&listener.limit(limit))
                })?
            }
            ("listener_info", [listener]) => {
                self.listener(listener, |listener| answer::value(&listener.info()))?
            }
            #[cfg(debug_assertions)]
            ("panic", []) => panic!("Erlang asked for it"),
            #[cfg(not(debug_assertions))]
            ("panic", []) => answer::error("unknown"),
            (name, [id, arguments @ ..]) => {
                let id = number(id)?;
                match self.bridge.handles.get(id) {
                    Some(handle) => of_request(&handle, id, name, arguments)?,
                    None if name == "response_state" => answer::atom("none"),
                    None => answer::closed(),
                }
            }
            _ => return Err(Unknown),
        };
        self.bridge.output.reply(&call.from, &answer);
        Ok(())
    }

    /// Binding, and reading certificates, is done on a thread that may wait, and so is waiting for a worker to let go of a port.
    fn call_blocking(self: Arc<Self>, call: Call) {
        let runtime = self.executors.general().clone();
        runtime.spawn(async move {
            let (calls, from) = (self.clone(), call.from);
            let job = move || calls.of_listener(&call.name, &call.arguments);
            match tokio::task::spawn_blocking(job).await {
                Ok(Ok(answer)) => self.bridge.output.reply(&from, &answer),
                Ok(Err(Unknown)) => crate::fail("a call that is none"),
                Err(panic) => crate::fail(&format!("a call of a listener failed: {panic}")),
            }
        });
    }

    fn of_listener(&self, name: &str, arguments: &[Term]) -> Result<Answer, Unknown> {
        match (name, arguments) {
            ("listen", [listener, options]) => Ok(self.listen(number(listener)?, options)),
            ("configure", [listener, options]) => {
                self.listener(listener, |listener| configure(listener, options))
            }
            ("suspend", [listener]) => self.listener(listener, |listener| {
                listener.suspend();
                answer::ok()
            }),
            ("resume", [listener]) => self.listener(listener, |listener| {
                let resumed = listener.resume();
                resumed.map_or_else(|failure| answer::io_error(&failure), |()| answer::ok())
            }),
            ("close_listener", [listener]) => {
                let closed = self.listener(listener, |listener| {
                    listener.close();
                    answer::ok()
                });
                self.listeners().remove(&number(listener)?);
                closed
            }
            _ => Err(Unknown),
        }
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<Number, ListenerArc>> {
        (self.listeners.lock()).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn listener(
        &self,
        listener: &Term,
        answer: impl FnOnce(&Listener<PortBridge>) -> Answer,
    ) -> Result<Answer, Unknown> {
        let listener = self.listeners().get(&number(listener)?).cloned();
        Ok(listener.map_or_else(answer::closed, |listener| answer(&listener)))
    }

    fn listen(&self, number: Number, given: &Term) -> Answer {
        let given: ListenerOptions = match options(given) {
            Ok(given) => given,
            Err(answer) => return answer,
        };
        let (executors, bridge) = (self.executors.clone(), self.bridge.clone());
        match Listener::bind(executors, bridge, given, vec![number]) {
            Ok(listener) => {
                let info = answer::ok_value(&listener.info());
                self.listeners().insert(number, Arc::new(listener));
                info
            }
            Err(failure) => answer::listen_error(&failure),
        }
    }
}

fn configure(listener: &Listener<PortBridge>, given: &Term) -> Answer {
    match options(given).map(|given| listener.configure(given)) {
        Ok(Ok(())) => answer::ok(),
        Ok(Err(failure)) => answer::option_error(&failure),
        Err(answer) => answer,
    }
}

/// Calls that are about one request, or the WebSocket that it became.
fn of_request(
    handle: &Handle<PortBridge>,
    id: Number,
    name: &str,
    arguments: &mut [Term],
) -> Result<Answer, Unknown> {
    let answer = match (name, arguments) {
        ("accept", []) => match handle.accept(id) {
            Some(request) => answer::ok_value(&request),
            None => answer::closed(),
        },
        ("inform", [head]) => with_head(head, |head| handle.inform(head)),
        ("respond", [head, content]) => {
            let content = body(content)?;
            with_head(head, |head| handle.respond(head, content))
        }
        ("respond_stream", [head]) => with_head(head, |head| handle.respond_stream(head)),
        ("respond_chunk", [data]) => answer::sent(handle.respond_chunk(Bytes::from(bytes(data)?))),
        ("respond_end", [trailers]) => {
            let trailers: Vec<(ByteBuf, ByteBuf)> =
                farrier_etf::from_term(trailers).map_err(|_| Unknown)?;
            let trailers = trailers
                .into_iter()
                .map(|(name, value)| (name.into_vec(), value.into_vec()))
                .collect();
            answer::sent(handle.respond_end(trailers).map(|()| false))
        }
        ("response_state", []) => answer::response_state(handle.response_state()),
        ("upgrade", [head, given]) => match options::<UpgradeOptions>(given) {
            Ok(given) => with_head(head, |head| handle.upgrade(head, given)),
            Err(answer) => answer,
        },
        ("set_options", [change]) => match options::<ConnectionChange>(change) {
            Ok(change) => {
                handle.change(change);
                answer::ok()
            }
            Err(answer) => answer,
        },
        ("set_active", [active]) => {
            handle.set_active(farrier_etf::from_term(active).map_err(|_| Unknown)?);
            answer::ok()
        }
        _ => return Err(Unknown),
    };
    Ok(answer)
}

fn with_head(
    head: &Term,
    respond: impl FnOnce(ResponseHead) -> Result<(), RespondError>,
) -> Answer {
    match options(head) {
        Ok(head) => answer::responded(respond(head)),
        Err(answer) => answer,
    }
}
