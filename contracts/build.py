"""
Compiles the Solidity sources into the committed artifacts, and proves that they are what the sources give.

`python -m contracts.build` writes `artifacts/<Name>.json`; with `--check` it writes nothing and fails when a file
differs, is missing, or is left over. The output depends on the sources and the locked packages alone: no metadata, no
paths and no node numbering of the compiler reach the artifacts.

Needs node and the packages of `package-lock.json` (`npm ci` in this folder). Only this module does: whoever uses the
artifacts needs neither.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).parent

COMPILE_TIMEOUT_SECONDS = 300
"""The compiler is WebAssembly; a slow machine needs a minute."""

CONTRACTS = {
    "BatchInbox": "src/l1/BatchInbox.sol",
    "Collectible": "src/examples/Collectible.sol",
    "Counter": "src/examples/Counter.sol",
    "FeeVault": "src/l2/FeeVault.sol",
    "Game": "src/examples/Game.sol",
    "GasPriceOracle": "src/l2/GasPriceOracle.sol",
    "Hashes": "src/examples/Hashes.sol",
    "L1Block": "src/l2/L1Block.sol",
    "L1CrossDomainMessenger": "src/l1/L1CrossDomainMessenger.sol",
    "L1ERC721Bridge": "src/l1/L1ERC721Bridge.sol",
    "L1StandardBridge": "src/l1/L1StandardBridge.sol",
    "L2CrossDomainMessenger": "src/l2/L2CrossDomainMessenger.sol",
    "L2ERC721Bridge": "src/l2/L2ERC721Bridge.sol",
    "L2OutputOracle": "src/l1/L2OutputOracle.sol",
    "L2StandardBridge": "src/l2/L2StandardBridge.sol",
    "L2ToL1MessagePasser": "src/l2/L2ToL1MessagePasser.sol",
    "Multicall3": "src/Multicall3.sol",
    "OptimismMintableERC20": "src/bridges/OptimismMintableERC20.sol",
    "OptimismMintableERC20Factory": "src/bridges/OptimismMintableERC20Factory.sol",
    "OptimismMintableERC721": "src/bridges/OptimismMintableERC721.sol",
    "OptimismMintableERC721Factory": "src/bridges/OptimismMintableERC721Factory.sol",
    "OptimismPortal": "src/l1/OptimismPortal.sol",
    "Pool": "src/examples/market/Pool.sol",
    "ProxyAdmin": "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol",
    "Router": "src/examples/market/Router.sol",
    "SystemConfig": "src/l1/SystemConfig.sol",
    "Token": "src/examples/Token.sol",
    "TransparentProxy": "src/TransparentProxy.sol",
    "WETH9": "src/l2/WETH9.sol",
}
"""The contracts that get an artifact, and the source unit that defines each."""

SETTINGS = {
    "optimizer": {"enabled": True, "runs": 10_000},
    "evmVersion": "prague",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode", "evm.methodIdentifiers", "storageLayout"]}
    },
}


class BuildFailed(Exception):
    """The compiler is missing, did not run, or reported errors."""


class _StorageEntry(TypedDict):
    label: str
    slot: str
    offset: int
    type: str


class _StorageType(TypedDict):
    label: str
    numberOfBytes: str


class _StorageLayout(TypedDict):
    storage: list[_StorageEntry]
    types: dict[str, _StorageType] | None


class _Bytecode(TypedDict):
    object: str


class _DeployedBytecode(_Bytecode):
    immutableReferences: dict[str, list[dict[str, int]]]


class _Evm(TypedDict):
    bytecode: _Bytecode
    deployedBytecode: _DeployedBytecode
    methodIdentifiers: dict[str, str]


class _Contract(TypedDict):
    abi: list[dict[str, object]]
    evm: _Evm
    storageLayout: _StorageLayout


def compile_sources() -> dict[str, str]:
    """
    Compile everything and return the text of each artifact, by contract name.

    Raises
    ------
    BuildFailed :
        No node, no packages, or the compiler reported an error or a warning.
    """
    sources = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "src").rglob("*.sol"))}
    contents = {name: {"content": path.read_text(encoding="utf-8")} for name, path in sources.items()}
    contents["artifacts.sol"] = {"content": _package_imports()}
    output = _run_compiler({"language": "Solidity", "sources": contents, "settings": SETTINGS})
    problems = [error["formattedMessage"] for error in output.get("errors", []) if error["severity"] != "info"]
    if problems:
        raise BuildFailed("\n".join(problems))
    return {name: _artifact_text(name, output["contracts"][unit][name]) for name, unit in CONTRACTS.items()}


def _package_imports() -> str:
    """Make a source that pulls in the contracts that are a package's and not ours."""
    packages = [unit for unit in CONTRACTS.values() if unit.startswith("@")]
    lines = [f'import "{unit}";' for unit in packages]
    return "\n".join(["// SPDX-License-Identifier: MIT", "pragma solidity 0.8.37;", *lines, ""])


