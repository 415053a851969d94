//! What can go wrong with the store, and how Python hears of it.

use std::fmt;

/// Why a read, a write or an opening failed.
#[derive(Debug)]
pub enum StoreError {
    /// The commit does not fit into the map: the caller grows it and begins again.
    MapFull,
    /// The environment is open in a process whose LMDB has another lock format.
    OtherLibrary,
    /// What is in the directory does not read as a store.
    Damaged(String),
    /// The state of that block can not be read: pruned, unwound, or not there yet.
    Unavailable,
    /// The environment was closed, or the transaction ended.
    Closed,
    /// Everything else that LMDB or the system reports.
    Failed(String),
}

impl StoreError {
    /// A short name of the case, for Python.
    pub fn kind(&self) -> &'static str {
        match self {
            StoreError::MapFull => "map_full",
            StoreError::OtherLibrary => "other_library",
            StoreError::Damaged(_) => "damaged",
            StoreError::Unavailable => "unavailable",
            StoreError::Closed => "closed",
            StoreError::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::MapFull => formatter.write_str("the map is full"),
            StoreError::OtherLibrary => formatter.write_str("it is open in a process with another build of LMDB"),
            StoreError::Damaged(reason) => write!(formatter, "damaged: {reason}"),
            StoreError::Unavailable => formatter.write_str("the state of that block is not available"),
            StoreError::Closed => formatter.write_str("the store is closed"),
            StoreError::Failed(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<heed::Error> for StoreError {
    fn from(error: heed::Error) -> Self {
        use heed::{Error, MdbError};
        match error {
            Error::Mdb(MdbError::MapFull) => StoreError::MapFull,
            Error::Mdb(MdbError::VersionMismatch) => StoreError::OtherLibrary,
            Error::Mdb(MdbError::Corrupted | MdbError::PageNotFound | MdbError::Invalid | MdbError::Incompatible) => {
                StoreError::Damaged(error.to_string())
            }
            _ => StoreError::Failed(error.to_string()),
        }
    }
}
