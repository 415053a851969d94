"""
The few calls and events of the L1 contracts that this project uses, typed.

Selectors and topics follow from the signatures, which are the ones that every
OP Stack client speaks; a test compares them with the compiled contracts. The
door to `eth_abi`.
"""

from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from contracts.keccak import keccak
from l1_bridge.errors import TemporaryError
from l1_bridge.types import L1Log

SELECTOR_BYTES = 4


class MalformedReturn(TemporaryError):
    """A contract call returned bytes that are not what its signature says: most likely no such contract there."""

    def __init__(self, signature: str, returned: bytes) -> None:
        super().__init__(f"{signature} returned {len(returned)} bytes that do not decode")
        self.signature = signature
        self.returned = returned


@dataclass(frozen=True, slots=True)
class ContractFunction:
    """One function of a contract."""

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """As it is hashed into the selector."""
        return f"{self.name}({','.join(self.inputs)})"

    @property
    def selector(self) -> bytes:
        """First bytes of every call."""
        return keccak(self.signature.encode())[:SELECTOR_BYTES]

    def encode(self, *arguments: object) -> bytes:
        """Calldata: selector and arguments."""
        return self.selector + encode(self.inputs, arguments)

    def decode_integers(self, returned: bytes) -> tuple[int, ...]:
        """
        The returned words as integers (`bytes32` and addresses too); for functions that return static types only.

        Raises
        ------
        MalformedReturn
            Not that many words, or a word that does not fit its type.
        """
        try:
            values = decode(self.outputs, returned)
        except DecodingError as error:
            raise MalformedReturn(self.signature, returned) from error
        return tuple(_as_integer(value) for value in values)


DEPOSIT_TRANSACTION = ContractFunction("depositTransaction", ("address", "uint256", "uint64", "bool", "bytes"))
"""OptimismPortal, payable: to, value, gas limit, is creation, data."""

PROPOSE_L2_OUTPUT = ContractFunction("proposeL2Output", ("bytes32", "uint256", "bytes32", "uint256"))
"""L2OutputOracle: output root, L2 block number, L1 block hash, L1 block number."""

DELETE_L2_OUTPUTS = ContractFunction("deleteL2Outputs", ("uint256",))
NEXT_OUTPUT_INDEX = ContractFunction("nextOutputIndex", (), ("uint256",))
NEXT_BLOCK_NUMBER = ContractFunction("nextBlockNumber", (), ("uint256",))
LATEST_BLOCK_NUMBER = ContractFunction("latestBlockNumber", (), ("uint256",))
OUTPUT_INDEX_AFTER = ContractFunction("getL2OutputIndexAfter", ("uint256",), ("uint256",))
GET_L2_OUTPUT = ContractFunction("getL2Output", ("uint256",), ("bytes32", "uint128", "uint128"))
"""Output root, L1 timestamp, L2 block number."""

BATCHER_HASH = ContractFunction("batcherHash", (), ("bytes32",))
"""SystemConfig: the batcher's address, left-padded."""

PROPOSER = ContractFunction("PROPOSER", (), ("bytes32",))
"""L2OutputOracle: an address, read as the word that it comes in."""

SUBMISSION_INTERVAL = ContractFunction("SUBMISSION_INTERVAL", (), ("uint256",))
L2_BLOCK_TIME = ContractFunction("L2_BLOCK_TIME", (), ("uint256",))
CHALLENGER = ContractFunction("CHALLENGER", (), ("address",))
STARTING_BLOCK_NUMBER = ContractFunction("startingBlockNumber", (), ("uint256",))
STARTING_TIMESTAMP = ContractFunction("startingTimestamp", (), ("uint256",))
FINALIZATION_PERIOD = ContractFunction("FINALIZATION_PERIOD_SECONDS", (), ("uint256",))

WITHDRAWAL_TYPE = "(uint256,address,address,uint256,uint256,bytes)"
"""Nonce, sender, target, value, gas limit, data."""

OUTPUT_ROOT_PROOF_TYPE = "(bytes32,bytes32,bytes32,bytes32)"
"""Version, state root, storage root of the message passer, block hash."""

