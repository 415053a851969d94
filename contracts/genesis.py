"""
The contracts' part of a genesis: predeploys and preinstalls on L2, and on an L1 of our own the bridge contracts too.

Each contract has the state that its constructor and initializer would have given it, so a genesis and a deployment
differ in nothing but how the contracts came to be. Spec: predeploys.md, preinstalls.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.artifact import deployed_bytecode, method_identifiers, storage_layout
from contracts.calldata import Argument
from contracts.deployment import plan_deployment
from contracts.parameters import ContractParameters
from contracts.preinstalls import PREINSTALLED_CODE

IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
"""EIP-1967: keccak256("eip1967.proxy.implementation") - 1."""

ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
"""EIP-1967: keccak256("eip1967.proxy.admin") - 1."""

INITIALIZED_SLOT = 0xF0C57E16840DF040F15088DC2F81FE391C3923BEC73E23A9662EFC9C229C6A00
"""ERC-7201 slot "openzeppelin.storage.Initializable": the version of the initializer that ran, in the low 8 bytes."""

UNSAFE_BLOCK_SIGNER_SLOT = 0x65A7ED542FB37FE237FDFBDD70B31598523FE5B32879E307BAE27A0BD9581C08
"""keccak256("systemconfig.unsafeblocksigner"); verifiers read it on L1."""

NEVER_INITIALIZED = (1 << 64) - 1
"""What `_disableInitializers` stores: an implementation behind a proxy can not be taken over."""

DEAD = bytes.fromhex("000000000000000000000000000000000000dead")
"""Owner of implementations, and the portal's L2 sender outside of a withdrawal."""

PREDEPLOY_NAMESPACE = 0x4200000000000000000000000000000000000000
IMPLEMENTATION_NAMESPACE = 0xC0D3C0D3C0D3C0D3C0D3C0D3C0D3C0D3C0D30000

L1_GENESIS_DEPLOYER = bytes.fromhex("b4a1d0000000000000000000000000000000b4a1")
"""The addresses in an L1 genesis are those that this account would have given from nonce 0. Nobody holds its key."""


@dataclass(frozen=True, slots=True)
class Alloc:
    """One account of a genesis. Storage maps slots to words that are not zero."""

    nonce: int
    balance: int
    code: bytes
    storage: Mapping[int, int] = field(default_factory=dict)


def predeploy_address(suffix: int) -> bytes:
    """Return the L2 address `0x42..suffix`."""
    return (PREDEPLOY_NAMESPACE | suffix).to_bytes(20, "big")


def implementation_address(predeploy: bytes) -> bytes:
    """Return where the code of a proxied predeploy stands: `0xc0d3..` and its last two bytes."""
    return (IMPLEMENTATION_NAMESPACE | int.from_bytes(predeploy[-2:], "big")).to_bytes(20, "big")


WETH9 = predeploy_address(0x06)
L2_CROSS_DOMAIN_MESSENGER = predeploy_address(0x07)
GAS_PRICE_ORACLE = predeploy_address(0x0F)
L2_STANDARD_BRIDGE = predeploy_address(0x10)
SEQUENCER_FEE_VAULT = predeploy_address(0x11)
OPTIMISM_MINTABLE_ERC20_FACTORY = predeploy_address(0x12)
L2_ERC721_BRIDGE = predeploy_address(0x14)
L1_BLOCK = predeploy_address(0x15)
L2_TO_L1_MESSAGE_PASSER = predeploy_address(0x16)
OPTIMISM_MINTABLE_ERC721_FACTORY = predeploy_address(0x17)
L2_PROXY_ADMIN = predeploy_address(0x18)
BASE_FEE_VAULT = predeploy_address(0x19)
L1_FEE_VAULT = predeploy_address(0x1A)
OPERATOR_FEE_VAULT = predeploy_address(0x1B)


