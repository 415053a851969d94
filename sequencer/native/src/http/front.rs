//! The thread that serves simple requests: one poll for listeners, connections, and answers that Python has left.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener as BoundListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::Mutex;

use super::call;
use super::connection::{Connection, Next, Peer, Stage};
use super::response::{Answer, Responses};
use crate::mailbox::Mailbox;
use crate::recovery::{Transaction, decode};

/// How often idle connections are looked for, and listeners that could not accept are tried again.
const TICK: Duration = Duration::from_secs(1);

const WAKER: Token = Token(0);
const FIRST_LISTENER: usize = 1;
const EVENTS: usize = 1024;

/// Bounds, and what is read here.
pub struct Settings {
    pub max_body_bytes: usize,
    /// Of one transaction; 0: calls are not read here.
    pub max_transaction_bytes: usize,
    /// A connection that asks nothing, or takes nothing of its answer, for so long is closed.
    pub idle: Duration,
}

/// What Python is told.
pub enum Request {
    /// A transaction to take in.
    Transaction { connection: usize, raw: Vec<u8>, decoded: Box<Transaction> },
    /// Any other body.
    Body { connection: usize, body: Vec<u8> },
    /// A connection that goes to Python's server, with what came on it.
    GivenAway { stream: TcpStream, input: Vec<u8> },
    /// Nothing comes any more.
    Ended,
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closing {
    /// Not at all.
    Open,
    /// No new requests; those under way are answered.
    Draining,
    /// At once.
    Now,
}

impl Closing {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Open,
            1 => Self::Draining,
            _ => Self::Now,
        }
    }
}

/// What the thread and Python share.
pub struct Shared {
    pub requests: Mailbox<Request>,
    answers: Mutex<Vec<(usize, Answer)>>,
    closing: AtomicU8,
    waker: Waker,
}

impl Shared {
    /// Leave answers for connections.
    pub fn answer(&self, answers: impl IntoIterator<Item = (usize, Answer)>) -> io::Result<()> {
        self.answers.lock().extend(answers);
        self.waker.wake()
    }

    /// Come to an end.
    pub fn close(&self, how: Closing) -> io::Result<()> {
        self.closing.fetch_max(how as u8, Ordering::SeqCst);
        self.waker.wake()
    }
}

/// The thread's own.
pub struct Front {
    settings: Settings,
    poll: Poll,
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    connections: HashMap<usize, Connection>,
    next_key: usize,
    responses: Responses,
}

