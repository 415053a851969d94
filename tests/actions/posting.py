"""The batcher and the proposer of a story: the real services, over a sender that puts transactions into the fake L1."""

import itertools
from dataclasses import dataclass

from eth_hash.auto import keccak
from prometheus_client import CollectorRegistry

from batcher.channel_manager import ChannelManager
from batcher.channel_policy import BatchType, DataChoice
from batcher.codec.compression import Compression
from batcher.codec.span_batch import SpanParameters
from batcher.config import BatcherSettings, ProposerSettings
from batcher.l2_source import L2BlockData, L2Output, L2SyncStatus, L2Unavailable
from batcher.metrics import BatcherMetrics, ProposerMetrics
from batcher.proposer import PROPOSE_SELECTOR, OutputProposer
from batcher.submitter import BatchSubmitter
from l1_bridge.errors import ResetError, TemporaryError
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS
from l1_bridge.sending import Confirmed, Failed, Pending, RequestId
from l1_bridge.service import Wake
from sequencer.node.runner import Service
from sequencer.primitives.transaction import Transaction
from tests.actions.agreement import BATCH_INBOX, BATCHER, ORACLE, PROPOSER, WINDOW
from tests.actions.nodes import Sequencer
from tests.factories import address, private_key
from tests.fakes.l1 import FakeL1
from tests.fakes.transaction_sender import FakeMarket

CALLDATA = BatcherSettings(
    poll_seconds=1.0,
    max_frame_data_bytes=2_000,
    batch_type=BatchType.SINGULAR,
    compression=Compression.ZLIB,
    data_availability=DataChoice.CALLDATA,
)
"""The plainest way to post, in small frames."""

BLOBS = BatcherSettings(
    poll_seconds=1.0,
    batch_type=BatchType.SPAN,
    compression=Compression.BROTLI_9,
    data_availability=DataChoice.BLOBS,
)
"""The other way in everything."""

OUTPUT_INTERVAL = 3
"""L2 blocks between two outputs."""


@dataclass(slots=True)
class _Sent:
    request_id: RequestId
    to: bytes
    data: bytes
    blobs: tuple[bytes, ...] = ()
    hash: bytes | None = None


class FakeL1Sender:
    """
    A transaction manager without fees: confirmed by one block, sent again when a reorg took it out.

    As with the real one nothing survives a restart, and what was confirmed is forgotten.
    """

    def __init__(self, l1: FakeL1, account: int) -> None:
        self.account = account
        self._l1 = l1
        self._sent: list[_Sent] = []
        self._results: list[Confirmed | Failed] = []
        self.urgency = 0.0

    def submit(
        self,
        request_id: RequestId,
        to: bytes,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
        blobs: tuple[bytes, ...] = (),
    ) -> None:
        self._sent.append(_Sent(request_id, to, data, blobs))

    async def step(self) -> Wake:
        """Look where everything stands, and send what stands nowhere."""
        waiting = {entry.transaction.hash for entry in self._l1.queued}
        mined = {
            entry.hash: self._l1.header(number).id
            for number in range(self._l1.head.number + 1)
            for entry in self._l1.transactions(number)
        }
        for sent in list(self._sent):
            if sent.hash in mined:
                assert sent.hash is not None
                self._results.append(Confirmed(sent.request_id, mined[sent.hash], sent.hash))
                self._sent.remove(sent)
            elif sent.hash not in waiting:
                sent.hash = self._queue(sent)
        return Wake(1.0)

    def _queue(self, sent: _Sent) -> bytes:
        if sent.blobs:
            return self._l1.queue_blob_transaction(address(self.account), sent.to, sent.data, blobs=sent.blobs)
        return self._l1.queue_transaction(private_key(self.account), sent.to, sent.data)

    def results(self) -> list[Confirmed | Failed]:
        results, self._results = self._results, []
        return results

    def pending(self) -> list[Pending]:
        return [Pending(sent.request_id, sent.to, sent.data, (), None) for sent in self._sent]


