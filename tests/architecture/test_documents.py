"""Documents: every decision is listed, every dependency has its reason, every relative link leads somewhere."""

import re
import subprocess
import tomllib

import pytest

from tests.architecture.sources import ROOT

ADR = ROOT / "docs" / "adr"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SECTIONS = ("## Context", "## Decision", "## Consequences")


def _documents() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    return sorted(name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).exists())


def _dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *project["optional-dependencies"]["fuzz"],
        *project["optional-dependencies"]["ray"],
    ]
    return [re.split(r"[=<>!~\[; ]", entry)[0] for entry in wanted]


def test_every_decision_is_listed_and_every_listed_one_exists() -> None:
    listed = LINK.findall((ADR / "README.md").read_text())
    files = sorted(path.name for path in ADR.glob("[0-9]*.md"))

    assert files
    assert sorted(listed) == files


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted(ADR.glob("[0-9]*.md"))]

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", sorted(path.name for path in ADR.glob("[0-9]*.md")))
def test_a_decision_has_its_title_and_sections(name: str) -> None:
    text = (ADR / name).read_text()

    assert text.startswith(f"# {name[:4]}: ")
    assert [section for section in SECTIONS if section not in text] == []


def test_every_dependency_has_a_reason() -> None:
    text = (ADR / "0004-libraries.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| [^|\s]", text, re.M)

    assert sorted(rows) == sorted(_dependencies())


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name in _documents()
        for target in LINK.findall((ROOT / name).read_text())
        if not target.startswith(("http://", "https://", "mailto:", "#"))
        and not ((ROOT / name).parent / target.split("#")[0]).exists()
    ]

    assert broken == []


def test_every_document_below_docs_is_reachable_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or not document.exists():
            continue
        reached.add(document)
        if document.is_dir():
            waiting += document.glob("*.md")
        elif document.suffix == ".md":
            targets = LINK.findall(document.read_text())
            waiting += [(document.parent / target.split("#")[0]).resolve() for target in targets if "://" not in target]

    below = {ROOT / name for name in _documents() if name.startswith("docs/")}
    assert sorted(path.relative_to(ROOT).as_posix() for path in below - reached) == []


def test_every_crate_has_a_reason() -> None:
    manifest = tomllib.loads((ROOT / "sequencer" / "native" / "Cargo.toml").read_text())
    text = (ADR / "0004-libraries.md").read_text()

    assert re.findall(r"^\* `([^`]+)`: \S", text, re.M) == sorted(manifest["dependencies"], key=str.lower)
