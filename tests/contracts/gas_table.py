"""
What the steps of bridging cost, as gas of whole transactions: the committed `docs/spec/gas-table.md`.

`make gas-table` writes it. All figures are from the EVM of the contract tests, so they are exact and the same on every
machine; a test compares them with the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import rlp
from eth_hash.auto import keccak

from contracts.deployment import plan_deployment
from contracts.genesis import L2_TO_L1_MESSAGE_PASSER
from tests.contracts.bridges import GAS, Bridges, make_bridges
from tests.contracts.evm import Contract, Evm, Result
from tests.contracts.rollup import Withdrawal
from tests.contracts.world import BATCHER, ETHER, GUARDIAN, OTHER, OWNER, PROPOSER, USER, parameters

PATH = Path(__file__).parents[2] / "docs" / "spec" / "gas-table.md"

L1_BASE_FEE = 20 * 10**9
"""Wei. A deposit burns L1 gas for what its L2 gas costs above what it uses anyhow; at this price that is nothing."""

WITHDRAWALS = 1_000
"""In the message passer's trie: proofs grow with the logarithm."""

HEADER = """# Gas

What the steps of bridging cost: gas of whole transactions, with calldata and after refunds, each the first of its kind
in its block. Written by `make gas-table`; a test compares it exactly. L1 has a base fee of 20 gwei, so no deposit burns
gas for the L2 gas that it buys (at 1 gwei it uses at least as much as its L2 gas limit); 1,000 withdrawals are in the
trie that proofs lead through.

| chain | step | gas |
|---|---|---|
"""


@dataclass(slots=True)
class Meter:
    """Counts calls as the transactions that they would be."""

    rows: list[tuple[str, str, int]] = field(default_factory=list)

    def count(self, chain: str, step: str, data: bytes, result: Result) -> Result:
        """Note what a call came to that must have succeeded."""
        assert result.success, (step, result.output.hex())
        self.rows.append((chain, step, transaction_gas(data, result)))
        return result

    def send(self, step: str, contract: Contract, call: tuple[object, ...], sender: bytes, value: int = 0) -> Result:
        """Call a method on L1, or on L2 where the contract is a predeploy."""
        method, *arguments = call
        assert isinstance(method, str)
        data = contract.encode(method, *arguments)
        chain = "L2" if contract.address.startswith(b"\x42" + bytes(10)) else "L1"
        return self.count(chain, step, data, contract.send(method, *arguments, sender=sender, value=value))


