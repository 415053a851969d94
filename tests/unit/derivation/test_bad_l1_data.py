"""Law 7: nothing that stands on L1 stops derivation, and each piece of it is counted."""

import random
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import Counter

from batcher.codec.compression import compress_zlib
from batcher.codec.frame import encode_frames_data
from batcher.codec.span_transactions import split_transaction
from batcher.l2_source import L2BlockRef
from l1_bridge.rlp_codec import encode_rlp
from sequencer.chain.chain import Chain, InvalidPayload
from sequencer.derivation import metrics
from sequencer.derivation.consolidation import MIN_TRANSACTION_GAS
from sequencer.execution.interface import SealedBlock
from sequencer.primitives.attributes import PayloadAttributes
from tests.factories import make_transaction
from tests.unit.derivation.story import BATCHER, Story, encoded, require_block, user_transactions


class Counted:
    """How far counters have moved since this was made."""

    def __init__(self) -> None:
        self._before = {name: self._read(counter) for name, counter in self._counters()}

    def since(self, name: str) -> dict[str, float]:
        """Labels that moved, and by how much."""
        counter = dict(self._counters())[name]
        now, before = self._read(counter), self._before[name]
        return {label: value - before.get(label, 0) for label, value in now.items() if value != before.get(label, 0)}

    @staticmethod
    def _counters() -> list[tuple[str, Counter]]:
        return [
            ("transactions", metrics.TRANSACTIONS),
            ("frames", metrics.FRAMES),
            ("channels", metrics.CHANNELS),
            ("batches", metrics.BATCHES),
            ("blobs", metrics.BLOBS),
        ]

    @staticmethod
    def _read(counter: Counter) -> dict[str, float]:
        samples = [sample for metric in counter.collect() for sample in metric.samples]
        return {
            next(iter(sample.labels.values())): sample.value for sample in samples if sample.name.endswith("_total")
        }


async def start(story: Story, blocks: int = 2) -> None:
    story.l1.act_mine()
    await story.build(blocks)


async def finish(story: Story, last: int = 2) -> None:
    """The good batches come in the block after the bad data, and are derived."""
    story.l1.act_mine()
    story.post(1, last)
    story.l1.act_mine()
    await story.replica.derive()
    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe


def bomb(story: Story) -> bytes:
    return encode_frames_data(story.cut(zlib.compress(bytes([0x80]) * 3_000_000, 9), 1))


@pytest.mark.parametrize(
    ("make", "counter", "moved"),
    [
        (lambda story: b"", "frames", {"malformed": 1}),
        (lambda story: b"\x00", "frames", {"malformed": 1}),
        (lambda story: b"\x01" + bytes(50), "frames", {"malformed": 1}),
        (lambda story: b"\x00" + bytes(16) + b"\x00\x00\xff\xff\xff\xff", "frames", {"malformed": 1}),
        (lambda story: encode_frames_data(story.cut(b"\x07 no compression", 1)), "channels", {"bad_compression": 1}),
        (lambda story: encode_frames_data(story.cut(compress_zlib(b"\xc0"), 1)), "channels", {"bad_rlp": 1}),
        (lambda story: encode_frames_data(story.cut(compress_zlib(b"\xb9\xff\xff"), 1)), "channels", {"bad_rlp": 1}),
        (lambda story: encode_frames_data(story.cut(b"", 1)), "channels", {"bad_compression": 1}),
        (lambda story: encode_frames_data(story.cut(compress_zlib(b"\x80"), 1)), "batches", {"malformed": 1}),
        (lambda story: encode_frames_data(story.cut(compress_zlib(b"\x05"), 1)), "batches", {"malformed": 1}),
    ],
    ids=[
        "no data",
        "no frame",
        "another version",
        "a frame that claims 4 GB",
        "unknown compression",
        "a list instead of strings",
        "a string that is cut off",
        "an empty channel",
        "an empty batch",
        "an unknown batch version",
    ],
)
async def test_malformed_data_is_counted_and_the_next_batch_is_read(
    story: Story, make: Callable[[Story], bytes], counter: str, moved: dict[str, float]
) -> None:
    await start(story)
    counted = Counted()
    story.post_data(make(story))

    await finish(story)

    found = counted.since(counter)
    assert {label: found.get(label) for label in moved} == moved