def l2_allocs(parameters: ContractParameters, addresses: Mapping[str, bytes] | None = None) -> dict[bytes, Alloc]:
    """
    Return the contracts of an L2 genesis, by address; all predeploys but `WETH9` stand behind proxies.

    Parameters
    ----------
    addresses :
        The contracts on L1, of which the messenger and the bridges of L2 hear: as in a `DeploymentPlan`; by default
        `l1_addresses(parameters)`.
    """
    places = l1_addresses(parameters) if addresses is None else addresses
    vaults = parameters.vaults
    predeploys: dict[bytes, tuple[str, dict[int, int]]] = {
        L1_BLOCK: ("L1Block", {}),
        L2_TO_L1_MESSAGE_PASSER: ("L2ToL1MessagePasser", {}),
        GAS_PRICE_ORACLE: ("GasPriceOracle", {}),
        L2_PROXY_ADMIN: ("ProxyAdmin", pack_storage("ProxyAdmin", {"_owner": parameters.owner})),
        SEQUENCER_FEE_VAULT: ("FeeVault", _vault_storage(parameters, vaults.sequencer_fee_recipient)),
        BASE_FEE_VAULT: ("FeeVault", _vault_storage(parameters, vaults.base_fee_recipient)),
        L1_FEE_VAULT: ("FeeVault", _vault_storage(parameters, vaults.l1_fee_recipient)),
        OPERATOR_FEE_VAULT: ("FeeVault", _vault_storage(parameters, vaults.operator_fee_recipient)),
        **_l2_bridges(parameters, places),
    }
    allocs = preinstall_allocs()
    allocs[WETH9] = Alloc(1, 0, deployed_bytecode("WETH9"))
    for address, (name, storage) in predeploys.items():
        implementation = implementation_address(address)
        allocs[implementation] = _implementation(name)
        allocs[address] = _proxy(implementation, L2_PROXY_ADMIN, storage)
    return allocs


def l1_allocs(parameters: ContractParameters, addresses: Mapping[str, bytes] | None = None) -> dict[bytes, Alloc]:
    """
    Return the contracts of an L1 genesis, by address.

    Parameters
    ----------
    addresses :
        As in a `DeploymentPlan`; by default `l1_addresses(parameters)`.
    """
    places = l1_addresses(parameters) if addresses is None else addresses
    proxied = {
        "SystemConfig": _system_config_storage(parameters, places),
        "L2OutputOracle": _oracle_storage(parameters),
        "OptimismPortal": _portal_storage(parameters, places),
        "BatchInbox": pack_storage("BatchInbox", {"systemConfig": places["SystemConfig"]}),
        **_l1_bridges(places),
    }
    allocs = preinstall_allocs()
    owner = pack_storage("ProxyAdmin", {"_owner": parameters.owner})
    allocs[places["ProxyAdmin"]] = Alloc(1, 0, deployed_bytecode("ProxyAdmin"), owner)
    for name, storage in proxied.items():
        implementation = places[f"{name}Implementation"]
        allocs[implementation] = _implementation(name)
        allocs[places[name]] = _proxy(implementation, places["ProxyAdmin"], {INITIALIZED_SLOT: 1, **storage})
    return allocs


def l1_addresses(parameters: ContractParameters) -> dict[str, bytes]:
    """Return where the contracts stand in an L1 genesis, by name."""
    return dict(plan_deployment(L1_GENESIS_DEPLOYER, 0, parameters).addresses)


def preinstall_allocs() -> dict[bytes, Alloc]:
    """Return what stands at its well-known address on every chain of ours: system contracts, deployer, Multicall3."""
    return {address: Alloc(1, 0, code) for address, code in PREINSTALLED_CODE.items()}


def pack_storage(name: str, values: Mapping[str, Argument]) -> dict[int, int]:
    """Return the slots of a contract whose variables have these values (integers, or big-endian bytes)."""
    layout = storage_layout(name)
    slots: dict[int, int] = {}
    for label, value in values.items():
        entry = layout[label]
        number = value if isinstance(value, int) else int.from_bytes(value, "big")
        if not 0 <= number < 1 << (8 * entry["bytes"]):
            raise ValueError(f"{name}.{label} can not hold {number}")
        slots[entry["slot"]] = slots.get(entry["slot"], 0) | number << (8 * entry["offset"])
    return {slot: word for slot, word in slots.items() if word}


def _implementation(name: str) -> Alloc:
    storage: dict[int, int] = {}
    if name in ("SystemConfig", "ProxyAdmin"):
        storage |= pack_storage(name, {"_owner": DEAD})
    if any(signature.startswith("initialize(") for signature in method_identifiers(name)):
        storage[INITIALIZED_SLOT] = NEVER_INITIALIZED
    return Alloc(1, 0, deployed_bytecode(name), storage)


def _proxy(implementation: bytes, admin: bytes, storage: Mapping[int, int]) -> Alloc:
    slots = {IMPLEMENTATION_SLOT: int.from_bytes(implementation, "big"), ADMIN_SLOT: int.from_bytes(admin, "big")}
    return Alloc(1, 0, deployed_bytecode("TransparentProxy"), {**slots, **storage})


