"""Codes that workers keep by hash: nothing else in a run says which code it was, so a wrong one is not taken."""

from contracts.keccak import keccak
from sequencer.execution.parallel.kept_state import KeptCodes
from tests.fakes.memory_state import MemoryState

CODE, OTHER = b"\x60\x01", b"\x60\x02"
BELOW = MemoryState(codes={keccak(CODE): CODE})


def test_a_code_of_another_hash_is_not_taken() -> None:
    codes = KeptCodes()
    codes.learn([(keccak(CODE), OTHER), (keccak(OTHER), b"")])

    assert codes.read(keccak(CODE), BELOW) == CODE


def test_a_code_that_somebody_has_read_is_not_read_again() -> None:
    codes = KeptCodes()
    codes.learn([(keccak(OTHER), OTHER)])

    assert codes.read(keccak(OTHER), BELOW) == OTHER  # there is none below
