//! What a block (or a slice, or one transaction) changes in the flat state, as `sequencer/state/changes.py` has it.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, map::HashMap, map::HashSet};

/// Nonce, balance in wei and code hash of one address; storage is kept apart, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlatAccount {
    pub nonce: u64,
    pub balance: U256,
    pub code_hash: B256,
}

impl Default for FlatAccount {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY }
    }
}

impl FlatAccount {
    /// No nonce, no balance, no code (EIP-161): such an account does not exist once touched.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }
}

/// New values by key. An account of None is deleted, and all its storage with it; a slot of 0 is deleted.
///
/// Storage of an account in `wiped` starts from nothing: older slots are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub accounts: HashMap<Address, Option<FlatAccount>>,
    pub storage: HashMap<Address, HashMap<U256, U256>>,
    pub codes: HashMap<B256, Bytes>,
    pub wiped: HashSet<Address>,
}
