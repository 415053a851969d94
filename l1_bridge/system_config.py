"""
The system config: the L2 parameters that a contract on L1 may change, and its events.

    event ConfigUpdate(uint256 indexed version, uint8 indexed updateType, bytes data)

Updates in an L1 block hold from that block on (the batcher address at once, the
rest with the next epoch). An update that can not be parsed is skipped, never an
error. Spec: system-config.md, holocene/system-config.md, isthmus/system-config.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.json_fields import MalformedField, hex_bytes
from l1_bridge.types import ZERO_HASH, L1Log, L1Receipt

CONFIG_UPDATE_TOPIC = keccak(b"ConfigUpdate(uint256,uint8,bytes)")
"""Topic 0 of the system config's event."""

CONFIG_UPDATE_VERSION_0 = bytes(32)
"""Topic 1: the only version that exists."""

UPDATE_BATCHER = 0
UPDATE_FEE_SCALARS = 1
UPDATE_GAS_LIMIT = 2
UPDATE_UNSAFE_BLOCK_SIGNER = 3
UPDATE_EIP1559 = 4
UPDATE_OPERATOR_FEE = 5

BEDROCK_SCALAR_VERSION = 0
ECOTONE_SCALAR_VERSION = 1
MAX_UINT32 = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """The parameters in force at one L1 block."""

    batcher_address: bytes
    gas_limit: int
    base_fee_scalar: int
    """uint32, millionths."""
    blob_base_fee_scalar: int
    """uint32, millionths."""
    eip1559_denominator: int = 0
    """uint32; 0 together with the elasticity: the chain's constants."""
    eip1559_elasticity: int = 0
    operator_fee_scalar: int = 0
    """uint32, millionths of a wei per gas."""
    operator_fee_constant: int = 0
    """uint64, wei per transaction."""
    min_base_fee: int = 0
    """Wei; a rule only since Jovian, kept for the file."""
    da_footprint_gas_scalar: int = 0
    """A rule only since Jovian, kept for the file."""
    overhead: bytes = ZERO_HASH
    """Without effect since Ecotone; kept for the file."""
    scalar: bytes | None = field(default=None, compare=False)
    """The two scalars as the file spelled them; None: as Ecotone spells them."""

    def packed_scalar(self) -> bytes:
        """The two scalars in one word, in the spelling they came in when it still says the same."""
        if self.scalar is not None and decode_scalar(self.scalar) == (self.base_fee_scalar, self.blob_base_fee_scalar):
            return self.scalar
        return encode_scalar(self.base_fee_scalar, self.blob_base_fee_scalar)

    def to_json(self) -> dict[str, object]:
        """The object under `genesis.system_config` in `rollup.json`."""
        eip1559 = self.eip1559_denominator.to_bytes(4, "big") + self.eip1559_elasticity.to_bytes(4, "big")
        operator = self.operator_fee_scalar.to_bytes(4, "big") + self.operator_fee_constant.to_bytes(8, "big")
        return {
            "batcherAddr": hex_bytes(self.batcher_address),
            "overhead": hex_bytes(self.overhead),
            "scalar": hex_bytes(self.packed_scalar()),
            "gasLimit": self.gas_limit,
            "eip1559Params": hex_bytes(eip1559),
            "operatorFeeParams": hex_bytes(bytes(20) + operator),
            "minBaseFee": self.min_base_fee,
            "daFootprintGasScalar": self.da_footprint_gas_scalar,
        }

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> "SystemConfig":
        """
        Read the object under `genesis.system_config`.

        Raises
        ------
        MalformedField
            A field is missing, of the wrong length, or a scalar that says nothing.
        """
        scalar = json_fields.get_bytes(source, "scalar", 32)
        scalars = decode_scalar(scalar)
        if scalars is None:
            raise MalformedField("scalar", "neither version 0 nor version 1")
        eip1559 = json_fields.get_bytes_or_none(source, "eip1559Params", 8) or bytes(8)
        operator = json_fields.get_bytes_or_none(source, "operatorFeeParams", 32) or ZERO_HASH
        return cls(
            batcher_address=json_fields.get_bytes(source, "batcherAddr", 20),
            gas_limit=json_fields.get_integer(source, "gasLimit"),
            base_fee_scalar=scalars[0],
            blob_base_fee_scalar=scalars[1],
            eip1559_denominator=int.from_bytes(eip1559[:4], "big"),
            eip1559_elasticity=int.from_bytes(eip1559[4:], "big"),
            operator_fee_scalar=int.from_bytes(operator[20:24], "big"),
            operator_fee_constant=int.from_bytes(operator[24:32], "big"),
            min_base_fee=json_fields.get_integer_or_none(source, "minBaseFee") or 0,
            da_footprint_gas_scalar=json_fields.get_integer_or_none(source, "daFootprintGasScalar") or 0,
            overhead=json_fields.get_bytes_or_none(source, "overhead", 32) or ZERO_HASH,
            scalar=scalar,
        )


