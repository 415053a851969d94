//! The store's room by itself: what two looks see, growth, and states at the head and before it.

use std::{path::PathBuf, sync::Arc};

use alloy_primitives::{Address, B256, U256};

use super::*;
use crate::changes::{Changes, FlatAccount};

/// A directory of this test's own, gone with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("braid-store-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    fn open(&self, map_bytes: usize) -> Arc<Environment> {
        Environment::open(&self.0, false, map_bytes).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn commit(environment: &Arc<Environment>, mark: &Mark, changes: Changes, direct: usize) {
    let mut transaction = environment.begin_write().unwrap();
    apply_changes(&mut transaction, mark, &Arc::new(changes), direct).unwrap();
    transaction.put(Table::Refs, &mark[..8], &mark[8..]).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_look_stays_as_it_began_while_commits_go_on() {
    let place = Place::new("look");
    let environment = place.open(1 << 20);
    let before = environment.begin_read().unwrap();
    let mut transaction = environment.begin_write().unwrap();
    transaction.put(Table::Codes, b"k", b"v").unwrap();
    transaction.commit().unwrap();

    assert_eq!(before.get(Table::Codes, b"k").unwrap(), None);
    assert_eq!(environment.begin_read().unwrap().get(Table::Codes, b"k").unwrap(), Some(&b"v"[..]));
}

#[test]
fn a_write_that_does_not_fit_says_so_and_fits_after_growth() {
    let place = Place::new("growth");
    let environment = place.open(1 << 18);
    let value = vec![0; 1 << 20];
    let mut transaction = environment.begin_write().unwrap();
    assert!(matches!(transaction.put(Table::Codes, b"k", &value), Err(StoreError::MapFull)));
    drop(transaction);
    for _ in 0..4 {
        environment.grow().unwrap();
    }
    let mut transaction = environment.begin_write().unwrap();
    transaction.put(Table::Codes, b"k", &value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn nothing_is_read_after_closing() {
    let place = Place::new("closing");
    let environment = place.open(1 << 20);
    environment.close();

    assert!(matches!(environment.begin_read(), Err(StoreError::Closed)));
    place.open(1 << 20); // and it can be opened again
}

/// Blocks 0 to 4; each sets the nonce of one account and one slot to its number.
fn check_states(name: &str, direct: impl Fn(u64) -> usize, settle_after: u64) {
    let place = Place::new(name);
    let environment = place.open(1 << 20);
    let who = Address::repeat_byte(1);
    let marks: Vec<Mark> = (0..5).map(|number| mark_of(number, &B256::repeat_byte(number as u8))).collect();
    for (number, mark) in (0..).zip(&marks) {
        let account = FlatAccount { nonce: number, ..FlatAccount::default() };
        let mut changes = Changes::default();
        changes.accounts.insert(who, Some(account));
        changes.storage.entry(who).or_default().insert(U256::from(7), U256::from(number));
        commit(&environment, mark, changes, direct(number));
        if number == settle_after {
            let mut transaction = environment.begin_write().unwrap();
            settle(&mut transaction).unwrap();
            transaction.commit().unwrap();
        }
    }
    for (number, mark) in (0..).zip(&marks) {
        let state = StateAt::new(environment.clone(), *mark);
        let look = state.begin().unwrap();
        assert_eq!(state.account(&look, &who).unwrap().unwrap().nonce, number);
        assert_eq!(state.storage(&look, &who, &U256::from(7)).unwrap(), U256::from(number));
    }
    let other = StateAt::new(environment.clone(), mark_of(1, &B256::repeat_byte(9)));
    assert!(matches!(other.begin(), Err(StoreError::Unavailable)));
    for number in 0..4 {
        let back = changes_back_to(&environment.begin_read().unwrap(), number, 100).unwrap();
        assert_eq!(back.accounts[&who].unwrap().nonce, number);
        assert_eq!(back.storage[&who][&U256::from(7)], U256::from(number));
    }
    if settle_after == 9 && direct(1) > 0 && direct(2) > 0 {
        let most = changes_back_to(&environment.begin_read().unwrap(), 0, 3);
        assert!(matches!(most, Err(StoreError::Unavailable)));
    }
}

#[test]
fn states_before_the_head_are_read_back_from_reverse_changes() {
    check_states("flat", |_| 100, 9);
}

#[test]
fn states_of_pending_blocks_are_read_from_their_runs() {
    check_states("pending", |_| 0, 9);
}

#[test]
fn a_small_block_above_a_pending_one_is_pending_too() {
    check_states("mixed", |number| if number == 2 { 0 } else { 100 }, 9);
}

#[test]
fn settling_changes_no_state() {
    for settled in 1..5 {
        check_states(&format!("settled-{settled}"), |_| 0, settled);
    }
}
