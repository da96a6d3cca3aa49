//! The Erlang side, played by a test: terms, and a process at the other end of its pipes.

use farrier_etf::Term;
use farrier_etf::eetf::{Atom, BigInteger, Binary, FixInteger, List, Map, Tuple};
use std::collections::HashMap;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn atom(name: &str) -> Term {
    Atom::from(name).into()
}

pub fn int(value: u64) -> Term {
    match i32::try_from(value) {
        Ok(value) => FixInteger::from(value).into(),
        Err(_) => BigInteger::from(value).into(),
    }
}

pub fn binary(bytes: impl AsRef<[u8]>) -> Term {
    Binary::from(bytes.as_ref()).into()
}

pub fn tuple<const N: usize>(elements: [Term; N]) -> Term {
    Tuple::from(elements.to_vec()).into()
}

pub fn list<const N: usize>(elements: [Term; N]) -> Term {
    List::from(elements.to_vec()).into()
}

pub fn map<const N: usize>(pairs: [(&str, Term); N]) -> Term {
    let pairs = pairs.into_iter().map(|(key, value)| (atom(key), value));
    Map::from(pairs.collect::<HashMap<Term, Term>>()).into()
}

pub fn ok() -> Term {
    atom("ok")
}

pub fn error(reason: &str) -> Term {
    tuple([atom("error"), atom(reason)])
}

pub fn integer_of(term: &Term) -> u64 {
    farrier_etf::from_term(term).unwrap_or_else(|_| panic!("{term} is no integer"))
}

pub fn bytes_of(term: &Term) -> &[u8] {
    match term {
        Term::Binary(binary) => &binary.bytes,
        other => panic!("{other} is no binary"),
    }
}

pub fn elements_of(term: &Term) -> &[Term] {
    match term {
        Term::Tuple(tuple) => &tuple.elements,
        Term::List(list) => &list.elements,
        other => panic!("{other} has no elements"),
    }
}

pub fn value_of<'a>(key: &str, term: &'a Term) -> &'a Term {
    match term {
        Term::Map(map) => &map.map[&atom(key)],
        other => panic!("{other} is no map"),
    }
}

/// As `term_to_binary(Term, [{minor_version, 2}])` does. `eetf` writes the atoms of old.
fn encode(term: &Term) -> Vec<u8> {
    let mut bytes = vec![131];
    write(term, &mut bytes);
    bytes
}

fn write(term: &Term, bytes: &mut Vec<u8>) {
    match term {
        Term::Atom(atom) => {
            bytes.extend([119, atom.name.len() as u8]);
            bytes.extend(atom.name.as_bytes());
        }
        Term::Tuple(tuple) => {
            bytes.extend([104, tuple.elements.len() as u8]);
            tuple.elements.iter().for_each(|term| write(term, bytes));
        }
        Term::List(list) if !list.elements.is_empty() => {
            bytes.push(108);
            bytes.extend((list.elements.len() as u32).to_be_bytes());
            list.elements.iter().for_each(|term| write(term, bytes));
            bytes.push(106);
        }
        Term::Map(map) => {
            bytes.push(116);
            bytes.extend((map.map.len() as u32).to_be_bytes());
            for (key, value) in &map.map {
                write(key, bytes);
                write(value, bytes);
            }
        }
        other => {
            let mut encoded = Vec::new();
            other.encode(&mut encoded).expect("a term");
            bytes.extend(&encoded[1..]);
        }
    }
}

/// A process that runs, and what it has said.
pub struct Erlang {
    child: Child,
    stdin: Option<ChildStdin>,
    packets: mpsc::UnboundedReceiver<Term>,
    /// Whoever holds it keeps stdout from being read.
    pub reading: Arc<Mutex<()>>,
    messages: VecDeque<Term>,
}

