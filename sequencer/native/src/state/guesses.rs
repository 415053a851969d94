//! Values that another place than the store holds for committed: one run of one slice may use them.
//!
//! Nobody hears of what came of that run before the source was asked for every one of them. So a wrong guess costs a
//! run, and never stands in a block.

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, U256};

use super::source::{Base, ReadError};
use super::{Location, Value};
use crate::changes::FlatAccount;

/// Values by location, not checked.
#[derive(Default)]
pub struct Guesses(HashMap<Location, Value>);

impl Guesses {
    pub fn new(values: impl IntoIterator<Item = (Location, Value)>) -> Self {
        Self(values.into_iter().collect())
    }

    pub fn account(&self, address: &Address) -> Option<Option<FlatAccount>> {
        match self.0.get(&Location::Account(*address)) {
            Some(Value::Account(account)) => Some(*account),
            _ => None,
        }
    }

    pub fn storage(&self, address: &Address, slot: &U256) -> Option<U256> {
        match self.0.get(&Location::Slot(*address, *slot)) {
            Some(Value::Slot(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether the source of `base` says the same everywhere; what it says is in the cache afterwards.
    pub fn check(&self, base: &Base) -> Result<bool, ReadError> {
        let mut reader = base.reader()?;
        let mut is_right = true;
        for (location, guess) in &self.0 {
            let value = match location {
                Location::Account(address) => Value::Account(reader.account(address)?),
                Location::Slot(address, slot) => Value::Slot(reader.storage(address, slot)?),
            };
            is_right &= value == *guess;
        }
        Ok(is_right)
    }
}