impl Front {
    /// Serve `listeners`, which do not block and listen already.
    pub fn new(listeners: Vec<BoundListener>, settings: Settings) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let mut listeners: Vec<_> = listeners.into_iter().map(TcpListener::from_std).collect();
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, Token(FIRST_LISTENER + index), Interest::READABLE)?;
        }
        let closing = AtomicU8::new(Closing::Open as u8);
        let shared = Shared { requests: Mailbox::new()?, answers: Mutex::default(), closing, waker };
        let next_key = FIRST_LISTENER + listeners.len();
        Ok(Self {
            settings,
            poll,
            shared: Arc::new(shared),
            listeners,
            connections: HashMap::new(),
            next_key,
            responses: Responses::default(),
        })
    }

    /// What it shares with Python.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Serve until `close`.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut looked_at = Instant::now();
        while !self.is_over() {
            match self.poll.poll(&mut events, Some(TICK)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break, // no poll, no service: Python hears the end
            }
            self.write_answers();
            for event in &events {
                self.hear(event.token(), event.is_writable());
            }
            if looked_at.elapsed() >= TICK {
                looked_at = Instant::now();
                self.give_slow_away();
                self.close_idle();
                self.accept_all();
            }
        }
    }

    fn closing(&self) -> Closing {
        Closing::of(self.shared.closing.load(Ordering::SeqCst))
    }

    /// Whether it is time to end; closes what need not be waited for.
    fn is_over(&mut self) -> bool {
        match self.closing() {
            Closing::Open => false,
            Closing::Draining => {
                self.listeners.clear();
                self.connections.retain(|_, connection| connection.stage != Stage::Reading);
                self.connections.is_empty()
            }
            Closing::Now => true,
        }
    }

    fn hear(&mut self, token: Token, is_writable: bool) {
        if token == WAKER {
            return;
        }
        if token.0 < FIRST_LISTENER + self.listeners.len() {
            self.accept(token.0 - FIRST_LISTENER);
            return;
        }
        match self.connections.get(&token.0).map(|connection| &connection.stage) {
            Some(Stage::Reading) => self.read(token.0),
            Some(Stage::Writing) if is_writable => self.write(token.0),
            _ => {}
        }
    }

    fn accept_all(&mut self) {
        for index in 0..self.listeners.len() {
            self.accept(index);
        }
    }

    /// Take in what knocks; an error that lasts (no descriptors left) is tried again at the next tick.
    fn accept(&mut self, index: usize) {
        while let Ok((mut stream, _)) = self.listeners[index].accept() {
            let key = self.next_key;
            self.next_key += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(key), interest).is_err() {
                continue;
            }
            drop(stream.set_nodelay(true)); // without it, it is only slower
            self.connections.insert(key, Connection::new(stream));
        }
    }

    /// Read a request, if there is one, and tell Python; nothing is begun when the end has begun.
    fn read(&mut self, key: usize) {
        if self.closing() != Closing::Open {
            return;
        }
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let (next, peer) = connection.next(self.settings.max_body_bytes);
        match next {
            Next::Wait if peer == Peer::Here => {}
            Next::Wait => drop(self.connections.remove(&key)),
            Next::GiveAway => self.give_away(key),
            Next::Body(body) => {
                let call = call::read(&body, self.settings.max_transaction_bytes);
                let request = match call.and_then(|call| decode(&call.raw).map(|decoded| (call, decoded))) {
                    Some((call, decoded)) => {
                        connection.stage = Stage::Answering { id: call.id };
                        Request::Transaction { connection: key, raw: call.raw, decoded: Box::new(decoded) }
                    }
                    None => {
                        connection.stage = Stage::Answering { id: String::new() };
                        Request::Body { connection: key, body }
                    }
                };
                self.shared.requests.post(request);
            }
        }
    }

    fn give_away(&mut self, key: usize) {
        let Some(mut connection) = self.connections.remove(&key) else { return };
        if self.poll.registry().deregister(&mut connection.stream).is_ok() {
            let (stream, input) = (connection.stream, connection.input);
            self.shared.requests.post(Request::GivenAway { stream, input });
        }
    }

    fn write_answers(&mut self) {
        let answers = std::mem::take(&mut *self.shared.answers.lock());
        for (key, answer) in answers {
            let Some(connection) = self.connections.get_mut(&key) else { continue };
            let Stage::Answering { id } = &connection.stage else { continue };
            self.responses.write(&mut connection.output, &answer, id);
            connection.stage = Stage::Writing;
            connection.used_at = Instant::now();
            self.write(key);
        }
    }

    /// Write on; the next request of the connection is read when all is written.
    fn write(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if connection.flush() == Peer::Gone {
            self.connections.remove(&key);
        } else if connection.output.is_empty() {
            connection.stage = Stage::Reading;
            self.read(key);
        }
    }

    /// Python's server knows how to wait for requests that come slowly.
    fn give_slow_away(&mut self) {
        let is_slow = |connection: &Connection| connection.stage == Stage::Reading && !connection.input.is_empty();
        let slow: Vec<_> = self.connections.iter().filter(|(_, it)| is_slow(it)).map(|(key, _)| *key).collect();
        for key in slow {
            self.give_away(key);
        }
    }

    fn close_idle(&mut self) {
        let idle = self.settings.idle;
        self.connections.retain(|_, connection| {
            matches!(connection.stage, Stage::Answering { .. }) || connection.used_at.elapsed() < idle
        });
    }
}
