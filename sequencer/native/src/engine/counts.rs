//! What the engine counts, for the metrics of `sequencer/execution/native/metrics.py`.

/// How often what happened, since the engine began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub executed: u64,
    pub conflicts: u64,
    pub reexecuted: u64,
    pub sequential_slices: u64,
    pub parallel_slices: u64,
    /// Slices whose threads broke down, and that were finished in sequence.
    pub broken_slices: u64,
    /// Slices that ran again because a guess was wrong.
    pub misled_slices: u64,
    /// Slices of which so much ran in vain that the rest went in sequence.
    pub cut_short_slices: u64,
}

impl Counts {
    /// In the order of `NativeCounts` (`sequencer/execution/native/counts.py`).
    pub fn in_order(&self) -> [u64; 8] {
        [
            self.executed,
            self.conflicts,
            self.reexecuted,
            self.sequential_slices,
            self.parallel_slices,
            self.broken_slices,
            self.misled_slices,
            self.cut_short_slices,
        ]
    }
}
