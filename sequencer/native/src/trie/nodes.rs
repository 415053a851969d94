//! Nodes as Ethereum encodes and hashes them.

use alloy_primitives::{B256, keccak256};

/// How a parent names a child: its hash, or the node itself where that is shorter than 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    bytes: [u8; 32],
    len: u8,
}

impl Reference {
    /// The reference to a node by its encoding.
    pub fn to_node(encoded: &[u8]) -> Self {
        if encoded.len() < 32 { Self::of_bytes(encoded) } else { Self::of_bytes(keccak256(encoded).as_slice()) }
    }

    /// A reference from its bytes, at most 32.
    pub fn of_bytes(data: &[u8]) -> Self {
        let len = data.len().min(32);
        let mut bytes = [0; 32];
        bytes[..len].copy_from_slice(&data[..len]);
        Reference { bytes, len: len as u8 }
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// What stands for the root of a trie: a hash, even of a short node.
    pub fn root(&self) -> B256 {
        if self.len == 32 { B256::from(self.bytes) } else { keccak256(self.as_slice()) }
    }
}

/// Put a reference into a node's payload; `bytes` are those of a `Reference`.
pub fn put_reference(payload: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() == 32 {
        payload.push(0xa0);
    }
    payload.extend_from_slice(bytes);
}

/// Put a byte string in RLP.
pub fn put_string(payload: &mut Vec<u8>, data: &[u8]) {
    match data {
        [byte] if *byte < 0x80 => payload.push(*byte),
        _ => {
            put_header(payload, data.len(), 0x80);
            payload.extend_from_slice(data);
        }
    }
}

fn put_header(target: &mut Vec<u8>, size: usize, offset: u8) {
    if size < 56 {
        target.push(offset + size as u8);
        return;
    }
    let bytes = size.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    target.push(offset + 55 + (bytes.len() - start) as u8);
    target.extend_from_slice(&bytes[start..]);
}

/// Put a list around a payload.
pub fn put_list(target: &mut Vec<u8>, payload: &[u8]) {
    put_header(target, payload.len(), 0xc0);
    target.extend_from_slice(payload);
}

/// Hex-prefix encoding: the flag nibble tells leaf from extension and odd from even length.
fn put_compact(payload: &mut Vec<u8>, nibbles: &[u8], is_leaf: bool) {
    let mut compact = [0u8; 33];
    let flag = if is_leaf { 2 } else { 0 };
    let rest = if nibbles.len() % 2 == 1 {
        compact[0] = (flag + 1) << 4 | nibbles[0];
        &nibbles[1..]
    } else {
        compact[0] = flag << 4;
        nibbles
    };
    for (place, pair) in compact[1..].iter_mut().zip(rest.chunks_exact(2)) {
        *place = pair[0] << 4 | pair[1];
    }
    put_string(payload, &compact[..1 + rest.len() / 2]);
}

/// Two buffers that encode one node after the other.
#[derive(Default)]
pub struct Encoder {
    payload: Vec<u8>,
    node: Vec<u8>,
}

impl Encoder {
    /// A leaf.
    pub fn leaf(&mut self, suffix: &[u8], value: &[u8]) -> &[u8] {
        self.payload.clear();
        put_compact(&mut self.payload, suffix, true);
        put_string(&mut self.payload, value);
        self.finish()
    }

    /// An extension over a branch.
    pub fn extension(&mut self, nibbles: &[u8], branch: &[u8]) -> &[u8] {
        self.payload.clear();
        put_compact(&mut self.payload, nibbles, false);
        put_reference(&mut self.payload, branch);
        self.finish()
    }

    fn finish(&mut self) -> &[u8] {
        self.node.clear();
        put_list(&mut self.node, &self.payload);
        &self.node
    }
}
