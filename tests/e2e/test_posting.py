"""From L2 to L1 and back: batches on L1, the safe head, outputs, and a replica that has nothing but L1."""

from collections.abc import Mapping

from web3 import Web3
from web3.types import RPCEndpoint

from .chain_clients import RECIPIENT, Clients, safe_number, send_and_wait, wait_until_safe
from .devnet_process import wait_until


def output_at(web3: Web3, number: int) -> Mapping[str, object]:
    """The node's answer to `optimism_outputAtBlock`."""
    answer = web3.provider.make_request(RPCEndpoint("optimism_outputAtBlock"), [hex(number)])["result"]
    assert isinstance(answer, dict)
    return answer


def test_transaction_reaches_l1_in_a_batch_and_becomes_safe(clients: Clients) -> None:
    inbox = clients.l1_contract("BatchInbox")
    l1_before = clients.l1.eth.block_number
    receipt = send_and_wait(clients.l2, clients.account(2), {"to": RECIPIENT, "value": 1})
    wait_until_safe(clients.l2, receipt["blockNumber"])

    events = inbox.events.BatchPosted().get_logs(from_block=l1_before)
    assert events
    posted = clients.l1.eth.get_transaction(events[-1]["transactionHash"])
    assert posted["to"] == inbox.address
    assert events[-1]["args"]["dataHash"] == Web3.keccak(posted["input"])
    assert clients.l2.eth.get_transaction_receipt(receipt["transactionHash"])["blockHash"] == receipt["blockHash"]


def test_replica_has_the_sequencers_blocks_and_output_roots(clients: Clients) -> None:
    """Law 1, at every safe block so far."""
    receipt = send_and_wait(clients.l2, clients.account(2), {"to": RECIPIENT, "value": 1})
    wait_until_safe(clients.replica, receipt["blockNumber"])
    wait_until_safe(clients.l2, receipt["blockNumber"])
    last = min(safe_number(clients.l2), safe_number(clients.replica))

    assert last >= receipt["blockNumber"]
    for number in range(last + 1):
        ours, theirs = (web3.eth.get_block(number) for web3 in (clients.l2, clients.replica))
        assert ours["hash"] == theirs["hash"], number
        roots = {output_at(web3, number)["outputRoot"] for web3 in (clients.l2, clients.replica)}
        assert len(roots) == 1, number
    assert clients.replica.eth.get_transaction_receipt(receipt["transactionHash"])["status"] == 1


def test_posted_output_is_that_of_its_block(clients: Clients) -> None:
    oracle = clients.l1_contract("L2OutputOracle")
    known = oracle.functions.nextOutputIndex().call()
    index = wait_until("one more output", lambda: oracle.functions.nextOutputIndex().call() > known and known)
    root, _, number = oracle.functions.getL2Output(index).call()

    assert number <= safe_number(clients.l2)
    wait_until_safe(clients.replica, number)
    assert output_at(clients.replica, number)["outputRoot"] == Web3.to_hex(root)
