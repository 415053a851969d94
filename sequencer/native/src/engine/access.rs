//! Who read and wrote what: one record an included transaction, and its form for Python (`execution/access_list.py`).

use alloy_primitives::map::HashSet;

use super::environment::Environment;
use super::outcome::{Payments, Write};
use super::slice::Owed;
use crate::changes::FlatAccount;
use crate::state::{Location, Value};
use crate::store::flat::{encode_account, encode_value, slot_key};

/// What one transaction looked at and changed.
pub struct AccessRecord {
    pub reads: Vec<(Location, Value)>,
    pub writes: Vec<Write>,
    pub payments: Payments,
    pub runs: u32,
    pub conflict: Option<Location>,
    pub cumulative_gas: u64,
}

/// Keys, and keys with values, in the encoding of the flat state.
pub struct EncodedAccess {
    pub reads: Vec<Vec<u8>>,
    pub writes: Vec<(Vec<u8>, Vec<u8>)>,
    pub runs: u32,
    pub conflict: Option<Vec<u8>>,
}

pub fn encode_location(location: &Location) -> Vec<u8> {
    match location {
        Location::Account(address) => [b"a", address.as_slice()].concat(),
        Location::Slot(address, slot) => [b"s".as_slice(), &slot_key(address, slot)].concat(),
    }
}

/// The records with what the fee recipients got written out; `accounts` are theirs before the first transaction.
pub fn encode_accesses(
    records: &[AccessRecord],
    environment: &Environment,
    accounts: &[Option<FlatAccount>],
) -> Vec<EncodedAccess> {
    let mut accounts = accounts.to_vec();
    records.iter().map(|record| encode_access(record, environment, &mut accounts)).collect()
}

fn encode_access(
    record: &AccessRecord,
    environment: &Environment,
    accounts: &mut [Option<FlatAccount>],
) -> EncodedAccess {
    let mut seen: HashSet<Location> = HashSet::default();
    let reads = record.reads.iter().map(|(location, _)| location).filter(|location| seen.insert(**location));
    let reads = reads.map(encode_location).collect();
    let mut owed = Owed::default();
    owed.add(&record.payments);
    let mut writes = Vec::with_capacity(record.writes.len() + 4);
    for write in &record.writes {
        match write {
            Write::Account(address, account) => match environment.recipient(address) {
                Some(index) => accounts[index] = *account,
                None => writes.push((encode_location(&Location::Account(*address)), encode_account(account.as_ref()))),
            },
            Write::Slot(address, slot, value) => {
                writes.push((encode_location(&Location::Slot(*address, *slot)), encode_value(value)));
            }
            Write::Wipe(_) => {}
        }
    }
    for (index, recipient) in environment.paid().iter().enumerate() {
        let is_written = record.writes.iter().any(|write| matches!(write, Write::Account(who, _) if who == recipient));
        let after = owed.pay(index, accounts[index]);
        if is_written || after != accounts[index] {
            writes.push((encode_location(&Location::Account(*recipient)), encode_account(after.as_ref())));
        }
        accounts[index] = after;
    }
    EncodedAccess { reads, writes, runs: record.runs, conflict: record.conflict.as_ref().map(encode_location) }
}
