//! A connection's write queue: direct while the socket takes it, queued and bounded when it does not.
//!
//! A frame travels one of three ways. `Idle`: nothing is queued, so the calling thread writes to the socket itself.
//! `Corked`: the caller promised more, so the bytes wait for its next call; the connection's task writes them after
//! 1 ms at the latest. `Draining`: the socket was full, so the task writes when it takes more, and callers only
//! queue. Where the connection's task has the socket to itself, all but the `Corked` are `Draining` until it has taken them.

use crate::bridge::{Bridge, Closed};
use crate::frame::{self, MAX_HEADER, Opcode};
use crate::hixie;
use crate::stream::OutboxHalf;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// Bytes that one call writes at most; the task writes the rest. Keeps a call on a scheduler well under 1 ms.
const DIRECT_WRITE: usize = 1024 * 1024;
/// Frames up to this size are copied next to each other rather than written as separate vectors.
const COALESCE: usize = 4096;
/// What the first frame that is copied to the queue makes room for, so that those that follow need no more.
const FIRST_COPY: usize = 1024;
/// Corked bytes beyond this are written at once.
const CORK: usize = 64 * 1024;
/// Vectors in one system call; the kernel takes 1024.
const VECTORS: usize = 64;

thread_local! {
    /// Where small frames come together.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What the last corked frames of this thread were copied to, for the next ones: it has grown already.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes that stay alive without being copied until they are written.
pub trait Held: Send + Sync {
    fn bytes(&self) -> &[u8];
}

impl Held for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A frame that a handler sends.
pub trait Outgoing {
    fn opcode(&self) -> Opcode;
    fn payload(&self) -> &[u8];
    /// The payload in a form that outlives the call.
    fn hold(&self) -> Box<dyn Held>;
}

/// What became of frames that were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// More than the high watermark is queued: the caller should wait.
    pub blocked: bool,
    /// The connection's task has to write.
    pub wake: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Idle,
    Corked,
    Draining,
}

enum Chunk {
    Copied(Vec<u8>),
    Shared(Box<dyn Held>),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Copied(bytes) => bytes,
            Chunk::Shared(held) => held.bytes(),
        }
    }
}

/// Frames that are encoded by the connection's task, because compressing takes too long for the caller.
struct Uncompressed {
    frames: VecDeque<UncompressedFrame>,
    /// Bytes of these, and of one that is being encoded.
    bytes: usize,
    /// Whether the next messages are to be compressed.
    compress: bool,
}

/// A frame that waits to be encoded.
pub struct UncompressedFrame {
    pub opcode: Opcode,
    pub compress: bool,
    payload: Chunk,
}

impl UncompressedFrame {
    pub fn payload(&self) -> &[u8] {
        self.payload.bytes()
    }
}

/// See the module's documentation.
pub struct Outbox<B: Bridge> {
    writer: Option<OutboxHalf>,
    queue: VecDeque<Chunk>,
    /// Bytes of the first chunk that are already written.
    written: usize,
    queued: usize,
    flow: Flow,
    /// Whether a promise of more is believed: from the delivery of a batch until 1 ms later.
    corkable: bool,
    /// No more frames are taken: a close frame was sent, or the socket is lost.
    sealed: bool,
    /// Whether frames are written as draft 76 has them.
    hixie: bool,
    /// Where frames wait for the task to encode them, if some are to be compressed.
    uncompressed: Option<Box<Uncompressed>>,
    waiter: Option<B::Reference>,
}

impl<B: Bridge> Outbox<B> {
    pub fn new() -> Self {
        Outbox {
            writer: None,
            queue: VecDeque::new(),
            written: 0,
            queued: 0,
            flow: Flow::Draining,
            corkable: false,
            sealed: false,
            hixie: false,
            uncompressed: None,
            waiter: None,
        }
    }

    /// Gives the outbox its socket. `head` goes out before everything that was queued meanwhile.
    pub fn attach(&mut self, writer: OutboxHalf, head: Vec<u8>) {
        self.queued += head.len();
        self.queue.push_front(Chunk::Copied(head));
        self.writer = Some(writer);
    }