async def test_a_channel_that_expands_a_thousandfold_is_read_bit_by_bit(story: Story) -> None:
    await start(story)
    counted = Counted()
    story.post_data(bomb(story))

    await finish(story)

    assert counted.since("batches")["malformed"] == 1


async def test_a_large_channel_is_read_on_another_thread(story: Story) -> None:
    await start(story, 1)
    noise = random.Random(7).randbytes(70_000)
    story.post_batches([replace(story.batch_of(1), parent_hash=bytes(32), transactions=(noise,)), story.batch_of(1)])
    story.l1.act_mine()
    counted = Counted()

    await story.replica.derive()

    assert counted.since("batches") == {"parent_mismatch": 1}


async def test_somebody_elses_transactions_to_the_inbox_do_not_count(story: Story) -> None:
    await start(story)
    counted = Counted()
    story.post(1, 2)
    data = story.l1.queued[-1].transaction.data
    story.l1.act_mine()
    story.l1.act_reorg(1)
    story.post_data(data, sender=BATCHER + 5)
    story.l1.act_mine()
    await story.replica.derive()

    assert counted.since("transactions") == {"foreign": 1}
    assert story.replica.chain.heads.safe.number == 0


async def test_a_span_batch_with_an_unreadable_transaction_goes_alone(story: Story) -> None:
    """op-node reads on in the channel; where the parts themselves are cut off, the channel ends."""
    await start(story)
    counted = Counted()
    whole = story.encode_span(1, 2)
    transaction_data = make_data_of_first_transaction(story)
    unreadable = whole.replace(transaction_data, bytes([0x03]) + transaction_data[1:])
    assert unreadable != whole
    story.post_raw_batches([whole[:-1], encoded(story.batch_of(1))])
    story.post_raw_batches([unreadable, encoded(story.batch_of(1))])
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 1
    assert counted.since("batches")["malformed"] == 2
    assert counted.since("channels")["bad_batch"] == 1


def make_data_of_first_transaction(story: Story) -> bytes:
    """Type byte and list of what a span batch has no column for."""
    raw = story.batch_of(1).transactions[0]
    return split_transaction(raw, story.rollup.l2_chain_id).data


async def test_a_batch_that_can_not_be_decoded_takes_its_channel_along(story: Story) -> None:
    """op-node's reader goes on to the next channel, and keeps what came before."""
    await start(story)
    story.post_raw_batches([encoded(story.batch_of(1)), b"\x00" + encode_rlp([b"", b""]), encoded(story.batch_of(2))])
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 1


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("parent_hash", bytes(32), "parent_mismatch"),
        ("epoch_number", 7, "epoch_too_far"),
        ("epoch_hash", bytes(32), "epoch_hash_mismatch"),
        ("timestamp", 2**64 - 1, "future"),
        ("transactions", (b"\x7e\xc0",), "deposit_in_batch"),
        ("transactions", (b"",), "empty_transaction"),
    ],
)
async def test_an_invalid_batch_is_dropped_with_the_rest_of_its_channel(
    story: Story, field: str, value: object, reason: str
) -> None:
    await start(story)
    counted = Counted()
    story.post_batches([replace(story.batch_of(1), **{field: value}), story.batch_of(1)])  # type: ignore[arg-type]
    story.l1.act_mine()
    await story.replica.derive()
    assert story.replica.chain.heads.safe.number == 0

    await finish(story)

    assert counted.since("batches")[reason] == 1


async def test_a_restarted_batcher_may_overlap(story: Story) -> None:
    await start(story, 4)
    story.post(1, 3)
    story.post(1, 4)
    story.l1.act_mine()
    counted = Counted()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 4
    assert counted.since("batches") == {"accepted": 4, "past": 3}


