//! One open environment, and its transactions.

use std::{ops::Bound, path::Path, sync::Arc};

use heed::{
    AnyTls, Database, Env, EnvFlags, EnvOpenOptions, MdbError, PutFlags, RoTxn, RwTxn, WithoutTls, types::Bytes,
};

use super::{StoreError, Table, gate::Gate};

/// Reader slots shared by all processes that have the environment open.
const MAX_READERS: u32 = 512;

type Handle = Database<Bytes, Bytes>;

/// Key and value of one record.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// An open environment. Reads from any thread; writes from one thread at a time.
pub struct Environment {
    gate: Gate,
    tables: [Handle; Table::ALL.len()],
}

impl Environment {
    /// Open the environment in the directory `path`; a writer makes it, and its tables, when there are none.
    pub fn open(path: &Path, read_only: bool, map_bytes: usize) -> Result<Arc<Self>, StoreError> {
        let page = page_bytes();
        let mut flags = EnvFlags::NO_READ_AHEAD | EnvFlags::NO_MEM_INIT;
        if read_only {
            flags |= EnvFlags::READ_ONLY;
        }
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(map_bytes.div_ceil(page) * page).max_readers(MAX_READERS).max_dbs(Table::ALL.len() as u32);
        // SAFETY: none of the flags gives up a guarantee of LMDB; the files are changed through LMDB alone.
        let environment = unsafe { options.flags(flags).open(path) }?;
        let used = (environment.info().last_page_number as u64 + 1) * u64::from(environment.stat().page_size);
        if environment.real_disk_size()? < used {
            // a read behind the end of the file would end the process
            return Err(StoreError::Damaged("data.mdb was cut off".into()));
        }
        let tables = if read_only { open_tables(&environment) } else { make_tables(&environment) }?;
        Ok(Arc::new(Environment { gate: Gate::new(environment), tables }))
    }

    /// A consistent look. Begin no other one in the same thread meanwhile: the map can not grow while it lives.
    pub fn begin_read(self: &Arc<Self>) -> Result<ReadTxn, StoreError> {
        loop {
            let environment = self.gate.enter()?;
            if let Some(transaction) = self.begin_entered(environment)? {
                return Ok(transaction);
            }
        }
    }

    /// The same, but None where it would have to wait.
    pub fn try_begin_read(self: &Arc<Self>) -> Result<Option<ReadTxn>, StoreError> {
        match self.gate.try_enter()? {
            Some(environment) => self.begin_entered(environment),
            None => Ok(None),
        }
    }

    fn begin_entered(self: &Arc<Self>, environment: Env<WithoutTls>) -> Result<Option<ReadTxn>, StoreError> {
        let permit = Permit(self.clone());
        match environment.static_read_txn() {
            Ok(transaction) => Ok(Some(ReadTxn { transaction, permit, is_past: false, pending_from: None })),
            Err(heed::Error::Mdb(MdbError::MapResized)) => {
                // the writer, in another process, made the map larger
                drop(permit);
                self.resize(|_| 0)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The one transaction that may change the store; it stays in the thread that began it.
    pub fn begin_write(self: &Arc<Self>) -> Result<WriteTxn, StoreError> {
        let environment = Box::new(self.gate.environment()?);
        let transaction = environment.write_txn()?;
        // SAFETY: the transaction borrows from `environment`, whose place on the heap does not move and which is
        // dropped after it: fields are dropped in the order of their declaration.
        let transaction = unsafe { std::mem::transmute::<RwTxn<'_>, RwTxn<'static>>(transaction) };
        Ok(WriteTxn { transaction, _environment: environment, store: self.clone() })
    }

    /// Double the map; no write transaction may be open.
    pub fn grow(&self) -> Result<(), StoreError> {
        self.resize(|size| size * 2)
    }

    fn resize(&self, new_size: impl FnOnce(usize) -> usize) -> Result<(), StoreError> {
        self.gate.alone(|environment| {
            let environment = environment.as_ref().ok_or(StoreError::Closed)?;
            // SAFETY: the gate holds: no transaction of this process is open.
            unsafe { environment.resize(new_size(environment.info().map_size)) }?;
            Ok(())
        })
    }

    /// Give back the slots of readers that were killed; returns how many there were.
    pub fn check_readers(&self) -> Result<usize, StoreError> {
        Ok(self.gate.environment()?.clear_stale_readers()?)
    }

    /// Slots in use, this process's and others'.
    pub fn map_bytes(&self) -> Result<usize, StoreError> {
        Ok(self.gate.environment()?.info().map_size)
    }

    /// Wait for this process's readers, and give the environment back; everything fails from here on.
    pub fn close(&self) {
        self.gate.alone(|environment| drop(environment.take()));
    }

    fn handle(&self, table: Table) -> Handle {
        self.tables[table as usize]
    }
}

fn page_bytes() -> usize {
    const LARGEST_PAGE: usize = 1 << 16;
    LARGEST_PAGE
}

fn make_tables(environment: &Env<WithoutTls>) -> Result<[Handle; Table::ALL.len()], StoreError> {
    let mut transaction = environment.write_txn()?;
    let mut made = Vec::with_capacity(Table::ALL.len());
    for table in Table::ALL {
        made.push(environment.create_database(&mut transaction, Some(table.name()))?);
    }
    transaction.commit()?;
    made.try_into().map_err(|_| StoreError::Failed("tables".into()))
}

fn open_tables(environment: &Env<WithoutTls>) -> Result<[Handle; Table::ALL.len()], StoreError> {
    let transaction = environment.read_txn()?;
    let mut found = Vec::with_capacity(Table::ALL.len());
    for table in Table::ALL {
        match environment.open_database(&transaction, Some(table.name()))? {
            Some(handle) => found.push(handle),
            None => return Err(StoreError::Damaged(format!("there is no table {}", table.name()))),
        }
    }
    transaction.commit()?; // keeps the handles
    found.try_into().map_err(|_| StoreError::Failed("tables".into()))
}

/// A reader's place within the gate.
struct Permit(Arc<Environment>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.gate.leave();
    }
}

/// A consistent look at the store.
pub struct ReadTxn {
    transaction: RoTxn<'static, WithoutTls>,
    permit: Permit,
    /// For `StateAt`: whether its block is below the head of this look.
    pub(super) is_past: bool,
    /// For `StateAt`: the oldest block that is not settled.
    pub(super) pending_from: Option<u64>,
}

impl ReadTxn {
    /// The value under `key`.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        get(self.permit.0.handle(table), &self.transaction, key)
    }

    /// The entry with the smallest key that is not below `key`.
    pub fn first_from(&self, table: Table, key: &[u8]) -> Result<Option<Entry<'_>>, StoreError> {
        first_from(self.permit.0.handle(table), &self.transaction, key)
    }

