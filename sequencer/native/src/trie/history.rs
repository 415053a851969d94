//! Tries of older blocks: the reverse changes between the head and the block, applied to the paths that they change.
//!
//! What is made for one block is kept for a while, since proofs of one block come in groups.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Layers, ParentState, Proof, TrieUpdate, View, compute, proof, state, threads, update};
use crate::store::{Environment, Mark, ReadTxn, StateAt, StoreError, changes_back_to, head_of, number_of};
use alloy_primitives::{Address, B256, U256, keccak256};

use super::view::Overlay;

/// Overlays kept in memory.
const KEPT: usize = 4;

/// So many changes between the head and a block are gone back for a proof; each costs some 7 microseconds.
const MOST_CHANGES: usize = 500_000;

/// Tries of older blocks that were asked for lately.
#[derive(Default)]
pub struct OlderTries {
    kept: Mutex<Vec<(Mark, Mark, Arc<Overlay>)>>,
}

/// The proof of an account, and of some of its slots.
pub struct AccountProof {
    pub account: Proof,
    pub slots: Vec<Proof>,
}

impl OlderTries {
    /// Prove an account and slots in the state of the block `mark`; `Unavailable` where its root is another one.
    pub fn prove(
        &self,
        environment: &Arc<Environment>,
        layers: &Layers,
        mark: Mark,
        state_root: B256,
        address: &Address,
        slots: &[U256],
    ) -> Result<AccountProof, StoreError> {
        let (transaction, mut over) = layers.look(environment)?;
        let mut transaction = StateAt::new(environment.clone(), mark).place(transaction)?;
        if let Some(older) = self.overlay(&mut transaction, &over, mark)? {
            over.insert(0, older);
        }
        let view = View::of(&mut transaction, &over);
        if state::state_root(&view)? != state_root {
            return Err(StoreError::Unavailable);
        }
        let owner = keccak256(address);
        let storage = update::storage_trie(&owner);
        let account = proof::prove(&view, &update::account_trie(), &owner)?;
        let slots = slots
            .iter()
            .map(|slot| proof::prove(&view, &storage, &keccak256(slot.to_be_bytes::<32>())))
            .collect::<Result<_, _>>()?;
        Ok(AccountProof { account, slots })
    }

    /// What lies over the head's tries to make them those of `mark`; None at the head itself.
    fn overlay(
        &self,
        transaction: &mut ReadTxn,
        layers: &[Arc<Overlay>],
        mark: Mark,
    ) -> Result<Option<Arc<Overlay>>, StoreError> {
        let head = head_of(transaction)?.ok_or(StoreError::Unavailable)?;
        if head == mark {
            return Ok(None);
        }
        let mut kept = self.kept.lock();
        if let Some((_, _, overlay)) = kept.iter().find(|(over, at, _)| *over == head && *at == mark) {
            return Ok(Some(overlay.clone()));
        }
        let back = changes_back_to(transaction, number_of(&mark), MOST_CHANGES)?;
        let overlay = compute(&[View::of(transaction, layers)], &back)?.overlay;
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((head, mark, overlay.clone()));
        Ok(Some(overlay))
    }
}

/// What leads from the head's tries back to those of the older block `number`.
pub fn update_back_to(environment: &Arc<Environment>, layers: &Layers, number: u64) -> Result<TrieUpdate, StoreError> {
    let back = changes_back_to(&environment.begin_read()?, number, usize::MAX)?;
    compute(&ParentState::at_head(environment, layers, threads())?.views(), &back)
}