def encode_scalar(base_fee_scalar: int, blob_base_fee_scalar: int) -> bytes:
    """Ecotone's spelling: version 1, 23 zero bytes, blob base fee scalar u32, base fee scalar u32."""
    scalars = blob_base_fee_scalar.to_bytes(4, "big") + base_fee_scalar.to_bytes(4, "big")
    return bytes([ECOTONE_SCALAR_VERSION]) + bytes(23) + scalars


def decode_scalar(scalar: bytes) -> tuple[int, int] | None:
    """
    Base fee scalar and blob base fee scalar of a packed word; None when it has no meaning.

    Version 0 (Bedrock) has a base fee scalar alone; what does not fit 32 bits
    there means the largest one.
    """
    base = int.from_bytes(scalar[28:32], "big")
    if scalar[0] == BEDROCK_SCALAR_VERSION:
        return (base if not any(scalar[1:28]) else MAX_UINT32), 0
    if scalar[0] == ECOTONE_SCALAR_VERSION and not any(scalar[1:24]):
        return base, int.from_bytes(scalar[24:28], "big")
    return None


def apply_config_updates(
    config: SystemConfig, receipts: Iterable[L1Receipt], system_config_address: bytes
) -> SystemConfig:
    """`config` after all updates in the receipts of one L1 block, in log order; unparsable ones are skipped."""
    for receipt in receipts:
        if receipt.status != 1:
            continue
        for log in receipt.logs:
            if log.address == system_config_address and log.topics and log.topics[0] == CONFIG_UPDATE_TOPIC:
                config = _apply_log(config, log)
    return config


def _apply_log(config: SystemConfig, log: L1Log) -> SystemConfig:
    if len(log.topics) != 3 or log.topics[1] != CONFIG_UPDATE_VERSION_0:
        return config
    kind = int.from_bytes(log.topics[2], "big")
    words = _payload_words(log.data)
    if words is None:
        return config
    if kind == UPDATE_FEE_SCALARS:
        return _apply_fee_scalars(config, words)
    if len(words) != 1:
        return config
    word = words[0]
    match kind:
        case 0:  # UPDATE_BATCHER
            return config if any(word[:12]) else replace(config, batcher_address=word[12:])
        case 2:  # UPDATE_GAS_LIMIT
            return config if any(word[:24]) else replace(config, gas_limit=int.from_bytes(word, "big"))
        case 4:  # UPDATE_EIP1559
            return _apply_eip1559(config, word)
        case 5:  # UPDATE_OPERATOR_FEE
            return replace(
                config,
                operator_fee_scalar=int.from_bytes(word[20:24], "big"),
                operator_fee_constant=int.from_bytes(word[24:32], "big"),
            )
        case _:
            return config


def _payload_words(data: bytes) -> list[bytes] | None:
    """The 32-byte words of the ABI-encoded `bytes data`; None when the frame is not the canonical one."""
    if len(data) < 64 or len(data) % 32 != 0 or int.from_bytes(data[0:32], "big") != 32:
        return None
    payload = data[64:]
    if int.from_bytes(data[32:64], "big") != len(payload):
        return None
    return [payload[at : at + 32] for at in range(0, len(payload), 32)]


def _apply_fee_scalars(config: SystemConfig, words: list[bytes]) -> SystemConfig:
    if len(words) != 2:
        return config
    scalar = words[1]
    if scalar[0] == BEDROCK_SCALAR_VERSION and any(scalar[1:28]):
        return config
    scalars = decode_scalar(scalar)
    if scalars is None:
        return config
    return replace(
        config, base_fee_scalar=scalars[0], blob_base_fee_scalar=scalars[1], scalar=scalar, overhead=ZERO_HASH
    )


def _apply_eip1559(config: SystemConfig, word: bytes) -> SystemConfig:
    denominator = int.from_bytes(word[24:28], "big")
    elasticity = int.from_bytes(word[28:32], "big")
    if (denominator == 0) != (elasticity == 0):
        return config
    return replace(config, eip1559_denominator=denominator, eip1559_elasticity=elasticity)
