//! Values by account and slot; whether an account has any is known without a search, since wipes of accounts that have
//! none (balance before creation) are cheap to ask for.

use alloy_primitives::map::{Entry, HashMap, HashSet};
use alloy_primitives::{Address, U256};

/// See the module.
pub struct Slots<T> {
    values: HashMap<(Address, U256), T>,
    owners: HashSet<Address>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { values: HashMap::default(), owners: HashSet::default() }
    }
}

impl<T> Slots<T> {
    pub fn get(&self, address: &Address, slot: &U256) -> Option<&T> {
        self.values.get(&(*address, *slot))
    }

    /// The value of the slot, made where there is none.
    pub fn entry(&mut self, address: Address, slot: U256, make: impl FnOnce() -> T) -> &mut T {
        match self.values.entry((address, slot)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(vacant) => {
                self.owners.insert(address);
                vacant.insert(make())
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&(Address, U256), &T)> {
        self.values.iter()
    }

    pub fn change_all(&mut self, address: &Address, change: impl Fn(&mut T)) {
        if self.owners.contains(address) {
            self.values.iter_mut().filter(|((owner, _), _)| owner == address).for_each(|(_, value)| change(value));
        }
    }

    pub fn remove_all(&mut self, address: &Address) {
        if self.owners.remove(address) {
            self.values.retain(|(owner, _), _| owner != address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{FAR_MORE, quickest, sender};

    const SLOTS: u64 = 50_000;

    fn filled() -> Slots<u64> {
        let mut slots = Slots::default();
        for slot in 0..SLOTS {
            slots.entry(sender(0), U256::from(slot), || slot);
        }
        slots
    }

    #[test]
    fn only_the_account_that_is_meant_changes() {
        let (mut slots, other) = (filled(), sender(1));
        slots.entry(other, U256::from(3), || 3);
        slots.change_all(&other, |value| *value = 7);
        assert_eq!((slots.get(&other, &U256::from(3)), slots.get(&sender(0), &U256::from(3))), (Some(&7), Some(&3)));
        slots.remove_all(&sender(0));
        assert_eq!((slots.get(&other, &U256::from(3)), slots.get(&sender(0), &U256::from(3))), (Some(&7), None));
        assert_eq!(slots.iter().count(), 1);
    }

    #[test]
    fn wipes_of_accounts_without_storage_do_not_pass_by_all_storage() {
        let mut slots = filled();
        let once = quickest(3, || drop(filled()));
        let wipes = quickest(1, || {
            for index in 1..5_000 {
                slots.change_all(&sender(index), |value| *value = 0);
                slots.remove_all(&sender(index));
            }
        });
        assert_eq!(slots.iter().count() as u64, SLOTS);
        assert!(wipes < FAR_MORE * once, "{wipes:?} for wipes, {once:?} to fill the storage");
    }
}