class ChainSource:
    """The sequencer as batcher and proposer see it, without JSON-RPC between them."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._node = sequencer

    async def sync_status(self) -> L2SyncStatus:
        """Raises L2Unavailable before derivation has begun."""
        status = self._node.derivation.sync_status
        if status.head_l1 is None or status.current_l1 is None:
            raise L2Unavailable("optimism_syncStatus", "derivation has not begun")
        return L2SyncStatus(
            status.head_l1.id, status.current_l1.id, status.unsafe_l2, status.safe_l2, status.finalized_l2
        )

    async def block(self, number: int) -> L2BlockData:
        ref, block = self._node.chain.ref(number), self._node.chain.block(number)
        if ref is None or block is None:
            raise L2Unavailable("braid_rawBlock", f"no block {number}")
        return L2BlockData(ref, tuple(entry.raw for entry in block.transactions if isinstance(entry, Transaction)))

    async def output_at_block(self, number: int) -> L2Output:
        ref, block = self._node.chain.ref(number), self._node.chain.block(number)
        if ref is None or block is None:
            raise L2Unavailable("optimism_outputAtBlock", f"no block {number}")
        header = block.header
        return L2Output(
            self._node.output_root(number), header.state_root, header.withdrawals_root, ref, await self.sync_status()
        )


class Batcher:
    """Posts the sequencer's blocks."""

    def __init__(self, l1: FakeL1, sequencer: Sequencer, settings: BatcherSettings) -> None:
        self._l1 = l1
        self._sequencer = sequencer
        self.account = BATCHER
        self.market = FakeMarket()
        self._channels = itertools.count(1)
        self.settings = settings
        self.act_restart()

    def act_restart(self, account: int | None = None) -> None:
        """A new process, that holds nothing of the old one; with another key when `account` is given."""
        self.account = self.account if account is None else account
        self.sender = FakeL1Sender(self._l1, self.account)
        self.chooser = self.settings.make_chooser(max_blobs=9)
        self.submitter = BatchSubmitter(
            ChainSource(self._sequencer),
            self.sender,
            ChannelManager(
                self.settings.make_limits(WINDOW, CHANNEL_TIMEOUT_BLOCKS),
                self._new_channel_id,
                choose_policy=self.chooser.choose,
                span=SpanParameters.from_rollup(self._sequencer.agreement.rollup),
            ),
            chooser=self.chooser,
            market=self.market,
            inbox_address=BATCH_INBOX,
            settings=self.settings,
            metrics=BatcherMetrics(CollectorRegistry()),
        )

    async def act_step(self) -> bool:
        """One step as the runner does it."""
        return await _step(self.submitter)

    async def act_submit_all(self) -> None:
        """Read all blocks and send them, whatever their age; they wait for the next L1 block."""
        while (await self.submitter.step()).after_seconds == 0:
            continue
        await self.submitter.flush()

    def _new_channel_id(self) -> bytes:
        return keccak(next(self._channels).to_bytes(8, "big"))[:16]


class FakeOracle:
    """The output oracle, read from L1's blocks: an output counts when it is the next one and its L1 block is real."""

    def __init__(self, l1: FakeL1) -> None:
        self._l1 = l1

    @property
    def address(self) -> bytes:
        return ORACLE

    def outputs(self) -> dict[int, bytes]:
        """Output roots by L2 block number, as L1 has them now."""
        found: dict[int, bytes] = {}
        for number in range(self._l1.head.number + 1):
            for entry in self._l1.transactions(number):
                words = [entry.data[4:][at : at + 32] for at in range(0, 128, 32)]
                is_proposal = entry.to == ORACLE and entry.sender == address(PROPOSER)
                if not is_proposal or entry.data[:4] != PROPOSE_SELECTOR:
                    continue
                l2_number, l1_number = int.from_bytes(words[1], "big"), int.from_bytes(words[3], "big")
                is_next = l2_number == OUTPUT_INTERVAL * (len(found) + 1)
                if is_next and l1_number < number and self._l1.header(l1_number).hash == words[2]:
                    found[l2_number] = words[0]
        return found

    async def next_block_number(self) -> int:
        return OUTPUT_INTERVAL * (len(self.outputs()) + 1)

    async def submission_interval(self) -> int:
        return OUTPUT_INTERVAL


class Proposer:
    """Posts the output roots of safe blocks."""

    def __init__(self, l1: FakeL1, sequencer: Sequencer) -> None:
        self._l1 = l1
        self._sequencer = sequencer
        self.oracle = FakeOracle(l1)
        self.act_restart()

    def act_restart(self) -> None:
        """A new process."""
        self.service = OutputProposer(
            ChainSource(self._sequencer),
            self.oracle,
            FakeL1Sender(self._l1, PROPOSER),
            settings=ProposerSettings(),
            metrics=ProposerMetrics(CollectorRegistry()),
        )

    async def act_step(self) -> bool:
        """One step as the runner does it."""
        return await _step(self.service)


async def _step(service: Service) -> bool:
    """One step as the runner does it; False when the service has to be stepped again later."""
    try:
        await service.step()
    except TemporaryError:
        return False
    except ResetError:
        await service.reset()
        return False
    return True
