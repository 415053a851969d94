//! Records of the trie's table: what stands in a root slot, and the children of one branch.
//!
//! ```text
//! root slot   child
//! branch      mask of its children 2 | child, one after the other
//!
//! child       1 | length, nibbles of an extension | length, reference to the branch below it
//!             2 | length, packed nibbles of the rest of the key | length, reference | cut 1 | length 1 | value
//! ```
//!
//! `cut` says which of the two hashes that most accounts share, the root of an empty trie and the hash of no code, are
//! left out at the value's end. The record of an unchanged child is copied as it is, never decoded.

use alloy_primitives::KECCAK256_EMPTY;
use alloy_trie::EMPTY_ROOT_HASH;

use super::nodes::{Encoder, Reference};
use crate::store::StoreError;

const BRANCH: u8 = 1;
const LEAF: u8 = 2;

const WITHOUT_CODE_HASH: u8 = 1;
const WITHOUT_STORAGE_ROOT: u8 = 2;

/// What hangs in one slot: at the root, or below a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child<'a> {
    Empty,
    /// As it was read, unchanged.
    Stored(&'a [u8]),
    /// A branch, behind the nibbles of an extension (none: no extension); the reference is the branch's own.
    Branch {
        extension: Vec<u8>,
        reference: Reference,
    },
    /// A leaf with the rest of its key.
    Leaf {
        suffix: Vec<u8>,
        value: Vec<u8>,
    },
}

impl<'a> Child<'a> {
    pub fn is_empty(&self) -> bool {
        matches!(self, Child::Empty)
    }

    /// The same, decoded, and free of what it was read from.
    pub fn open(self) -> Result<Child<'static>, StoreError> {
        match self {
            Child::Empty => Ok(Child::Empty),
            Child::Branch { extension, reference } => Ok(Child::Branch { extension, reference }),
            Child::Leaf { suffix, value } => Ok(Child::Leaf { suffix, value }),
            Child::Stored(data) => match View::of(data)? {
                View::Branch { extension, reference, .. } => {
                    Ok(Child::Branch { extension: extension.to_vec(), reference: Reference::of_bytes(reference) })
                }
                View::Leaf { suffix_len, suffix, cut, value, .. } => {
                    Ok(Child::Leaf { suffix: unpack(suffix, suffix_len), value: uncut(cut, value) })
                }
            },
        }
    }

    /// The child at the end of `nibbles` instead of at their start.
    pub fn lengthen(self, nibbles: &[u8]) -> Result<Child<'a>, StoreError> {
        if nibbles.is_empty() {
            return Ok(self);
        }
        Ok(match self.open()? {
            Child::Branch { extension, reference } => {
                Child::Branch { extension: [nibbles, &extension].concat(), reference }
            }
            Child::Leaf { suffix, value } => Child::Leaf { suffix: [nibbles, &suffix].concat(), value },
            other => other,
        })
    }
}

/// A stored child, field by field.
pub enum View<'a> {
    Branch { extension: &'a [u8], reference: &'a [u8], size: usize },
    Leaf { suffix_len: usize, suffix: &'a [u8], reference: &'a [u8], cut: u8, value: &'a [u8], size: usize },
}

impl<'a> View<'a> {
    /// The child that `data` begins with.
    pub fn of(data: &'a [u8]) -> Result<View<'a>, StoreError> {
        let mut reader = Reader { data, at: 0 };
        match reader.byte()? {
            BRANCH => {
                let extension = reader.counted()?;
                let reference = reader.counted()?;
                Ok(View::Branch { extension, reference, size: reader.at })
            }
            LEAF => {
                let suffix_len = usize::from(reader.byte()?);
                let suffix = reader.take(suffix_len.div_ceil(2))?;
                let reference = reader.counted()?;
                let cut = reader.byte()?;
                let value = reader.counted()?;
                Ok(View::Leaf { suffix_len, suffix, reference, cut, value, size: reader.at })
            }
            _ => Err(malformed()),
        }
    }

    fn size(&self) -> usize {
        match self {
            View::Branch { size, .. } | View::Leaf { size, .. } => *size,
        }
    }
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], StoreError> {
        let found = self.data.get(self.at..self.at + size).ok_or_else(malformed)?;
        self.at += size;
        Ok(found)
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        Ok(self.take(1)?[0])
    }

    fn counted(&mut self) -> Result<&'a [u8], StoreError> {
        let size = self.byte()?;
        self.take(usize::from(size))
    }
}

fn malformed() -> StoreError {
    StoreError::Damaged("a record of the trie is malformed".into())
}

/// The 16 children of a stored branch.
pub fn read_branch(data: &[u8]) -> Result<[Child<'_>; 16], StoreError> {
    let (mask, mut rest) = data.split_at_checked(2).ok_or_else(malformed)?;
    let mask = u16::from_be_bytes([mask[0], mask[1]]);
    let mut children = [const { Child::Empty }; 16];
    for (index, child) in children.iter_mut().enumerate() {
        if mask & 1 << index != 0 {
            let size = View::of(rest)?.size();
            *child = Child::Stored(&rest[..size]);
            rest = &rest[size..];
        }
    }
    Ok(children)
}

