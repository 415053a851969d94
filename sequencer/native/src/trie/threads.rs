//! The threads that a root is computed on, each with a view of its own.

use super::view::View;
use crate::store::StoreError;

/// Threads that a root is computed on.
pub fn threads() -> usize {
    const MOST: usize = 16;
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// Run `work` once a view, each on a thread of its own, the first on this one.
pub fn on_threads<'v, T: Send>(
    views: &[View<'v>],
    work: impl Fn(&View<'v>) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    let Some((first, others)) = views.split_first() else { return Ok(Vec::new()) };
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = others.iter().map(|view| scope.spawn(move || work(view))).collect();
        let mut results = vec![work(first)];
        for thread in running {
            results.push(thread.join().unwrap_or_else(|_| Err(StoreError::Failed("a trie thread panicked".into()))));
        }
        results.into_iter().collect()
    })
}
