"""
Genesis of a chain in op-geth's `genesis.json` format, and the header that follows from it.

The hash of that header is what both chains agree on (`rollup.json`, `genesis.l2`), so a reader must accept what other
tools write, and a writer must write what op-geth reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .account import EMPTY_TRIE_ROOT
from .errors import DecodingError
from .header import Header
from .receipt import BLOOM_BYTES

FORK_BLOCKS = (
    *("homesteadBlock", "eip150Block", "eip155Block", "eip158Block", "byzantiumBlock", "constantinopleBlock"),
    *("petersburgBlock", "istanbulBlock", "muirGlacierBlock", "berlinBlock", "londonBlock", "arrowGlacierBlock"),
    *("grayGlacierBlock", "mergeNetsplitBlock"),
)
ETHEREUM_FORK_TIMES = ("shanghaiTime", "cancunTime", "pragueTime")
OPTIMISM_FORK_TIMES = (
    *("regolithTime", "canyonTime", "ecotoneTime", "fjordTime", "graniteTime", "holoceneTime", "isthmusTime"),
)


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """An account that exists from the start; balance in wei, storage by slot."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class OptimismParameters:
    """The `optimism` section of the chain config: EIP-1559 parameters where the system config has none."""

    elasticity: int
    denominator: int
    denominator_canyon: int


@dataclass(frozen=True, slots=True)
class Genesis:
    """
    Block 0 and its state. `optimism` is None for a chain with plain Ethereum rules.

    `known_hash` is the hash of block 0 where it was computed before: a chain that has that block needs no accounts.
    """

    chain_id: int
    timestamp: int
    extra_data: bytes
    gas_limit: int
    fee_recipient: bytes
    base_fee_per_gas: int
    alloc: Mapping[bytes, GenesisAccount]
    optimism: OptimismParameters | None = None
    known_hash: bytes | None = field(default=None, compare=False)

    def header(self, state_root: bytes, withdrawals_root: bytes = EMPTY_TRIE_ROOT) -> Header:
        """The header of block 0; under OP rules `withdrawals_root` is the message passer's storage root."""
        return Header(
            parent_hash=bytes(32),
            fee_recipient=self.fee_recipient,
            state_root=state_root,
            transactions_root=EMPTY_TRIE_ROOT,
            receipts_root=EMPTY_TRIE_ROOT,
            logs_bloom=bytes(BLOOM_BYTES),
            number=0,
            gas_limit=self.gas_limit,
            gas_used=0,
            timestamp=self.timestamp,
            extra_data=self.extra_data,
            prev_randao=bytes(32),
            base_fee_per_gas=self.base_fee_per_gas,
            withdrawals_root=withdrawals_root,
            parent_beacon_block_root=bytes(32),
        )

    def to_json(self) -> dict[str, object]:
        """The file's content, as op-geth (or geth) reads it."""
        config: dict[str, object] = {"chainId": self.chain_id}
        config |= dict.fromkeys(FORK_BLOCKS, 0)
        config |= {"terminalTotalDifficulty": 0} | dict.fromkeys(ETHEREUM_FORK_TIMES, 0)
        if self.optimism is None:
            schedule = {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716}
            config["blobSchedule"] = {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477}}
            config["blobSchedule"] |= {"prague": schedule}  # type: ignore[operator]  # a dict one line above
        else:
            config |= {"bedrockBlock": 0} | dict.fromkeys(OPTIMISM_FORK_TIMES, 0)
            config["optimism"] = {
                "eip1559Elasticity": self.optimism.elasticity,
                "eip1559Denominator": self.optimism.denominator,
                "eip1559DenominatorCanyon": self.optimism.denominator_canyon,
            }
        return {
            "config": config,
            "nonce": "0x0",
            "timestamp": hex(self.timestamp),
            "extraData": "0x" + self.extra_data.hex(),
            "gasLimit": hex(self.gas_limit),
            "difficulty": "0x0",
            "mixHash": "0x" + "00" * 32,
            "coinbase": "0x" + self.fee_recipient.hex(),
            "baseFeePerGas": hex(self.base_fee_per_gas),
            "alloc": {"0x" + address.hex(): _account_to_json(account) for address, account in self.alloc.items()},
        }


def genesis_from_json(obj: Mapping[str, object]) -> Genesis:
    """Read `genesis.json`; raise DecodingError naming the field that is missing or wrong."""
    try:
        config = _mapping(obj["config"])
        _require_all_forks(config)
        optimism = config.get("optimism")
        return Genesis(
            chain_id=_number(config["chainId"]),
            timestamp=_number(obj["timestamp"]),
            extra_data=_bytes(obj["extraData"]),
            gas_limit=_number(obj["gasLimit"]),
            fee_recipient=_bytes(obj.get("coinbase", "0x" + "00" * 20)),
            base_fee_per_gas=_number(obj["baseFeePerGas"]),
            alloc={
                _bytes(address, 20): _account_from_json(_mapping(account))
                for address, account in _mapping(obj["alloc"]).items()
            },
            optimism=None if optimism is None else _optimism_from_json(_mapping(optimism)),
        )
    except KeyError as reason:
        raise DecodingError(f"genesis lacks {reason.args[0]}") from None
    except (TypeError, ValueError) as reason:
        raise DecodingError(f"genesis is malformed: {reason}") from None


def _require_all_forks(config: Mapping[str, object]) -> None:
    names = [*ETHEREUM_FORK_TIMES, *(OPTIMISM_FORK_TIMES if "optimism" in config else ())]
    for name in names:
        if config.get(name) != 0:
            raise DecodingError(
                f"genesis has {name} = {config.get(name)!r}: only chains with every fork at 0 are known"
            )


def _optimism_from_json(obj: Mapping[str, object]) -> OptimismParameters:
    return OptimismParameters(
        elasticity=_number(obj["eip1559Elasticity"]),
        denominator=_number(obj["eip1559Denominator"]),
        denominator_canyon=_number(obj["eip1559DenominatorCanyon"]),
    )


def _account_to_json(account: GenesisAccount) -> dict[str, object]:
    obj: dict[str, object] = {"balance": hex(account.balance)}
    if account.nonce:
        obj["nonce"] = hex(account.nonce)
    if account.code:
        obj["code"] = "0x" + account.code.hex()
    if account.storage:
        obj["storage"] = {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in account.storage.items()}
    return obj


def _account_from_json(obj: Mapping[str, object]) -> GenesisAccount:
    storage = _mapping(obj.get("storage", {}))
    return GenesisAccount(
        balance=_number(obj.get("balance", 0)),
        nonce=_number(obj.get("nonce", 0)),
        code=_bytes(obj.get("code", "0x")),
        storage={int(slot, 16): _number(value) for slot, value in storage.items()} or None,
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not an object")
    return value


def _number(value: object) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value, 16) if value.startswith("0x") else int(value)
    raise TypeError(f"{value!r} is not a number")


def _bytes(value: object, size: int | None = None) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a hex string")
    data = bytes.fromhex(value.removeprefix("0x"))
    if size is not None and len(data) != size:
        raise ValueError(f"{value} has {len(data)} bytes, not {size}")
    return data
