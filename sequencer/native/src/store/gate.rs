//! Counts this process's read transactions, so that the map can be resized in a moment without any.

use heed::{Env, WithoutTls};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::StoreError;

struct Inside {
    environment: Option<Env<WithoutTls>>,
    active: usize,
    is_shut: bool,
}

/// The way to the environment. Readers enter and leave; `alone` waits for a moment without readers.
pub struct Gate {
    inside: Mutex<Inside>,
    moved: Condvar,
}

impl Gate {
    pub fn new(environment: Env<WithoutTls>) -> Self {
        let inside = Inside { environment: Some(environment), active: 0, is_shut: false };
        Gate { inside: Mutex::new(inside), moved: Condvar::new() }
    }

    /// Enter as a reader, after a wait while somebody is `alone`. Each enter needs a `leave`.
    pub fn enter(&self) -> Result<Env<WithoutTls>, StoreError> {
        let mut inside = self.inside.lock();
        while inside.is_shut {
            self.moved.wait(&mut inside);
        }
        Self::count_in(&mut inside)
    }

    /// The same without a wait; None when it would be one.
    pub fn try_enter(&self) -> Result<Option<Env<WithoutTls>>, StoreError> {
        let mut inside = self.inside.lock();
        if inside.is_shut { Ok(None) } else { Self::count_in(&mut inside).map(Some) }
    }

    fn count_in(inside: &mut MutexGuard<'_, Inside>) -> Result<Env<WithoutTls>, StoreError> {
        let environment = inside.environment.clone().ok_or(StoreError::Closed)?;
        inside.active += 1;
        Ok(environment)
    }

    pub fn leave(&self) {
        let mut inside = self.inside.lock();
        inside.active -= 1;
        if inside.is_shut && inside.active == 0 {
            self.moved.notify_all();
        }
    }

    /// The environment, for who counts as no reader.
    pub fn environment(&self) -> Result<Env<WithoutTls>, StoreError> {
        self.inside.lock().environment.clone().ok_or(StoreError::Closed)
    }

    /// Run `change` when this process has no read transaction, and let none begin meanwhile.
    pub fn alone<T>(&self, change: impl FnOnce(&mut Option<Env<WithoutTls>>) -> T) -> T {
        let mut inside = self.inside.lock();
        while inside.is_shut {
            self.moved.wait(&mut inside);
        }
        inside.is_shut = true;
        while inside.active > 0 {
            self.moved.wait(&mut inside);
        }
        let result = change(&mut inside.environment);
        inside.is_shut = false;
        self.moved.notify_all();
        result
    }
}
