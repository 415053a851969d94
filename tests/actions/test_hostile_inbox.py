"""Laws 1 and 7 against the inbox: whatever stands there, both nodes read it the same way and go on."""

import random
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.frame import Frame, encode_frames_data
from sequencer.mempool.statuses import TransactionState
from tests.actions.agreement import OTHER_BATCHER
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import ETHER, RECIPIENT, make_transaction, private_key

CHANNEL = b"\xc4" * 16


def one_frame(data: bytes, *, number: int = 0, is_last: bool = True) -> bytes:
    return encode_frames_data((Frame(CHANNEL, number, data, is_last),))


def bomb(size: int = 40_000_000) -> bytes:
    """Zeros that deflate a thousandfold."""
    return zlib.compress(bytes(size), 9)


GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "version alone": b"\x00",
    "unknown version": b"\x07" + b"\x55" * 40,
    "noise": random.Random(1).randbytes(500),
    "noise with version": b"\x00" + random.Random(2).randbytes(500),
    "truncated frame": one_frame(b"\x01" * 100)[:-20],
    "frame longer than its data": b"\x00" + CHANNEL + b"\x00\x00" + b"\xff\xff\xff\xff" + b"\x01" * 50,
    "frame beyond the limit": b"\x00" + CHANNEL + b"\x00\x00" + (1_000_001).to_bytes(4, "big") + bytes(1000),
    "trailing byte": one_frame(b"\x01" * 10) + b"\x00",
    "unknown compression": one_frame(b"\x77" * 50),
    "broken zlib": one_frame(zlib.compress(b"abc" * 100)[:-6]),
    "zlib of noise": one_frame(zlib.compress(random.Random(3).randbytes(3000))),
    "zip bomb": one_frame(bomb()),
    "zip bomb of empty strings": one_frame(zlib.compress(b"\x80" * 5_000_000, 9)),
    "second frame first": one_frame(b"\x01" * 10, number=1),
    "brotli noise": one_frame(b"\x01" + random.Random(4).randbytes(300)),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_of_the_batchers_key_is_passed_over(world: World, name: str) -> None:
    """Before and after an honest batch, in its block and in others."""
    await world.act_grow(1)
    world.inbox.act_post_data(GARBAGE[name])
    await world.act_grow(1)
    await world.user.act_transfer()
    await world.sequencer.act_build_blocks(2)
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    world.inbox.act_post_data(GARBAGE[name])
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.sequencer.safe == world.replica.safe == 8
    check_law_1(world)
    check_law_4(world)


async def test_an_unfinished_channel_of_the_batchers_key_gives_way_to_the_next(world: World) -> None:
    world.inbox.act_post_data(one_frame(b"\x01" * 1000, is_last=False))
    await world.act_grow(2)

    assert world.replica.safe == 6
    check_law_1(world)


Spoil = Callable[[SingularBatch], SingularBatch]

