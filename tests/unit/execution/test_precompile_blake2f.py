"""BLAKE2F: the function of the standard library's BLAKE2b, for any number of rounds."""

from hashlib import blake2b
from random import Random

import pytest
from eth._utils.blake2.coders import extract_blake2b_parameters
from eth._utils.blake2.compression import blake2b_compress

from sequencer.execution.blake2f import blake2f_gas, run_blake2f
from sequencer.execution.calls import run_call
from sequencer.execution.interface import CallMessage
from sequencer.execution.precompiles import BLAKE2F
from tests.factories import address
from tests.unit.execution.chain_fixture import make_environment, make_state

INITIAL_STATE = (
    0x6A09E667F3BCC908 ^ 0x01010040,  # 64 bytes of output, no key
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)


def blake2f_input(rounds: int, message: bytes, is_final: bool) -> bytes:
    state = b"".join(word.to_bytes(8, "little") for word in INITIAL_STATE)
    counters = len(message).to_bytes(16, "little")
    return rounds.to_bytes(4, "big") + state + message.ljust(128, b"\0") + counters + bytes([is_final])


@pytest.mark.parametrize("message", [b"", b"abc", bytes(range(128))])
def test_twelve_rounds_of_the_last_block_are_the_hash(message: bytes) -> None:
    assert run_blake2f(blake2f_input(12, message, is_final=True)) == blake2b(message).digest()
    assert run_blake2f(blake2f_input(12, message, is_final=False)) != blake2b(message).digest()
    assert run_blake2f(blake2f_input(11, message, is_final=True)) != blake2b(message).digest()


@pytest.mark.parametrize("rounds", [0, 1, 9, 10, 11, 25, 300])
def test_rounds_are_those_of_the_interpreter(rounds: int) -> None:
    random = Random(rounds)
    for flag in (b"\0", b"\1"):
        data = rounds.to_bytes(4, "big") + random.randbytes(208) + flag
        assert run_blake2f(data) == blake2b_compress(*extract_blake2b_parameters(data))


@pytest.mark.parametrize("flag", [2, 3, 255])
def test_final_flag_is_zero_or_one(flag: int) -> None:
    assert run_blake2f(blake2f_input(12, b"abc", is_final=True)[:-1] + bytes([flag])) is None


@pytest.mark.parametrize("size", [0, 3, 212, 214])
def test_input_has_213_bytes(size: int) -> None:
    assert run_blake2f(bytes(size)) is None
    assert blake2f_gas(b"\xff" * size) == 0


def test_most_rounds_are_paid_before_they_are_run() -> None:
    data = blake2f_input(2**32 - 1, b"abc", is_final=True)
    message = CallMessage(sender=address(0), to=BLAKE2F, gas_limit=30_000_000, data=data)

    result = run_call(make_environment(True), make_state(), message, {})

    assert blake2f_gas(data) == 2**32 - 1
    assert result.error == "out of gas"