def _l1_bridges(places: Mapping[str, bytes]) -> dict[str, dict[int, int]]:
    messenger, config = places["L1CrossDomainMessenger"], places["SystemConfig"]
    values: dict[str, dict[str, Argument]] = {
        "L1CrossDomainMessenger": {
            "otherMessenger": L2_CROSS_DOMAIN_MESSENGER,
            "portal": places["OptimismPortal"],
            "systemConfig": config,
        },
        "L1StandardBridge": {"messenger": messenger, "otherBridge": L2_STANDARD_BRIDGE, "systemConfig": config},
        "L1ERC721Bridge": {"messenger": messenger, "otherBridge": L2_ERC721_BRIDGE},
        "OptimismMintableERC20Factory": {"bridge": places["L1StandardBridge"]},
    }
    return {name: pack_storage(name, variables) for name, variables in values.items()}


def _l2_bridges(parameters: ContractParameters, places: Mapping[str, bytes]) -> dict[bytes, tuple[str, dict[int, int]]]:
    messenger = L2_CROSS_DOMAIN_MESSENGER
    values: dict[bytes, tuple[str, dict[str, Argument]]] = {
        messenger: ("L2CrossDomainMessenger", {"otherMessenger": places["L1CrossDomainMessenger"]}),
        L2_STANDARD_BRIDGE: (
            "L2StandardBridge",
            {"messenger": messenger, "otherBridge": places["L1StandardBridge"]},
        ),
        OPTIMISM_MINTABLE_ERC20_FACTORY: ("OptimismMintableERC20Factory", {"bridge": L2_STANDARD_BRIDGE}),
        L2_ERC721_BRIDGE: ("L2ERC721Bridge", {"messenger": messenger, "otherBridge": places["L1ERC721Bridge"]}),
        OPTIMISM_MINTABLE_ERC721_FACTORY: (
            "OptimismMintableERC721Factory",
            {"bridge": L2_ERC721_BRIDGE, "remoteChainID": parameters.l1_chain_id},
        ),
    }
    return {
        address: (name, {INITIALIZED_SLOT: 1, **pack_storage(name, variables)})
        for address, (name, variables) in values.items()
    }


def _vault_storage(parameters: ContractParameters, recipient: bytes) -> dict[int, int]:
    values: dict[str, Argument] = {
        "recipient": recipient,
        "minWithdrawalAmount": parameters.vaults.min_withdrawal_wei,
        "withdrawalNetwork": parameters.vaults.network.value,
    }
    return {INITIALIZED_SLOT: 1, **pack_storage("FeeVault", values)}


def _system_config_storage(parameters: ContractParameters, places: Mapping[str, bytes]) -> dict[int, int]:
    values: dict[str, Argument] = {
        "_owner": parameters.owner,
        "scalar": 1 << 248 | parameters.blob_base_fee_scalar << 32 | parameters.base_fee_scalar,
        "batcherHash": parameters.batcher,
        "gasLimit": parameters.gas_limit,
        "basefeeScalar": parameters.base_fee_scalar,
        "blobbasefeeScalar": parameters.blob_base_fee_scalar,
        "eip1559Denominator": parameters.eip1559_denominator,
        "eip1559Elasticity": parameters.eip1559_elasticity,
        "operatorFeeScalar": parameters.operator_fee_scalar,
        "operatorFeeConstant": parameters.operator_fee_constant,
        "batchInbox": places["BatchInbox"],
        "l1CrossDomainMessenger": places["L1CrossDomainMessenger"],
        "l1ERC721Bridge": places["L1ERC721Bridge"],
        "l1StandardBridge": places["L1StandardBridge"],
        "optimismPortal": places["OptimismPortal"],
        "optimismMintableERC20Factory": places["OptimismMintableERC20Factory"],
    }
    slots = pack_storage("SystemConfig", values)
    signer = int.from_bytes(parameters.unsafe_block_signer, "big")
    return slots | {UNSAFE_BLOCK_SIGNER_SLOT: signer} if signer else slots


def _oracle_storage(parameters: ContractParameters) -> dict[int, int]:
    values: dict[str, Argument] = {
        "startingTimestamp": parameters.starting_timestamp,
        "startingBlockNumber": parameters.starting_block_number,
        "submissionInterval": parameters.submission_interval_blocks,
        "l2BlockTime": parameters.l2_block_time_seconds,
        "challenger": parameters.challenger,
        "proposer": parameters.proposer,
        "finalizationPeriodSeconds": parameters.finalization_period_seconds,
    }
    return pack_storage("L2OutputOracle", values)


def _portal_storage(parameters: ContractParameters, places: Mapping[str, bytes]) -> dict[int, int]:
    values: dict[str, Argument] = {
        "params": 10**9,
        "l2Oracle": places["L2OutputOracle"],
        "systemConfig": places["SystemConfig"],
        "guardian": parameters.guardian,
        "l2Sender": DEAD,
    }
    return pack_storage("OptimismPortal", values)