    /// Takes frames. Nothing after a close frame is taken.
    pub fn send<F: Outgoing>(
        &mut self,
        frames: &[F],
        more: bool,
        high_watermark: usize,
    ) -> Result<Accepted, Closed> {
        if self.sealed {
            return Err(Closed);
        }
        if self.hixie {
            return self.send_hixie(frames, high_watermark);
        }
        let close = frames.iter().position(|f| f.opcode() == Opcode::Close);
        let frames = close.map_or(frames, |at| &frames[..=at]);
        self.sealed = close.is_some();
        if let Some(uncompressed) = &mut self.uncompressed {
            if !frames.is_empty() {
                uncompressed.push(frames);
                self.flow = Flow::Draining;
            }
            return Ok(self.accepted(high_watermark));
        }
        if self.flow == Flow::Draining {
            self.enqueue(frames, 0);
        } else if more && self.corkable && close.is_none() {
            if self.queue.is_empty() && !frames.is_empty() {
                let mut spare = SPARE.take();
                spare.reserve(FIRST_COPY);
                self.queue.push_back(Chunk::Copied(spare));
            }
            self.enqueue(frames, 0);
            self.flow = Flow::Corked;
            // A caller that is told to wait promises nothing any more.
            if self.queued > CORK.min(high_watermark) {
                self.flush_now()?;
            }
        } else {
            self.write_through(frames)?;
        }
        Ok(self.accepted(high_watermark))
    }

    fn accepted(&self, high_watermark: usize) -> Accepted {
        Accepted {
            blocked: self.queued() > high_watermark,
            wake: self.flow == Flow::Draining,
        }
    }

    /// Leaves the encoding of frames to the connection's task from now on.
    pub fn compress(&mut self) {
        self.uncompressed = Some(Box::new(Uncompressed {
            frames: VecDeque::new(),
            bytes: 0,
            compress: true,
        }));
    }

    /// Whether the messages that follow are compressed. Without compression there is nothing to change.
    pub fn set_compress(&mut self, compress: bool) {
        if let Some(uncompressed) = &mut self.uncompressed {
            uncompressed.compress = compress;
        }
    }

    /// The next frame that is to be encoded, unless enough is queued already. [`Outbox::encoded`] must follow.
    pub fn next_uncompressed(&mut self) -> Option<UncompressedFrame> {
        if self.queued > CORK {
            return None;
        }
        let frames = &mut self.uncompressed.as_mut()?.frames;
        let frame = frames.pop_front();
        if frames.is_empty() {
            frames.shrink_to_fit();
        }
        frame
    }

    /// Queues an encoded frame in the place of `frame`.
    pub fn encoded(&mut self, frame: &UncompressedFrame, payload: &[u8], compressed: bool) {
        let Some(uncompressed) = &mut self.uncompressed else {
            return;
        };
        // Nothing is left once the socket is lost.
        let Some(left) = uncompressed.bytes.checked_sub(frame.payload().len()) else {
            return;
        };
        uncompressed.bytes = left;
        let (mut header, length) = header_of(frame.opcode, payload.len());
        if compressed {
            header[0] |= frame::RSV1;
        }
        self.copy(&header[..length]);
        self.copy(payload);
    }

    /// Writes frames as draft 76 has them from now on.
    pub fn speak_hixie(&mut self) {
        self.hixie = true;
    }

    /// Few clients are left that speak it: all bytes are copied. What it has no frame for is not sent.
    fn send_hixie<F: Outgoing>(
        &mut self,
        frames: &[F],
        high_watermark: usize,
    ) -> Result<Accepted, Closed> {
        for frame in frames {
            match frame.opcode() {
                Opcode::Text => {
                    self.copy(&[hixie::TEXT_START]);
                    self.copy(frame.payload());
                    self.copy(&[hixie::TEXT_END]);
                }
                Opcode::Close => {
                    self.copy(&hixie::CLOSE);
                    self.sealed = true;
                    break;
                }
                _ => {}
            }
        }
        if self.flow != Flow::Draining {
            self.flush_now()?;
        }
        Ok(self.accepted(high_watermark))
    }

