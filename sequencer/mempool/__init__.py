"""Mempool: from a user's bytes to an ordered, durable queue of transactions whose fate can always be asked for."""
