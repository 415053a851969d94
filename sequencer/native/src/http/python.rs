//! The front as Python holds it.

use std::net::TcpListener;
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::front::{Closing, Front, Request, Settings, Shared};
use super::response::Answer;
use crate::recovery::Classes;

/// A call's connection, its raw transaction, and the `Transaction`.
type Calls<'py> = (Vec<usize>, Vec<Bound<'py, PyBytes>>, Bound<'py, PyList>);

/// What `take` gives: calls, bodies by connection, descriptors of connections given away with what came on them, and
/// whether that was all for ever.
type Taken<'py> = (Calls<'py>, Vec<(usize, Bound<'py, PyBytes>)>, Vec<(RawFd, Bound<'py, PyBytes>)>, bool);

/// Serves listening sockets on a thread of its own until it is closed. One loop calls `take`.
#[pyclass(frozen)]
pub struct HttpFront {
    shared: Arc<Shared>,
}

#[pymethods]
impl HttpFront {
    /// `descriptors` are listening sockets that stay the caller's. Calls are read here when `max_transaction_bytes` is
    /// not 0.
    #[new]
    fn new(
        descriptors: Vec<RawFd>,
        max_body_bytes: usize,
        max_transaction_bytes: usize,
        idle_seconds: f64,
    ) -> PyResult<Self> {
        let mut listeners = Vec::with_capacity(descriptors.len());
        for descriptor in descriptors {
            // SAFETY: the caller's socket is open during this call
            let listener = TcpListener::from(unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?);
            listener.set_nonblocking(true)?;
            listeners.push(listener);
        }
        let idle = Duration::try_from_secs_f64(idle_seconds).unwrap_or(Duration::MAX);
        let front = Front::new(listeners, Settings { max_body_bytes, max_transaction_bytes, idle })?;
        let shared = front.shared();
        let heard = Arc::clone(&shared);
        thread::Builder::new().name("http".into()).spawn(move || {
            drop(catch_unwind(AssertUnwindSafe(|| front.run()))); // whatever the end was, Python hears of it
            heard.requests.post(Request::Ended);
        })?;
        Ok(Self { shared })
    }

    /// The descriptor that is readable while there is something to take.
    fn fileno(&self) -> RawFd {
        self.shared.requests.descriptor()
    }

    /// What came since.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Taken<'py>> {
        let classes = Classes::get(py)?;
        let (mut connections, mut raws, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let (mut bodies, mut given, mut is_over) = (Vec::new(), Vec::new(), false);
        for request in self.shared.requests.collect()? {
            match request {
                Request::Transaction { connection, raw, decoded } => {
                    connections.push(connection);
                    raws.push(PyBytes::new(py, &raw));
                    found.push(Some(*decoded));
                }
                Request::Body { connection, body } => bodies.push((connection, PyBytes::new(py, &body))),
                Request::GivenAway { stream, input } => given.push((stream.into_raw_fd(), PyBytes::new(py, &input))),
                Request::Ended => is_over = true,
            }
        }
        let found = classes.make_all(py, &raws, found)?;
        Ok(((connections, raws, found), bodies, given, is_over))
    }

    /// Answer a body; None: with nothing.
    fn answer(&self, connection: usize, body: Option<Vec<u8>>) -> PyResult<()> {
        let answer = body.map_or(Answer::Nothing, Answer::Body);
        Ok(self.shared.answer([(connection, answer)])?)
    }

    /// Answer calls, each with a member of the answer's object: `"result":...` or `"error":...`.
    fn answer_calls(&self, connections: Vec<usize>, members: Vec<Vec<u8>>) -> PyResult<()> {
        Ok(self.shared.answer(connections.into_iter().zip(members.into_iter().map(Answer::Member)))?)
    }

    /// Take no more requests; it is over when those under way are answered.
    fn drain(&self) -> PyResult<()> {
        Ok(self.shared.close(Closing::Draining)?)
    }

    /// End all connections; it is over soon.
    fn close(&self) -> PyResult<()> {
        Ok(self.shared.close(Closing::Now)?)
    }
}

impl Drop for HttpFront {
    fn drop(&mut self) {
        drop(self.shared.close(Closing::Now)); // no waker, no thread
    }
}
