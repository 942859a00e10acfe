"""An operator that fails costs its site, is counted and said, and ends nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.proposers.search import catalogue
from agent.proposers.search.catalogue import candidates
from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.source.module import Module

MODULE = Module.parse("a.py", "def f(a, b):\n    return a < b\n")
CONTEXT = ProjectContext.build({"a.py": MODULE})


def broken(site: Site) -> Iterator[DraftEdit]:
    yield site.swap(site.module.span(site.node), "a", "comparison.operator")
    raise SyntaxError("not\x1b[31m Python")


@pytest.fixture
def with_a_broken_family(monkeypatch: pytest.MonkeyPatch) -> None:
    families = (broken, *catalogue.EXPRESSION_FAMILIES)
    monkeypatch.setattr(catalogue, "EXPRESSION_FAMILIES", families)


@pytest.mark.usefixtures("with_a_broken_family")
def test_the_other_operators_go_on_and_the_failures_are_said_once() -> None:
    told: list[str] = []
    failed = FailedOperators(told.append)
    found = {
        one.edits[0].replacement for one in candidates(MODULE, [2], context=CONTEXT, failed=failed)
    }
    assert "<=" in found
    assert failed.count == 3  # `a < b`, `a` and `b`
    assert str(failed) == "3 sites skipped where an operator failed (test_failed_operators.broken)"
    (text,) = told
    assert "at a.py:2" in text
    assert "\x1b" not in text


@pytest.mark.usefixtures("with_a_broken_family")
def test_tests_and_benchmarks_see_the_error() -> None:
    with pytest.raises(SyntaxError):
        list(candidates(MODULE, [2], context=CONTEXT))


def test_nothing_failed() -> None:
    failed = FailedOperators(lambda _: None)
    assert list(candidates(MODULE, [2], context=CONTEXT, failed=failed))
    assert (failed.count, str(failed)) == (0, "")
