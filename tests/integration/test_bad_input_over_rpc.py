"""Law 7 at the front door: what people send to a whole node over HTTP gets a clear error, and the node goes on."""

import random
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from unittest import mock

import orjson
import pytest

from l1_bridge.rlp_codec import decode_rlp, encode_integer, encode_rlp
from sequencer.execution.intrinsic import floor_gas
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.metrics import SUBMITTED
from sequencer.mempool.pool import PoolLimits
from sequencer.primitives.signature import CURVE_ORDER
from sequencer.primitives.transaction import Transaction
from sequencer.rpc.errors import INTERNAL_ERROR, INVALID_PARAMETERS, INVALID_REQUEST, LIMIT_EXCEEDED, PARSE_ERROR
from sequencer.rpc.errors import TRANSACTION_REJECTED as REJECTED
from sequencer.rpc.method_table import methods_for
from sequencer.rpc.metrics import INTERNAL_ERRORS
from sequencer.rpc.settings import RpcSettings
from tests.factories import ETHER, GWEI, make_deposit, make_transaction, private_key, sign_typed
from tests.fakes.real_node import ManualClock, RealNode, open_node, standalone_genesis

LIMITS = RpcSettings()
REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RealNode]:
    """A standalone node at its genesis."""
    async with open_node(tmp_path, standalone_genesis(), ManualClock()) as opened:
        yield opened


async def assert_goes_on(node: RealNode) -> None:
    """A transaction still finds its way into a block."""
    sent = await node.send(make_transaction(key=private_key(7), max_fee_per_gas=10 * GWEI).raw)
    await node.make_block()
    receipt = await node.ask("eth_getTransactionReceipt", "0x" + sent.hex())
    assert isinstance(receipt, dict)
    assert receipt["status"] == "0x1"


def high_s() -> bytes:
    """The other signature of a good transaction (EIP-2 forbids it)."""
    good = make_transaction()
    fields = decode_rlp(good.raw[1:])
    assert not isinstance(fields, bytes)
    return b"\x02" + encode_rlp(
        [*fields[:-3], encode_integer(1 - good.y_parity), fields[-2], encode_integer(CURVE_ORDER - good.s)]
    )


def no_curve_point() -> bytes:
    """A signature with r above the curve's order."""
    fields = decode_rlp(make_transaction().raw[1:])
    assert not isinstance(fields, bytes)
    return b"\x02" + encode_rlp([*fields[:-2], encode_integer(CURVE_ORDER + 1), fields[-1]])


def as_type(kind: int) -> bytes:
    """The fields of a good transaction, signed under another type byte."""
    fields = decode_rlp(make_transaction().raw[1:])
    assert not isinstance(fields, bytes)
    return sign_typed(private_key(0), kind, list(fields[:-3]))


DATA = b"\x01" * 400
FLOOR = floor_gas(DATA)
RICH = 1000 * ETHER
PLAIN_COST = 21_000 * 100 * GWEI

GOOD = make_transaction
BAD_TRANSACTIONS: dict[str, tuple[Callable[[], bytes], str, Callable[[], Transaction]]] = {
    "empty": (lambda: b"", "transaction is empty", GOOD),
    "garbage": (lambda: b"\x02\xff\xff", "RLP", GOOD),
    "truncated": (lambda: GOOD().raw[:-1], "RLP", GOOD),
    "wrong chain id": (lambda: GOOD(chain_id=1).raw, "invalid chain id: transaction is for chain 1", GOOD),
    "signature of no key": (no_curve_point, "r is out of range", GOOD),
    "high s": (high_s, "upper half", GOOD),
    "nonce far ahead": (lambda: GOOD(nonce=1024).raw, "nonce too high", partial(GOOD, nonce=1023)),
    "balance": (
        lambda: GOOD(value=RICH - PLAIN_COST + 1).raw,
        "insufficient funds",
        partial(GOOD, value=RICH - PLAIN_COST),
    ),
    "intrinsic gas": (lambda: GOOD(gas_limit=20_999).raw, "intrinsic gas too low", partial(GOOD, gas_limit=21_000)),
    "floor gas": (
        lambda: GOOD(data=DATA, gas_limit=FLOOR - 1).raw,
        f"gas limit {FLOOR - 1}, required {FLOOR}",
        partial(GOOD, data=DATA, gas_limit=FLOOR),
    ),
    "gas above the block's": (
        lambda: GOOD(gas_limit=30_000_001, max_fee_per_gas=2 * GWEI).raw,
        "exceeds block gas limit",
        partial(GOOD, gas_limit=30_000_000, max_fee_per_gas=2 * GWEI),
    ),
    "type 3": (lambda: as_type(3), "type 0x03 is not supported", GOOD),
    "type 0x7D": (lambda: as_type(0x7D), "type 0x7d is not supported", GOOD),
    "type 0x7E": (lambda: make_deposit().raw, "type 0x7e is not supported", GOOD),
    "size": (lambda: GOOD(data=bytes(131_072), gas_limit=9_000_000).raw, "oversized data", GOOD),
}


