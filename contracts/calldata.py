"""
Encodes the calls that set up contracts: constructor arguments and initializers (Solidity ABI).

Only what those need: words, structs of words, and `bytes`. Clients that talk to contracts use a full ABI library.
"""

from collections.abc import Sequence

from contracts.artifact import bytecode, method_identifiers, read_artifact

WORD_BYTES = 32

Argument = int | bytes
"""An integer, an address of 20 bytes, a `bytes32`, or `bytes` of any length, as the signature says."""


def encode_call(contract: str, method: str, *arguments: Argument) -> bytes:
    """
    Return the calldata for a method that the contract has exactly once by that name.

    The members of a struct are passed one by one.
    """
    candidates = [item for item in method_identifiers(contract).items() if item[0].split("(", 1)[0] == method]
    if len(candidates) != 1:
        raise ValueError(f"{contract} has {len(candidates)} methods named {method}")
    signature, selector = candidates[0]
    return selector + _encode(_flat_types(signature.split("(", 1)[1].removesuffix(")")), arguments)


def encode_creation(contract: str, *arguments: Argument) -> bytes:
    """Return the init code of a contract with its constructor's arguments."""
    constructors = [entry for entry in read_artifact(contract)["abi"] if entry["type"] == "constructor"]
    types = []
    for constructor in constructors:
        inputs = constructor["inputs"]
        assert isinstance(inputs, list)
        types = [str(item["type"]) for item in inputs]
    return bytecode(contract) + _encode(types, arguments)


def _flat_types(parameters: str) -> list[str]:
    types = parameters.replace("(", "").replace(")", "").split(",")
    if "(" in parameters and "bytes" in types:
        raise ValueError(f"a struct with dynamic members can not be passed flat: {parameters}")
    return [item for item in types if item]


def _encode(types: Sequence[str], arguments: Sequence[Argument]) -> bytes:
    if len(types) != len(arguments):
        raise ValueError(f"{len(types)} arguments expected, {len(arguments)} given")
    heads, tail = [], b""
    for name, value in zip(types, arguments, strict=True):
        if name == "bytes":
            assert isinstance(value, bytes)
            heads.append((len(types) * WORD_BYTES + len(tail)).to_bytes(WORD_BYTES, "big"))
            tail += len(value).to_bytes(WORD_BYTES, "big") + value + bytes(-len(value) % WORD_BYTES)
        else:
            heads.append(encode_word(name, value))
    return b"".join(heads) + tail


def encode_word(name: str, value: Argument) -> bytes:
    """Return a static value of the Solidity type `name` in 32 bytes; raises when it does not fit."""
    if name == "address" and isinstance(value, bytes) and len(value) == 20:
        return value.rjust(WORD_BYTES, b"\0")
    if name == "bytes32" and isinstance(value, bytes) and len(value) == 32:
        return value
    if name == "bool" and isinstance(value, bool):
        return int(value).to_bytes(WORD_BYTES, "big")
    if name.startswith("int") and isinstance(value, int) and -(limit := 1 << int(name[3:]) - 1) <= value < limit:
        return value.to_bytes(WORD_BYTES, "big", signed=True)
    if name.startswith("uint") and isinstance(value, int) and 0 <= value < 1 << int(name.removeprefix("uint")):
        return value.to_bytes(WORD_BYTES, "big")
    raise ValueError(f"{value!r} is no {name}")
