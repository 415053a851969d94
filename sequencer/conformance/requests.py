"""
Execution requests of plain Ethereum since Prague: what a block tells the beacon chain (EIP-7685).

    type 0  deposits        from the logs of the deposit contract (EIP-6110)
    type 1  withdrawals     from a system contract, called after the last transaction (EIP-7002)
    type 2  consolidations  likewise (EIP-7251)
"""

from collections.abc import Iterable
from hashlib import sha256

from sequencer.execution.interface import OpenBlock, SystemCallFailed
from sequencer.primitives.account import EMPTY_CODE_HASH
from sequencer.primitives.receipt import Log

from .headers import InvalidBlock

DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")
DEPOSIT_EVENT = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")
CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")

DEPOSIT_LOG_BYTES = 576
DEPOSIT_PARTS = ((160, 48), (256, 32), (320, 8), (384, 96), (512, 8))
"""Where the event's data has the length of each part, and the length: public key, credentials, amount, signature,
index."""


def collect_requests(block: OpenBlock, logs: Iterable[Log], *, may_lack_contracts: bool = False) -> list[bytes]:
    """
    The requests of a block after its last transaction; calls the system contracts; raises InvalidBlock.

    Parameters
    ----------
    may_lack_contracts :
        Whether a system contract that is not deployed is passed over, as in drafts of Prague; since, no block is valid
        without it.
    """
    bodies = [b"".join(_read_deposit(log.data) for log in logs if _is_deposit(log))]
    for contract in (WITHDRAWAL_REQUESTS, CONSOLIDATION_REQUESTS):
        account = block.view().account(contract)
        if may_lack_contracts and (account is None or account.code_hash == EMPTY_CODE_HASH):
            bodies.append(b"")
            continue
        try:
            bodies.append(block.system_call(contract, b""))
        except SystemCallFailed as problem:
            raise InvalidBlock(str(problem)) from None
    return [bytes([kind]) + body for kind, body in enumerate(bodies) if body]


def hash_requests(requests: Iterable[bytes]) -> bytes:
    """What a header commits to."""
    return sha256(b"".join(sha256(request).digest() for request in requests)).digest()


def _is_deposit(log: Log) -> bool:
    return log.address == DEPOSIT_CONTRACT and log.topics[:1] == (DEPOSIT_EVENT,)


def _read_deposit(data: bytes) -> bytes:
    """The parts of a deposit's event one after the other; raises InvalidBlock for any layout but the contract's."""
    offsets = [int.from_bytes(data[32 * place : 32 * place + 32], "big") for place in range(len(DEPOSIT_PARTS))]
    if len(data) != DEPOSIT_LOG_BYTES or offsets != [start for start, _ in DEPOSIT_PARTS]:
        raise InvalidBlock("a deposit's log has an unknown layout")
    if any(int.from_bytes(data[start : start + 32], "big") != size for start, size in DEPOSIT_PARTS):
        raise InvalidBlock("a part of a deposit's log has a wrong length")
    return b"".join(data[start + 32 : start + 32 + size] for start, size in DEPOSIT_PARTS)