/// Encodes children and branches, for the table and for Ethereum at once.
#[derive(Default)]
pub struct Writer {
    encoder: Encoder,
    payload: Vec<u8>,
    node: Vec<u8>,
    record: Vec<u8>,
}

impl Writer {
    /// The record of a branch, and the reference to its node.
    pub fn branch(&mut self, children: &[Child<'_>; 16]) -> Result<(Vec<u8>, Reference), StoreError> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.extend_from_slice(&[0, 0]);
        let mut mask = 0u16;
        self.payload.clear();
        for (index, child) in children.iter().enumerate() {
            if child.is_empty() {
                self.payload.push(0x80);
                continue;
            }
            mask |= 1 << index;
            let reference = self.child(&mut record, child)?;
            super::nodes::put_reference(&mut self.payload, reference.as_slice());
        }
        record[..2].copy_from_slice(&mask.to_be_bytes());
        let exact = record.to_vec();
        self.record = record;
        Ok((exact, Reference::to_node(self.finish_branch())))
    }

    /// The node of a branch.
    pub fn branch_node(&mut self, children: &[Child<'_>; 16]) -> Result<Vec<u8>, StoreError> {
        self.branch(children)?;
        Ok(self.node.clone())
    }

    fn finish_branch(&mut self) -> &[u8] {
        self.payload.push(0x80);
        self.node.clear();
        super::nodes::put_list(&mut self.node, &self.payload);
        &self.node
    }

    /// Put the record of a child, and return how its parent names it.
    pub fn child(&mut self, record: &mut Vec<u8>, child: &Child<'_>) -> Result<Reference, StoreError> {
        match child {
            Child::Empty => Ok(Reference::of_bytes(&[0x80])),
            Child::Stored(data) => {
                record.extend_from_slice(data);
                match View::of(data)? {
                    View::Branch { extension, reference, .. } => Ok(self.below(extension, reference)),
                    View::Leaf { reference, .. } => Ok(Reference::of_bytes(reference)),
                }
            }
            Child::Branch { extension, reference } => {
                record.push(BRANCH);
                put_counted(record, extension)?;
                put_counted(record, reference.as_slice())?;
                Ok(self.below(extension, reference.as_slice()))
            }
            Child::Leaf { suffix, value } => {
                let reference = Reference::to_node(self.encoder.leaf(suffix, value));
                record.push(LEAF);
                record.push(suffix.len() as u8);
                pack(record, suffix);
                put_counted(record, reference.as_slice())?;
                let (cut, kept) = cut(value);
                record.push(cut);
                put_counted(record, kept)?;
                Ok(reference)
            }
        }
    }

    fn below(&mut self, extension: &[u8], branch: &[u8]) -> Reference {
        if extension.is_empty() {
            Reference::of_bytes(branch)
        } else {
            Reference::to_node(self.encoder.extension(extension, branch))
        }
    }

    /// The node of an extension.
    pub fn extension_node(&mut self, extension: &[u8], branch: &[u8]) -> Vec<u8> {
        self.encoder.extension(extension, branch).to_vec()
    }

    /// The node of a leaf.
    pub fn leaf_node(&mut self, suffix: &[u8], value: &[u8]) -> Vec<u8> {
        self.encoder.leaf(suffix, value).to_vec()
    }
}

fn put_counted(record: &mut Vec<u8>, data: &[u8]) -> Result<(), StoreError> {
    let size = u8::try_from(data.len()).map_err(|_| StoreError::Failed("a trie's value is too long".into()))?;
    record.push(size);
    record.extend_from_slice(data);
    Ok(())
}

fn pack(record: &mut Vec<u8>, nibbles: &[u8]) {
    for pair in nibbles.chunks(2) {
        record.push(pair[0] << 4 | pair.get(1).copied().unwrap_or(0));
    }
}

fn unpack(packed: &[u8], len: usize) -> Vec<u8> {
    let mut nibbles: Vec<u8> = packed.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    nibbles.truncate(len);
    nibbles
}

fn cut(value: &[u8]) -> (u8, &[u8]) {
    let mut cut = 0;
    let mut kept = value;
    if let Some(rest) = without_hash(kept, KECCAK256_EMPTY.as_slice()) {
        (cut, kept) = (WITHOUT_CODE_HASH, rest);
        if let Some(rest) = without_hash(kept, EMPTY_ROOT_HASH.as_slice()) {
            (cut, kept) = (WITHOUT_CODE_HASH | WITHOUT_STORAGE_ROOT, rest);
        }
    }
    (cut, kept)
}

fn without_hash<'a>(value: &'a [u8], hash: &[u8]) -> Option<&'a [u8]> {
    value.strip_suffix(hash)?.strip_suffix(&[0xa0])
}

fn uncut(cut: u8, kept: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(kept.len() + 66);
    value.extend_from_slice(kept);
    if cut & WITHOUT_STORAGE_ROOT != 0 {
        value.push(0xa0);
        value.extend_from_slice(EMPTY_ROOT_HASH.as_slice());
    }
    if cut & WITHOUT_CODE_HASH != 0 {
        value.push(0xa0);
        value.extend_from_slice(KECCAK256_EMPTY.as_slice());
    }
    value
}
