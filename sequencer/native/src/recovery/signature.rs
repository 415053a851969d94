//! Who signed a digest: the same C library and the same limits as `sequencer/primitives/signature.py`.

use alloy_primitives::{Address, B256, U256, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

/// Half of the order of the secp256k1 group: the largest s that a transaction may carry (EIP-2).
const HALF_ORDER: U256 =
    U256::from_limbs([0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff]);

/// The address whose key signed `digest`; None for a parity other than 0 and 1, numbers out of range, a high s, or no key.
pub fn recover_address(digest: B256, y_parity: u8, r: U256, s: U256) -> Option<Address> {
    if s > HALF_ORDER || s.is_zero() || r.is_zero() {
        return None;
    }
    let id = match y_parity {
        0 => RecoveryId::Zero,
        1 => RecoveryId::One,
        _ => return None,
    };
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&r.to_be_bytes::<32>());
    compact[32..].copy_from_slice(&s.to_be_bytes::<32>());
    let signature = RecoverableSignature::from_compact(&compact, id).ok()?; // refuses r from the group order on
    let key = SECP256K1.recover_ecdsa(Message::from_digest(digest.0), &signature).ok()?;
    Some(Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..]))
}
