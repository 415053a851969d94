"""L1's prices and blob limit of the moment, for whoever writes calldata or blobs before anything is sent."""

from l1_bridge.errors import L1Unavailable
from l1_bridge.fees import Market
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.sending import L1Account


class L1Market:
    """Reads base fee and blob base fee from L1's head, and the tip from the node."""

    def __init__(self, l1: L1Account, chain: L1ChainConfig) -> None:
        self._l1 = l1
        self._chain = chain
        self.max_blobs = chain.most_blobs()
        """Blobs that one transaction may carry at the head seen last."""

    async def market(self) -> Market:
        """Prices at L1's head; raises `TemporaryError` while L1 does not answer."""
        head = await self._l1.header_by_tag("latest")
        if head is None:
            raise L1Unavailable("eth_getBlockByNumber", "no latest block")
        self.max_blobs = self._chain.max_blobs_at(head.timestamp)
        return Market(head.base_fee, await self._l1.priority_fee(), self._chain.blob_base_fee(head))
