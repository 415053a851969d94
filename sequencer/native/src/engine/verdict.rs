//! Whether a user transaction may stand at its place: `execution/validation.py`, reason for reason, in the same order.

use alloy_primitives::{TxKind, U256};
use op_revm::revm::context_interface::Transaction;
use op_revm::revm::primitives::hardfork::SpecId;
use op_revm::revm::state::AccountInfo;

use super::environment::Environment;
use super::transaction::{ACCESS_LIST, BLOB, DYNAMIC_FEE, SET_CODE, UserTransaction};

/// First byte of a versioned hash: KZG (EIP-4844).
const BLOB_HASH_VERSION: u8 = 1;

/// Twice the largest code (EIP-3860).
pub const MAX_INIT_CODE_BYTES: usize = 49_152;

/// The names are those of `InvalidReason` in `execution/interface.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReason {
    NonceTooLow,
    NonceTooHigh,
    InsufficientFunds,
    FeeCapTooLow,
    TipAboveFeeCap,
    IntrinsicGas,
    GasLimitAboveBlock,
    SenderHasCode,
    WrongChainId,
    NonceAtMaximum,
    InitCodeTooLarge,
    EmptyAuthorizationList,
    UnsupportedType,
    NoBlobs,
    UnknownBlobVersion,
    TooManyBlobs,
    BlobFeeCapTooLow,
}

impl InvalidReason {
    /// The member's name in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::NonceTooLow => "NONCE_TOO_LOW",
            Self::NonceTooHigh => "NONCE_TOO_HIGH",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::FeeCapTooLow => "FEE_CAP_TOO_LOW",
            Self::TipAboveFeeCap => "TIP_ABOVE_FEE_CAP",
            Self::IntrinsicGas => "INTRINSIC_GAS",
            Self::GasLimitAboveBlock => "GAS_LIMIT_ABOVE_BLOCK",
            Self::SenderHasCode => "SENDER_HAS_CODE",
            Self::WrongChainId => "WRONG_CHAIN_ID",
            Self::NonceAtMaximum => "NONCE_AT_MAXIMUM",
            Self::InitCodeTooLarge => "INIT_CODE_TOO_LARGE",
            Self::EmptyAuthorizationList => "EMPTY_AUTHORIZATION_LIST",
            Self::UnsupportedType => "UNSUPPORTED_TYPE",
            Self::NoBlobs => "NO_BLOBS",
            Self::UnknownBlobVersion => "UNKNOWN_BLOB_VERSION",
            Self::TooManyBlobs => "TOO_MANY_BLOBS",
            Self::BlobFeeCapTooLow => "BLOB_FEE_CAP_TOO_LOW",
        }
    }
}

/// What does not need the state.
pub fn check_form(transaction: &UserTransaction, environment: &Environment) -> Option<InvalidReason> {
    let spec = environment.spec;
    let is_known = match transaction.kind {
        ACCESS_LIST => spec.is_enabled_in(SpecId::BERLIN),
        DYNAMIC_FEE => spec.is_enabled_in(SpecId::LONDON),
        BLOB => spec.is_enabled_in(SpecId::CANCUN) && !environment.is_optimism,
        SET_CODE => spec.is_enabled_in(SpecId::PRAGUE),
        kind => kind == 0,
    };
    if !is_known {
        return Some(InvalidReason::UnsupportedType);
    }
    let own = U256::from(environment.chain_id);
    transaction.chain_id.is_some_and(|chain_id| chain_id != own).then_some(InvalidReason::WrongChainId)
}

/// The rest, against the sender's account at the transaction's turn; `cost` is None where it overflows 256 bits.
pub fn check_sender(
    transaction: &UserTransaction,
    environment: &Environment,
    sender: &AccountInfo,
    cost: Option<U256>,
) -> Option<InvalidReason> {
    check_nonce(transaction, sender)
        .or_else(|| check_fees(transaction, environment))
        .or_else(|| check_blobs(transaction, environment))
        .or_else(|| {
            let covered = cost.is_some_and(|cost| sender.balance >= cost);
            (!covered).then_some(InvalidReason::InsufficientFunds)
        })
        .or_else(|| check_gas(transaction, environment))
}

fn check_nonce(transaction: &UserTransaction, sender: &AccountInfo) -> Option<InvalidReason> {
    let nonce = transaction.env.nonce;
    if nonce > sender.nonce {
        return Some(InvalidReason::NonceTooHigh);
    }
    if nonce < sender.nonce {
        return Some(InvalidReason::NonceTooLow);
    }
    if nonce == u64::MAX {
        return Some(InvalidReason::NonceAtMaximum);
    }
    let has_code = sender.code.as_ref().is_some_and(|code| !code.is_empty() && !code.is_eip7702());
    has_code.then_some(InvalidReason::SenderHasCode)
}

fn check_fees(transaction: &UserTransaction, environment: &Environment) -> Option<InvalidReason> {
    if transaction.max_fee < transaction.max_tip {
        return Some(InvalidReason::TipAboveFeeCap);
    }
    if transaction.max_fee < U256::from(environment.base_fee) {
        return Some(InvalidReason::FeeCapTooLow);
    }
    let is_empty = transaction.kind == SET_CODE && transaction.env.authorization_list.is_empty();
    is_empty.then_some(InvalidReason::EmptyAuthorizationList)
}

fn check_blobs(transaction: &UserTransaction, environment: &Environment) -> Option<InvalidReason> {
    if transaction.kind != BLOB {
        return None;
    }
    let hashes = &transaction.env.blob_hashes;
    if hashes.is_empty() {
        return Some(InvalidReason::NoBlobs);
    }
    if hashes.iter().any(|hash| hash[0] != BLOB_HASH_VERSION) {
        return Some(InvalidReason::UnknownBlobVersion);
    }
    if transaction.blob_gas() > environment.max_blob_gas() {
        return Some(InvalidReason::TooManyBlobs);
    }
    let price = U256::from(environment.blob_price());
    (transaction.max_blob_fee < price).then_some(InvalidReason::BlobFeeCapTooLow)
}

fn check_gas(transaction: &UserTransaction, environment: &Environment) -> Option<InvalidReason> {
    let env = &transaction.env;
    if env.gas_limit() > environment.gas_limit {
        return Some(InvalidReason::GasLimitAboveBlock);
    }
    let owed = super::machine::initial_gas(env, environment.spec);
    if env.gas_limit < owed.initial_total_gas.max(owed.floor_gas) {
        return Some(InvalidReason::IntrinsicGas);
    }
    let is_limited = environment.spec.is_enabled_in(SpecId::SHANGHAI);
    let is_large = env.kind == TxKind::Create && env.data.len() > MAX_INIT_CODE_BYTES;
    (is_limited && is_large).then_some(InvalidReason::InitCodeTooLarge)
}
