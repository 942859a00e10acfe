"""The whole repair with a model in this process: it ranks the search's edits, then it is asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.agentic_case import Workshop
from tests.support.endings import FOUND
from tests.support.model_extra import require_model_extra

require_model_extra()

from agent.records import Status  # noqa: E402
from tests.support.tiny_model import build_tiny_model  # noqa: E402

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")

LARGEST = {
    "largest.py": '''def largest(items):
    """The largest of the items; None without any."""
    best = None
    for item in items:
        if best is None or item < best:
            best = item
    return best
''',
    "test_largest.py": """from largest import largest


def test_of_many():
    assert largest([3, 7, 5]) == 7


def test_of_none():
    assert largest([]) is None
""",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.nightly
def test_the_model_ranks_while_the_search_works(tmp_path: Path, cache: Path) -> None:
    shop = Workshop(tmp_path, cache)
    done = shop.repair(
        files=LARGEST,
        model=str(build_tiny_model(tmp_path / "tiny")),
        search_seconds=20.0,
        max_candidates=400,
        max_turns=3,
        max_tokens=200,
    )
    assert done.result.status in FOUND, done.result.reason
    assert "item > best" in done.diff
    facts = json.loads(done.folder.result.read_text())["evidence"]["facts"]
    assert int(facts["ranker_edits"]) > 10, facts
    assert int(facts["ranker_lines"]) > 0
    assert facts["ranker_ended"] == ""
    assert int(facts["search_candidates"]) > 10


def test_a_model_that_knows_nothing_ends_cleanly(tmp_path: Path, cache: Path) -> None:
    shop = Workshop(tmp_path, cache)
    done = shop.repair(
        files={**LARGEST, "largest.py": "def largest(items):\n    raise NotImplementedError\n"},
        model=str(build_tiny_model(tmp_path / "tiny")),
        search_seconds=0.0,
        max_candidates=50,
        max_tokens=200,
    )
    assert done.result.status in (Status.NOT_REPAIRED, Status.BUDGET_EXHAUSTED)
    assert "the model made 0 of them in" in done.result.reason
