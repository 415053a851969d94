//! The tables of the store, by the names that `sequencer/state/tables.py` has.

/// One named table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Meta,
    Accounts,
    Storage,
    Codes,
    /// Trie nodes by hash, as the Python trie keeps them.
    Nodes,
    /// Trie nodes by path, as the native trie keeps them.
    Paths,
    History,
    Changed,
    /// Whole blocks whose changes are not in the flat tables yet.
    Pending,
    Blocks,
    Receipts,
    Refs,
    Numbers,
    Transactions,
    Derived,
}

impl Table {
    pub const ALL: [Table; 15] = [
        Table::Meta,
        Table::Accounts,
        Table::Storage,
        Table::Codes,
        Table::Nodes,
        Table::Paths,
        Table::History,
        Table::Changed,
        Table::Pending,
        Table::Blocks,
        Table::Receipts,
        Table::Refs,
        Table::Numbers,
        Table::Transactions,
        Table::Derived,
    ];

    /// The name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Accounts => "accounts",
            Table::Storage => "storage",
            Table::Codes => "codes",
            Table::Nodes => "nodes",
            Table::Paths => "paths",
            Table::History => "history",
            Table::Changed => "changed",
            Table::Pending => "pending",
            Table::Blocks => "blocks",
            Table::Receipts => "receipts",
            Table::Refs => "refs",
            Table::Numbers => "numbers",
            Table::Transactions => "transactions",
            Table::Derived => "derived",
        }
    }

    /// The table with that name on disk.
    pub fn named(name: &[u8]) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name().as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_found_by_its_name_and_no_other_is() {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(Table::named(table.name().as_bytes()), Some(table));
            assert_eq!(table as usize, index);
        }
        assert_eq!(Table::named(b"tables"), None);
    }
}
