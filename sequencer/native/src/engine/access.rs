//! Who read and wrote what: one record an included transaction, and its form for Python (`execution/access_list.py`).

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use alloy_primitives::map::HashMap;

use super::environment::Environment;
use super::outcome::{Executed, Payments, Read, Write};
use super::slice::Owed;
use crate::changes::FlatAccount;
use crate::state::{Location, Value};
use crate::store::flat::{encode_account, encode_value, slot_key};

/// What one transaction looked at and changed.
#[derive(Default)]
pub struct AccessRecord {
    pub reads: Vec<Read>,
    pub own_slots: Vec<Location>,
    pub writes: Vec<Write>,
    pub payments: Payments,
    pub runs: u32,
    pub conflict: Option<Location>,
}

/// Keys, and keys with values, in the encoding of the flat state.
pub struct EncodedAccess {
    pub reads: Vec<Vec<u8>>,
    pub writes: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the written accounts were before.
    pub before: Vec<(Vec<u8>, Vec<u8>)>,
    pub runs: u32,
    pub conflict: Option<Vec<u8>>,
}

pub fn encode_location(location: &Location) -> Vec<u8> {
    match location {
        Location::Account(address) => [b"a", address.as_slice()].concat(),
        Location::Slot(address, slot) => [b"s".as_slice(), &slot_key(address, slot)].concat(),
    }
}

/// The records with what the fee recipients got written out; `recipients` are their accounts before and after.
pub fn encode_accesses(
    records: &[AccessRecord],
    environment: &Environment,
    recipients: &mut [Option<FlatAccount>],
) -> Vec<EncodedAccess> {
    records.iter().map(|record| encode_access(record, environment, recipients)).collect()
}

fn encode_access(
    record: &AccessRecord,
    environment: &Environment,
    recipients: &mut [Option<FlatAccount>],
) -> EncodedAccess {
    let loaded = record.reads.iter().map(|read| &read.location).chain(&record.own_slots);
    let reads: BTreeSet<Vec<u8>> = loaded.map(encode_location).collect();
    let mut writes: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut before: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut after = recipients.to_vec();
    let read = accounts_read(&record.reads);
    for write in &record.writes {
        match write {
            Write::Account(address, account) => match environment.recipient(address) {
                Some(index) => after[index] = *account,
                None => {
                    let key = encode_location(&Location::Account(*address));
                    writes.insert(key.clone(), encode_account(account.as_ref()));
                    if let Some(account) = read.get(address) {
                        before.insert(key, encode_account(account.as_ref()));
                    }
                }
            },
            Write::Slot(address, slot, value) => {
                writes.insert(encode_location(&Location::Slot(*address, *slot)), encode_value(value));
            }
            Write::Wipe(_) => {}
        }
    }
    let mut owed = Owed::default();
    owed.add(&record.payments);
    for (index, recipient) in environment.paid().iter().enumerate() {
        let account = owed.pay(index, after[index]);
        if account != recipients[index] {
            let key = encode_location(&Location::Account(*recipient));
            writes.insert(key.clone(), encode_account(account.as_ref()));
            before.insert(key, encode_account(recipients[index].as_ref()));
        }
        recipients[index] = account;
    }
    EncodedAccess {
        reads: reads.into_iter().collect(),
        writes: writes.into_iter().collect(),
        before: before.into_iter().collect(),
        runs: record.runs,
        conflict: record.conflict.as_ref().map(encode_location),
    }
}

/// Accounts as they were when the transaction first looked at them.
fn accounts_read(reads: &[Read]) -> HashMap<Address, Option<FlatAccount>> {
    let mut found = HashMap::default();
    for read in reads {
        if let (Location::Account(address), Value::Account(account)) = (read.location, read.value) {
            found.entry(address).or_insert(account);
        }
    }
    found
}

/// What the protocol did outside transactions, as one record: what it only read is not listed.
pub fn outside(executed: &Executed) -> AccessRecord {
    AccessRecord { writes: executed.writes.clone(), reads: executed.reads.clone(), runs: 1, ..AccessRecord::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{FAR_MORE, environment, quickest, sender};

    #[test]
    fn accounts_before_are_found_without_passing_by_all_reads() {
        let account = |nonce| Some(FlatAccount { nonce, ..FlatAccount::default() });
        let reads: Vec<Read> = (0..40_000)
            .map(|index| Read {
                location: Location::Account(sender(index)),
                value: Value::Account(account(index)),
                is_from_slice: false,
            })
            .collect();
        let writes = (0..40_000).map(|index| Write::Account(sender(index), account(index + 1))).collect();
        let encode = |record: &AccessRecord| encode_access(record, &environment(), &mut [None; 4]);
        let only_reads = AccessRecord { reads: reads.clone(), ..AccessRecord::default() };
        let both = AccessRecord { reads, writes, ..AccessRecord::default() };
        let key = encode_location(&Location::Account(sender(7)));
        let found = encode(&both).before.into_iter().find(|(account, _)| *account == key);

        let (alone, together) = (quickest(2, || drop(encode(&only_reads))), quickest(2, || drop(encode(&both))));

        assert_eq!(found, Some((key, encode_account(account(7).as_ref()))));
        assert!(together < FAR_MORE * alone, "{together:?} with writes, {alone:?} without");
    }
}
