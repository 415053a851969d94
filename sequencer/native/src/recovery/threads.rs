//! A few threads that share the items of one job with the thread that brought it.
//!
//! They start with the first job that is worth sharing, wait for the next one, and end with the process. A process that
//! was forked from ours has none of them, and starts its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// Items that one thread takes at a time: a few hundred microseconds of recovery.
const CHUNK: usize = 4;

static POOL: Mutex<Option<Arc<Pool>>> = Mutex::new(None);

type Task = Arc<dyn Fn() + Send + Sync>;

struct Pool {
    process: u32,
    tasks: Mutex<VecDeque<Task>>,
    has_task: Condvar,
}

/// Number of threads that work by default: one a core.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

struct Job<T, R> {
    items: Vec<T>,
    next: AtomicUsize,
    done: Mutex<(usize, Vec<Option<R>>)>,
    is_done: Condvar,
    work: fn(&T) -> Option<R>,
}

impl<T, R> Job<T, R> {
    /// Work on chunks until none is left.
    fn take_part(&self) {
        loop {
            let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(items) = self.items.get(start..(start + CHUNK).min(self.items.len())) else { return };
            let results: Vec<_> = items.iter().map(|item| guarded(self.work, item)).collect();
            let mut done = self.done.lock();
            done.0 += results.len();
            for (place, result) in done.1[start..].iter_mut().zip(results) {
                *place = result;
            }
            if done.0 == self.items.len() {
                self.is_done.notify_all();
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
    let empty = items.iter().map(|_| None).collect();
    let job =
        Arc::new(Job { items, next: AtomicUsize::new(0), done: Mutex::new((0, empty)), is_done: Condvar::new(), work });
    if let Some(pool) = pool() {
        let mut tasks = pool.tasks.lock();
        for _ in 1..shares {
            let job = Arc::clone(&job);
            tasks.push_back(Arc::new(move || job.take_part()));
            pool.has_task.notify_one();
        }
    }
    job.take_part();
    let mut done = job.done.lock();
    while done.0 < job.items.len() {
        job.is_done.wait(&mut done);
    }
    std::mem::take(&mut done.1)
}

fn guarded<T, R>(work: fn(&T) -> Option<R>, item: &T) -> Option<R> {
    catch_unwind(AssertUnwindSafe(|| work(item))).unwrap_or(None)
}

/// The threads of this process; None when the system gives no thread (the caller then works alone).
fn pool() -> Option<Arc<Pool>> {
    let process = std::process::id();
    let mut held = POOL.lock();
    if let Some(pool) = held.as_ref().filter(|pool| pool.process == process) {
        return Some(Arc::clone(pool));
    }
    let pool = Arc::new(Pool { process, tasks: Mutex::new(VecDeque::new()), has_task: Condvar::new() });
    for number in 1..default_threads().max(2) {
        let pool = Arc::clone(&pool);
        let thread = std::thread::Builder::new().name(format!("recovery-{number}"));
        thread.spawn(move || serve(&pool)).ok()?;
    }
    *held = Some(Arc::clone(&pool));
    Some(pool)
}

fn serve(pool: &Pool) {
    loop {
        let mut tasks = pool.tasks.lock();
        let task = loop {
            match tasks.pop_front() {
                Some(task) => break task,
                None => pool.has_task.wait(&mut tasks),
            }
        };
        drop(tasks);
        task();
    }
}

#[cfg(test)]
mod tests {
    use super::map;

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
    fn an_item_whose_work_panics_has_no_result_and_the_others_have_theirs() {
        let results = map((0..64).collect(), 2, |item: &u64| if *item == 33 { panic!("33") } else { Some(*item) });

        assert_eq!(results.iter().filter(|result| result.is_none()).count(), 1);
        assert_eq!(results[33], None);
    }
}
