//! A few threads that work on the items of one job: beside the thread that brought it, or instead of it.
//!
//! They start with the first job that is worth sharing, wait for the next one, and end with the process. A process that
//! was forked from ours has none of them, and starts its own. They wait by the standard library's lock, which is a word
//! that the kernel knows: `parking_lot` keeps who waits in a table of the process, a fork takes the table along without
//! the threads, and whoever waits next in the child may never be woken.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Items that one thread takes at a time: a few hundred microseconds of recovery.
const CHUNK: usize = 4;

static POOL: Mutex<Option<Arc<Pool>>> = Mutex::new(None);

type Task = Box<dyn FnOnce() + Send>;

struct Pool {
    process: u32,
    tasks: Mutex<VecDeque<Task>>,
    has_task: Condvar,
}

impl Pool {
    /// Let `shares` threads take part in the job.
    fn share<T, R>(&self, job: &Arc<Job<T, R>>, shares: usize)
    where
        T: Send + Sync + 'static,
        R: Send + 'static,
    {
        let mut tasks = locked(&self.tasks);
        for _ in 0..shares {
            let job = Arc::clone(job);
            tasks.push_back(Box::new(move || job.take_part()));
        }
        drop(tasks);
        for _ in 0..shares {
            self.has_task.notify_one();
        }
    }
}

/// Number of threads that work by default: one a core. Asked once, since the system reads files for it.
pub fn default_threads() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

type OnDone<R> = Box<dyn FnOnce(Vec<Option<R>>) + Send>;

struct Job<T, R> {
    items: Vec<T>,
    next: AtomicUsize,
    work: fn(&T) -> Option<R>,
    state: Mutex<State<R>>,
}

struct State<R> {
    done: usize,
    results: Vec<Option<R>>,
    on_done: Option<OnDone<R>>,
}

impl<T, R> Job<T, R> {
    fn new(items: Vec<T>, work: fn(&T) -> Option<R>, on_done: OnDone<R>) -> Self {
        let results = items.iter().map(|_| None).collect();
        Self {
            items,
            next: AtomicUsize::new(0),
            work,
            state: Mutex::new(State { done: 0, results, on_done: Some(on_done) }),
        }
    }

    /// Work on chunks until none is left; who finishes the last one tells.
    fn take_part(&self) {
        loop {
            let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(items) = self.items.get(start..(start + CHUNK).min(self.items.len())) else { return };
            if items.is_empty() {
                return;
            }
            let made: Vec<_> = items.iter().map(|item| guarded(self.work, item)).collect();
            let mut state = locked(&self.state);
            state.done += made.len();
            for (place, result) in state.results[start..].iter_mut().zip(made) {
                *place = result;
            }
            if state.done == self.items.len()
                && let Some(on_done) = state.on_done.take()
            {
                let results = std::mem::take(&mut state.results);
                drop(state);
                on_done(results);
                return;
            }
        }
    }
}

/// The results of `work` over `items` in their order, on up to `threads` threads; an item whose work panics has none.
pub fn map<T, R>(items: Vec<T>, threads: usize, work: fn(&T) -> Option<R>) -> Vec<Option<R>>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let shares = threads.min(items.len() / CHUNK);
    if shares < 2 {
        return items.iter().map(|item| guarded(work, item)).collect();
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let job = Arc::new(Job::new(items, work, Box::new(move |results| drop(sender.send(results)))));
    if let Some(pool) = pool() {
        pool.share(&job, shares - 1);
    }
    job.take_part();
    receiver.recv().unwrap_or_default()
}

/// The same on the threads alone: `on_done` hears the results from the thread that finishes last, or from this one
/// where the system gives no threads.
pub fn start<T, R>(items: Vec<T>, work: fn(&T) -> Option<R>, on_done: impl FnOnce(Vec<Option<R>>) + Send + 'static)
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    if items.is_empty() {
        return on_done(Vec::new());
    }
    let shares = items.len().div_ceil(CHUNK).min(default_threads());
    let job = Arc::new(Job::new(items, work, Box::new(on_done)));
    match pool() {
        Some(pool) => pool.share(&job, shares),
        None => job.take_part(),
    }
}

/// The value behind a lock; what is done under these locks leaves nothing half done when it panics.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn guarded<T, R>(work: fn(&T) -> Option<R>, item: &T) -> Option<R> {
    catch_unwind(AssertUnwindSafe(|| work(item))).unwrap_or(None)
}

/// The threads of this process; None when the system gives no thread (the caller then works alone).
fn pool() -> Option<Arc<Pool>> {
    let process = std::process::id();
    let mut held = locked(&POOL);
    if let Some(pool) = held.as_ref().filter(|pool| pool.process == process) {
        return Some(Arc::clone(pool));
    }
    let pool = Arc::new(Pool { process, tasks: Mutex::new(VecDeque::new()), has_task: Condvar::new() });
    for number in 0..default_threads() {
        let pool = Arc::clone(&pool);
        let thread = std::thread::Builder::new().name(format!("recovery-{number}"));
        thread.spawn(move || serve(&pool)).ok()?;
    }
    *held = Some(Arc::clone(&pool));
    Some(pool)
}

fn serve(pool: &Pool) {
    loop {
        let mut tasks = locked(&pool.tasks);
        let task = loop {
            match tasks.pop_front() {
                Some(task) => break task,
                None => tasks = pool.has_task.wait(tasks).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(tasks);
        task();
    }
}

#[cfg(test)]
mod tests {
    use super::{map, start};

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        for count in [0, 1, 7, 8, 9, 1000] {
            for threads in [1, 2, 4] {
                let items: Vec<u64> = (0..count).collect();
                let results = map(items, threads, |item| Some(item * 2));

                assert_eq!(results, (0..count).map(|item| Some(item * 2)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn started_jobs_end_with_all_results_in_order() {
        let (sender, receiver) = std::sync::mpsc::channel();
        for count in [0, 1, 5, 100] {
            let sender = sender.clone();
            let on_done = move |results: Vec<Option<u64>>| sender.send((count, results)).unwrap_or(());
            start((0..count).collect(), |item| Some(item + 1), on_done);
        }
        drop(sender);
        let mut ended: Vec<_> = receiver.iter().collect();
        ended.sort();

        assert_eq!(ended.len(), 4);
        for (count, results) in ended {
            assert_eq!(results, (0..count).map(|item| Some(item + 1)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_item_whose_work_panics_has_no_result_and_the_others_have_theirs() {
        let results = map((0..64).collect(), 2, |item: &u64| if *item == 33 { panic!("33") } else { Some(*item) });

        assert_eq!(results.iter().filter(|result| result.is_none()).count(), 1);
        assert_eq!(results[33], None);
    }
}
