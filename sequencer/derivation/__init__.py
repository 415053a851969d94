"""
Derivation: the L2 chain as L1 decided it. What a replica follows, and how a sequencer's safe head moves.

    L1 traversal -> L1 retrieval -> frame queue -> channel assembly -> channel reader -> batch queue -> attributes
        -> consolidation (it is our block already) or execution -> safe head -> finality

Each stage pulls from the one before. Spec: derivation.md with holocene/derivation.md.
"""
