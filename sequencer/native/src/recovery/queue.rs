//! Recovery for an event loop: jobs go in, and a descriptor becomes readable when one has ended.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::python::Classes;
use super::threads;
use super::transaction::{self, Transaction};
use crate::mailbox::Mailbox;

/// A job's number, and what each of its raws is.
type Ended = (u64, Vec<Option<Transaction>>);

struct Waiting {
    next: u64,
    raws: HashMap<u64, Vec<Py<PyBytes>>>,
}

/// See the module. One loop calls `put` and `take`.
#[pyclass(frozen)]
pub struct RecoveryQueue {
    ended: Arc<Mailbox<Ended>>,
    waiting: Mutex<Waiting>,
}

#[pymethods]
impl RecoveryQueue {
    #[new]
    fn new() -> PyResult<Self> {
        let waiting = Mutex::new(Waiting { next: 0, raws: HashMap::new() });
        Ok(Self { ended: Arc::new(Mailbox::new()?), waiting })
    }

    /// The descriptor that is readable while there is something to take.
    fn fileno(&self) -> i32 {
        self.ended.descriptor()
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
        threads::start(copies, |raw| transaction::decode(raw), move |results| ended.post((number, results)));
        number
    }

    /// Jobs that ended since: the number, and a `Transaction` or None for each of its raws.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<(u64, Bound<'py, PyList>)>> {
        let jobs = self.ended.collect()?;
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
