"""
Both chains of contract tests, and what carries messages between them: deposits by event, withdrawals by proof.

It does what derivation, the proposer and a user who proves would do, one step a call, so a test may leave any step out
or do it twice. It is *not* a node: the state root and the block hash of an output are made up.
"""

from dataclasses import dataclass, field

import rlp
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from contracts.genesis import L2_TO_L1_MESSAGE_PASSER, l2_allocs
from tests.contracts.evm import Contract, Log, Result, topic
from tests.contracts.world import PROPOSER, USER, L1World, L2World, parameters

STATE_ROOT, BLOCK_HASH = b"\x51" * 32, b"\x52" * 32
WAIT_SECONDS = 13
"""One more than the finalization period."""

MESSAGE_NONCE_SLOT = 1
"""Of the message passer."""

TRANSACTION_DEPOSITED = topic("TransactionDeposited(address,address,uint256,bytes)")
MESSAGE_PASSED = topic("MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")


@dataclass(frozen=True, slots=True)
class Deposit:
    """What L2 derives from one event of the portal."""

    sender: bytes
    to: bytes
    mint: int
    value: int
    gas_limit: int
    data: bytes

    @classmethod
    def of(cls, log: Log) -> "Deposit":
        """Decode an event of version 0."""
        (opaque,) = decode(["bytes"], log.data)
        numbers = [int.from_bytes(part, "big") for part in (opaque[:32], opaque[32:64], opaque[64:72])]
        assert opaque[72] == 0, "creations are not carried"
        return cls(log.topics[1][12:], log.topics[2][12:], *numbers, opaque[73:])

    @property
    def execution_gas(self) -> int:
        """What is left of the limit after the intrinsic gas, by EIP-7623's dearer count of every byte."""
        floor = 21_000 + 40 * len(self.data)
        intrinsic = 21_000 + sum(16 if byte else 4 for byte in self.data)
        assert self.gas_limit >= floor
        return self.gas_limit - intrinsic


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The tuple that the portal takes."""

    nonce: int
    sender: bytes
    target: bytes
    value: int
    gas_limit: int
    data: bytes

    @classmethod
    def of(cls, log: Log) -> "Withdrawal":
        """Decode an event of the message passer, and check the hash in it."""
        value, gas_limit, data, logged_hash = decode(["uint256", "uint256", "bytes", "bytes32"], log.data)
        nonce = int.from_bytes(log.topics[1], "big")
        withdrawal = cls(nonce, log.topics[2][12:], log.topics[3][12:], value, gas_limit, data)
        assert withdrawal.hash() == logged_hash
        return withdrawal

    def fields(self) -> tuple[int, bytes, bytes, int, int, bytes]:
        return (self.nonce, self.sender, self.target, self.value, self.gas_limit, self.data)

    def hash(self) -> bytes:
        return keccak(encode(["uint256", "address", "address", "uint256", "uint256", "bytes"], self.fields()))


@dataclass(slots=True)
class Rollup:
    """An L1 and an L2 that know each other; L1 time moves only where a method says so."""

    l1: L1World = field(default_factory=L1World)
    l2: L2World = field(default_factory=L2World)
    trie: HexaryTrie = field(default_factory=lambda: HexaryTrie({}))
    """The message passer's storage, as far as withdrawals were passed on by `withdrawals_of`."""
    outputs: list[bytes] = field(default_factory=list)
    """Storage root of the message passer in each output that was proposed here."""

    def __post_init__(self) -> None:
        for slot in l2_allocs(parameters())[L2_TO_L1_MESSAGE_PASSER].storage:
            self._copy(slot)
        self.l1.evm.block.timestamp += 1000

    @property
    def portal(self) -> Contract:
        return self.l1.contract("OptimismPortal")

    @property
    def oracle(self) -> Contract:
        return self.l1.contract("L2OutputOracle")

    def deposits_of(self, result: Result) -> list[Deposit]:
        """Return the deposits that a call on L1 made."""
        assert result.success, result.output.hex()
        portal = self.portal.address
        return [
            Deposit.of(log) for log in result.logs if log.address == portal and log.topics[0] == TRANSACTION_DEPOSITED
        ]

    def deliver(self, result: Result) -> list[Result]:
        """Run the deposits of a call on L1 on L2, each with the gas that it bought."""
        return [self.run_deposit(deposit) for deposit in self.deposits_of(result)]

    def run_deposit(self, deposit: Deposit) -> Result:
        """Run one deposit on L2; its mint stays whatever comes of it."""
        evm = self.l2.evm
        evm.fund(deposit.sender, evm.balance(deposit.sender) + deposit.mint)
        return evm.call(deposit.to, deposit.data, sender=deposit.sender, value=deposit.value, gas=deposit.execution_gas)

    def withdrawals_of(self, result: Result) -> list[Withdrawal]:
        """Return the withdrawals that a call on L2 passed, and take note of them for the next output."""
        assert result.success, result.output.hex()
        logs = [log for log in result.logs if log.address == L2_TO_L1_MESSAGE_PASSER]
        withdrawals = [Withdrawal.of(log) for log in logs if log.topics[0] == MESSAGE_PASSED]
        if not withdrawals:
            return []
        for withdrawal in withdrawals:
            self._copy(int.from_bytes(keccak(withdrawal.hash() + bytes(32)), "big"))
        self._copy(MESSAGE_NONCE_SLOT)
        return withdrawals

    def parts(self, index: int = -1) -> tuple[bytes, bytes, bytes, bytes]:
        """Return what the output at `index` commits to."""
        return (bytes(32), STATE_ROOT, self.outputs[index], BLOCK_HASH)

    def proof(self, withdrawal: Withdrawal, index: int = -1) -> list[bytes]:
        """Return the trie nodes to the withdrawal's slot, as of an output."""
        key = keccak(keccak(withdrawal.hash() + bytes(32)))
        trie = HexaryTrie(self.trie.db, self.outputs[index])
        return [rlp.encode(node) for node in trie.get_proof(key)]  # type: ignore[no-untyped-call]

    def propose(self) -> None:
        """Propose the output of what L2 has passed by now."""
        self.outputs.append(self.trie.root_hash)
        root = keccak(b"".join(self.parts()))
        block = self.oracle.read("nextBlockNumber")
        assert self.oracle.send("proposeL2Output", root, block, bytes(32), 0, sender=PROPOSER).success

    def prove(self, withdrawal: Withdrawal, index: int = 0) -> Result:
        """Prove a withdrawal against an output."""
        proof = self.proof(withdrawal, index)
        return self.portal.send(
            "proveWithdrawalTransaction", withdrawal.fields(), index, self.parts(index), proof, sender=USER
        )

    def finalize(self, withdrawal: Withdrawal, gas: int = 10_000_000) -> Result:
        """Finalize a withdrawal, whatever comes of it."""
        return self.portal.send("finalizeWithdrawalTransaction", withdrawal.fields(), sender=USER, gas=gas)

    def wait(self, seconds: int = WAIT_SECONDS) -> None:
        """Let L1 time pass."""
        self.l1.evm.block.timestamp += seconds

    def carry(self, result: Result) -> list[Result]:
        """Take the withdrawals of a call on L2 all the way: propose, prove, wait, finalize."""
        withdrawals = self.withdrawals_of(result)
        self.wait(20)
        self.propose()
        for withdrawal in withdrawals:
            assert self.prove(withdrawal, len(self.outputs) - 1).success
        self.wait()
        return [self.finalize(withdrawal) for withdrawal in withdrawals]

    def _copy(self, slot: int) -> None:
        word = self.l2.evm.storage(L2_TO_L1_MESSAGE_PASSER, slot)
        assert word, f"slot {slot:#x} is empty"
        self.trie[keccak(slot.to_bytes(32, "big"))] = rlp.encode(word)
