"""Every rule of admission with the transaction that just passes it, through `submit`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from l1_bridge.rlp_codec import decode_rlp, encode_integer, encode_rlp
from sequencer.execution.fees import FeeParameters
from sequencer.execution.intrinsic import floor_gas, transaction_intrinsic_gas
from sequencer.mempool import errors
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.primitives.account import Account
from sequencer.primitives.signature import CURVE_ORDER
from sequencer.primitives.transaction import AccessListEntry
from tests.factories import CHAIN_ID, ETHER, GWEI, RECIPIENT, address, make_deposit, make_transaction, private_key
from tests.factories import sign_typed as sign

from .chain_view import FakeChain, ManualClock

RULES = AdmissionRules(chain_id=CHAIN_ID, minimum_fee_cap=1000)
TRANSFER_COST = 21_000 * 100 * GWEI + 1
FEES = FeeParameters(
    l1_base_fee=10 * GWEI,
    l1_blob_base_fee=1,
    base_fee_scalar=1368,
    blob_base_fee_scalar=810949,
    operator_fee_scalar=1_000_000,
    operator_fee_constant=77,
)


@dataclass(frozen=True)
class Case:
    """A transaction that is refused, the error, and its neighbour that is taken."""

    name: str
    bad: Callable[[], bytes]
    error: type[errors.AdmissionError]
    message: str
    good: Callable[[], bytes]
    prepare: Callable[[FakeChain], None] = lambda chain: None
    prepare_good: Callable[[FakeChain], None] | None = None


def raw(**fields: object) -> Callable[[], bytes]:
    return lambda: make_transaction(**fields).raw  # type: ignore[arg-type]  # each case names real fields


def set_account(nonce: int = 0, balance: int = 100 * ETHER, code: bytes = b"") -> Callable[[FakeChain], None]:
    def prepare(chain: FakeChain) -> None:
        chain.state.codes[keccak(code)] = code
        chain.state.accounts[address(0)] = Account(nonce, balance, keccak(code))

    return prepare


def with_size(size: int) -> Callable[[], bytes]:
    """A transaction with exactly that many bytes."""

    def make() -> bytes:
        empty = len(make_transaction(data=bytes(100_000), gas_limit=9_000_000).raw) - 100_000
        made = make_transaction(data=bytes(size - empty), gas_limit=9_000_000).raw
        assert len(made) == size
        return made

    return make


def high_s() -> bytes:
    transaction = make_transaction()
    fields = decode_rlp(transaction.raw[1:])
    assert not isinstance(fields, bytes)
    flipped = [
        *fields[:-3],
        encode_integer(1 - transaction.y_parity),
        fields[-2],
        encode_integer(CURVE_ORDER - transaction.s),
    ]
    return b"\x02" + encode_rlp(flipped)


def typed(kind: int) -> Callable[[], bytes]:
    """A transaction with a type-2 body under another type byte."""
    transaction = make_transaction()
    fields = decode_rlp(transaction.raw[1:])
    assert not isinstance(fields, bytes)
    return lambda: sign(private_key(0), kind, list(fields[:-3]))


SLOTS = (AccessListEntry(RECIPIENT, (1, 2)),)
LIST_GAS = 21_000 + 2_400 + 2 * 1_900
DATA = b"\x01" * 200
FLOOR = floor_gas(DATA)
CREATION_GAS = transaction_intrinsic_gas(make_transaction(to=None, data=b"\x00" * 10))

CASES = [
    Case("empty", lambda: b"", errors.Undecodable, "empty", raw()),
    Case("garbage", lambda: b"\x02\xff\x00", errors.Undecodable, "RLP", raw()),
    Case("trailing byte", lambda: make_transaction().raw + b"\0", errors.Undecodable, "RLP", raw()),
    Case("high s", high_s, errors.Undecodable, "upper half", raw()),
    Case("type 3", typed(3), errors.Undecodable, "type 0x03 is not supported", typed(2)),
    Case("type 0x7d", typed(0x7D), errors.Undecodable, "type 0x7d is not supported", typed(2)),
    Case("type 0x7e", lambda: make_deposit().raw, errors.Undecodable, "type 0x7e is not supported", typed(2)),
    Case("size", with_size(128 * 1024 + 1), errors.TransactionTooLarge, "131073 bytes", with_size(128 * 1024)),
    Case("chain id", raw(chain_id=1), errors.WrongChainId, "for chain 1, this is chain 901", raw()),
    Case("unprotected", raw(type=0, chain_id=None), errors.UnprotectedTransaction, "EIP-155", raw(type=0)),
    Case("intrinsic gas", raw(gas_limit=20_999), errors.IntrinsicGasTooLow, "required 21000", raw(gas_limit=21_000)),
    Case(
        "access list gas",
        raw(access_list=SLOTS, gas_limit=LIST_GAS - 1),
        errors.IntrinsicGasTooLow,
        f"required {LIST_GAS}",
        raw(access_list=SLOTS, gas_limit=LIST_GAS),
    ),
    Case(
        "floor gas",
        raw(data=DATA, gas_limit=FLOOR - 1),
        errors.IntrinsicGasTooLow,
        f"required {FLOOR}",
        raw(data=DATA, gas_limit=FLOOR),
    ),
    Case(
        "creation gas",
        raw(to=None, data=b"\x00" * 10, gas_limit=CREATION_GAS - 1),
        errors.IntrinsicGasTooLow,
        "intrinsic",
        raw(to=None, data=b"\x00" * 10, gas_limit=CREATION_GAS),
    ),
    Case(
        "init code",
        raw(to=None, data=bytes(49_153)),
        errors.InitCodeTooLarge,
        "code size 49153, limit 49152",
        raw(to=None, data=bytes(49_152)),
    ),
    Case(
        "tip above fee cap",
        raw(max_priority_fee_per_gas=2001, max_fee_per_gas=2000),
        errors.TipAboveFeeCap,
        "max priority fee per gas higher than max fee per gas",
        raw(max_priority_fee_per_gas=2000, max_fee_per_gas=2000),
    ),
    Case(
        "fee cap floor",
        raw(max_priority_fee_per_gas=1, max_fee_per_gas=999),
        errors.FeeCapTooLow,
        "underpriced",
        raw(max_priority_fee_per_gas=1, max_fee_per_gas=1000),
    ),
    Case("authorizations", raw(type=4, authorizations=()), errors.NoAuthorizations, "empty", raw(type=4)),
    Case("last nonce", raw(nonce=2**64 - 1), errors.NonceAtMaximum, "max value", raw()),
    Case(
        "block gas limit",
        raw(gas_limit=30_000_001),
        errors.GasLimitTooHigh,
        "exceeds block gas limit",
        raw(gas_limit=30_000_000),
    ),
    Case(
        "nonce too low",
        raw(nonce=4),
        errors.NonceTooLow,
        "next nonce 5, tx nonce 4",
        raw(nonce=5),
        set_account(nonce=5),
    ),
    Case(
        "nonce too far ahead",
        raw(nonce=5 + 1024),
        errors.NonceTooFarAhead,
        "nonce too high",
        raw(nonce=5 + 1023),
        set_account(nonce=5),
    ),
    Case(
        "balance",
        raw(),
        errors.InsufficientFunds,
        "insufficient funds",
        raw(),
        set_account(balance=TRANSFER_COST - 1),
        set_account(balance=TRANSFER_COST),
    ),
    Case(
        "sender with code",
        raw(),
        errors.SenderHasCode,
        "has code",
        raw(),
        set_account(code=b"\x60\x00"),
        set_account(code=b"\xef\x01\x00" + RECIPIENT),
    ),
]


async def open_mempool(directory: Path, chain: FakeChain) -> Mempool:
    mempool = await Mempool.open(directory, chain, ManualClock(), RULES)
    await mempool.recover()
    return mempool


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_rule_refuses_and_its_neighbour_passes(case: Case, tmp_path: Path) -> None:
    chain = FakeChain()
    mempool = await open_mempool(tmp_path, chain)
    case.prepare(chain)
    with pytest.raises(case.error, match=case.message):
        await mempool.submit(case.bad())
    if case.prepare_good is not None:
        case.prepare_good(chain)
    good = case.good()

    assert await mempool.submit(good) == keccak(good)
    await mempool.close()


async def test_l1_fee_and_operator_fee_count_in_the_balance_check(tmp_path: Path) -> None:
    chain = FakeChain()
    chain.fees = FEES
    transaction = make_transaction()
    extra = FEES.l1_fee(transaction.raw) + FEES.operator_fee(21_000)
    mempool = await open_mempool(tmp_path, chain)
    assert FEES.l1_fee(transaction.raw) > 0
    assert FEES.operator_fee(21_000) > 0
    set_account(balance=TRANSFER_COST + extra - 1)(chain)
    with pytest.raises(errors.InsufficientFunds):
        await mempool.submit(transaction.raw)
    set_account(balance=TRANSFER_COST + extra)(chain)

    assert await mempool.submit(transaction.raw) == transaction.hash
    await mempool.close()


async def test_balance_covers_all_waiting_transactions_of_the_sender(tmp_path: Path) -> None:
    chain = FakeChain()
    set_account(balance=2 * TRANSFER_COST)(chain)
    mempool = await open_mempool(tmp_path, chain)
    await mempool.submit(make_transaction(nonce=0).raw)
    await mempool.submit(make_transaction(nonce=1).raw)

    with pytest.raises(errors.InsufficientFunds) as caught:
        await mempool.submit(make_transaction(nonce=2).raw)

    assert caught.value.queued_wei == 2 * TRANSFER_COST
    await mempool.close()


async def test_known_transaction_is_refused_in_pool_and_in_chain(tmp_path: Path) -> None:
    chain = FakeChain()
    mempool = await open_mempool(tmp_path, chain)
    transaction = make_transaction()
    await mempool.submit(transaction.raw)
    with pytest.raises(errors.AlreadyKnown):
        await mempool.submit(transaction.raw)
    mempool.on_block_sealed(chain.seal([transaction]), [transaction])

    with pytest.raises(errors.AlreadyKnown):
        await mempool.submit(transaction.raw)
    await mempool.close()
