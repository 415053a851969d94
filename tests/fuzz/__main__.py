"""
Run one target under a coverage-guided fuzzer for a while: python -m tests.fuzz TARGET SECONDS

atheris (libFuzzer) drives where it is installed (extra `[fuzz]`); a crash ends the process with the input beside it.
"""

import sys
import tempfile
from pathlib import Path


def run(name: str, seconds: int) -> None:
    """Fuzz a target; never returns."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=["batcher.codec", "l1_bridge.rlp_codec"]):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.seeds import make_seeds

    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for index, seed in enumerate(make_seeds()[name]):
        (corpus / f"seed-{index}").write_bytes(seed)
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=20",
        "-rss_limit_mb=2048",
    ]
    atheris.Setup([*arguments, "-print_final_stats=1", f"-artifact_prefix={corpus}/"], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
