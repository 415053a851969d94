"""
A chain of one account database for contract tests: py-evm's Prague rules, one message after another.

Senders need no keys and pay no fees, and the test sets block number and time, so each test says only what it is about.
It is *not* a node: no transactions, no blocks, no intrinsic gas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from eth_typing import Address, BlockNumber, Hash32

from contracts import abi
from contracts.deployment import compute_create_address
from contracts.genesis import Alloc

EMPTY_TRIE_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
FAILED_CALL = bytes.fromhex("08c379a0")
"""Selector of `Error(string)`."""


@dataclass(frozen=True, slots=True)
class Log:
    """An event as it was emitted."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What a call came to."""

    success: bool
    output: bytes
    logs: tuple[Log, ...]
    gas_used: int
    """By the call itself: without what a transaction costs before it, and before refunds."""
    refund: int

    @property
    def reason(self) -> str:
        """The text of `require`."""
        assert self.output[:4] == FAILED_CALL, self.output.hex()
        (text,) = decode(["string"], self.output[4:])
        return str(text)


@dataclass(slots=True)
class BlockContext:
    """The block that the next call is in."""

    number: int = 0
    timestamp: int = 1_700_000_000
    base_fee: int = 10**9
    hashes: tuple[bytes, ...] = ()
    """Of the parents, newest first."""


@dataclass(slots=True)
class Evm:
    """The account database and the block in which it is called."""

    block: BlockContext = field(default_factory=BlockContext)
    state: PragueState = field(init=False)

    def __post_init__(self) -> None:
        self.state = PragueState(AtomicDB(), self._context(), Hash32(EMPTY_TRIE_ROOT))

    def install(self, allocs: Mapping[bytes, Alloc]) -> None:
        """Put genesis accounts into the state."""
        for key, alloc in allocs.items():
            address = Address(key)
            self.state.set_nonce(address, alloc.nonce)
            self.state.set_balance(address, alloc.balance)
            self.state.set_code(address, alloc.code)
            for slot, word in alloc.storage.items():
                self.state.set_storage(address, slot, word)
        self.state.lock_changes()

    def fund(self, address: bytes, wei: int) -> None:
        """Set a balance."""
        self.state.set_balance(Address(address), wei)

    def balance(self, address: bytes) -> int:
        """Return a balance in wei."""
        return int(self.state.get_balance(Address(address)))

    def storage(self, address: bytes, slot: int) -> int:
        """Return the word in a slot."""
        return int(self.state.get_storage(Address(address), slot))

    def call(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        sender: bytes,
        origin: bytes | None = None,
        value: int = 0,
        gas: int = 10_000_000,
        blobs: Sequence[bytes] = (),
    ) -> Result:
        """Call an account; a failed call changes nothing."""
        message = Message(gas, Address(to), Address(sender), value, data, self.state.get_code(Address(to)))
        return self._run(message, sender if origin is None else origin, blobs)

    def create(self, code: bytes, *, sender: bytes, gas: int = 10_000_000) -> tuple[bytes, Result]:
        """Create a contract as a transaction does; return its address too."""
        nonce = self.state.get_nonce(Address(sender))
        self.state.increment_nonce(Address(sender))
        address = compute_create_address(sender, nonce)
        message = Message(gas, Address(b""), Address(sender), 0, b"", code, create_address=Address(address))
        return address, self._run(message, sender, ())

    def root(self) -> bytes:
        """Return the state root."""
        return bytes(self.state.make_state_root())

    def _context(self) -> ExecutionContext:
        return ExecutionContext(
            coinbase=Address(bytes(20)),
            timestamp=self.block.timestamp,
            block_number=BlockNumber(self.block.number),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=30_000_000,
            prev_hashes=[Hash32(value) for value in self.block.hashes],
            chain_id=900,
            base_fee_per_gas=self.block.base_fee,
            excess_blob_gas=0,
        )

    def _run(self, message: Message, origin: bytes, blobs: Sequence[bytes]) -> Result:
        self.state.execution_context = self._context()
        context = CancunTransactionContext(
            gas_price=0, origin=Address(origin), blob_versioned_hashes=[Hash32(blob) for blob in blobs]
        )
        kind = self.state.computation_class
        run = kind.apply_create_message if message.is_create else kind.apply_message
        for address in (origin, message.storage_address):
            self.state.mark_address_warm(Address(address))
        computation = run(self.state, message, context)
        self.state.lock_changes()
        self.state.clear_transient_storage()
        logs = tuple(
            Log(bytes(address), tuple(int(topic).to_bytes(32, "big") for topic in topics), bytes(data))
            for address, topics, data in computation.get_log_entries()
        )
        used, refund = int(computation.get_gas_used()), int(computation.get_gas_refund())
        return Result(not computation.is_error, bytes(computation.output), logs, used, refund)


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of ours at an address, called by its ABI."""

    evm: Evm
    name: str
    address: bytes

    def encode(self, method: str, *arguments: object) -> bytes:
        """Return calldata."""
        return encode_method(self.name, method, *arguments)

    def send(
        self,
        method: str,
        *arguments: object,
        sender: bytes,
        origin: bytes | None = None,
        value: int = 0,
        gas: int = 10_000_000,
    ) -> Result:
        """Call a method, whatever comes of it."""
        data = self.encode(method, *arguments)
        return self.evm.call(self.address, data, sender=sender, origin=origin, value=value, gas=gas)

    def read(self, method: str, *arguments: object) -> object:
        """Return what a method returns: the value, or a tuple of several."""
        result = self.send(method, *arguments, sender=b"\x01" * 20)
        assert result.success, f"{self.name}.{method} failed: {result.output.hex()}"
        entry = _entry(self.name, "function", method)
        values = decode([_type(item) for item in _items(entry["outputs"])], result.output)
        return values[0] if len(values) == 1 else values


def encode_method(name: str, method: str, *arguments: object) -> bytes:
    """Return calldata for a method of a contract of ours."""
    types = [_type(item) for item in _items(_entry(name, "function", method)["inputs"])]
    return selector(f"{method}({','.join(types)})") + bytes(encode(types, arguments))


def selector(signature: str) -> bytes:
    """Return the first four bytes of the signature's hash."""
    return keccak(signature.encode())[:4]


def topic(signature: str) -> bytes:
    """Return the first topic of an event."""
    return keccak(signature.encode())


def event_signature(name: str, event: str) -> str:
    """Return an event's canonical signature by the ABI."""
    return f"{event}({','.join(_type(item) for item in _items(_entry(name, 'event', event)['inputs']))})"


def address_topic(address: bytes) -> bytes:
    """Return an address as a topic."""
    return address.rjust(32, b"\0")


def word(value: int) -> bytes:
    """Return an integer as a topic or as ABI data."""
    return value.to_bytes(32, "big")


def _entry(name: str, kind: str, label: str) -> dict[str, object]:
    return next(entry for entry in abi(name) if entry["type"] == kind and entry["name"] == label)


def _items(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value


def _type(item: Mapping[str, object]) -> str:
    name = str(item["type"])
    if not name.startswith("tuple"):
        return name
    return f"({','.join(_type(part) for part in _items(item['components']))})" + name.removeprefix("tuple")