SPOILED: dict[str, Spoil] = {
    "another parent": lambda batch: replace(batch, parent_hash=b"\x11" * 32),
    "another epoch hash": lambda batch: replace(batch, epoch_hash=b"\x11" * 32),
    "an epoch that does not exist": lambda batch: replace(batch, epoch_number=batch.epoch_number + 5),
    "an epoch before": lambda batch: replace(batch, epoch_number=max(0, batch.epoch_number - 1)),
    "a later time": lambda batch: replace(batch, timestamp=batch.timestamp + 2),
    "an earlier time": lambda batch: replace(batch, timestamp=batch.timestamp - 2),
    "a time between": lambda batch: replace(batch, timestamp=batch.timestamp + 1),
    "an empty transaction": lambda batch: replace(batch, transactions=(b"",)),
    "a deposit": lambda batch: replace(batch, transactions=(b"\x7e\xc0",)),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_an_invalid_batch_is_dropped_and_the_honest_one_counts(world: World, name: str) -> None:
    await world.act_grow(1)
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_blocks(3)
    world.inbox.act_post_batches(SPOILED[name](world.inbox.batch(4)))
    await world.act_post()
    await world.act_settle()

    assert world.sequencer.user_hashes(4) == [transfer]
    check_law_1(world)
    check_law_4(world)


INVALID: dict[str, bytes] = {
    "noise": b"\x02" + b"\x99" * 60,
    "an unknown type": b"\x05\xc0",
    "a blob transaction": b"\x03\xc0",
    "nonce too high": make_transaction(nonce=90).raw,
    "another chain": make_transaction(chain_id=5).raw,
    "more than the sender has": make_transaction(value=10**6 * ETHER).raw,
    "gas beyond the block": make_transaction(gas_limit=10**9).raw,
    "too little gas": make_transaction(gas_limit=20_999).raw,
}


@pytest.mark.parametrize("name", INVALID)
async def test_a_batch_with_an_invalid_transaction_becomes_a_block_of_deposits(world: World, name: str) -> None:
    """Signed by the right key, in time, on the right parent: the chain takes it, with its deposits alone."""
    await world.act_grow(1)
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_blocks(2)
    honest = world.inbox.batch(4)
    world.inbox.act_post_batches(replace(honest, transactions=(*honest.transactions, INVALID[name])))
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.sequencer.safe == world.replica.safe == 4
    assert world.sequencer.user_hashes(4) == []
    assert world.sequencer.mempool.status(transfer).state is TransactionState.RECEIVED
    check_law_1(world)
    check_law_4(world)
    await world.act_settle()

    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


async def test_somebody_elses_batch_on_the_safe_head_replaces_the_unsafe_chain(world: World) -> None:
    """The right key in other hands posts another block first: it wins, and users' transactions follow it."""
    await world.act_grow(1)
    ours = await world.user.act_transfer(wei=5)
    await world.sequencer.act_build_blocks(3)
    theirs = make_transaction(key=private_key(7), value=77)
    world.inbox.act_post_batches(replace(world.inbox.batch(4), transactions=(theirs.raw,)))
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.sequencer.user_hashes(4) == [theirs.hash]
    assert world.sequencer.unsafe == 4
    assert world.sequencer.mempool.status(ours).state is TransactionState.RECEIVED
    await world.act_settle()
    assert world.replica.balance(RECIPIENT) == 1 + 5 + 77
    check_law_1(world)
    check_law_4(world)


async def test_a_batch_that_includes_a_pooled_transaction_seals_it(world: World) -> None:
    await world.act_grow(1)
    pooled = await world.user.act_transfer(wei=5)
    transaction = world.sequencer.mempool.transaction(pooled)
    assert transaction is not None
    await world.sequencer.act_build_blocks(1)
    world.inbox.act_post_batches(
        replace(world.inbox.batch(4), transactions=(make_transaction(key=private_key(7)).raw, transaction.raw))
    )
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.sequencer.mempool.status(pooled).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


async def test_a_batch_of_another_key_is_not_even_read(world: World) -> None:
    await world.act_grow(1)
    ours = await world.user.act_transfer(wei=5)
    await world.sequencer.act_build_blocks(1)
    world.inbox.act_post_batches(replace(world.inbox.batch(4), transactions=()), sender=OTHER_BATCHER)
    world.l1.act_mine()
    await world.act_derive_all()
    assert world.replica.safe == 3
    await world.act_post()

    assert world.replica.user_hashes(4) == [ours]
    check_law_1(world)


@pytest.mark.parametrize("seed", range(4))
async def test_reordered_and_repeated_frames_are_read_the_same_way_by_both(world: World, seed: int) -> None:
    choice = random.Random(seed)
    print(f"seed {seed}")
    for number in range(40):
        await world.user.act_transfer(wei=number + 1, account=number % 8)
    await world.sequencer.act_build_blocks(3)
    frames = [frame for number in (1, 2, 3) for frame in world.inbox.frames([world.inbox.batch(number)], 3)]
    frames += choice.sample(frames, 3)
    choice.shuffle(frames)
    world.inbox.act_post_frames(*frames)
    world.l1.act_mine()
    await world.act_derive_all()
    check_law_1(world)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)


async def test_entries_that_are_no_batches_take_their_channel_along(world: World) -> None:
    await world.act_grow(1)
    await world.user.act_transfer()
    await world.sequencer.act_build_blocks(2)
    good = encode_batch(world.inbox.batch(4))
    for entry in (b"", b"\x09", b"\x00", b"\x00\xc0", b"\x01\xff", good[:-3], good + b"\x00"):
        world.inbox.act_post_data(encode_frames_data(world.inbox.raw_frames([entry, good])))
    await world.act_post()
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)
