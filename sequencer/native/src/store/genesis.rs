//! A genesis file, read straight into changes: the accounts of a large one never become Python values.
//!
//! Only files of the usual form are read here (addresses, balances, nonces, codes and slots in hex, or numbers as
//! numbers). Whatever is unusual is left to Python's reader, which accepts more and says what is wrong.

use std::borrow::Cow;

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256, hex, keccak256};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::changes::{Changes, FlatAccount};

/// The file's content without its accounts, as JSON, and the accounts as changes of the empty state.
pub fn read_genesis(content: &[u8]) -> Result<(String, Changes), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    let (header, changes) = deserializer.deserialize_map(FileVisitor)?;
    deserializer.end()?;
    Ok((Value::Object(header).to_string(), changes))
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = (Map<String, Value>, Changes);

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a genesis file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut header, mut changes) = (Map::new(), Changes::default());
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
        while let Some((address, entry)) = map.next_entry::<Cow<'de, str>, Entry<'de>>()? {
            let address: Address = fixed(&address).map_err(A::Error::custom)?.into();
            let code = entry.code.as_deref().map_or(Ok(Vec::new()), data).map_err(A::Error::custom)?;
            let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
            let nonce = u64::try_from(entry.nonce.0).map_err(A::Error::custom)?;
            let account = FlatAccount { nonce, balance: entry.balance.0, code_hash };
            if self.0.accounts.insert(address, Some(account)).is_some() {
                return Err(A::Error::custom("an address stands there twice"));
            }
            if !code.is_empty() {
                self.0.codes.insert(code_hash, Bytes::from(code));
            }
            if let Some(slots) = entry.storage.filter(|slots| !slots.is_empty()) {
                let target = self.0.storage.entry(address).or_default();
                for (slot, value) in slots {
                    target.insert(number(&slot).map_err(A::Error::custom)?, value.0);
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default)]
    balance: Number,
    #[serde(default)]
    nonce: Number,
    #[serde(default, borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    storage: Option<std::collections::HashMap<Cow<'a, str>, Number>>,
}

/// A number: in hex with its prefix, or as JSON has it.
#[derive(Default)]
struct Number(U256);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = Number;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(U256::from(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Number, E> {
                number(value).map(Number).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Digits)
    }
}

fn number(text: &str) -> Result<U256, &'static str> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty()).ok_or("not in hex")?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("not in hex");
    }
    U256::from_str_radix(digits, 16).map_err(|_| "too large")
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
            "storage": {{"0x07": "0x0a"}}}}, "{}": {{"balance": 3}}}}, "timestamp": "0x1"}}"#,
            "22".repeat(20)
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
        assert_eq!(changes.accounts[&Address::repeat_byte(0x22)].unwrap().balance, U256::from(3));
    }

    #[test]
    fn what_is_unusual_is_left_to_python() {
        let address = "11".repeat(20);
        for entry in ["\"balance\": \"12\"", "\"balance\": -1", "\"code\": \"0x6\"", "\"storage\": {\"7\": \"0x1\"}"] {
            assert!(read_genesis(format!(r#"{{"alloc": {{"0x{address}": {{{entry}}}}}}}"#).as_bytes()).is_err());
        }
        for text in ["", "[]", "{", r#"{"alloc": {"0x11": {}}}"#, r#"{"alloc": []}"#, "{} {}"] {
            assert!(read_genesis(text.as_bytes()).is_err());
        }
    }
}
