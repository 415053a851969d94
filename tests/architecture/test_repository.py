"""What the repository holds besides code: locks with hashes and no hosts, no machine's paths, vectors that are used."""

import json
import re
import subprocess

import pytest

from tests.architecture.sources import ROOT, sources

LOCKS = ("requirements.lock", "requirements-dev.lock")
REGISTRY_HOSTS = re.compile(r"(pypi\.org|pythonhosted|npmjs|crates\.io|proxy\.golang|artifactory|nexus)", re.I)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|farm|home|Users|root)/")


def _tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    return [name for name in listing.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("name", LOCKS)
def test_a_python_lock_has_a_hash_for_each_pin_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^[\w.\[\]-]+==\S+(?: ; [^\\\n]+)? \\\n\s+--hash=sha256:", text, re.M)
    named = re.findall(r"^[\w.\[\]-]+==", text, re.M)

    assert len(pins) == len(named) > 50
    assert not REGISTRY_HOSTS.search(text)
    assert "http" not in re.sub(r"^.*(aiohttp|httpx|httpcore).*$", "", text, flags=re.M)


@pytest.mark.parametrize("folder", ["contracts", "tests/e2e/viem"])
def test_a_node_lock_has_hashes_and_no_host(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    packages = [entry for path, entry in lock["packages"].items() if path]

    assert packages
    assert all("integrity" in entry for entry in packages)
    assert all("resolved" not in entry for entry in packages)


def test_no_tracked_text_names_a_registry_or_a_machine() -> None:
    wrong = []
    for name in _tracked():
        path = ROOT / name
        if path.suffix in {".gz", ".json", ".lock"} or name == "tests/architecture/test_repository.py":
            continue
        text = path.read_text(errors="ignore")
        if REGISTRY_HOSTS.search(text) or MACHINE_PATHS.search(text):
            wrong.append(name)

    assert wrong == []


def test_every_vector_file_is_opened_by_a_test() -> None:
    vectors = [path.name for path in (ROOT / "tests" / "vectors").rglob("*") if path.suffix in {".gz", ".json"}]
    text = "".join(source.text for source in sources(("tests",)))

    assert vectors
    assert [name for name in vectors if name not in text and name.split(".")[0] not in text] == []


def test_every_package_and_test_folder_is_a_python_package() -> None:
    folders = {source.path.parent for source in sources()}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_crate_lock_has_a_hash_for_each_crate() -> None:
    text = (ROOT / "sequencer" / "native" / "Cargo.lock").read_text()
    crates = text.split("[[package]]")[1:]
    foreign = [crate for crate in crates if "\nsource = " in crate]

    assert len(foreign) > 50
    assert [crate for crate in foreign if not re.search(r'^checksum = "[0-9a-f]{64}"$', crate, re.M)] == []
