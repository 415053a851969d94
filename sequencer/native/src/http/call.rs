//! The one call that is read here: `eth_sendRawTransaction` in its usual form. Any other form, and everything that is
//! wrong with one, is Python's to read.

use alloy_primitives::hex;
use serde::Deserialize;

const METHOD: &str = "eth_sendRawTransaction";

/// Ids are echoed; longer ones are not taken.
const MAX_ID_CHARACTERS: usize = 256;

/// A call that wants its transaction taken in.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// As the answer has to give it back, in JSON.
    pub id: String,
    /// The encoded transaction.
    pub raw: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'a> {
    Number(u64),
    Text(&'a str),
}

/// Strings are borrowed: one with an escape in it is none of the usual form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    jsonrpc: &'a str,
    #[serde(borrow)]
    id: Id<'a>,
    method: &'a str,
    params: [&'a str; 1],
}

/// The call that a body is; None when it is another, or a transaction of more than `max_bytes`.
pub fn read(body: &[u8], max_bytes: usize) -> Option<Call> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None; // an array of the members in their order would do for serde
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    let digits = envelope.params[0].strip_prefix("0x")?;
    if envelope.jsonrpc != "2.0" || envelope.method != METHOD || digits.is_empty() || digits.len() > 2 * max_bytes {
        return None;
    }
    let id = match envelope.id {
        Id::Number(number) => number.to_string(),
        Id::Text(text) if text.chars().count() <= MAX_ID_CHARACTERS => format!("\"{text}\""),
        Id::Text(_) => return None,
    };
    if digits.starts_with("0x") {
        return None; // the decoder would take a second prefix
    }
    Some(Call { id, raw: hex::decode(digits).ok()? })
}