async def test_truncated_and_reordered_frames_leave_the_channel_out(story: Story) -> None:
    await start(story)
    story.post(1, 2, frames=3)
    whole = story.l1.queued[-1].transaction.data
    story.l1.act_mine()
    story.l1.act_reorg(1)
    for cut in (len(whole) // 3, len(whole) - 1):
        story.post_data(whole[:cut])

    await finish(story)


async def test_a_thousand_worthless_channels_take_several_steps(story: Story) -> None:
    """One step judges a bounded number of batches, so the event loop is never held for long."""
    await start(story)
    stale = [story.batch_of(1)] * 1000
    story.post(1, 2)
    story.post_batches(stale)
    story.l1.act_mine()
    await story.replica.tracker.step()
    steps = 0
    while (await story.replica.service.step()).after_seconds == 0:
        steps += 1

    assert steps > 1000 // 256
    assert story.replica.chain.heads.safe.number == 2


@pytest.mark.parametrize(("excess", "is_whole"), [(0, False), (-1, True)])
async def test_a_batch_that_spends_more_gas_than_the_block_has_is_replaced(
    story: Story, excess: int, is_whole: bool
) -> None:
    """The attributes deposit takes the place of one transfer, so one less than the block holds fits."""
    await start(story, 1)
    count = require_block(story.sequencer.chain, 1).header.gas_limit // MIN_TRANSACTION_GAS + excess
    transfers = tuple(make_transaction(nonce=nonce).raw for nonce in range(count))
    story.post_batches([replace(story.batch_of(1), transactions=transfers)])
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 1
    assert user_transactions(require_block(story.replica.chain, 1)) == (transfers if is_whole else ())


async def test_more_transactions_than_any_block_holds_are_not_even_decoded(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(story, 1)
    limit = require_block(story.sequencer.chain, 1).header.gas_limit // MIN_TRANSACTION_GAS
    story.post_batches([replace(story.batch_of(1), transactions=(b"\x01",) * (limit + 1))])
    story.l1.act_mine()
    payloads: list[int] = []
    execute = Chain.execute_payload

    def count(chain: Chain, parent: L2BlockRef, attributes: PayloadAttributes) -> SealedBlock | InvalidPayload:
        payloads.append(len(attributes.user_transactions))
        return execute(chain, parent, attributes)

    monkeypatch.setattr(Chain, "execute_payload", count)
    await story.replica.derive()

    assert payloads == [0]
    assert story.replica.chain.heads.safe.number == 1


@pytest.mark.parametrize("seed", range(12))
async def test_random_damage_never_stops_derivation(story: Story, seed: int) -> None:
    """Flipped, cut, doubled and swapped pieces of good data; afterwards the good data still counts."""
    source = random.Random(seed)
    await start(story, 3)
    story.post(1, 3, frames=source.randint(1, 4))
    good = story.l1.queued[-1].transaction.data
    story.l1.act_mine()
    story.l1.act_reorg(1)
    for _ in range(20):
        damaged = bytearray(good)
        for _ in range(source.randint(1, 6)):
            at = source.randrange(len(damaged))
            match source.randrange(4):
                case 0:
                    damaged[at] ^= 1 << source.randrange(8)
                case 1:
                    del damaged[at : at + source.randrange(20)]
                case 2:
                    damaged[at:at] = source.randbytes(source.randrange(20))
                case _:
                    damaged += damaged[at : at + 40]
            damaged = damaged or bytearray(b"\x00")
        story.post_data(bytes(damaged))
    story.post_data(source.randbytes(300))
    story.l1.act_mine()
    await story.replica.derive()
    survived = story.replica.chain.heads.safe.number

    for number in range(1, survived + 1):
        if require_block(story.replica.chain, number).hash != require_block(story.sequencer.chain, number).hash:
            return  # damaged data that is a valid batch of other transactions: L1 has decided so
    story.post(1, 3)
    story.l1.act_mine()
    await story.replica.derive()
    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe
