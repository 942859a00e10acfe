"""Links between the documents lead somewhere."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import Document, documents

_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_links_and_anchors_resolve(one: Document) -> None:
    for link in _LINK.findall(one.prose):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        there = (one.path.parent / path).resolve() if path else one.path
        assert there.exists(), link
        if anchor and there.suffix == ".md":
            assert anchor in set(Document(there).anchors()), link


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_each_has_one_title(one: Document) -> None:
    assert re.findall(r"^# (.+)", one.prose, re.MULTILINE)[1:] == []