class _Error(TypedDict):
    severity: str
    formattedMessage: str


class _Output(TypedDict, total=False):
    errors: list[_Error]
    contracts: dict[str, dict[str, _Contract]]


def _run_compiler(standard_input: Mapping[str, object]) -> _Output:
    node = shutil.which("node")
    if node is None:
        raise BuildFailed("node is not installed")
    if not (ROOT / "node_modules" / "solc").is_dir():
        raise BuildFailed("packages are not installed: run `npm ci` in the contracts folder")
    result = subprocess.run(
        [node, str(ROOT / "compile.cjs")],
        input=json.dumps(standard_input),
        capture_output=True,
        text=True,
        timeout=COMPILE_TIMEOUT_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise BuildFailed(result.stderr.strip())
    output: _Output = json.loads(result.stdout)
    return output


def _artifact_text(name: str, contract: _Contract) -> str:
    evm = contract["evm"]
    references = evm["deployedBytecode"].get("immutableReferences", {})
    artifact = {
        "name": name,
        "abi": contract["abi"],
        "bytecode": "0x" + evm["bytecode"]["object"],
        "deployedBytecode": "0x" + evm["deployedBytecode"]["object"],
        # Keyed by position, since the compiler's own keys change with every edit anywhere.
        "immutableReferences": [spans for _, spans in sorted(references.items(), key=lambda item: int(item[0]))],
        "methodIdentifiers": evm["methodIdentifiers"],
        "storageLayout": _plain_layout(contract["storageLayout"]),
    }
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def _plain_layout(layout: _StorageLayout) -> list[dict[str, object]]:
    types = layout["types"] or {}
    return [
        {
            "label": entry["label"],
            "slot": int(entry["slot"]),
            "offset": entry["offset"],
            "type": types[entry["type"]]["label"],
            "bytes": int(types[entry["type"]]["numberOfBytes"]),
        }
        for entry in layout["storage"]
    ]


def check_artifacts(compiled: Mapping[str, str], folder: Path) -> list[str]:
    """Return a line for each file of `folder` that is not what was compiled."""
    stored = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}
    problems = [f"{name}: no artifact" for name in compiled.keys() - stored.keys()]
    problems += [f"{name}: artifact without a contract" for name in stored.keys() - compiled.keys()]
    problems += [
        f"{name}: artifact differs" for name in stored.keys() & compiled.keys() if stored[name] != compiled[name]
    ]
    return sorted(problems)


def main(arguments: list[str] | None = None) -> int:
    """Write the artifacts, or with `--check` compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description="Compile the contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when an artifact is not current")
    options = parser.parse_args(arguments)
    folder = ROOT / "artifacts"
    try:
        compiled = compile_sources()
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        problems = check_artifacts(compiled, folder)
        print("\n".join(problems) if problems else "artifacts are current", file=sys.stderr)
        return 1 if problems else 0
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in compiled:
            path.unlink()
    for name, text in compiled.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
