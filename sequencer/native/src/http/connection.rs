//! One connection: bytes in until they are a whole request, bytes out until the answer is written.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use super::head::{self, Head};

const PIECE_BYTES: usize = 16 * 1024;

/// What the bytes that came are.
pub enum Next {
    /// Less than a request.
    Wait,
    /// The body of a simple request.
    Body(Vec<u8>),
    /// Something that is not for here.
    GiveAway,
}

/// Whether the other end still listens.
#[derive(PartialEq, Eq)]
pub enum Peer {
    Here,
    Gone,
}

/// What a connection is at.
#[derive(PartialEq, Eq)]
pub enum Stage {
    /// A request is awaited.
    Reading,
    /// A request is being answered; `id` is that of the call, in JSON, where it is known.
    Answering { id: String },
    /// The answer is not written to its end.
    Writing,
}

/// See the module.
pub struct Connection {
    pub stream: TcpStream,
    pub stage: Stage,
    /// When it began, or when some of an answer was last written.
    pub used_at: Instant,
    /// What came and is not read yet.
    pub input: Vec<u8>,
    /// What is to be written, and how much of it is.
    pub output: Vec<u8>,
    written: usize,
}

impl Connection {
    /// Of a stream that does not block.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            stage: Stage::Reading,
            used_at: Instant::now(),
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
        }
    }

    /// The next request: reads until there is one, or nothing comes.
    pub fn next(&mut self, max_body_bytes: usize) -> (Next, Peer) {
        loop {
            let next = self.take_request(max_body_bytes);
            if !matches!(next, Next::Wait) {
                return (next, Peer::Here);
            }
            match self.fill() {
                Some(0) => return (Next::Wait, Peer::Here),
                Some(_) => {}
                None => return (Next::Wait, Peer::Gone),
            }
        }
    }

    /// Write what is to be written; afterwards `output` is empty when it is done.
    pub fn flush(&mut self) -> Peer {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Peer::Gone,
                Ok(count) => {
                    self.written += count;
                    self.used_at = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Peer::Here,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Peer::Gone,
            }
        }
        self.output.clear();
        self.output.shrink_to(PIECE_BYTES); // a connection that once had a large answer does not keep its room
        self.written = 0;
        Peer::Here
    }

    fn take_request(&mut self, max_body_bytes: usize) -> Next {
        if self.input.is_empty() {
            return Next::Wait;
        }
        match head::read(&self.input) {
            Head::Unfinished => Next::Wait,
            Head::Simple { body_bytes, .. } if body_bytes > max_body_bytes => Next::GiveAway,
            Head::Simple { bytes, body_bytes } if self.input.len() >= bytes + body_bytes => {
                let body = self.input[bytes..bytes + body_bytes].to_vec();
                self.input.drain(..bytes + body_bytes);
                self.input.shrink_to(PIECE_BYTES);
                Next::Body(body)
            }
            Head::Simple { .. } => Next::Wait,
            Head::Other => Next::GiveAway,
        }
    }

    /// Read a piece; how many bytes came, None when the peer is gone.
    fn fill(&mut self) -> Option<usize> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(count) => {
                    self.input.extend_from_slice(&piece[..count]);
                    return Some(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}
