"""
The L1 transactions that put the bridge contracts onto a chain, as data.

Addresses follow from the deployer and its nonces, so the whole plan is known before anything is sent: contracts can
name each other in their initializers, and all transactions can be signed and sent at once. They must go out in order,
with consecutive nonces from `start_nonce`, and nothing in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.artifact import deployed_bytecode
from contracts.calldata import encode_call, encode_creation
from contracts.keccak import keccak
from contracts.parameters import ContractParameters

PROXIED = (
    *("SystemConfig", "L2OutputOracle", "OptimismPortal", "BatchInbox", "L1CrossDomainMessenger"),
    *("L1StandardBridge", "L1ERC721Bridge", "OptimismMintableERC20Factory"),
)
"""In the order in which their proxies are made: an initializer only stores the addresses of the others."""

NO_DISPUTE_GAMES = bytes(20)
"""The dispute game factory that clients may ask the system config for: outputs are in the oracle here."""

CREATION_GAS = 53_000
CODE_GAS_PER_BYTE = 200
CALLDATA_GAS_PER_BYTE = 16
CALLDATA_FLOOR_GAS_PER_BYTE = 40
"""EIP-7623, for a byte that is not zero."""
EXECUTION_GAS = 700_000
"""Above what any constructor and initializer here uses: about fifteen fresh slots and six events."""


@dataclass(frozen=True, slots=True)
class PlannedTransaction:
    """One transaction to sign: `to` is None for a creation; `gas` is its limit, with room to spare."""

    to: bytes | None
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """
    Transactions in nonce order, and the addresses they give by name.

    A proxied contract's name, such as `OptimismPortal`, is its proxy's; the code behind it is
    `OptimismPortalImplementation`.
    """

    transactions: tuple[PlannedTransaction, ...]
    addresses: Mapping[str, bytes]


def plan_deployment(deployer: bytes, start_nonce: int, parameters: ContractParameters) -> DeploymentPlan:
    """Return the transactions that `deployer` must send, the first one with `start_nonce`."""
    names = ["ProxyAdmin", *(f"{name}Implementation" for name in PROXIED), *PROXIED]
    addresses = {name: compute_create_address(deployer, start_nonce + index) for index, name in enumerate(names)}
    initializers = _initializers(parameters, addresses)
    transactions = [_creation("ProxyAdmin", encode_creation("ProxyAdmin", parameters.owner))]
    transactions += [_creation(name, encode_creation(name)) for name in PROXIED]
    for name in PROXIED:
        implementation, admin = addresses[f"{name}Implementation"], addresses["ProxyAdmin"]
        data = encode_creation("TransparentProxy", implementation, admin, initializers[name])
        transactions.append(_creation("TransparentProxy", data))
    return DeploymentPlan(tuple(transactions), addresses)


def compute_create_address(sender: bytes, nonce: int) -> bytes:
    """Return the address that a creation by `sender` with `nonce` gives: keccak256(rlp([sender, nonce]))[12:]."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + sender + item
    return keccak(bytes([0xC0 + len(payload)]) + payload)[12:]


def _initializers(parameters: ContractParameters, addresses: Mapping[str, bytes]) -> dict[str, bytes]:
    config, messenger = addresses["SystemConfig"], addresses["L1CrossDomainMessenger"]
    return {
        "SystemConfig": _system_config_initializer(parameters, addresses),
        "L2OutputOracle": encode_call(
            "L2OutputOracle",
            "initialize",
            parameters.submission_interval_blocks,
            parameters.l2_block_time_seconds,
            parameters.starting_block_number,
            parameters.starting_timestamp,
            parameters.proposer,
            parameters.challenger,
            parameters.finalization_period_seconds,
        ),
        "OptimismPortal": encode_call(
            "OptimismPortal",
            "initialize",
            addresses["L2OutputOracle"],
            config,
            parameters.guardian,
        ),
        "BatchInbox": encode_call("BatchInbox", "initialize", config),
        "L1CrossDomainMessenger": encode_call(
            "L1CrossDomainMessenger", "initialize", addresses["OptimismPortal"], config
        ),
        "L1StandardBridge": encode_call("L1StandardBridge", "initialize", messenger, config),
        "L1ERC721Bridge": encode_call("L1ERC721Bridge", "initialize", messenger),
        "OptimismMintableERC20Factory": encode_call(
            "OptimismMintableERC20Factory", "initialize", addresses["L1StandardBridge"]
        ),
    }


def _system_config_initializer(parameters: ContractParameters, addresses: Mapping[str, bytes]) -> bytes:
    return encode_call(
        "SystemConfig",
        "initialize",
        parameters.owner,
        parameters.unsafe_block_signer,
        parameters.batcher.rjust(32, b"\0"),
        parameters.gas_limit,
        parameters.base_fee_scalar,
        parameters.blob_base_fee_scalar,
        parameters.eip1559_denominator,
        parameters.eip1559_elasticity,
        parameters.operator_fee_scalar,
        parameters.operator_fee_constant,
        addresses["BatchInbox"],
        addresses["L1CrossDomainMessenger"],
        addresses["L1ERC721Bridge"],
        addresses["L1StandardBridge"],
        NO_DISPUTE_GAMES,
        addresses["OptimismPortal"],
        addresses["OptimismMintableERC20Factory"],
    )


def _creation(name: str, data: bytes) -> PlannedTransaction:
    code_gas = CODE_GAS_PER_BYTE * len(deployed_bytecode(name))
    gas = CREATION_GAS + CALLDATA_GAS_PER_BYTE * len(data) + code_gas + EXECUTION_GAS
    floor = CREATION_GAS + CALLDATA_FLOOR_GAS_PER_BYTE * len(data)
    return PlannedTransaction(None, data, max(gas, floor))
