"""Codes that workers keep by hash: nothing else in a run says which code it was, so a wrong one is not taken."""

from contracts.keccak import keccak
from sequencer.execution.parallel.committed_state import CommittedState
from sequencer.execution.parallel.kept_state import KeptCodes
from sequencer.execution.parallel.messages import Delta
from sequencer.execution.parallel.worker_state import SpeculativeState
from tests.fakes.memory_state import MemoryState
from tests.fakes.worker_source import MemoryReader

CODE, OTHER = b"\x60\x01", b"\x60\x02"
BELOW = MemoryState(codes={keccak(CODE): CODE})


def test_a_code_of_another_hash_is_not_taken() -> None:
    codes = KeptCodes()
    codes.learn([(keccak(CODE), OTHER), (keccak(OTHER), b"")])

    assert codes.read(keccak(CODE), BELOW) == CODE


def test_the_open_block_brings_no_code_of_another_hash() -> None:
    committed = CommittedState()
    committed.begin(bytes(32), MemoryReader(BELOW), may_keep=False)
    state = SpeculativeState(committed)
    state.apply(Delta((), (), ((keccak(CODE), OTHER), (keccak(OTHER), OTHER)), ()))

    assert (state.code(keccak(CODE)), state.code(keccak(OTHER))) == (CODE, OTHER)


def test_a_code_that_somebody_has_read_is_not_read_again() -> None:
    codes = KeptCodes()
    codes.learn([(keccak(OTHER), OTHER)])

    assert codes.read(keccak(OTHER), BELOW) == OTHER  # there is none below