    /// Entries from `key` on, ascending.
    pub fn from_key(&self, table: Table, key: &[u8]) -> Result<Entries<'_>, StoreError> {
        from_key(self.permit.0.handle(table), &self.transaction, key)
    }

    /// Number of entries.
    pub fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.permit.0.handle(table).len(&self.transaction)?)
    }

    /// The environment that is looked at.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.permit.0
    }
}

/// Entries of one table in ascending order of their keys.
pub type Entries<'a> = heed::RoRange<'a, Bytes, Bytes>;

/// The transaction that changes the store; dropped without `commit`, it changes nothing.
pub struct WriteTxn {
    transaction: RwTxn<'static>,
    _environment: Box<Env<WithoutTls>>,
    store: Arc<Environment>,
}

impl WriteTxn {
    /// The value under `key`.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        get(self.store.handle(table), &self.transaction, key)
    }

    /// The entry with the smallest key that is not below `key`.
    pub fn first_from(&self, table: Table, key: &[u8]) -> Result<Option<Entry<'_>>, StoreError> {
        first_from(self.store.handle(table), &self.transaction, key)
    }

    /// Entries from `key` on, ascending.
    pub fn from_key(&self, table: Table, key: &[u8]) -> Result<Entries<'_>, StoreError> {
        from_key(self.store.handle(table), &self.transaction, key)
    }

    /// Number of entries.
    pub fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.store.handle(table).len(&self.transaction)?)
    }

    /// Set the value under `key`.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        Ok(self.store.handle(table).put(&mut self.transaction, key, value)?)
    }

    /// Set the value under `key`, which is above every key of the table: pages fill up one after the other.
    pub fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        Ok(self.store.handle(table).put_with_flags(&mut self.transaction, PutFlags::APPEND, key, value)?)
    }

    /// Remove the entry under `key`, if there is one.
    pub fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.store.handle(table).delete(&mut self.transaction, key)?;
        Ok(())
    }

    /// Remove every entry with a key in `[first, end)`; no `end` is the end of the table.
    pub fn delete_range(&mut self, table: Table, first: &[u8], end: Option<&[u8]>) -> Result<usize, StoreError> {
        let range = (Bound::Included(first), end.map_or(Bound::Unbounded, Bound::Excluded));
        Ok(self.store.handle(table).delete_range(&mut self.transaction, &range)?)
    }

    /// Remove every entry of a table.
    pub fn clear(&mut self, table: Table) -> Result<(), StoreError> {
        Ok(self.store.handle(table).clear(&mut self.transaction)?)
    }

    /// Make all of it durable.
    pub fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }
}

fn get<'a>(table: Handle, transaction: &'a RoTxn<'_, AnyTls>, key: &[u8]) -> Result<Option<&'a [u8]>, StoreError> {
    Ok(table.get(transaction, key)?)
}

fn first_from<'a>(
    table: Handle,
    transaction: &'a RoTxn<'_, AnyTls>,
    key: &[u8],
) -> Result<Option<Entry<'a>>, StoreError> {
    Ok(table.get_greater_than_or_equal_to(transaction, key)?)
}

fn from_key<'a>(table: Handle, transaction: &'a RoTxn<'_, AnyTls>, key: &[u8]) -> Result<Entries<'a>, StoreError> {
    let first = if key.is_empty() { Bound::Unbounded } else { Bound::Included(key) }; // LMDB has no empty keys
    let range: (Bound<&[u8]>, Bound<&[u8]>) = (first, Bound::Unbounded);
    Ok(table.range(transaction, &range)?)
}
