//! How the flat state is written: keys and values, as `sequencer/state/flat.py` has it.
//!
//! ```text
//! account   address 20             nonce 8 | code hash 32 or nothing | balance, shortest big-endian,
//!                                  behind a first byte that is 1 where there is a code hash
//! slot      address 20 | slot 32   value, shortest big-endian
//! ```

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};

use super::StoreError;
use crate::changes::FlatAccount;

pub const ADDRESS_BYTES: usize = 20;
pub const SLOT_KEY_BYTES: usize = 52;

/// The account's bytes; empty for None.
pub fn encode_account(account: Option<&FlatAccount>) -> Vec<u8> {
    let Some(account) = account else { return Vec::new() };
    let balance = account.balance.to_be_bytes_trimmed_vec();
    let mut data = Vec::with_capacity(41 + balance.len());
    let has_code = account.code_hash != KECCAK256_EMPTY;
    data.push(u8::from(has_code));
    data.extend_from_slice(&account.nonce.to_be_bytes());
    if has_code {
        data.extend_from_slice(account.code_hash.as_slice());
    }
    data.extend_from_slice(&balance);
    data
}

/// The account from its bytes; None for the empty string.
pub fn decode_account(data: &[u8]) -> Result<Option<FlatAccount>, StoreError> {
    let (code_hash, balance) = match (data.first(), data.len()) {
        (None, _) => return Ok(None),
        (Some(0), 9..=41) => (KECCAK256_EMPTY, &data[9..]),
        (Some(1), 41..=73) => (B256::from_slice(&data[9..41]), &data[41..]),
        _ => return Err(StoreError::Damaged(format!("{} bytes are no account", data.len()))),
    };
    let nonce = data[1..9].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(Some(FlatAccount { nonce, balance: U256::from_be_slice(balance), code_hash }))
}

/// Key of a storage slot.
pub fn slot_key(address: &Address, slot: &U256) -> [u8; SLOT_KEY_BYTES] {
    let mut key = [0; SLOT_KEY_BYTES];
    key[..ADDRESS_BYTES].copy_from_slice(address.as_slice());
    key[ADDRESS_BYTES..].copy_from_slice(&slot.to_be_bytes::<32>());
    key
}

/// A slot's value; empty for 0.
pub fn encode_value(value: &U256) -> Vec<u8> {
    value.to_be_bytes_trimmed_vec()
}

/// The value from its bytes.
pub fn decode_value(data: &[u8]) -> Result<U256, StoreError> {
    if data.len() > 32 {
        return Err(StoreError::Damaged(format!("{} bytes are no storage value", data.len())));
    }
    Ok(U256::from_be_slice(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_values_read_as_they_were_written() {
        for (nonce, balance, code_hash) in [
            (0, U256::ZERO, KECCAK256_EMPTY),
            (u64::MAX, U256::MAX, KECCAK256_EMPTY),
            (7, U256::from(1u64 << 40), B256::repeat_byte(3)),
            (1, U256::MAX, B256::repeat_byte(3)),
        ] {
            let account = FlatAccount { nonce, balance, code_hash };
            assert_eq!(decode_account(&encode_account(Some(&account))).unwrap(), Some(account));
            assert_eq!(decode_value(&encode_value(&balance)).unwrap(), balance);
        }
        assert_eq!(decode_account(&[]).unwrap(), None);
    }

    #[test]
    fn bytes_that_are_no_account_or_value_are_refused() {
        for data in [&[0u8; 8][..], &[0; 42], &[1; 40], &[1; 74], &[2; 20]] {
            assert!(decode_account(data).is_err());
        }
        assert!(decode_value(&[0; 33]).is_err());
    }
}
