//! Proofs of keys: the nodes from a root down to a key's place (EIP-1186).

use alloy_primitives::B256;

use super::{
    path::Path,
    record::{Child, Writer, read_branch},
    update::branch_key,
    view::View,
};
use crate::store::StoreError;

/// The value under a key (None: there is none), and the encoded nodes that show it.
pub struct Proof {
    pub value: Option<Vec<u8>>,
    pub nodes: Vec<Vec<u8>>,
}

impl Proof {
    /// A node that stands inside its parent is no entry of its own; the root always is one.
    fn push(&mut self, node: Vec<u8>) {
        if self.nodes.is_empty() || node.len() >= 32 {
            self.nodes.push(node);
        }
    }
}

/// Prove the place of the hashed `key` in the trie `name`.
pub fn prove(view: &View<'_>, name: &[u8], key: &B256) -> Result<Proof, StoreError> {
    let key = Path::of_key(key.as_slice());
    let key = key.as_slice();
    let mut proof = Proof { value: None, nodes: Vec::new() };
    let mut writer = Writer::default();
    let mut child = view.get(name)?.map_or(Child::Empty, Child::Stored);
    let mut depth = 0;
    loop {
        match child.open()? {
            Child::Leaf { suffix, value } => {
                proof.push(writer.leaf_node(&suffix, &value));
                if suffix == key[depth..] {
                    proof.value = Some(value);
                }
                return Ok(proof);
            }
            Child::Branch { extension, reference } => {
                if !extension.is_empty() {
                    proof.push(writer.extension_node(&extension, reference.as_slice()));
                    if !key[depth..].starts_with(&extension) {
                        return Ok(proof);
                    }
                    depth += extension.len();
                }
                let record = view.get(&branch_key(name, &key[..depth]))?;
                let record = record.ok_or_else(|| StoreError::Damaged("the trie lacks a branch".into()))?;
                let mut children = read_branch(record)?;
                proof.push(writer.branch_node(&children)?);
                child = std::mem::replace(&mut children[usize::from(key[depth])], Child::Empty);
                depth += 1;
            }
            _ => return Ok(proof),
        }
    }
}