    fn write_through<F: Outgoing>(&mut self, frames: &[F]) -> Result<(), Closed> {
        let total: usize = frames.iter().map(wire_size).sum();
        if self.flow == Flow::Corked {
            self.enqueue(frames, 0);
            return self.flush_now();
        }
        if frames.is_empty() {
            return Ok(());
        }
        if let Some(OutboxHalf::Task) = self.writer {
            self.enqueue(frames, 0);
            self.flow = Flow::Draining;
            return Ok(());
        }
        let written = if total <= COALESCE {
            self.write_coalesced(frames)?
        } else {
            self.write_vectored(frames)?
        };
        if written < total {
            self.enqueue(frames, written);
            self.flow = Flow::Draining;
        }
        Ok(())
    }

    /// Writes small frames side by side. Returns how much of them the socket took.
    fn write_coalesced<F: Outgoing>(&mut self, frames: &[F]) -> Result<usize, Closed> {
        let Some(OutboxHalf::Direct(writer)) = &self.writer else {
            return Err(Closed);
        };
        let written = SCRATCH.with_borrow_mut(|bytes| {
            bytes.clear();
            for frame in frames {
                let (header, size) = header_of(frame.opcode(), frame.payload().len());
                bytes.extend_from_slice(&header[..size]);
                bytes.extend_from_slice(frame.payload());
            }
            writer.write_now(bytes)
        });
        match written {
            Ok(written) => Ok(written),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(_) => Err(self.lost()),
        }
    }