@pytest.mark.parametrize("case", BAD_TRANSACTIONS)
async def test_a_bad_transaction_is_refused_by_its_fact_and_its_good_neighbour_is_taken(
    node: RealNode, case: str
) -> None:
    bad, fact, good = BAD_TRANSACTIONS[case]

    code, message = await node.refused(bad())

    assert code == REJECTED
    assert fact in message
    await node.send(good().raw)


async def test_a_used_nonce_is_too_low(node: RealNode) -> None:
    await node.send(make_transaction().raw)
    await node.make_block()

    assert await node.refused(make_transaction(value=2).raw) == (REJECTED, "nonce too low: next nonce 1, tx nonce 0")
    await node.send(make_transaction(nonce=1).raw)


async def test_refusals_are_counted_by_their_reason(node: RealNode) -> None:
    counter = SUBMITTED.labels("WrongChainId")
    before = counter._value.get()

    await node.refused(make_transaction(chain_id=1).raw)

    assert counter._value.get() == before + 1
    await assert_goes_on(node)


async def test_a_full_pool_says_so_and_takes_what_pays_more(tmp_path: Path) -> None:
    small = partial(Mempool.open, limits=PoolLimits(max_transactions=2))
    with mock.patch.object(Mempool, "open", small):
        async with open_node(tmp_path, standalone_genesis(), ManualClock()) as node:
            cheapest = await node.send(make_transaction(max_priority_fee_per_gas=2 * GWEI).raw)
            await node.send(make_transaction(key=private_key(1), max_priority_fee_per_gas=3 * GWEI).raw)

            refusal = await node.refused(make_transaction(key=private_key(2), max_priority_fee_per_gas=GWEI).raw)
            assert refusal == (REJECTED, "txpool is full: transaction underpriced")

            await node.send(make_transaction(key=private_key(2), max_priority_fee_per_gas=4 * GWEI).raw)
            dropped = await node.ask("braid_transactionStatus", "0x" + cheapest.hex())
            assert isinstance(dropped, dict)
            assert dropped["status"] == "dropped"
            assert dropped["reason"]
            await node.make_block()
            assert len(node.chain.block(1).transactions) == 2  # type: ignore[union-attr]  # just made


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", PARSE_ERROR),
        (b"\xff\x00", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"', PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"5", INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":7}', INVALID_PARAMETERS),
        (orjson.dumps([REQUEST] * (LIMITS.max_batch_size + 1)), LIMIT_EXCEEDED),
    ],
    ids=["empty", "bytes", "cut", "brackets", "empty batch", "number", "object id", "params", "large batch"],
)
async def test_an_undecodable_or_oversized_request_is_an_error(node: RealNode, body: bytes, code: int) -> None:
    answer = await node.post(body)

    [only] = answer if isinstance(answer, list) else [answer]
    assert isinstance(only, dict)
    assert only["error"]["code"] == code
    await assert_goes_on(node)


async def test_a_batch_at_the_limit_is_answered(node: RealNode) -> None:
    answers = await node.post(orjson.dumps([REQUEST] * LIMITS.max_batch_size))

    assert isinstance(answers, list)
    assert len(answers) == LIMITS.max_batch_size


async def test_a_body_above_the_limit_is_not_read(node: RealNode) -> None:
    body = orjson.dumps(REQUEST)

    answer = await node.post(body.ljust(LIMITS.max_body_bytes + 1), status=413)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == LIMIT_EXCEEDED
    await node.post(body.ljust(LIMITS.max_body_bytes))
    await assert_goes_on(node)


async def test_no_parameters_whatever_make_a_method_fail_inside(node: RealNode) -> None:
    """Every method is asked with wrong types, wrong sizes, too few and too many parameters."""
    rng = random.Random(4)
    values: list[object] = [
        *(None, True, -1, 2**63, 1.5, "", "0x", "0xzz", "0x0", "latest", "0x" + "ff" * 33, "0x" + "11" * 20),
        *(
            "0x" + "22" * 32,
            [],
            {},
            [[]],
            {"to": 5},
            {"fromBlock": "0x5", "toBlock": "0x1"},
            {"blockHash": "0x"},
            "\x00",
        ),
    ]
    before = INTERNAL_ERRORS._value.get()
    for name in [method.name for method in methods_for(is_optimism=False)]:
        for count in (0, 1, 1, 2, 2, 2, 3, 3, 4):
            parameters = [rng.choice(values) for _ in range(count)]
            answer = await node.call(name, *parameters)
            error = answer.get("error")
            assert error is None or (isinstance(error, dict) and error["code"] != INTERNAL_ERROR), (name, parameters)

    assert INTERNAL_ERRORS._value.get() == before
    assert (await node.refusal("eth_getBalance", "0x12", "latest"))[0] == INVALID_PARAMETERS
    await assert_goes_on(node)
