//! Parallel runs against the run in sequence: random slices full of conflicts, on 2 and 4 threads.

use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, keccak256};
use op_revm::revm::primitives::hardfork::SpecId;
use parking_lot::Mutex;

use super::{Job, MvMemory, Waits, run_parallel};
use crate::changes::FlatAccount;
use crate::engine::slice::{Done, Finished, Ground, Room, run_in_sequence};
use crate::engine::{Environment, Parsed, UserTransaction, message};
use crate::state::{Base, CodeCache, CommittedCache, Overlay, ReadError, Session, Source};

const RECIPIENT: Address = address!("00000000000000000000000000000000000000fe");
const COUNTER: Address = address!("00000000000000000000000000000000000000c0");
const SENDERS: u64 = 12;

/// Adds one to slot 0: `sstore(0, add(sload(0), 1))`.
const COUNTER_CODE: [u8; 10] = [0x60, 0x01, 0x60, 0x00, 0x54, 0x01, 0x60, 0x00, 0x55, 0x00];

#[derive(Clone, Default)]
struct World {
    accounts: HashMap<Address, FlatAccount>,
    codes: HashMap<B256, Bytes>,
}

impl Source for World {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError> {
        Ok(Box::new(self.clone()))
    }
}

impl Session for World {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        Ok(self.accounts.get(address).copied())
    }

    fn storage(&mut self, _: &Address, _: &U256) -> Result<U256, ReadError> {
        Ok(U256::ZERO)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError> {
        Ok(self.codes.get(hash).cloned().unwrap_or_default())
    }
}

fn sender(index: u64) -> Address {
    Address::from_word(U256::from(0x1000 + index).into())
}

fn base() -> Base {
    let mut world = World::default();
    let funds = U256::from(10u64).pow(U256::from(18));
    for who in (0..SENDERS).map(sender).chain([RECIPIENT]) {
        world.accounts.insert(who, FlatAccount { balance: funds, ..FlatAccount::default() });
    }
    let code = Bytes::from_static(&COUNTER_CODE);
    let code_hash = keccak256(&code);
    world.codes.insert(code_hash, code);
    world.accounts.insert(COUNTER, FlatAccount { code_hash, ..FlatAccount::default() });
    Base {
        source: Arc::new(world),
        cache: Arc::new(CommittedCache::new(false, false)),
        codes: Arc::new(CodeCache::default()),
        generation: 0,
        guesses: None,
    }
}

fn environment() -> Environment {
    Environment {
        is_optimism: false,
        chain_id: 1,
        spec: SpecId::PRAGUE,
        number: 1,
        timestamp: 1,
        gas_limit: 3_000_000,
        base_fee: 7,
        prev_randao: B256::ZERO,
        difficulty: U256::ZERO,
        excess_blob_gas: 0,
        parent_hash: B256::ZERO,
        parent_beacon_block_root: B256::ZERO,
        recent_hashes: Arc::default(),
        recipients: [RECIPIENT; 4],
    }
}

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// `is_recipient_used`: the block's fee recipient sends and is paid, so runs have to wait for their turn.
fn slice(random: &mut Random, is_recipient_used: bool) -> Vec<Arc<Parsed>> {
    let mut nonces: HashMap<Address, u64> = HashMap::default();
    let mut transactions = Vec::new();
    for _ in 0..60 {
        let from = if is_recipient_used && random.below(15) == 0 { RECIPIENT } else { sender(random.below(SENDERS)) };
        let nonce = nonces.entry(from).or_default();
        let to = match random.below(8) {
            0 | 1 => COUNTER,
            2 if is_recipient_used => RECIPIENT,
            _ => sender(random.below(SENDERS)),
        };
        let mut env = message(from, TxKind::Call(to), 60_000, U256::from(random.below(1000)), Bytes::new());
        if to == COUNTER {
            env.value = U256::ZERO;
        }
        env.tx_type = 2;
        env.nonce = *nonce;
        if random.below(20) == 0 {
            env.nonce += 1;
        } else {
            *nonce += 1;
        }
        let (max_fee, max_tip) = (U256::from(100), U256::from(random.below(5)));
        transactions.push(Arc::new(Parsed::User(Box::new(UserTransaction {
            kind: 2,
            chain_id: Some(U256::from(1)),
            max_fee,
            max_tip,
            max_blob_fee: U256::ZERO,
            raw: Bytes::new(),
            env,
        }))));
    }
    transactions
}

fn summary(finished: &Finished) -> Vec<String> {
    let mut lines: Vec<String> = finished
        .done
        .iter()
        .map(|done| match done {
            Done::Included(included) => {
                let mut writes: Vec<String> =
                    included.executed.writes.iter().map(|write| format!("{write:?}")).collect();
                writes.sort();
                format!("{} {} {writes:?}", included.executed.is_success, included.executed.gas_used)
            }
            Done::Invalid(reason) => format!("{reason:?}"),
            Done::Deferred => "deferred".into(),
        })
        .collect();
    lines.push(format!("{:?} {:?}", finished.owed, finished.room));
    lines
}

#[test]
fn threads_give_what_the_sequence_gives() {
    let (base, environment, overlay) = (base(), environment(), Overlay::default());
    let ground = Ground { environment: &environment, base: &base, overlay: &overlay, fees: None };
    let mut conflicts = 0;
    for seed in 0..150 {
        let transactions = slice(&mut Random(seed), true);
        let expected = run_in_sequence(ground, &transactions, Room::default()).expect("readable");
        let threads = 2 + 2 * (seed as usize % 2);
        let waits = Waits::none(transactions.len());
        let codes = Mutex::default();
        let job =
            Job { ground, transactions: &transactions, waits: &waits, room: Room::default(), threads, codes: &codes };
        let found = run_parallel(&job, &MvMemory::default()).expect("readable");
        assert_eq!(summary(&found), summary(&expected), "seed {seed}");
        conflicts += found.done.iter().filter(|done| matches!(done, Done::Included(i) if i.conflict.is_some())).count();
    }
    assert!(conflicts > 0, "nothing ever conflicted: the test says little");
}

#[test]
fn a_planned_order_runs_every_transaction_once() {
    let (base, environment, overlay) = (base(), environment(), Overlay::default());
    let ground = Ground { environment: &environment, base: &base, overlay: &overlay, fees: None };
    for seed in 0..40 {
        let transactions = slice(&mut Random(seed), false);
        let mut waits = Waits::none(transactions.len());
        for place in 1..transactions.len() {
            waits.counts[place] = 1;
            waits.followers[place - 1].push(place as u32);
        }
        let codes = Mutex::default();
        let job = Job {
            ground,
            transactions: &transactions,
            waits: &waits,
            room: Room::default(),
            threads: 4,
            codes: &codes,
        };
        let found = run_parallel(&job, &MvMemory::default()).expect("readable");
        let runs = found.done.iter().map(|done| if let Done::Included(included) = done { included.runs } else { 1 });
        assert_eq!(runs.max(), Some(1), "seed {seed}: a chain has no conflicts");
        let expected = run_in_sequence(ground, &transactions, Room::default()).expect("readable");
        assert_eq!(summary(&found), summary(&expected), "seed {seed}");
    }
}
