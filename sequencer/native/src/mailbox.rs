//! What threads of Rust leave for an event loop of Python: a descriptor is readable while there is something to collect.
//! No thread of Python has a part in it, so nothing waits for the GIL.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use parking_lot::Mutex;

/// Items in the order in which they came; any thread posts, one loop collects.
pub struct Mailbox<T> {
    items: Mutex<Vec<T>>,
    line: UnixStream,
    bell: UnixStream,
}

impl<T> Mailbox<T> {
    /// An empty one.
    pub fn new() -> io::Result<Self> {
        let (line, bell) = UnixStream::pair()?;
        line.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        Ok(Self { items: Mutex::new(Vec::new()), line, bell })
    }

    /// The descriptor that is readable while there is something to collect.
    pub fn descriptor(&self) -> i32 {
        self.line.as_raw_fd()
    }

    /// Leave an item; rings when it is the only one.
    pub fn post(&self, item: T) {
        let mut items = self.items.lock();
        items.push(item);
        if items.len() == 1 {
            // a full line rings already, and one whose other end is closed has nobody who listens
            drop((&self.bell).write(&[1]));
        }
    }

    /// Everything that is there.
    pub fn collect(&self) -> io::Result<Vec<T>> {
        self.hush()?;
        Ok(std::mem::take(&mut *self.items.lock()))
    }

    /// Read the line empty, before the items are looked at: who posts later rings again.
    fn hush(&self) -> io::Result<()> {
        let mut rung = [0; 64];
        loop {
            match (&self.line).read(&mut rung) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
