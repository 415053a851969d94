//! What a block tells its transactions, and the rule set: `BlockEnvironment` of Python, read once a block.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, address};
use op_revm::revm::context::{BlockEnv, CfgEnv};
use op_revm::revm::context_interface::block::BlobExcessGasAndPrice;
use op_revm::revm::primitives::hardfork::SpecId;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub const L1_BLOCK: Address = address!("4200000000000000000000000000000000000015");
const BASE_FEE_VAULT: Address = address!("4200000000000000000000000000000000000019");
const L1_FEE_VAULT: Address = address!("420000000000000000000000000000000000001A");
const OPERATOR_FEE_VAULT: Address = address!("420000000000000000000000000000000000001B");

/// Blob gas that each blob of a transaction takes (EIP-4844).
pub const GAS_PER_BLOB: u64 = 1 << 17;

/// The block's own values and its rules.
#[derive(Clone, Debug)]
pub struct Environment {
    pub is_optimism: bool,
    pub chain_id: u64,
    pub spec: SpecId,
    pub number: u64,
    pub timestamp: u64,
    pub gas_limit: u64,
    pub base_fee: u64,
    pub prev_randao: B256,
    pub difficulty: U256,
    pub excess_blob_gas: u64,
    pub parent_hash: B256,
    pub parent_beacon_block_root: B256,
    /// Hashes of the ancestors, parent first, at most 256.
    pub recent_hashes: Arc<Vec<B256>>,
    /// Who is paid: the block's own recipient, then under OP rules the vaults of base fee, L1 fee and operator fee.
    pub recipients: [Address; 4],
}

impl Environment {
    pub fn from_python(environment: &Bound<'_, PyAny>) -> PyResult<Self> {
        let rules = environment.getattr("rules")?;
        let is_optimism: bool = rules.getattr("is_optimism")?.extract()?;
        let fee_recipient = address_of(&environment.getattr("fee_recipient")?)?;
        let hashes = environment.getattr("recent_hashes")?;
        let hashes = hashes.try_iter()?.map(|hash| hash_of(&hash?)).collect::<PyResult<Vec<_>>>()?;
        Ok(Self {
            is_optimism,
            chain_id: rules.getattr("chain_id")?.extract()?,
            spec: spec_of(&rules)?,
            number: environment.getattr("number")?.extract()?,
            timestamp: environment.getattr("timestamp")?.extract()?,
            gas_limit: environment.getattr("gas_limit")?.extract()?,
            base_fee: environment.getattr("base_fee_per_gas")?.extract()?,
            prev_randao: hash_of(&environment.getattr("prev_randao")?)?,
            difficulty: optional_number(environment, "difficulty")?,
            excess_blob_gas: u64::try_from(optional_number(environment, "excess_blob_gas")?)
                .map_err(|_| PyValueError::new_err("excess blob gas is above 64 bits"))?,
            parent_hash: hash_of(&environment.getattr("parent_hash")?)?,
            parent_beacon_block_root: hash_of(&environment.getattr("parent_beacon_block_root")?)?,
            recent_hashes: Arc::new(hashes),
            recipients: [fee_recipient, BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT],
        })
    }

    /// The recipients that the rule set knows.
    pub fn paid(&self) -> &[Address] {
        if self.is_optimism { &self.recipients } else { &self.recipients[..1] }
    }

    /// Which of the recipients the address is.
    pub fn recipient(&self, address: &Address) -> Option<usize> {
        self.paid().iter().position(|recipient| recipient == address)
    }

    pub fn block_env(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.recipients[0],
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: self.base_fee,
            difficulty: self.difficulty,
            prevrandao: self.spec.is_enabled_in(SpecId::MERGE).then_some(self.prev_randao),
            blob_excess_gas_and_price: self
                .spec
                .is_enabled_in(SpecId::CANCUN)
                .then(|| BlobExcessGasAndPrice::new_with_spec(self.excess_blob_gas, self.spec)),
            slot_num: 0,
        }
    }

    pub fn cfg_env(&self) -> CfgEnv<SpecId> {
        CfgEnv::new_with_spec(self.spec).with_chain_id(self.chain_id)
    }

    /// Blob gas that the block may hold.
    pub fn max_blob_gas(&self) -> u64 {
        let blobs = if self.spec.is_enabled_in(SpecId::PRAGUE) { 9 } else { 6 };
        blobs * GAS_PER_BLOB
    }

    /// Wei for one unit of blob gas in this block.
    pub fn blob_price(&self) -> u128 {
        BlobExcessGasAndPrice::new_with_spec(self.excess_blob_gas, self.spec).blob_gasprice
    }
}

fn spec_of(rules: &Bound<'_, PyAny>) -> PyResult<SpecId> {
    let Ok(fork) = rules.getattr("fork") else { return Ok(SpecId::PRAGUE) };
    let name: String = fork.getattr("value")?.extract()?;
    Ok(match name.as_str() {
        "istanbul" => SpecId::ISTANBUL,
        "berlin" => SpecId::BERLIN,
        "london" => SpecId::LONDON,
        "paris" => SpecId::MERGE,
        "shanghai" => SpecId::SHANGHAI,
        "cancun" => SpecId::CANCUN,
        "prague" => SpecId::PRAGUE,
        other => return Err(PyValueError::new_err(format!("the native engine does not know the fork {other}"))),
    })
}

fn optional_number(object: &Bound<'_, PyAny>, name: &str) -> PyResult<U256> {
    match object.getattr(name) {
        Ok(found) if !found.is_none() => crate::state::u256_from_python(&found),
        _ => Ok(U256::ZERO),
    }
}

pub fn address_of(bytes: &Bound<'_, PyAny>) -> PyResult<Address> {
    Address::try_from(bytes.extract::<&[u8]>()?).map_err(|_| PyValueError::new_err("an address has 20 bytes"))
}

pub fn hash_of(bytes: &Bound<'_, PyAny>) -> PyResult<B256> {
    B256::try_from(bytes.extract::<&[u8]>()?).map_err(|_| PyValueError::new_err("a hash has 32 bytes"))
}
