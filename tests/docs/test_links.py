"""Documents lead to files that are there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "deploy/*.md") for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)#\s]+)|^\[[^\]]+\]: (\S+)|src=\"([^\"]+)\"", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Relative links: others need a network."""
    found = ("".join(groups) for groups in _LINK.findall(document.read_text()))
    relative = {link for link in found if "://" not in link}
    missing = {link for link in relative if not (document.parent / link).exists()}
    assert not missing, f"{document.relative_to(ROOT)} links to {sorted(missing)}"


_PATH = re.compile(r"`((?:domain|projections|services|tests|benchmarks|deploy|docs)(?:/[\w.-]+)*/?)`")
_MODULE = re.compile(r"`(\w+\.(?:py|sql))`")
NAMING = ("docs/architecture.md", "CONTRIBUTING.md", "docs/glossary.md")


@pytest.mark.parametrize("name", NAMING)
def test_named_files_are_there(name: str) -> None:
    """Files and directories of ours that a page names. Names in capitals are for the reader to fill in."""
    text = (ROOT / name).read_text()
    missing = {path for path in _PATH.findall(text) if not (ROOT / path).exists() and not re.search(r"[A-Z]{3}", path)}
    modules = {path.name for package in ("domain", "projections", "services") for path in (ROOT / package).rglob("*.*")}
    missing |= set(_MODULE.findall(text)) - modules
    assert not missing, f"{name} names {sorted(missing)}"