PROVE_WITHDRAWAL = ContractFunction(
    "proveWithdrawalTransaction", (WITHDRAWAL_TYPE, "uint256", OUTPUT_ROOT_PROOF_TYPE, "bytes[]")
)
"""OptimismPortal: withdrawal, index of the output, its parts, trie nodes to the withdrawal's slot."""

FINALIZE_WITHDRAWAL = ContractFunction("finalizeWithdrawalTransaction", (WITHDRAWAL_TYPE,))
PROVEN_WITHDRAWALS = ContractFunction("provenWithdrawals", ("bytes32",), ("bytes32", "uint128", "uint128"))
"""Output root, L1 timestamp of the proof, index of the output; all zero when it is not proven."""

FINALIZED_WITHDRAWALS = ContractFunction("finalizedWithdrawals", ("bytes32",), ("bool",))
PORTAL_ORACLE = ContractFunction("l2Oracle", (), ("address",))
PORTAL_PAUSED = ContractFunction("paused", (), ("bool",))

INITIATE_WITHDRAWAL = ContractFunction("initiateWithdrawal", ("address", "uint256", "bytes"))
"""L2ToL1MessagePasser, payable: target on L1, gas limit there, data."""

L1_STANDARD_BRIDGE = ContractFunction("l1StandardBridge", (), ("address",))
"""SystemConfig: the bridge of ether and ERC-20 tokens."""

DEPOSIT_ERC20_TO = ContractFunction("depositERC20To", ("address", "address", "address", "uint256", "uint32", "bytes"))
"""L1StandardBridge: token on L1, token on L2, recipient, amount, gas on L2, extra data."""

WITHDRAW_TO = ContractFunction("withdrawTo", ("address", "address", "uint256", "uint32", "bytes"))
"""L2StandardBridge: token on L2, recipient, amount, gas on L1, extra data."""

MINTABLE_L1_TOKEN = ContractFunction("l1Token", (), ("address",))
"""OptimismMintableERC20: the token on L1 that it stands for."""

TOKEN_DECIMALS = ContractFunction("decimals", (), ("uint8",))
TOKEN_BALANCE = ContractFunction("balanceOf", ("address",), ("uint256",))
TOKEN_ALLOWANCE = ContractFunction("allowance", ("address", "address"), ("uint256",))
TOKEN_APPROVE = ContractFunction("approve", ("address", "uint256"))

WITHDRAWAL_FINALIZED_TOPIC = keccak(b"WithdrawalFinalized(bytes32,bool)")
"""OptimismPortal: withdrawal hash (indexed), whether the call succeeded."""

OUTPUT_PROPOSED_TOPIC = keccak(b"OutputProposed(bytes32,uint256,uint256,uint256)")
"""L2OutputOracle: output root, index, L2 block number (all indexed), L1 timestamp."""


@dataclass(frozen=True, slots=True)
class OutputProposed:
    """An output root that was posted."""

    output_root: bytes
    index: int
    l2_block_number: int
    l1_timestamp: int
    """Unix seconds of the L1 block that posted it."""


def decode_output_proposed(log: L1Log) -> OutputProposed | None:
    """The event in `log`; None when it is another one."""
    if len(log.topics) != 4 or log.topics[0] != OUTPUT_PROPOSED_TOPIC or len(log.data) != 32:
        return None
    return OutputProposed(
        output_root=log.topics[1],
        index=int.from_bytes(log.topics[2], "big"),
        l2_block_number=int.from_bytes(log.topics[3], "big"),
        l1_timestamp=int.from_bytes(log.data, "big"),
    )


def encode_deposit(to: bytes | None, value: int, gas_limit: int, data: bytes) -> bytes:
    """Calldata of a deposit; `to` None creates a contract on L2."""
    return DEPOSIT_TRANSACTION.encode(to or bytes(20), value, gas_limit, to is None, data)


def encode_proposal(output_root: bytes, l2_block_number: int, l1_block_hash: bytes, l1_block_number: int) -> bytes:
    """Calldata that posts an output; the L1 block pins the L1 chain it was made upon (hash 0: none)."""
    return PROPOSE_L2_OUTPUT.encode(output_root, l2_block_number, l1_block_hash, l1_block_number)


def _as_integer(value: bytes | str | int) -> int:
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    return int(value, 16) if isinstance(value, str) else int(value)
