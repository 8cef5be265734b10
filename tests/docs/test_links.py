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
