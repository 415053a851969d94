"""Which engine the settings give, and what they say when it can not be had."""

import subprocess
import sys
from pathlib import Path

import pytest

from sequencer import native
from sequencer.config import InvalidSettings, NodeSettings, load_settings
from sequencer.execution.serial import SerialEngine
from sequencer.node.engines import NativeMissing, RayMissing, choose_engine, first_engine
from sequencer.state.store import Store


def settings(tmp_path: Path, **others: object) -> NodeSettings:
    return load_settings(NodeSettings, {"data_dir": tmp_path, "genesis": tmp_path / "genesis.json", **others})


def test_serial_is_serial(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "chain", chain_id=1)

    assert isinstance(choose_engine(settings(tmp_path, engine="serial"), store, 1, None, None), SerialEngine)
    store.close()


def test_without_ray_the_executor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "sequencer.execution.parallel.ray_executor", raising=False)
    store = Store.open(tmp_path / "chain", chain_id=1)

    with pytest.raises(RayMissing, match="braid-rollup\\[ray\\]"):
        choose_engine(settings(tmp_path, engine="parallel", executor="ray"), store, 1, None, None)
    store.close()


@pytest.mark.parametrize("executor", ["processes", "ray", "ray:10.0.0.1:6379"])
def test_executors_are_known_by_name(tmp_path: Path, executor: str) -> None:
    assert settings(tmp_path, executor=executor).executor == executor


@pytest.mark.parametrize("executor", ["", "threads", "ray:", "rays"])
def test_other_executors_are_refused(tmp_path: Path, executor: str) -> None:
    with pytest.raises(InvalidSettings, match="executor"):
        settings(tmp_path, executor=executor)


def test_auto_is_native_where_the_extension_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "is_available", lambda: True)
    assert first_engine(settings(tmp_path)) == "native"

    monkeypatch.setattr(native, "is_available", lambda: False)
    assert first_engine(settings(tmp_path)) == "parallel"


def test_native_by_name_is_refused_without_the_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "is_available", lambda: False)
    monkeypatch.setattr(native, "absence", "it does not load: a symbol is missing")

    with pytest.raises(NativeMissing, match="a symbol is missing"):
        first_engine(settings(tmp_path, engine="native"))


def test_a_node_does_not_load_py_evm_before_an_engine_needs_it() -> None:
    program = "import sys, sequencer.node.builder; sys.exit('eth' in sys.modules or 'py_ecc' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
