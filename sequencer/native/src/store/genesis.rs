//! A genesis file, read straight into changes: the accounts of a large one never become Python values.
//!
//! Only files of the usual form are read here (addresses, balances, nonces, codes and slots in hex, or numbers as
//! numbers). Whatever is unusual is left to Python's reader, which accepts more and says what is wrong.

use std::{borrow::Cow, collections::HashMap};

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256, hex, keccak256};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use crate::changes::{Changes, FlatAccount};

/// The file's content without its accounts, as JSON, and the accounts as changes of the empty state.
pub fn read_genesis(content: &[u8]) -> Result<(String, Changes), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    // an account begins with a brace: room for all of them at once, so that nothing is moved later
    let accounts = content.iter().filter(|byte| **byte == b'{').count();
    let (header, changes) = deserializer.deserialize_map(FileVisitor { accounts })?;
    deserializer.end()?;
    Ok((Value::Object(header).to_string(), changes))
}

struct FileVisitor {
    /// How many there are at most.
    accounts: usize,
}

impl<'de> Visitor<'de> for FileVisitor {
    type Value = (Map<String, Value>, Changes);

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a genesis file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut header, mut changes) = (Map::new(), Changes::default());
        changes.accounts.reserve(self.accounts);
        while let Some(key) = map.next_key::<String>()? {
            if key == "alloc" {
                map.next_value_seed(Accounts(&mut changes))?;
                header.insert(key, Value::Object(Map::new()));
            } else {
                header.insert(key, map.next_value()?);
            }
        }
        Ok((header, changes))
    }
}

/// Puts the accounts of the `alloc` section into changes.
struct Accounts<'a>(&'a mut Changes);

impl<'de> DeserializeSeed<'de> for Accounts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Accounts<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("accounts by address")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((address, entry)) = map.next_entry::<Text<'de>, Entry<'de>>()? {
            let address: Address = fixed(&address.0).map_err(A::Error::custom)?.into();
            let code = data(&entry.code.0).map_err(A::Error::custom)?;
            let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
            let nonce = u64::try_from(entry.nonce.0).map_err(A::Error::custom)?;
            let account = FlatAccount { nonce, balance: entry.balance.0, code_hash };
            if self.0.accounts.insert(address, Some(account)).is_some() {
                return Err(A::Error::custom("an address stands there twice"));
            }
            if !code.is_empty() {
                self.0.codes.insert(code_hash, Bytes::from(code));
            }
            if !entry.storage.is_empty() {
                let slots = self.0.storage.entry(address).or_default();
                for (slot, value) in entry.storage {
                    slots.insert(hexadecimal(&slot.0).map_err(A::Error::custom)?, value.0);
                }
            }
        }
        Ok(())
    }
}

/// A string, which is copied only where it has escapes.
#[derive(Default, Deserialize, PartialEq, Eq, Hash)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default)]
    balance: Number,
    #[serde(default)]
    nonce: Number,
    #[serde(default, borrow)]
    code: Text<'a>,
    #[serde(default, borrow)]
    storage: HashMap<Text<'a>, Number>,
}

/// A number: in hex with its prefix, in digits, or as JSON has it, of any size.
#[derive(Default)]
struct Number(U256);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?.get();
        let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value);
        let found = if text.starts_with("0x") { hexadecimal(text) } else { decimal(text) };
        found.map(Number).map_err(D::Error::custom)
    }
}

fn hexadecimal(text: &str) -> Result<U256, &'static str> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty()).ok_or("not in hex")?;
    if digits.len() > 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("not in hex");
    }
    let (high, low) = digits.split_at(digits.len().saturating_sub(32));
    let half = |digits: &str| u128::from_str_radix(digits, 16).map_err(|_| "not in hex");
    let high = if high.is_empty() { 0 } else { half(high)? };
    Ok(U256::from(high) << 128 | U256::from(half(low)?))
}

fn decimal(text: &str) -> Result<U256, &'static str> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err("not a number");
    }
    U256::from_str_radix(text, 10).map_err(|_| "too large")
}

fn data(text: &str) -> Result<Vec<u8>, &'static str> {
    hex::decode(text).map_err(|_| "not in hex")
}

fn fixed(text: &str) -> Result<[u8; 20], &'static str> {
    let mut address = [0; 20];
    hex::decode_to_slice(text, &mut address).map_err(|_| "no address")?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_become_changes_and_the_rest_stays_as_it_is() {
        let address = "11".repeat(20);
        let text = format!(
            r#"{{"config": {{"chainId": 5}}, "alloc": {{"0x{address}": {{"balance": "0x10", "nonce": 2, "code": "0x60",
            "storage": {{"0x07": "0x0a"}}}}, "{}": {{"balance": {}}}}}, "timestamp": "0x1"}}"#,
            "22".repeat(20),
            U256::MAX
        );
        let (header, changes) = read_genesis(text.as_bytes()).unwrap();
        let header: Value = serde_json::from_str(&header).unwrap();
        let first = Address::repeat_byte(0x11);

        assert_eq!(header["config"]["chainId"], 5);
        assert_eq!(header["timestamp"], "0x1");
        assert!(header["alloc"].as_object().unwrap().is_empty());
        let account = changes.accounts[&first].unwrap();
        assert_eq!((account.nonce, account.balance), (2, U256::from(16)));
        assert_eq!(changes.codes[&account.code_hash], Bytes::from(vec![0x60]));
        assert_eq!(changes.storage[&first][&U256::from(7)], U256::from(10));
        assert_eq!(changes.accounts[&Address::repeat_byte(0x22)].unwrap().balance, U256::MAX);
    }

    #[test]
    fn what_is_unusual_is_left_to_python() {
        let address = "11".repeat(20);
        for entry in [
            "\"balance\": \"1_2\"",
            "\"balance\": -1",
            "\"balance\": 1e3",
            "\"nonce\": true",
            "\"balance\": null",
            "\"code\": null",
            "\"code\": \"0x6\"",
            "\"storage\": {\"7\": \"0x1\"}",
        ] {
            assert!(read_genesis(format!(r#"{{"alloc": {{"0x{address}": {{{entry}}}}}}}"#).as_bytes()).is_err());
        }
        for text in ["", "[]", "{", r#"{"alloc": {"0x11": {}}}"#, r#"{"alloc": []}"#, "{} {}"] {
            assert!(read_genesis(text.as_bytes()).is_err());
        }
    }
}
