"""A real reorg of L1, under a rollup that runs."""

import pytest
from web3 import Web3
from web3.types import BlockIdentifier, RPCEndpoint

from .chain_clients import RECIPIENT, Clients, connect, safe_number, send_and_wait, wait_until_safe
from .devnet_process import DevnetProcess, wait_until

DEPTH = 3
"""L1 blocks that are replaced: some of them hold batches, and are origins of L2 blocks."""


def block_hash(web3: Web3, block: BlockIdentifier) -> bytes:
    return bytes(web3.eth.get_block(block)["hash"])


def do_reorg(clients: Clients) -> tuple[int, bytes]:
    """Replace the newest L1 blocks by empty ones; returns the lowest one's number and the hash that it had."""
    head = clients.l1.eth.block_number
    lowest = head - DEPTH + 1
    before = block_hash(clients.l1, lowest)
    answer = clients.l1.provider.make_request(RPCEndpoint("anvil_reorg"), [DEPTH, []])
    assert "error" not in answer, answer
    assert block_hash(clients.l1, lowest) != before
    return lowest, before


@pytest.mark.parametrize("devnet", ["anvil"], indirect=True)
def test_nodes_agree_after_a_reorg_and_no_transaction_is_lost(devnet: DevnetProcess) -> None:
    """Batches and L1 origins vanish: the batcher posts again, blocks are built again, users see their transactions."""
    with connect(devnet) as clients:
        early = send_and_wait(clients.l2, clients.account(9), {"to": RECIPIENT, "value": 1})
        wait_until_safe(clients.l2, early["blockNumber"])
        late = send_and_wait(clients.l2, clients.account(9), {"to": RECIPIENT, "value": 1})
        lowest, gone = do_reorg(clients)
        later = send_and_wait(clients.l2, clients.account(9), {"to": RECIPIENT, "value": 1})

        wait_until("both nodes derive beyond the reorg", lambda: _agree(clients, later["transactionHash"]))
        for receipt in (early, late, later):
            found = clients.l2.eth.get_transaction_receipt(receipt["transactionHash"])
            replicated = clients.replica.eth.get_transaction_receipt(receipt["transactionHash"])
            assert found["blockHash"] == replicated["blockHash"]
            assert found["status"] == 1
        assert block_hash(clients.l1, lowest) != gone
        for number in range(safe_number(clients.replica) + 1):
            assert block_hash(clients.l2, number) == block_hash(clients.replica, number), number


def _agree(clients: Clients, transaction_hash: bytes) -> bool:
    """Whether the transaction stands in a block that is safe for both nodes."""
    receipts = clients.l2.provider.make_request(
        RPCEndpoint("eth_getTransactionReceipt"), [Web3.to_hex(transaction_hash)]
    )
    receipt = receipts.get("result")
    if receipt is None:
        return False
    number = int(receipt["blockNumber"], 16)
    return safe_number(clients.l2) >= number and safe_number(clients.replica) >= number
