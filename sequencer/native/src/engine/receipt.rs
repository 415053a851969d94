//! Receipts in their consensus encoding, and blooms (Yellow Paper 4.4.1; specs, deposits.md).

use alloy_primitives::{Bloom, BloomInput, Log};
use alloy_rlp::{BufMut, Encodable, Header, length_of_length};

use super::transaction::{DEPOSIT, LEGACY};

/// Since Canyon a deposit's receipt says so.
pub const DEPOSIT_RECEIPT_VERSION: u64 = 1;

/// The fields of a receipt; gas counts from the block's first transaction.
pub struct Receipt<'a> {
    pub kind: u8,
    pub is_success: bool,
    pub cumulative_gas_used: u64,
    pub bloom: &'a Bloom,
    pub logs: &'a [Log],
    pub deposit_nonce: Option<u64>,
}

impl Receipt<'_> {
    /// The encoding, with the type byte where there is one.
    pub fn encode(&self) -> Vec<u8> {
        let logs: usize = self.logs.iter().map(Encodable::length).sum();
        let mut payload = self.is_success.length()
            + self.cumulative_gas_used.length()
            + self.bloom.length()
            + logs
            + length_of_length(logs);
        if let Some(nonce) = self.deposit_nonce {
            payload += nonce.length() + DEPOSIT_RECEIPT_VERSION.length();
        }
        let mut out = Vec::with_capacity(payload + 10);
        if self.kind != LEGACY {
            out.put_u8(self.kind);
        }
        Header { list: true, payload_length: payload }.encode(&mut out);
        self.is_success.encode(&mut out);
        self.cumulative_gas_used.encode(&mut out);
        self.bloom.encode(&mut out);
        Header { list: true, payload_length: logs }.encode(&mut out);
        for log in self.logs {
            log.encode(&mut out);
        }
        if let Some(nonce) = self.deposit_nonce {
            debug_assert_eq!(self.kind, DEPOSIT);
            nonce.encode(&mut out);
            DEPOSIT_RECEIPT_VERSION.encode(&mut out);
        }
        out
    }
}

/// The bloom of the logs' addresses and topics.
pub fn logs_bloom(logs: &[Log]) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        for topic in log.topics() {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}
