//! Recovery for an event loop: jobs go in, and a descriptor becomes readable when one has ended. No thread of Python
//! has a part in it, so nothing waits for the GIL.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::python::Classes;
use super::threads;
use super::transaction::{self, Transaction};

/// What the threads leave for the loop, and the end of the line that they ring.
struct Ended {
    jobs: Mutex<Vec<(u64, Vec<Option<Transaction>>)>>,
    bell: UnixStream,
}

impl Ended {
    fn add(&self, number: u64, results: Vec<Option<Transaction>>) {
        let mut jobs = self.jobs.lock();
        jobs.push((number, results));
        if jobs.len() == 1 {
            // a full line rings already, and one whose other end is closed has nobody who listens
            drop((&self.bell).write(&[1]));
        }
    }
}

struct Waiting {
    next: u64,
    raws: HashMap<u64, Vec<Py<PyBytes>>>,
}

/// See the module. One loop calls `put` and `take`.
#[pyclass(frozen)]
pub struct RecoveryQueue {
    ended: Arc<Ended>,
    line: UnixStream,
    waiting: Mutex<Waiting>,
}

#[pymethods]
impl RecoveryQueue {
    #[new]
    fn new() -> PyResult<Self> {
        let (line, bell) = UnixStream::pair()?;
        line.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let ended = Arc::new(Ended { jobs: Mutex::new(Vec::new()), bell });
        Ok(Self { ended, line, waiting: Mutex::new(Waiting { next: 0, raws: HashMap::new() }) })
    }

    /// The descriptor that is readable while there is something to take.
    fn fileno(&self) -> i32 {
        self.line.as_raw_fd()
    }

    /// Begin a job; returns its number.
    fn put(&self, raws: Vec<Bound<'_, PyBytes>>) -> u64 {
        let copies: Vec<Arc<[u8]>> = raws.iter().map(|raw| Arc::from(raw.as_bytes())).collect();
        let number = {
            let mut waiting = self.waiting.lock();
            let number = waiting.next;
            waiting.next += 1;
            waiting.raws.insert(number, raws.into_iter().map(Bound::unbind).collect());
            number
        };
        let ended = Arc::clone(&self.ended);
        threads::start(copies, |raw| transaction::decode(raw), move |results| ended.add(number, results));
        number
    }

    /// Jobs that ended since: the number, and a `Transaction` or None for each of its raws.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<(u64, Bound<'py, PyList>)>> {
        self.hush()?;
        let jobs = std::mem::take(&mut *self.ended.jobs.lock());
        let classes = Classes::get(py)?;
        let mut taken = Vec::with_capacity(jobs.len());
        for (number, results) in jobs {
            let raws = self.waiting.lock().raws.remove(&number).unwrap_or_default();
            let raws: Vec<_> = raws.into_iter().map(|raw| raw.into_bound(py)).collect();
            taken.push((number, classes.make_all(py, &raws, results)?));
        }
        Ok(taken)
    }
}

impl RecoveryQueue {
    /// Read the line empty, before the jobs are looked at: who adds one later rings again.
    fn hush(&self) -> PyResult<()> {
        let mut rung = [0; 64];
        loop {
            match (&self.line).read(&mut rung) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
