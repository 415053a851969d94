"""
The compression function F of BLAKE2b as a precompile (EIP-152), and the only door to the library that computes it.

Input is 213 bytes: rounds 4, state 64, message 128, offset counters 16, final flag 1. A round costs one unit of gas.
Where the library has no wheel `IS_AVAILABLE` is False, and the interpreter's own precompile serves, a slower one.
"""

try:
    from blake2b import decode_and_compress  # type: ignore[import-untyped]  # ships no types

    IS_AVAILABLE = True
except ImportError:
    IS_AVAILABLE = False

INPUT_BYTES = 213


def blake2f_gas(data: bytes) -> int:
    """Gas of BLAKE2F: the rounds; of input of a wrong length nothing, since it is refused."""
    return int.from_bytes(data[:4], "big") if len(data) == INPUT_BYTES else 0


def run_blake2f(data: bytes) -> bytes | None:
    """The 64 bytes of the new state; None of input of a wrong length or with a final flag above one."""
    if len(data) != INPUT_BYTES or data[-1] > 1:
        return None
    return bytes(decode_and_compress(data))
