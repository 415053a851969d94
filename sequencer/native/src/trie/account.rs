//! Leaves of the account trie: nonce, balance, storage root, code hash (Yellow Paper, 4.1).

use alloy_primitives::B256;
use alloy_trie::EMPTY_ROOT_HASH;

use super::nodes::{put_list, put_string};
use crate::{changes::FlatAccount, store::StoreError};

/// Where the storage root ends, from the leaf's end: behind it stands the code hash with its prefix.
const BEHIND_ROOT: usize = 33;

/// New fields (None: as they were), and the new storage root (None: as it was).
pub struct AccountChange {
    pub account: Option<FlatAccount>,
    pub storage_root: Option<B256>,
}

impl AccountChange {
    /// The leaf's value after the change; None for no leaf.
    pub fn apply(&self, old: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        match (&self.account, old) {
            (Some(account), _) => {
                let root = match (self.storage_root, old) {
                    (Some(root), _) => root,
                    (None, Some(old)) => storage_root(old)?,
                    (None, None) => EMPTY_ROOT_HASH,
                };
                Ok(Some(leaf(account, &root)))
            }
            (None, Some(old)) => {
                let mut leaf = old.to_vec();
                if let Some(root) = self.storage_root {
                    let place = root_place(old)?;
                    leaf[place].copy_from_slice(root.as_slice());
                }
                Ok(Some(leaf))
            }
            (None, None) => Ok(None), // storage of an account that does not exist: nothing to commit to
        }
    }
}

/// The value of an account's leaf.
pub fn leaf(account: &FlatAccount, storage_root: &B256) -> Vec<u8> {
    let mut payload = Vec::with_capacity(110);
    put_string(&mut payload, trimmed(&account.nonce.to_be_bytes()));
    put_string(&mut payload, trimmed(&account.balance.to_be_bytes::<32>()));
    put_string(&mut payload, storage_root.as_slice());
    put_string(&mut payload, account.code_hash.as_slice());
    let mut leaf = Vec::with_capacity(payload.len() + 2);
    put_list(&mut leaf, &payload);
    leaf
}

/// The storage root in the value of an account's leaf.
pub fn storage_root(leaf: &[u8]) -> Result<B256, StoreError> {
    Ok(B256::from_slice(&leaf[root_place(leaf)?]))
}

fn root_place(leaf: &[u8]) -> Result<std::ops::Range<usize>, StoreError> {
    let end = leaf.len().checked_sub(BEHIND_ROOT).filter(|end| *end >= 32);
    end.map(|end| end - 32..end).ok_or_else(|| StoreError::Damaged("an account's leaf is malformed".into()))
}

/// Without leading zero bytes.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    &bytes[start..]
}
