//! A small world for tests of the engine: funded senders, a counter that everybody adds to, and reads that break down.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, keccak256};
use op_revm::revm::primitives::hardfork::SpecId;

use crate::changes::FlatAccount;
use crate::engine::{Environment, Parsed, UserTransaction, message};
use crate::state::{Base, CodeCache, CommittedCache, ReadError, Session, Source};

pub const RECIPIENT: Address = address!("00000000000000000000000000000000000000fe");
pub const COUNTER: Address = address!("00000000000000000000000000000000000000c0");
pub const SENDERS: u64 = 12;

/// What takes so many times as long grows with the square of what it gets; far above what a busy machine adds.
pub const FAR_MORE: u32 = 40;

/// Adds one to slot 0: `sstore(0, add(sload(0), 1))`.
const COUNTER_CODE: [u8; 10] = [0x60, 0x01, 0x60, 0x00, 0x54, 0x01, 0x60, 0x00, 0x55, 0x00];

/// The quickest of so many times.
pub fn quickest(times: usize, mut work: impl FnMut()) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..times).map(timed).min().unwrap_or_default()
}

/// Reads of accounts that are left before one panics, once; or always, for one account.
#[derive(Clone, Default)]
pub struct Faults {
    pub fuse: Option<Arc<AtomicI64>>,
    pub broken: Option<Address>,
}

#[derive(Clone, Default)]
struct World {
    accounts: HashMap<Address, FlatAccount>,
    codes: HashMap<B256, Bytes>,
    faults: Faults,
}

impl Source for World {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError> {
        Ok(Box::new(self.clone()))
    }
}

impl Session for World {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let is_burnt = self.faults.fuse.as_ref().is_some_and(|left| left.fetch_sub(1, Ordering::AcqRel) == 0);
        if is_burnt || self.faults.broken == Some(*address) {
            // a panic without the message that the hook would print
            resume_unwind(Box::new("a read broke down"));
        }
        Ok(self.accounts.get(address).copied())
    }

    fn storage(&mut self, _: &Address, _: &U256) -> Result<U256, ReadError> {
        Ok(U256::ZERO)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError> {
        Ok(self.codes.get(hash).cloned().unwrap_or_default())
    }
}

pub fn sender(index: u64) -> Address {
    Address::from_word(U256::from(0x1000 + index).into())
}

/// The world before the block.
pub fn base(faults: Faults) -> Base {
    let mut world = World { faults, ..World::default() };
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

pub fn environment() -> Environment {
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
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// `is_recipient_used`: the block's fee recipient sends and is paid, so runs have to wait for their turn.
pub fn slice(random: &mut Random, is_recipient_used: bool) -> Vec<Arc<Parsed>> {
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
        let value = if to == COUNTER { 0 } else { random.below(1000) };
        let is_gap = random.below(20) == 0;
        let sent = Sent { value, max_tip: random.below(5), nonce: *nonce + u64::from(is_gap), data: &[] };
        *nonce += u64::from(!is_gap);
        transactions.push(transaction(from, to, sent));
    }
    transactions
}

struct Sent<'a> {
    value: u64,
    max_tip: u64,
    nonce: u64,
    data: &'a [u8],
}

fn transaction(from: Address, to: Address, sent: Sent<'_>) -> Arc<Parsed> {
    let mut env = message(from, TxKind::Call(to), 60_000, U256::from(sent.value), Bytes::copy_from_slice(sent.data));
    env.tx_type = 2;
    env.nonce = sent.nonce;
    Arc::new(Parsed::User(Box::new(UserTransaction {
        kind: 2,
        chain_id: Some(U256::from(1)),
        max_fee: U256::from(100),
        max_tip: U256::from(sent.max_tip),
        max_blob_fee: U256::ZERO,
        raw: Bytes::new(),
        env,
    })))
}

/// A call without value or tip.
pub fn call(from: Address, nonce: u64, to: Address) -> Arc<Parsed> {
    call_with(from, nonce, to, &[1])
}

/// A call with these data: the first four bytes select, the next 32 are the first argument.
pub fn call_with(from: Address, nonce: u64, to: Address, data: &[u8]) -> Arc<Parsed> {
    transaction(from, to, Sent { value: 0, max_tip: 0, nonce, data })
}
