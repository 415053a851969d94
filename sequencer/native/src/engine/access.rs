//! Who read and wrote what: one record an included transaction, and its form for Python (`execution/access_list.py`).

use std::collections::{BTreeMap, BTreeSet};

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
    for write in &record.writes {
        match write {
            Write::Account(address, account) => match environment.recipient(address) {
                Some(index) => after[index] = *account,
                None => {
                    let key = encode_location(&Location::Account(*address));
                    writes.insert(key.clone(), encode_account(account.as_ref()));
                    let found = record.reads.iter().find(|read| read.location == Location::Account(*address));
                    if let Some(Read { value: Value::Account(account), .. }) = found {
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

/// What the protocol did outside transactions, as one record: what it only read is not listed.
pub fn outside(executed: &Executed) -> AccessRecord {
    AccessRecord { writes: executed.writes.clone(), reads: executed.reads.clone(), runs: 1, ..AccessRecord::default() }
}
