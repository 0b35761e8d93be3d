"""Links in Markdown lead to files that are there: the page of the repository follows them all, Sphinx some."""

import re

import pytest

from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), ROOT / "amos_hdl" / "network" / "SPEC.md"])
PAGES = [page for page in PAGES if page.parent.name not in ("build", ".venv")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.split("#")[0]).exists(), target