impl Erlang {
    /// Starts the program, which has said hello and heard nothing yet.
    pub async fn spawn() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_farrier_port"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let (sender, packets) = mpsc::unbounded_channel();
        let reading = Arc::new(Mutex::new(()));
        let gate = reading.clone();
        thread::spawn(move || read(stdout, &gate, &sender));
        let stdin = child.stdin.take();
        let mut erlang = Erlang {
            child,
            stdin,
            packets,
            reading,
            messages: VecDeque::new(),
        };
        let hello = erlang.packet().await;
        let version = binary(env!("CARGO_PKG_VERSION"));
        assert_eq!(hello, tuple([atom("farrier_port"), version]));
        erlang
    }

    /// Starts the program and its runtime.
    pub async fn start() -> Self {
        Self::start_with("error").await
    }

    pub async fn start_with(log_level: &str) -> Self {
        let mut erlang = Self::spawn().await;
        let options = map([("log_level", atom(log_level))]);
        let started = erlang.call(tuple([atom("start"), options])).await;
        assert_eq!(started, ok());
        erlang
    }

    async fn packet(&mut self) -> Term {
        let packet = tokio::time::timeout(PATIENCE, self.packets.recv()).await;
        packet.expect("a packet in time").expect("the program runs")
    }

    /// The next message.
    pub async fn message(&mut self) -> Term {
        while self.messages.is_empty() {
            let packet = self.packet().await;
            self.messages.extend(elements_of(&packet).to_vec());
        }
        self.messages.pop_front().expect("a message")
    }

    /// The next event message: its events and the bytes that they stand for.
    pub async fn events(&mut self, id: u64) -> (Vec<Term>, u64) {
        let message = self.message().await;
        match elements_of(&message) {
            [from, events, bytes] if *from == int(id) => {
                (elements_of(events).to_vec(), integer_of(bytes))
            }
            _ => panic!("{message} is no event of {id}"),
        }
    }

    pub fn send_raw(&mut self, packet: &[u8]) {
        let length = (packet.len() as u32).to_be_bytes();
        let stdin = self.stdin.as_mut().expect("stdin is open");
        // A program that has ended already is what some tests are about.
        let _ = stdin.write_all(&[&length[..], packet].concat());
    }

    pub fn command<const N: usize>(&mut self, command: [Term; N]) {
        self.send_raw(&encode(&tuple(command)));
    }

    /// Calls, and awaits the answer, which is the next message.
    pub async fn call(&mut self, request: Term) -> Term {
        let from = binary(b"\0who");
        self.command([atom("call"), from.clone(), request]);
        let reply = self.message().await;
        match elements_of(&reply) {
            [reply, to, result] if *reply == atom("reply") && *to == from => result.clone(),
            _ => panic!("{reply} is no reply"),
        }
    }

    /// Listens with more options than those of the address.
    pub async fn listen<const N: usize>(
        &mut self,
        listener: u64,
        options: [(&str, Term); N],
    ) -> SocketAddr {
        let mut all: Vec<(&str, Term)> = vec![("port", int(0)), ("ip", localhost())];
        all.extend(options);
        let all = all.into_iter().map(|(key, value)| (atom(key), value));
        let all = Map::from(all.collect::<HashMap<Term, Term>>()).into();
        let answer = self.call(tuple([atom("listen"), int(listener), all])).await;
        let address = value_of("address", &elements_of(&answer)[1]).clone();
        let port = integer_of(&elements_of(&address)[1]);
        SocketAddr::from(([127, 0, 0, 1], port as u16))
    }

    /// The number of a request that is offered now.
    pub async fn offer(&mut self, listener: u64) -> u64 {
        let offer = self.message().await;
        match elements_of(&offer) {
            [tag, from, id] if *tag == atom("offer") && *from == int(listener) => integer_of(id),
            _ => panic!("{offer} is no offer"),
        }
    }

    /// Accepts a request that is offered now. Its number and what it is.
    pub async fn accept(&mut self, listener: u64) -> (u64, Term) {
        let id = self.offer(listener).await;
        let accepted = self.call(tuple([atom("accept"), int(id)])).await;
        match elements_of(&accepted) {
            [tag, request] if *tag == ok() => (id, request.clone()),
            _ => panic!("{accepted} is no request"),
        }
    }

    /// Accepts and upgrades a request that is offered now.
    pub async fn upgrade(&mut self, listener: u64) -> u64 {
        let (id, request) = self.accept(listener).await;
        let key = header("sec-websocket-key", &request).expect("a key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key);
        let head = head(
            101,
            [
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-accept", &accept),
            ],
        );
        let upgrade = tuple([atom("upgrade"), int(id), head, map([])]);
        assert_eq!(self.call(upgrade).await, ok());
        id
    }

    /// Closes stdin, as a port that closes does.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// How the program ended.
    pub async fn exit(mut self) -> ExitStatus {
        let mut child = std::mem::replace(&mut self.child, Command::new("true").spawn().unwrap());
        let wait = tokio::task::spawn_blocking(move || child.wait());
        let status = tokio::time::timeout(PATIENCE, wait).await;
        status.expect("it ends in time").unwrap().unwrap()
    }
}

impl Drop for Erlang {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut stdout: ChildStdout, gate: &Mutex<()>, packets: &mpsc::UnboundedSender<Term>) {
    let mut length = [0; 4];
    loop {
        drop(gate.blocking_lock());
        if stdout.read_exact(&mut length).is_err() {
            return;
        }
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        if stdout.read_exact(&mut packet).is_err() {
            return;
        }
        let term = farrier_etf::term_from_slice(&packet).expect("a packet is a term");
        let _ = packets.send(term);
    }
}

pub fn localhost() -> Term {
    tuple([int(127), int(0), int(0), int(1)])
}

pub fn head<const N: usize>(status: u64, headers: [(&str, &str); N]) -> Term {
    let headers = headers.map(|(name, value)| tuple([binary(name), binary(value)]));
    map([("status", int(status)), ("headers", list(headers))])
}

/// A header of a request.
pub fn header<'a>(name: &str, request: &'a Term) -> Option<&'a [u8]> {
    let headers = elements_of(value_of("headers", request)).iter();
    headers
        .map(elements_of)
        .find(|header| bytes_of(&header[0]) == name.as_bytes())
        .map(|header| bytes_of(&header[1]))
}
