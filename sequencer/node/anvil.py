"""anvil as an L1, where it is installed: found on PATH or among the contracts' npm packages. Never required."""

import platform
import shutil
from pathlib import Path

ANVIL_PACKAGES = Path(__file__).resolve().parents[2] / "contracts" / "node_modules" / "@foundry-rs"


def find_foundry_tool(name: str) -> Path | None:
    """The binary of `anvil` or `cast`, or None when it is not installed."""
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    packaged = ANVIL_PACKAGES / f"{name}-{platform.system().lower()}-{machine}" / "bin" / name
    return packaged if packaged.is_file() else None


def anvil_command(
    binary: Path, *, port: int, chain_id: int, block_time_seconds: int, mnemonic: str, accounts: int, state: Path
) -> list[str]:
    """
    Command line of an L1 with interval mining at Prague level; its chain is kept in the file `state`.

    Four slots an epoch put `safe` and `finalized` 4 and 8 blocks behind.
    """
    return [
        str(binary),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)),
        *("--block-time", str(block_time_seconds), "--hardfork", "prague", "--slots-in-an-epoch", "4"),
        *("--mnemonic", mnemonic, "--accounts", str(accounts), "--state", str(state), "--silent"),
    ]
