"""The transaction manager with blobs: fees of three kinds, bumps that double, one kind of transaction at a time."""

from dataclasses import replace

import pytest

from l1_bridge.kzg import BLOB_BYTES, compute_commitment, compute_versioned_hash
from l1_bridge.l1_chain_config import BlobParameters, prague_l1_chain
from l1_bridge.outgoing import make_sidecar
from l1_bridge.rlp_codec import decode_rlp
from l1_bridge.sending import AlreadyPending, Confirmed, Failed, UnsendableRequest
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TransactionManager, TxManagerSettings
from tests.unit.l1_bridge.fake_pool import FakePool
from tests.unit.l1_bridge.managing import make_blob, make_manager, run_rounds

TO = b"\x11" * 20
GWEI = 10**9


BLOBS = (make_blob(1), make_blob(2))


async def test_blobs_travel_with_commitments_and_the_schedules_fee() -> None:
    pool = FakePool()
    pool.excess_blob_gas = 60_000_000
    pool.mine()
    manager = make_manager(pool)
    manager.submit(b"channel", TO, b"", blobs=BLOBS)
    await manager.step()
    pool.mine()
    (result,) = await run_rounds(manager, 1)

    (sent,) = pool.sent
    assert sent.blobs == BLOBS
    assert sent.max_blob_fee == 2 * pool.blob_base_fee > 2
    assert result == Confirmed(b"channel", pool.blocks[2].header.id, sent.hash)


def test_network_form_before_and_since_osaka() -> None:
    blob = make_blob(3)
    commitment = compute_commitment(blob)
    canonical = b"\x03" + b"\xc1\x80"

    old, new = make_sidecar((blob,)), make_sidecar((blob,), has_cell_proofs=True)

    assert old.blob_hashes == new.blob_hashes == (compute_versioned_hash(commitment),)
    body, blobs, commitments, proofs = decode_rlp(old.wrap(canonical)[1:])
    assert (body, blobs, commitments, len(proofs)) == ([b""], [blob], [commitment], 1)
    body, version, blobs, commitments, proofs = decode_rlp(new.wrap(canonical)[1:])
    assert (body, version, blobs, commitments, len(proofs)) == ([b""], b"\x01", [blob], [commitment], 128)


async def test_form_changes_at_the_fork_of_the_schedule() -> None:
    pool, sent = FakePool(), []

    async def take(encoded: bytes) -> None:
        sent.append(encoded)

    pool.send_raw_transaction = take  # type: ignore[method-assign]
    chain = prague_l1_chain(900)
    chain = replace(chain, fork_times={**chain.fork_times, "osaka": 24})
    manager = TransactionManager(pool, LocalSigner(b"\x42" * 32), TxManagerSettings(900), l1_chain=chain)
    manager.submit(1, TO, b"", blobs=BLOBS[:1])
    await manager.step()
    manager.submit(2, TO, b"", blobs=BLOBS[:1])
    for _ in range(2):
        pool.mine()
    await manager.step()

    assert [len(decode_rlp(encoded[1:])) for encoded in sent] == [4, 5]


async def test_stuck_blob_transaction_doubles_all_three_fees() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_blobs_after_blocks=2)
    manager.submit(1, TO, b"", blobs=BLOBS)
    await manager.step()
    for _ in range(4):
        pool.mine(include=False)
        await manager.step()

    assert len(pool.sent) == 3
    for old, new in zip(pool.sent, pool.sent[1:], strict=False):
        assert new.nonce == old.nonce
        assert new.max_fee >= 2 * old.max_fee
        assert new.priority_fee >= 2 * old.priority_fee
        assert new.max_blob_fee >= 2 * old.max_blob_fee
        assert new.blobs == BLOBS


async def test_bump_is_raised_to_a_market_that_ran_away() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_blobs_after_blocks=1)
    manager.submit(1, TO, b"", blobs=BLOBS[:1])
    await manager.step()
    pool.excess_blob_gas = 120_000_000
    pool.mine()
    await manager.step()

    assert pool.sent[-1].max_blob_fee == 2 * pool.blob_base_fee > 4 * pool.sent[0].max_blob_fee


async def test_blob_fee_limit_holds_and_can_be_raised_while_running() -> None:
    pool = FakePool()
    pool.excess_blob_gas = 120_000_000
    fee = pool.blob_base_fee
    manager = make_manager(pool, resend_blobs_after_blocks=1, max_blob_fee_limit=fee - 1)
    manager.submit(1, TO, b"", blobs=BLOBS[:1])
    for _ in range(6):
        await manager.step()
        pool.mine()
    assert max(item.max_blob_fee for item in pool.sent) == fee - 1
    assert manager.results() == []

    manager.set_fee_limits(500 * GWEI, 10 * fee)
    for _ in range(3):
        await manager.step()
        pool.mine()

    assert [type(result) for result in await run_rounds(manager, 1)] == [Confirmed]
    assert manager.status().max_blob_fee_limit == 10 * fee


