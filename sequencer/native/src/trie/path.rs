//! Paths of tries: nibbles, one a byte.

/// Nibbles of a hashed key.
pub const KEY_NIBBLES: usize = 64;

/// A position in a trie: the nibbles from its root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path {
    nibbles: [u8; KEY_NIBBLES],
    len: usize,
}

impl Default for Path {
    fn default() -> Self {
        Path { nibbles: [0; KEY_NIBBLES], len: 0 }
    }
}

impl Path {
    /// The nibbles of a key of at most 32 bytes.
    pub fn of_key(key: &[u8]) -> Self {
        let mut path = Path::default();
        for byte in key.iter().take(KEY_NIBBLES / 2) {
            path.push(byte >> 4);
            path.push(byte & 15);
        }
        path
    }

    /// The nibbles as they are.
    pub fn as_slice(&self) -> &[u8] {
        &self.nibbles[..self.len]
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, nibble: u8) {
        self.nibbles[self.len] = nibble;
        self.len += 1;
    }

    pub fn extend(&mut self, nibbles: &[u8]) {
        self.nibbles[self.len..self.len + nibbles.len()].copy_from_slice(nibbles);
        self.len += nibbles.len();
    }

    pub fn truncate(&mut self, len: usize) {
        self.len = len;
    }
}

/// How many nibbles two paths have in common from their start.
pub fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
