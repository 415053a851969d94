"""
Several nodes' chains, block by block: the hash, which covers header, transactions and receipts, and each receipt.

Receipts are compared as JSON as well, since clients read them and not their root.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .json_rpc import JsonRpc

OUTPUT_INTERVAL_BLOCKS = 10
"""Every so many output roots are compared: each costs op-node a proof."""

DEPOSIT_TYPE = 0x7E


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and what differs."""

    blocks: int
    outputs: int
    transactions: Mapping[int, int]
    """Number of transactions by their type, deposits and L1 attributes among them."""
    failed: Mapping[int, int]
    """Those of them with status 0."""
    hashes: Sequence[str]
    """Of the blocks, from genesis on."""
    included: frozenset[str]
    """Hashes of the transactions."""
    depositors: frozenset[str]
    """Whom deposits came from, L1 attributes among them; as hex in small letters."""
    differences: Sequence[str]

    def describe(self) -> str:
        """A line of figures."""
        kinds = ", ".join(
            f"{self.transactions[kind]:,} {'deposits' if kind == DEPOSIT_TYPE else f'of type {kind}'}"
            f" ({self.failed.get(kind, 0)} failed)"
            for kind in sorted(self.transactions)
        )
        total = sum(self.transactions.values())
        return f"{self.blocks} safe blocks, {total:,} transactions: {kinds}; {self.outputs} output roots"


def compare_chains(nodes: Mapping[str, JsonRpc], last: int, output_nodes: Mapping[str, JsonRpc]) -> Compared:
    """
    Compare blocks 0 to `last` of all nodes, and some output roots of those that tell them.

    An answer that lacks is a difference: every node was said to have these blocks.
    """
    numbers = range(last + 1)
    blocks = {
        name: node.get_all("eth_getBlockByNumber", [(hex(n), False) for n in numbers]) for name, node in nodes.items()
    }
    receipts = {
        name: node.get_all("eth_getBlockReceipts", [(hex(number),) for number in numbers])
        for name, node in nodes.items()
    }
    outputs = {number: _outputs_at(output_nodes, number) for number in {*range(0, last, OUTPUT_INTERVAL_BLOCKS), last}}
    differences = [
        *_differences("hash", {name: [_field(block, "hash") for block in found] for name, found in blocks.items()}),
        *_differences("receipts", receipts),
        *(f"output root of block {number}: {told}" for number, told in sorted(outputs.items()) if not _is_one(told)),
    ]
    first = [receipt for listed in next(iter(receipts.values())) if isinstance(listed, list) for receipt in listed]
    kinds = [(int(str(_field(receipt, "type")), 16), _field(receipt, "status") == "0x1") for receipt in first]
    return Compared(
        blocks=len(numbers) - 1,
        outputs=len(outputs),
        transactions=Counter(kind for kind, _ in kinds),
        failed=Counter(kind for kind, is_good in kinds if not is_good),
        hashes=[str(_field(block, "hash")) for block in next(iter(blocks.values()))],
        included=frozenset(str(_field(receipt, "transactionHash")) for receipt in first),
        depositors=frozenset(
            str(_field(receipt, "from")).lower()
            for receipt, (kind, _) in zip(first, kinds, strict=True)
            if kind == DEPOSIT_TYPE
        ),
        differences=differences,
    )


def _differences(what: str, answers: Mapping[str, Sequence[object]]) -> list[str]:
    """Each block whose answers are not one and the same."""
    return [
        f"{what} of block {number}: {dict(zip(answers, told, strict=True))}"
        for number, told in enumerate(zip(*answers.values(), strict=True))
        if not _is_one(dict(zip(answers, told, strict=True)))
    ]


def _is_one(told: Mapping[str, object]) -> bool:
    first = next(iter(told.values()))
    return first is not None and all(answer == first for answer in told.values())


def _outputs_at(nodes: Mapping[str, JsonRpc], number: int) -> dict[str, object]:
    return {
        name: _field(node.get_or_none("optimism_outputAtBlock", hex(number)), "outputRoot")
        for name, node in nodes.items()
    }


def _field(answer: object, name: str) -> object:
    return answer.get(name) if isinstance(answer, Mapping) else None
