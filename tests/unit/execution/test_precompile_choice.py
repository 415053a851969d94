"""Which implementation serves a precompile; without the libraries results stay the same."""

import json
import subprocess
import sys
from pathlib import Path

from sequencer.execution.precompiles import (
    BLAKE2F,
    BLS_G1_ADD,
    BLS_MAP_TO_G2,
    BN256_PAIRING,
    POINT_EVALUATION,
    PURE_PRECOMPILES,
    fast_precompiles,
)

PROBE = """
import sys, json
for name in {missing}:
    sys.modules[name] = None
from sequencer.execution.calls import run_call
from sequencer.execution.interface import CallMessage
from sequencer.execution.precompiles import fast_precompiles
from tests.factories import address
from tests.unit.execution.chain_fixture import make_environment, make_state
versioned_hash = bytes.fromhex("010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014")
infinity = b"\\xc0" + bytes(47)
inputs = {{
    8: bytes(192),
    9: (12).to_bytes(4, "big") + bytes(208) + b"\\1",
    10: versioned_hash + bytes(64) + infinity + infinity,
    11: bytes(63) + b"\\0" + bytes(63) + b"\\2" + bytes(63) + b"\\0" + bytes(63) + b"\\2",
    12: bytes(160),
    13: bytes(512),
    14: bytes(288),
    15: bytes(384),
    16: bytes(64),
    17: bytes(128),
}}
results = [fast_precompiles()]
for number, data in inputs.items():
    for version in (data, data[:-1] + b"\\xff"):
        message = CallMessage(sender=address(0), to=number.to_bytes(20, "big"), gas_limit=1_000_000, data=version)
        result = run_call(make_environment(True), make_state(), message, {{}})
        results.append([number, result.output.hex(), result.gas_used, result.error is None])
print(json.dumps(results))
"""


def probe(missing: list[str]) -> tuple[dict[str, str], list[object]]:
    """What serves, and what calls of all precompiles of curves give, in a process without some modules."""
    program = PROBE.format(missing=missing)
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True, timeout=60)
    choice, *results = json.loads(done.stdout)
    return choice, results


def test_libraries_serve_where_they_are_installed() -> None:
    assert {BLAKE2F, BLS_G1_ADD, BLS_MAP_TO_G2, BN256_PAIRING, POINT_EVALUATION} <= set(PURE_PRECOMPILES)
    assert fast_precompiles()["bls12-381"] == fast_precompiles()["kzg"] == "py_arkworks_bls12381"
    assert fast_precompiles()["blake2f"] == "blake2b-py"


def test_results_are_the_same_without_the_libraries() -> None:
    _, results = probe([])
    choice, slow_results = probe(["py_arkworks_bls12381", "blake2b"])

    assert slow_results == results
    assert len(results) == 20
    assert (choice["bls12-381"], choice["blake2f"], choice["kzg"]) == ("python, slow", "python, slow", "ckzg")