def transaction_gas(data: bytes, result: Result, *, base: int = 21_000) -> int:
    """Return what the transaction uses: intrinsic, execution, refund of at most a fifth, EIP-7623's floor."""
    tokens = sum(4 if byte else 1 for byte in data)
    used = base + 4 * tokens + result.gas_used
    return max(used - min(result.refund, used // 5), base + 10 * tokens)


def measure() -> list[tuple[str, str, int]]:
    """Return chain, step and gas of every row."""
    meter = Meter()
    bridges = make_bridges()
    bridges.rollup.l1.evm.block.base_fee = L1_BASE_FEE
    for number in range(WITHDRAWALS):
        bridges.rollup.trie[keccak(keccak(number.to_bytes(32, "big")))] = rlp.encode(1)
    for withdrawals in (_deposits(meter, bridges), _withdrawals(meter, bridges)):
        for _ in withdrawals:
            bridges.rollup.l1.evm.block.number += 1
    _operations(meter, bridges)
    _deployment(meter)
    return meter.rows


def _deposits(meter: Meter, bridges: Bridges) -> Iterator[None]:
    portal, l1, rollup = bridges.rollup.portal, bridges.l1, bridges.rollup
    pair = (bridges.token.address, bridges.mintable.address)
    deposit = ("depositTransaction", OTHER, ETHER, 100_000, False, b"")
    rollup.deliver(meter.send("deposit ether through the portal", portal, deposit, USER, ETHER))
    yield
    large = ("depositTransaction", OTHER, 0, 600_000, False, b"\x01" * 10_000)
    meter.send("deposit 10,000 bytes of data through the portal", portal, large, USER)
    yield
    bridge_ether = ("depositETH", GAS, b"")
    rollup.deliver(meter.send("deposit ether through the bridge", l1, bridge_ether, USER, ETHER))
    yield
    bridges.allow()
    for step in ("deposit ERC-20 through the bridge, the first of the pair", "deposit ERC-20 through the bridge"):
        rollup.deliver(meter.send(step, l1, ("depositERC20", *pair, 1_000, GAS, b""), USER))
        yield


def _withdrawals(meter: Meter, bridges: Bridges) -> Iterator[None]:
    rollup = bridges.rollup
    passer = Contract(rollup.l2.evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)
    passed = meter.send("pass ether to L1", passer, ("initiateWithdrawal", OTHER, 100_000, b""), USER, ETHER // 10)
    ether = meter.send("withdraw ether through the bridge", bridges.l2, ("bridgeETH", GAS, b""), USER, ETHER // 10)
    withdraw = ("withdraw", bridges.mintable.address, 10, GAS, b"")
    tokens = meter.send("withdraw ERC-20 through the bridge", bridges.l2, withdraw, USER)
    names = ("ether of the portal", "ether of the bridge", "ERC-20 of the bridge")
    sent = [rollup.withdrawals_of(result)[0] for result in (passed, ether, tokens)]
    _propose(meter, bridges)
    yield
    for name, withdrawal in zip(names, sent, strict=True):
        _prove(meter, bridges, name, withdrawal)
        yield
    rollup.wait()
    for name, withdrawal in zip(names, sent, strict=True):
        call = ("finalizeWithdrawalTransaction", withdrawal.fields())
        meter.send(f"finalize, {name}", rollup.portal, call, USER)
        yield


def _propose(meter: Meter, bridges: Bridges) -> None:
    """Propose two outputs, of which the first also makes the list's length."""
    rollup = bridges.rollup
    rollup.outputs += [rollup.trie.root_hash] * 2
    root = keccak(b"".join(rollup.parts()))
    for step, block in (("propose an output, the first ever", 20), ("propose an output", 40)):
        meter.send(step, rollup.oracle, ("proposeL2Output", root, block, bytes(32), 0), PROPOSER)


def _prove(meter: Meter, bridges: Bridges, name: str, withdrawal: Withdrawal) -> None:
    rollup = bridges.rollup
    proof = rollup.proof(withdrawal)
    call = ("proveWithdrawalTransaction", withdrawal.fields(), 1, rollup.parts(), proof)
    meter.send(f"prove, {name}, {len(proof)} trie nodes", rollup.portal, call, USER)


def _operations(meter: Meter, bridges: Bridges) -> None:
    l1 = bridges.rollup.l1
    config, factory = l1.contract("SystemConfig"), l1.contract("OptimismMintableERC20Factory")
    frames = b"\x00" + b"\x5a" * 10_000
    inbox = l1.addresses["BatchInbox"]
    meter.count("L1", "post 10,001 bytes of frames as calldata", frames, l1.evm.call(inbox, frames, sender=BATCHER))
    meter.send("change the fee scalars", config, ("setGasConfigEcotone", 5, 6), OWNER)
    meter.send("make a bridged ERC-20", factory, ("createOptimismMintableERC20", OTHER, "Name", "SYM"), USER)
    meter.send("pause", bridges.rollup.portal, ("pause",), GUARDIAN)


def _deployment(meter: Meter) -> None:
    evm, total = Evm(), 0
    plan = plan_deployment(OWNER, 0, parameters())
    for transaction in plan.transactions:
        _, result = evm.create(transaction.data, sender=OWNER)
        assert result.success
        total += transaction_gas(transaction.data, result, base=53_000 + 2 * ((len(transaction.data) + 31) // 32))
    meter.rows.append(("L1", f"deploy all contracts, {len(plan.transactions)} transactions", total))


def render() -> str:
    """Return the document."""
    return HEADER + "".join(f"| {chain} | {step} | {gas:,} |\n" for chain, step, gas in measure())


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