@pytest.mark.parametrize("first_has_blobs", [True, False])
async def test_one_kind_is_mined_before_the_other_is_sent(first_has_blobs: bool) -> None:
    pool = FakePool()
    manager = make_manager(pool)
    kinds = [first_has_blobs, first_has_blobs, not first_has_blobs, first_has_blobs]
    for request, has_blobs in enumerate(kinds):
        manager.submit(request, TO, bytes([request]), blobs=BLOBS[:1] if has_blobs else ())

    results: list[Confirmed | Failed] = []
    for _ in range(6):
        results += await run_rounds(manager, 2)
        assert len({item.has_blobs for item in pool.pool.values()}) < 2
        pool.mine()

    assert [item.has_blobs for item in pool.sent] == kinds
    assert [result.request_id for result in results] == [0, 1, 2, 3]


async def test_reorg_of_both_kinds_sends_them_again_one_after_the_other() -> None:
    pool = FakePool()
    manager = make_manager(pool, watch_blocks=10)
    manager.submit(0, TO, b"blob", blobs=BLOBS[:1])
    manager.submit(1, TO, b"plain")
    for _ in range(3):
        await manager.step()
        pool.mine()
    assert [result.request_id for result in await run_rounds(manager, 1)] == [0, 1]

    pool.undo(3)
    for _ in range(5):
        await manager.step()
        pool.mine()
    results = await run_rounds(manager, 1)

    assert pool.mined_data() == [b"blob", b"plain"]
    assert {result.request_id for result in results} == {0, 1}
    assert {item.hash for item in pool.sent[2:]} == {item.hash for item in pool.sent[:2]}


async def test_unknown_transaction_of_the_other_kind_is_cancelled_by_its_own_kind() -> None:
    pool = FakePool()
    stranger = make_manager(pool)
    stranger.submit(0, TO, b"left over", blobs=BLOBS[:1])
    await stranger.step()
    assert len(pool.pool) == 1

    manager = make_manager(pool)
    manager.submit(1, TO, b"plain")
    pool.unwanted.add(b"left over")
    results: list[Confirmed | Failed] = []
    for _ in range(12):
        results += await run_rounds(manager, 1)
        pool.mine()

    assert [result.request_id for result in results] == [1]
    assert pool.mined_data() == [b"", b"plain"]
    cancel = next(block for block in pool.blocks if block.transactions)
    assert cancel.transactions[0].blobs
    assert cancel.transactions[0].to == manager.address


async def test_stuck_blob_transaction_is_cancelled_by_an_empty_blob_and_reported() -> None:
    pool = FakePool()
    pool.unwanted.add(b"unwanted")
    manager = make_manager(pool, resend_blobs_after_blocks=2, cancel_after_blocks=4)
    manager.submit(1, TO, b"unwanted", blobs=BLOBS)
    manager.submit(2, TO, b"behind it", blobs=BLOBS[:1])
    results: list[Confirmed | Failed] = []
    for _ in range(8):
        results += await run_rounds(manager, 1)
        pool.mine()

    failed = [result for result in results if isinstance(result, Failed)]
    assert [result.request_id for result in failed] == [1]
    assert "cancelled" in failed[0].reason
    assert pool.mined_data() == [b"", b"behind it"]
    assert pool.sent[-1].blobs == (bytes(BLOB_BYTES),)


async def test_blob_that_is_none_is_refused_at_once_or_fails_by_itself() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    for blobs in ((b"short",), BLOBS[:1] * 10):
        with pytest.raises(UnsendableRequest):
            manager.submit(0, TO, b"", blobs=blobs)
    with pytest.raises(UnsendableRequest):
        manager.submit(0, None, b"", blobs=BLOBS)  # type: ignore[arg-type]
    manager.submit(1, TO, b"", blobs=(b"\xff" * BLOB_BYTES,))
    manager.submit(2, TO, b"good", blobs=BLOBS[:1] * 9)

    (failed,) = await run_rounds(manager, 1)
    pool.mine()

    assert isinstance(failed, Failed)
    assert "modulus" in failed.reason
    assert [(item.nonce, item.data) for item in pool.sent] == [(0, b"good")]


def test_a_name_is_given_once() -> None:
    manager = make_manager(FakePool())
    manager.submit(1, TO, b"")

    with pytest.raises(AlreadyPending):
        manager.submit(1, TO, b"")


def test_no_blobs_where_l1_has_none() -> None:
    chain = replace(prague_l1_chain(900), blob_schedule={})
    manager = TransactionManager(FakePool(), LocalSigner(b"\x42" * 32), TxManagerSettings(900), l1_chain=chain)
    with pytest.raises(UnsendableRequest):
        manager.submit(1, TO, b"", blobs=BLOBS[:1])
    one = replace(chain, blob_schedule={"cancun": BlobParameters(1, 1, 10)})
    manager = TransactionManager(FakePool(), LocalSigner(b"\x42" * 32), TxManagerSettings(900), l1_chain=one)

    manager.submit(1, TO, b"", blobs=BLOBS[:1])

    assert manager.pending_count == 1