    /// Writes large frames without copying them. Returns how much of them the socket took.
    fn write_vectored<F: Outgoing>(&mut self, frames: &[F]) -> Result<usize, Closed> {
        let headers: Vec<([u8; MAX_HEADER], usize)> = frames
            .iter()
            .map(|f| header_of(f.opcode(), f.payload().len()))
            .collect();
        let mut vectors: Vec<IoSlice> = Vec::with_capacity(2 * frames.len());
        for (frame, (header, length)) in frames.iter().zip(&headers) {
            vectors.push(IoSlice::new(&header[..*length]));
            if !frame.payload().is_empty() {
                vectors.push(IoSlice::new(frame.payload()));
            }
        }
        let mut vectors = vectors.as_mut_slice();
        let mut total = 0;
        while !vectors.is_empty() && total < DIRECT_WRITE {
            let Some(OutboxHalf::Direct(writer)) = &self.writer else {
                return Err(Closed);
            };
            match writer.try_write_vectored(&vectors[..vectors.len().min(VECTORS)]) {
                Ok(n) => {
                    total += n;
                    IoSlice::advance_slices(&mut vectors, n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(self.lost()),
            }
        }
        Ok(total)
    }

    /// Queues what is left of `frames` after `skip` bytes of their wire form.
    fn enqueue<F: Outgoing>(&mut self, frames: &[F], mut skip: usize) {
        for frame in frames {
            let payload = frame.payload();
            let (header, length) = header_of(frame.opcode(), payload.len());
            let whole = length + payload.len();
            if skip >= whole {
                skip -= whole;
                continue;
            }
            self.copy(&header[skip.min(length)..length]);
            let payload_skip = skip.saturating_sub(length);
            let rest = payload.len() - payload_skip;
            if rest <= COALESCE {
                self.copy(&payload[payload_skip..]);
            } else {
                self.share(frame.hold(), payload_skip);
            }
            skip = 0;
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.queued += bytes.len();
        if let Some(Chunk::Copied(last)) = self.queue.back_mut()
            && last.len() + bytes.len() <= CORK
        {
            last.extend_from_slice(bytes);
            return;
        }
        let least = if self.queue.is_empty() { FIRST_COPY } else { 0 };
        let mut chunk = Vec::with_capacity(bytes.len().max(least));
        chunk.extend_from_slice(bytes);
        self.queue.push_back(Chunk::Copied(chunk));
    }

    fn share(&mut self, held: Box<dyn Held>, skip: usize) {
        self.queued += held.bytes().len() - skip;
        if skip > 0 && self.queue.is_empty() {
            self.written = skip;
            self.queue.push_back(Chunk::Shared(held));
        } else if skip > 0 {
            // Only the first chunk of the queue can be partly written.
            self.queue
                .push_back(Chunk::Copied(held.bytes()[skip..].to_vec()));
        } else {
            self.queue.push_back(Chunk::Shared(held));
        }
    }

    fn flush_now(&mut self) -> Result<(), Closed> {
        match self.flush(DIRECT_WRITE) {
            Ok(true) => self.flow = Flow::Idle,
            Ok(false) => self.drain_later(),
            Err(_) => return Err(self.lost()),
        }
        Ok(())
    }

    /// Leaves what is queued to the task. It may have to wait for long, in no more memory than it needs: what came
    /// from `SPARE`, which is the first, may be much larger.
    fn drain_later(&mut self) {
        self.flow = Flow::Draining;
        if let Some(Chunk::Copied(bytes)) = self.queue.front_mut() {
            bytes.shrink_to_fit();
        }
    }

    /// Writes queued bytes, about `budget` at most. `true` once the queue is empty.
    fn flush(&mut self, budget: usize) -> io::Result<bool> {
        let mut total = 0;
        while self.queued > 0 && total < budget {
            let Some(OutboxHalf::Direct(writer)) = &self.writer else {
                return Ok(false);
            };
            let result = if self.queue.len() == 1 && self.flow != Flow::Draining {
                writer.write_now(&self.queue[0].bytes()[self.written..])
            } else if self.queue.len() == 1 {
                writer.try_write(&self.queue[0].bytes()[self.written..])
            } else {
                let vectors: Vec<IoSlice> = self
                    .queue
                    .iter()
                    .take(VECTORS)
                    .enumerate()
                    .map(|(i, c)| IoSlice::new(&c.bytes()[if i == 0 { self.written } else { 0 }..]))
                    .collect();
                writer.try_write_vectored(&vectors)
            };
            match result {
                Ok(n) => {
                    total += n;
                    self.consume(n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(self.queued == 0)
    }

    fn consume(&mut self, mut bytes: usize) {
        self.queued -= bytes;
        while bytes > 0 {
            let first = self.queue[0].bytes().len() - self.written;
            if bytes < first {
                self.written += bytes;
                return;
            }
            bytes -= first;
            self.written = 0;
            let chunk = self.queue.pop_front();
            if let (Flow::Corked, Some(Chunk::Copied(mut bytes))) = (self.flow, chunk)
                && bytes.capacity() >= FIRST_COPY
            {
                bytes.clear();
                SPARE.set(bytes);
            }
        }
        if self.queue.is_empty() {
            // An idle connection owns no queue.
            self.queue.shrink_to_fit();
        }
    }

    /// Lets the connection's task write what is queued. `Ok(true)` once everything is out.
    pub fn drain(&mut self) -> io::Result<bool> {
        if self.flow == Flow::Idle {
            return Ok(true);
        }
        let empty = self.flush(DIRECT_WRITE / 4)? && !self.has_uncompressed();
        self.flow = if empty { Flow::Idle } else { Flow::Draining };
        Ok(empty)
    }

    fn has_uncompressed(&self) -> bool {
        let uncompressed = self.uncompressed.as_ref();
        uncompressed.is_some_and(|uncompressed| !uncompressed.frames.is_empty())
    }

    /// Moves queued bytes into `memory`, for a task that writes them itself. Returns how many.
    pub fn take(&mut self, memory: &mut [u8]) -> usize {
        let mut taken = 0;
        while self.queued > 0 && taken < memory.len() {
            let bytes = &self.queue[0].bytes()[self.written..];
            let part = bytes.len().min(memory.len() - taken);
            memory[taken..taken + part].copy_from_slice(&bytes[..part]);
            taken += part;
            self.consume(part);
        }
        if self.queued == 0 && !self.has_uncompressed() {
            self.flow = Flow::Idle;
        }
        taken
    }

    /// Whether frames wait for their caller's next call.
    pub fn is_corked(&self) -> bool {
        self.flow == Flow::Corked
    }

    /// Believes the next promises of more.
    pub fn allow_cork(&mut self) {
        self.corkable = true;
    }

    /// Believes no more promises; what waited is for `drain` to write.
    pub fn uncork(&mut self) {
        self.corkable = false;
        if self.flow == Flow::Corked {
            self.drain_later();
        }
    }

    /// Bytes that wait for the socket, encoded or not.
    pub fn queued(&self) -> usize {
        self.queued + self.uncompressed.as_ref().map_or(0, |u| u.bytes)
    }

    /// Ready when the socket may take more, or is lost.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.writer {
            Some(OutboxHalf::Direct(writer)) => writer.poll_write_ready(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Takes the socket's writing half away, to shut it.
    pub fn take_writer(&mut self) -> Option<OutboxHalf> {
        self.sealed = true;
        self.writer.take()
    }

    /// Takes no more frames; what is queued still goes out.
    pub fn seal(&mut self) {
        self.sealed = true;
    }

    /// Registers who waits for the low watermark, unless there is nothing to wait for.
    pub fn await_writable(
        &mut self,
        reference: B::Reference,
        low: usize,
    ) -> Result<Accepted, Closed> {
        if self.writer.is_none() && self.sealed {
            return Err(Closed);
        }
        // Who waits promises nothing any more.
        let was_corked = self.flow == Flow::Corked;
        if was_corked {
            self.flush_now()?;
        }
        let blocked = self.queued() > low;
        if blocked {
            self.hold_waiter(reference);
        }
        Ok(Accepted {
            blocked,
            wake: was_corked && self.flow == Flow::Draining,
        })
    }

    /// Registers who waits, whatever is queued.
    pub fn hold_waiter(&mut self, reference: B::Reference) {
        self.waiter = Some(reference);
    }

    /// The waiter, once it need no longer wait.
    pub fn take_waiter(&mut self, low: usize) -> Option<B::Reference> {
        if self.queued() <= low {
            return self.waiter.take();
        }
        None
    }

    /// Drops the socket and all that is queued for it.
    pub fn lost(&mut self) -> Closed {
        self.sealed = true;
        if let Some(OutboxHalf::Direct(writer)) = self.writer.take() {
            writer.forget();
        }
        self.queue = VecDeque::new();
        if let Some(uncompressed) = &mut self.uncompressed {
            uncompressed.frames = VecDeque::new();
            uncompressed.bytes = 0;
        }
        self.written = 0;
        self.queued = 0;
        self.flow = Flow::Idle;
        Closed
    }
}

impl Uncompressed {
    /// Keeps frames for later.
    fn push<F: Outgoing>(&mut self, frames: &[F]) {
        for frame in frames {
            let opcode = frame.opcode();
            self.bytes += frame.payload().len();
            self.frames.push_back(UncompressedFrame {
                opcode,
                compress: self.compress && !opcode.is_control(),
                payload: match frame.payload() {
                    small if small.len() <= COALESCE => Chunk::Copied(small.to_vec()),
                    _ => Chunk::Shared(frame.hold()),
                },
            });
        }
    }
}

fn wire_size<F: Outgoing>(frame: &F) -> usize {
    let length = frame.payload().len();
    frame::header_size(length as u64) + length
}

fn header_of(opcode: Opcode, length: usize) -> ([u8; MAX_HEADER], usize) {
    let mut header = [0; MAX_HEADER];
    let size = frame::write_header(&mut header, opcode, true, length as u64);
    (header, size)
}

impl<B: Bridge> Default for Outbox<B> {
    fn default() -> Self {
        Self::new()
    }
}
