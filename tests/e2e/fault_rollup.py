"""
A whole rollup on anvil whose processes are started, killed and started again one by one.

`braid devnet` makes the chain and ends; then each process runs by its own command line. anvil writes its chain to a
file once a second: killed, it comes back some blocks behind, without its pool, as an L1 node that lost its disk's last
writes. Braid's processes reach it by a cable that can be cut; the test itself asks it directly.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import requests
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.blob import decode_blob
from batcher.codec.channel import ChannelAssembly, read_batches
from batcher.codec.frame import decode_frames
from l1_bridge.rollup_config import RollupConfig
from sequencer.node.anvil import anvil_command, find_foundry_tool
from sequencer.node.anvil_state import keep_one_chain
from sequencer.node.dev_accounts import DEV_MNEMONIC, OWNER_INDEX, derive_dev_accounts
from sequencer.node.devnet_plan import (
    L1_CHAIN_ID,
    DevnetFiles,
    DevnetOptions,
    Manifest,
    batcher_child,
    node_child,
    proposer_child,
    replica_child,
    with_trusted_root,
)
from sequencer.node.supervisor import ChildSpec
from tests.conformance.beacon_front import read_blobs_or_none

from .devnet_process import DevnetProcess, wait_until
from .l1_cable import L1Cable, l1_cable

SERVICES = ("batcher", "proposer", "replica")
SETTLE_SECONDS = 300.0
"""Longest wait for a rollup to have repaired everything; a failure, never a pause."""


class FaultRollup:
    """The processes of one chain, by name."""

    def __init__(self, made: DevnetProcess, cable: L1Cable, cable_port: int, data_type: str) -> None:
        self.cable = cable
        self._cable_url = f"http://127.0.0.1:{cable_port}"
        self._data_type = data_type
        self.options = DevnetOptions(
            made.data_dir, made.port_base, l1="anvil", block_time=1, l1_block_time=1, output_interval=4, redis="off"
        )
        self.files = DevnetFiles(made.data_dir)
        self.accounts = derive_dev_accounts()
        self.rollup = RollupConfig.from_json(json.loads(self.files.rollup.read_text()))
        self.l1_url = f"http://127.0.0.1:{self.options.l1_port}"
        self._state = made.data_dir / "anvil-state.json"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.blobs_read = 0
        """Of batches, by `posted_channels`."""
        self._l1_since = 0
        """L1 block with which L1 was started; it can reorg what came after."""
        self._specs = {spec.name: spec for spec in self._make_specs()}
        self._session = session = requests.Session()
        urls = (
            self.l1_url,
            *(f"http://127.0.0.1:{port}" for port in (self.options.l2_port, self.options.replica_port)),
        )
        self.l1, self.l2, self.replica = (Web3(HTTPProvider(url, session=session)) for url in urls)

    def start(self, name: str) -> None:
        """Start a process that does not run."""
        if name == "l1":
            self._find_readable_state()
        spec = self._specs[name]
        with (self.options.data_dir / "logs" / f"{name}.log").open("ab") as log:
            environment = {**os.environ, **spec.environment}
            self._running[name] = subprocess.Popen(
                spec.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        if name == "l1":
            wait_until("L1 answers", lambda: _is_there(self.l1))
            self._l1_since = self.l1.eth.block_number

    def kill(self, name: str) -> None:
        """`kill -9`; a process that ended by itself before is a failure."""
        process = self._running.pop(name)
        assert process.poll() is None, f"{name} ended with code {process.returncode}:\n{self.log_of(name)}"
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End everything at once."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self._session.close()

    def retries(self, name: str) -> int:
        """How often that process has told that it tries again, or waits at its start, because L1 does not answer."""
        log = (self.options.data_dir / "logs" / f"{name}.log").read_text(errors="replace")
        return sum("L1 did not answer" in line for line in log.splitlines())

    def log_of(self, name: str) -> str:
        """The end of a process's log."""
        return (self.options.data_dir / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

    def reorg(self, depth: int) -> None:
        """Replace the newest L1 blocks by empty ones, once L1 has that many that it can replace."""
        self.wait_for_l1_blocks(self._l1_since + depth + 1)
        self._ask_anvil("evm_setIntervalMining", 0)  # a block that it makes meanwhile leaves a hole in its chain
        try:
            self._ask_anvil("anvil_reorg", depth, [])
        finally:
            self._ask_anvil("evm_setIntervalMining", 1)

    def wait_for_l1_blocks(self, number: int) -> None:
        """Wait until L1 has come so far."""
        wait_until(f"L1 block {number}", lambda: self.l1.eth.block_number >= number)

    def check_alive(self) -> None:
        """Nothing ended by itself."""
        for name, process in self._running.items():
            assert process.poll() is None, f"{name} ended with code {process.returncode}:\n{self.log_of(name)}"

    def posted_channels(self) -> Sequence[Sequence[SingularBatch]]:
        """
        The batches of each channel that stands on L1, in its order.

        A block that was made again over another one is another. What `braid devnet` posted while it made the chain
        is in calldata.
        """
        found: list[Sequence[SingularBatch]] = []
        channels: dict[bytes, ChannelAssembly] = {}
        for data in self._batcher_data():
            for frame in decode_frames(data):
                channel = channels.setdefault(frame.channel_id, ChannelAssembly(frame.channel_id))
                channel.add_frame(frame)
                if channel.is_complete:
                    found.append([*map(decode_batch, read_batches(channels.pop(frame.channel_id).data))])
        return found

    def reverted_proposals(self) -> int:
        """Proposals that were paid for and had no effect."""
        proposer = "0x" + self.accounts.proposer.address.hex()
        return sum(
            1
            for number in range(self.l1.eth.block_number + 1)
            for receipt in self.l1.eth.get_block_receipts(number)
            if receipt["from"].lower() == proposer and receipt["status"] != 1
        )

    def l1_head_of(self, node: Web3) -> int:
        """Number of the newest L1 block that a node knows of."""
        status = node.provider.make_request(RPCEndpoint("optimism_syncStatus"), [])["result"]
        assert isinstance(status, dict)
        return int(status["head_l1"]["number"])

    def _ask_anvil(self, method: str, *parameters: object) -> None:
        answer = self.l1.provider.make_request(RPCEndpoint(method), list(parameters))
        assert "error" not in answer, answer

    def _batcher_data(self) -> Iterator[bytes]:
        batcher, inbox = self.accounts.batcher.address, self.rollup.batch_inbox_address
        for number in range(self.l1.eth.block_number + 1):
            for entry in self.l1.eth.get_block(number, True)["transactions"]:
                assert not isinstance(entry, bytes)
                is_batch = str(entry.get("to")).lower() == "0x" + inbox.hex()
                if is_batch and str(entry["from"]).lower() == "0x" + batcher.hex():
                    hashes = [Web3.to_hex(hash) for hash in entry.get("blobVersionedHashes", ())]
                    self.blobs_read += len(hashes)
                    yield from self._read_blobs(number, hashes) if hashes else [bytes(entry["input"])]

    def _read_blobs(self, number: int, hashes: Sequence[str]) -> Iterator[bytes]:
        blobs = read_blobs_or_none(self.l1_url, self._session, number, hashes)
        assert blobs is not None, f"L1 has not the blobs of its block {number}"
        for blob in blobs:
            yield decode_blob(bytes.fromhex(blob.removeprefix("0x")))

    def _make_specs(self) -> Sequence[ChildSpec]:
        options, files, url = self.options, self.files, self._cable_url
        binary = find_foundry_tool("anvil")
        assert binary is not None
        anvil = anvil_command(
            binary,
            port=options.l1_port,
            chain_id=L1_CHAIN_ID,
            block_time_seconds=1,
            mnemonic=DEV_MNEMONIC,
            accounts=OWNER_INDEX + 1,
            state=self._state,
        )
        followers = (node_child(options, files, url), replica_child(options, files, url))
        batcher = batcher_child(options, files, url, self.accounts)
        oracle = Manifest.load(files.manifest).contracts["L2OutputOracle"]
        return (
            ChildSpec("l1", [*anvil, "--state-interval", "1"], {}),
            *(map(with_trusted_root, followers) if self._data_type == "blobs" else followers),
            replace(batcher, command=[*batcher.command, "--data-type", self._data_type]),
            proposer_child(options, files, url, self.accounts, oracle),
        )

    def _find_readable_state(self) -> None:
        """anvil does not replace its file at once: what is torn gives way to the last that was whole."""
        kept = self._state.with_suffix(".kept")
        try:
            json.loads(self._state.read_text())
            shutil.copyfile(self._state, kept)
        except ValueError:
            shutil.copyfile(kept, self._state)
        keep_one_chain(self._state)


@contextmanager
def running_rollup(folder: Path, *options: str, data_type: str = "calldata") -> Iterator[FaultRollup]:
    """A rollup whose batches go to L1 as that kind of data, all processes of it running."""
    quick = ("--block-time", "1", "--l1-block-time", "1", "--output-interval", "4", "--redis", "off")
    made = DevnetProcess("anvil", folder, (*quick, *options))
    made.start()
    ended = made.end()
    assert ended.code == 0, ended
    with ExitStack() as stack:
        rollup = FaultRollup(made, *stack.enter_context(l1_cable(made.port_base)), data_type)
        stack.callback(rollup.close)
        for name in ("l1", "node", *SERVICES):
            rollup.start(name)
        for node in (rollup.l2, rollup.replica):
            wait_until("the node answers", lambda node=node: _is_there(node))
        yield rollup


def _is_there(web3: Web3) -> bool:
    try:
        return bool(web3.eth.block_number >= 0)
    except (requests.RequestException, ValueError):
        return False
