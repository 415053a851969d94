"""A run's course, which is the same whoever writes to L1: traffic and an event in it, a rest, comparison."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .building import Binaries
from .comparison import compare_chains
from .configurations import EXPIRY, NOTHING, Configuration
from .events import EVENTS, Happened
from .json_rpc import JsonRpc
from .outcome import Outcome
from .postings import read_postings
from .processes import suspended
from .recording import record_vector
from .safe_heads import wait_for_one_safe_head
from .scene import Scene, settle
from .traffic import Traffic


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be run."""

    configuration: Configuration
    binaries: Binaries
    seconds: float
    """Of traffic; an event adds as long as it takes."""
    vector: Path | None
    """File in which the chain is kept, when it is to be."""


def play(scene: Scene, run: Run) -> Outcome:
    """Traffic, the event in its midst, and what was found when all of it was derived."""
    traffic = Traffic(scene.sides, run.configuration.bulk_bytes)
    event = run.configuration.event
    happened = EVENTS[event](scene, traffic, run.seconds)
    target = wait_for_one_safe_head(scene.nodes, traffic.finish(), scene.processes)
    with suspended(scene.batcher_process_id):
        settled = settle(scene, target)
        compared = compare_chains(scene.nodes, settled.l2, scene.output_nodes)
        if run.vector is not None:
            record_vector(run.vector, scene, settled, happened.l1_forks)
    postings = read_postings(scene.l1, scene.session, scene.chain.batcher(), scene.chain.inbox())
    replaced = happened.count_replaced(compared.hashes)
    return Outcome(
        compared,
        postings,
        traffic.rounds,
        happened.describe(replaced),
        [
            *postings.contradictions(run.configuration),
            *find_lost(traffic.acknowledged, compared.included),
            *find_failed_on_l1(scene.l1, traffic.sent_on_l1),
            *find_unaliased(traffic.aliased_sender, compared.depositors),
            *find_unseen(event, happened, replaced),
        ],
    )


def find_lost(acknowledged: Sequence[bytes], included: Collection[str]) -> list[str]:
    """What a node took and no safe block has."""
    hashes = ["0x" + sent.hex() for sent in acknowledged]
    return [f"transaction {hash} was taken, and is in no safe block" for hash in hashes if hash not in included]


def find_failed_on_l1(l1: JsonRpc, sent: Sequence[bytes]) -> list[str]:
    """Deposits and config updates that had no effect on L1, so that nothing was tried."""
    hashes = ["0x" + hash.hex() for hash in sent]
    receipts = l1.get_all("eth_getTransactionReceipt", [(hash,) for hash in hashes])
    return [
        f"transaction {hash} failed on L1, or is not there"
        for hash, receipt in zip(hashes, receipts, strict=True)
        if not isinstance(receipt, Mapping) or receipt.get("status") != "0x1"
    ]


def find_unaliased(sender: str, depositors: Collection[str]) -> list[str]:
    """Whether no deposit came from the contract on L1 that sent some, under its aliased address."""
    return [] if sender in depositors else [f"no deposit on L2 came from {sender}"]


def find_unseen(event: str, happened: Happened, replaced: int) -> list[str]:
    """Where an event had no effect, so that nothing was tried."""
    found = [f"{event}: no L2 block was replaced"] if event != NOTHING and replaced == 0 else []
    return [*found, f"{event}: no block was forced"] if event == EXPIRY and happened.forced == 0 else found
