"""World state: the durable store, the trie over it, proofs, and the Redis cache in front of it."""
