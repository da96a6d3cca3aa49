//! One request between hyper, which waits for a response, and its owner, whose commands make one.

use super::bare;
use super::body::{self, Body, RequestBody};
use super::head;
use crate::bridge::{BodyEvent, Bridge, End, ResponseBody, ResponseHead};
use crate::handle::{Handle, HttpCommand, Upgrade};
use hyper::Response;
use hyper::body::Incoming;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

/// The connection ends without an answer.
#[derive(Debug)]
pub struct Abort;

impl std::fmt::Display for Abort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the process of the request is gone")
    }
}

impl std::error::Error for Abort {}

/// One request that waits for its owner's commands.
pub struct Exchange<B: Bridge> {
    handle: Arc<Handle<B>>,
    commands: mpsc::UnboundedReceiver<HttpCommand<B>>,
    body: RequestBody<B>,
    /// Where a body goes that its owner does not read.
    unread: Option<Arc<Unread>>,
    answered: bool,
}

/// A request's body that comes before the next request and that nobody reads.
#[derive(Default)]
pub struct Unread(Mutex<Option<Incoming>>);

impl Unread {
    pub fn take(&self) -> Option<Incoming> {
        self.slot().take()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Incoming>> {
        (self.0.lock()).unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What the owner has answered.
pub enum Answer<B: Bridge> {
    Response(Response<Body<B>>),
    /// The request becomes a WebSocket.
    Upgrade(Upgraded<B>),
}

/// A request that becomes a WebSocket.
pub struct Upgraded<B: Bridge> {
    pub handle: Arc<Handle<B>>,
    pub upgrade: Upgrade,
}

impl<B: Bridge> Drop for Exchange<B> {
    fn drop(&mut self) {
        self.commands.close();
        // An owner that was told of its upgrade waits for events.
        while let Ok(command) = self.commands.try_recv() {
            if matches!(command, HttpCommand::Upgrade(_)) {
                self.handle.upgrade_lost(End::Closed);
            }
        }
        // What follows an answer tells by itself when it is lost: a streamed body, or a WebSocket.
        if !self.answered {
            self.handle.http_ended();
            self.handle.client_gone();
        }
        if let Some(unread) = &self.unread {
            *unread.slot() = self.body.source.take_unread();
        }
    }
}

impl<B: Bridge> Exchange<B> {
    /// The process of the request has `handle`, whose commands come by `commands`. What it leaves of the body goes to `unread`,
    /// or is dropped.
    pub fn new(
        handle: Arc<Handle<B>>,
        commands: mpsc::UnboundedReceiver<HttpCommand<B>>,
        incoming: Incoming,
        unread: Option<Arc<Unread>>,
    ) -> Self {
        Exchange {
            handle,
            commands,
            body: RequestBody::new(incoming),
            unread,
            answered: false,
        }
    }

    /// Waits for the owner's answer. `inform` takes informational responses before it.
    pub async fn run(mut self, inform: impl Fn(&[u8])) -> Result<Answer<B>, Abort> {
        loop {
            let command = tokio::select! {
                biased;
                command = self.commands.recv() => command,
                (reference, event) = self.body.read() => {
                    self.handle.body(reference, event);
                    continue;
                }
            };
            match command {
                Some(HttpCommand::ReadBody {
                    reference,
                    length,
                    period,
                }) => {
                    self.body.request(reference, length, period);
                }
                Some(HttpCommand::Inform(head)) => inform(&head),
                Some(HttpCommand::Respond(head, body)) => {
                    self.answered = true;
                    return Ok(Answer::Response(complete(head, body).await));
                }
                Some(HttpCommand::Stream(head, chunks)) => {
                    self.answered = true;
                    let handle = self.handle.clone();
                    let reads = Box::pin(self.serve_reads());
                    let body = Body::stream(handle, chunks, reads);
                    return Ok(Answer::Response(head::response(head, body)));
                }
                Some(HttpCommand::Upgrade(upgrade)) => {
                    self.answered = true;
                    let handle = self.handle.clone();
                    let upgrade = *upgrade;
                    return Ok(Answer::Upgrade(Upgraded { handle, upgrade }));
                }
                Some(HttpCommand::Close) => return Err(Abort),
                Some(HttpCommand::Abandoned) | None => {
                    return match self.handle.on_abandoned() {
                        Some(status) => Ok(Answer::Response(bare(status, status == 503))),
                        None => Err(Abort),
                    };
                }
            }
        }
    }
}

impl<B: Bridge> Exchange<B> {
    /// Goes on giving the owner the request's body while the response is streamed.
    async fn serve_reads(mut self) {
        loop {
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(HttpCommand::ReadBody { reference, length, period }) => {
                        self.body.request(reference, length, period);
                    }
                    Some(HttpCommand::Abandoned) | None => return,
                    Some(_) => {}
                },
                (reference, event) = self.body.read() => self.handle.body(reference, event),
            }
        }
    }
}

async fn complete<B: Bridge>(head: ResponseHead, body: ResponseBody) -> Response<Body<B>> {
    match body {
        ResponseBody::Bytes(bytes) => head::response(head, Body::full(bytes)),
        ResponseBody::File {
            path,
            offset,
            length,
        } => match Body::file(&path, offset, length).await {
            Ok(body) => head::response(head, body),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "file of a response can't be read");
                bare(500, true)
            }
        },
    }
}

impl<B: Bridge> RequestBody<B> {
    /// Asks for a piece of the body; an unanswered request before it is forgotten.
    fn request(
        &mut self,
        reference: B::Reference,
        length: usize,
        period: Option<std::time::Duration>,
    ) {
        self.wanted = Some(body::Wanted::new(reference, length, period));
    }

    /// Waits for the answer to the current request, for ever if there is none. Cancel safe.
    async fn read(&mut self) -> (B::Reference, BodyEvent) {
        let Some((length, deadline)) = self.wanted.as_ref().map(|w| (w.length, w.deadline)) else {
            return std::future::pending().await;
        };
        let event = self.source.collect(length, deadline).await;
        match self.wanted.take() {
            Some(wanted) => (wanted.reference, event),
            None => std::future::pending().await,
        }
    }
}
