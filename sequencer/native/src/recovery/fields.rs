//! Strict readers for the fields of RLP lists, as `sequencer/primitives/fields.py` has them: nothing but the canonical
//! form of each value is read. Why something is refused is not said here: Python says it.

use alloy_primitives::{Address, U256};
use alloy_rlp::Header;

/// The rest of one RLP list; every reader takes its next item, or None when that is not what it should be.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The items of the list that fills `encoded`.
    pub fn of_whole(encoded: &'a [u8]) -> Option<Self> {
        let mut rest = encoded;
        let payload = Header::decode_bytes(&mut rest, true).ok()?;
        rest.is_empty().then_some(Self { rest: payload })
    }

    /// The bytes that were not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether every item was read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// A byte string of any length.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        Header::decode_bytes(&mut self.rest, false).ok()
    }

    /// A list inside this one.
    pub fn list(&mut self) -> Option<Fields<'a>> {
        Header::decode_bytes(&mut self.rest, true).ok().map(|rest| Fields { rest })
    }

    /// A byte string of exactly 20 bytes.
    pub fn address(&mut self) -> Option<Address> {
        let bytes = self.bytes()?;
        (bytes.len() == Address::len_bytes()).then(|| Address::from_slice(bytes))
    }

    /// An address, or none (the inner None) for a creation.
    pub fn recipient(&mut self) -> Option<Option<Address>> {
        let bytes = self.bytes()?;
        match bytes.len() {
            0 => Some(None),
            20 => Some(Some(Address::from_slice(bytes))),
            _ => None,
        }
    }

    /// A byte string of exactly 32 bytes, as the number that it is.
    pub fn word(&mut self) -> Option<U256> {
        let bytes = self.bytes()?;
        (bytes.len() == 32).then(|| U256::from_be_slice(bytes))
    }

    /// A canonical integer of at most 256 bits.
    pub fn number(&mut self) -> Option<U256> {
        let bytes = self.canonical(32)?;
        Some(U256::from_be_slice(bytes))
    }

    /// A canonical integer of at most 64 bits.
    pub fn short_number(&mut self) -> Option<u64> {
        let bytes = self.canonical(8)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A canonical integer of at most 8 bits.
    pub fn byte(&mut self) -> Option<u8> {
        let bytes = self.canonical(1)?;
        Some(bytes.first().copied().unwrap_or(0))
    }

    fn canonical(&mut self, limit: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes()?;
        (bytes.len() <= limit && bytes.first() != Some(&0)).then_some(bytes)
    }
}
