//! The flat state at one block, as `StateAt` of `sequencer/state/world_state.py`.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};

use super::{Environment, ReadTxn, StoreError, Table, WriteTxn, flat, pending};
use crate::changes::FlatAccount;

/// A block's number (8 bytes, big-endian) and hash.
pub type Mark = [u8; 40];

const HEAD_KEY: &[u8] = b"head";
const PRUNED_KEY: &[u8] = b"pruned";

/// The mark of a block.
pub fn mark_of(number: u64, hash: &B256) -> Mark {
    let mut mark = [0; 40];
    mark[..8].copy_from_slice(&number.to_be_bytes());
    mark[8..].copy_from_slice(hash.as_slice());
    mark
}

/// The block whose state the flat tables hold; None in a new store.
pub fn head_of(transaction: &ReadTxn) -> Result<Option<Mark>, StoreError> {
    read_mark(transaction.get(Table::Meta, HEAD_KEY)?)
}

/// The same as a write transaction sees it.
pub fn head_in(transaction: &WriteTxn) -> Result<Option<Mark>, StoreError> {
    read_mark(transaction.get(Table::Meta, HEAD_KEY)?)
}

fn read_mark(data: Option<&[u8]>) -> Result<Option<Mark>, StoreError> {
    match data {
        None => Ok(None),
        Some(data) => Ok(Some(data.try_into().map_err(|_| StoreError::Damaged("the head is no block id".into()))?)),
    }
}

/// Hash of the chain's block with that number.
pub fn canonical_hash(transaction: &ReadTxn, number: u64) -> Result<Option<&[u8]>, StoreError> {
    Ok(transaction.get(Table::Refs, &number.to_be_bytes())?.and_then(|reference| reference.get(..32)))
}

/// The number that a mark, or a key by block number, begins with.
pub fn number_of(data: &[u8]) -> u64 {
    data.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The state at one block, from the head back to the oldest state kept.
///
/// `begin` looks at the store once and says whether the block is part of the chain; within that look every read is
/// one of the same block, however the chain goes on.
#[derive(Clone)]
pub struct StateAt {
    pub env: Arc<Environment>,
    pub mark: Mark,
}

impl StateAt {
    pub fn new(env: Arc<Environment>, mark: Mark) -> Self {
        StateAt { env, mark }
    }

    /// Number of the block.
    pub fn number(&self) -> u64 {
        number_of(&self.mark)
    }

    /// A look that one thread may keep for many reads of this state; `Unavailable` where the block can not be read.
    pub fn begin(&self) -> Result<ReadTxn, StoreError> {
        self.place(self.env.begin_read()?)
    }

    /// Make a look that is there already one at this state.
    pub fn place(&self, mut transaction: ReadTxn) -> Result<ReadTxn, StoreError> {
        transaction.pending_from = pending::oldest_pending(&transaction)?;
        transaction.is_past = match head_of(&transaction)? {
            Some(head) if head == self.mark => false,
            Some(head) => {
                let oldest = transaction.get(Table::Meta, PRUNED_KEY)?.map_or(0, number_of);
                let number = self.number();
                let is_kept = (oldest..=number_of(&head)).contains(&number);
                if !is_kept || canonical_hash(&transaction, number)? != Some(&self.mark[8..]) {
                    return Err(StoreError::Unavailable);
                }
                true
            }
            None => return Err(StoreError::Unavailable),
        };
        Ok(transaction)
    }

    /// The account at an address.
    pub fn account(&self, transaction: &ReadTxn, address: &Address) -> Result<Option<FlatAccount>, StoreError> {
        flat::decode_account(self.read(transaction, Table::Accounts, b'a', address.as_slice())?)
    }

    /// The value of one storage slot.
    pub fn storage(&self, transaction: &ReadTxn, address: &Address, slot: &U256) -> Result<U256, StoreError> {
        flat::decode_value(self.read(transaction, Table::Storage, b's', &flat::slot_key(address, slot))?)
    }

    /// The code with that hash; None for one that no account ever had.
    pub fn code(&self, transaction: &ReadTxn, code_hash: &B256) -> Result<Option<Bytes>, StoreError> {
        if *code_hash == KECCAK256_EMPTY {
            return Ok(Some(Bytes::new()));
        }
        Ok(transaction.get(Table::Codes, code_hash.as_slice())?.map(Bytes::copy_from_slice))
    }

    /// Encoded value by key: `a` | address, `s` | address | slot, `c` | code hash; empty where there is nothing.
    pub fn encoded<'a>(&self, transaction: &'a ReadTxn, key: &[u8]) -> Result<&'a [u8], StoreError> {
        match key.split_first() {
            Some((b'a', rest)) => self.read(transaction, Table::Accounts, b'a', rest),
            Some((b's', rest)) => self.read(transaction, Table::Storage, b's', rest),
            Some((b'c', rest)) => Ok(transaction.get(Table::Codes, rest)?.unwrap_or_default()),
            _ => Err(StoreError::Failed("no key of the flat state".into())),
        }
    }

    fn read<'a>(&self, transaction: &'a ReadTxn, table: Table, kind: u8, key: &[u8]) -> Result<&'a [u8], StoreError> {
        if !transaction.is_past && transaction.pending_from.is_none() {
            return Ok(transaction.get(table, key)?.unwrap_or_default());
        }
        let mut wanted = [0u8; 1 + flat::SLOT_KEY_BYTES + 8];
        let size = 1 + key.len();
        if size > 1 + flat::SLOT_KEY_BYTES {
            return Err(StoreError::Failed("no key of the flat state".into()));
        }
        wanted[0] = kind;
        wanted[1..size].copy_from_slice(key);
        if let Some(oldest) = transaction.pending_from
            && let Some(value) = pending::pending_value(transaction, oldest, self.number(), &wanted[..size])?
        {
            return Ok(value);
        }
        if transaction.is_past {
            wanted[size..size + 8].copy_from_slice(&(self.number() + 1).to_be_bytes());
            if let Some((found, value)) = transaction.first_from(Table::History, &wanted[..size + 8])?
                && found.len() == size + 8
                && found[..size] == wanted[..size]
            {
                return Ok(value);
            }
        }
        Ok(transaction.get(table, key)?.unwrap_or_default())
    }
}
