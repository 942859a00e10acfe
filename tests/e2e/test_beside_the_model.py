"""Whole repairs in which the search works while a model thinks: whose patch is delivered."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import agent.graph.context.model_access
from agent.events import CandidateValidated, Event
from agent.model.base import Completion
from agent.model.scripted import ScriptedModel
from agent.records import Budget, RepairJob, Status
from agent.run import start
from agent.runs.folder import new_folder, new_run_id
from tests.support.agentic_case import SUBMIT, Repaired, Workshop, call, edit, turn
from tests.support.thinking_model import conversation_threads

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")

FILES = {
    "ages.py": '''"""Who may come in."""

LIMIT = 18


def may_enter(age):
    """Whether somebody is old enough: from LIMIT on, and never below zero."""
    if age > LIMIT:
        return True
    return False


def greet(name):
    return "hello " + name
''',
    "test_ages.py": """from ages import may_enter


def test_eighteen():
    assert may_enter(18)


def test_child():
    assert not may_enter(12)
""",
}
RIGHT = edit(
    "ages.py",
    "    if age > LIMIT:\n        return True\n    return False\n",
    "    if age < 0:\n        raise ValueError(age)\n    return age >= LIMIT\n",
)
ALSO = edit("ages.py", 'return "hello " + name', 'return f"hello {name}"')


class Waiting:
    """A script whose answers come once the search's patch has passed the verdict."""

    def __init__(self, inner: ScriptedModel, passed: threading.Event) -> None:
        self._inner, self._passed = inner, passed
        self.name, self.context_window = inner.name, inner.context_window

    def generate(self, messages: Sequence[Any], *more: Any, **keywords: Any) -> list[Completion]:
        cancel: threading.Event = keywords["cancel"]
        while not self._passed.wait(0.1):
            if cancel.is_set():  # the time of the repair is over
                break
        return self._inner.generate(messages, *more, **keywords)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


def repair(shop: Workshop, monkeypatch: pytest.MonkeyPatch, *turns: dict[str, Any]) -> Repaired:
    passed, events = threading.Event(), list[Event]()

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, CandidateValidated) and event.plausible:
            passed.set()

    opens = agent.graph.context.model_access.open_model
    monkeypatch.setattr(
        agent.graph.context.model_access,
        "open_model",
        lambda *words, **more: Waiting(opens(*words, **more), passed),  # type: ignore[arg-type]
    )
    job = RepairJob(
        run_id=new_run_id(),
        target=str(shop.target(FILES)),
        sandbox="bubblewrap",
        budget=Budget(max_seconds=900.0, polish_seconds=0.0),
        model=f"scripted:{shop.script(turns)}",
    )
    result = start(job, shop.settings, listen, threading.Event())
    return Repaired(result, new_folder(shop.settings, job.run_id), events)


@pytest.mark.nightly
def test_the_models_patch_wins_whole_over_a_shorter_one_that_passes(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("agent.graph.nodes.select", "agent.selection.unneeded_changes"):
        monkeypatch.setattr(f"{module}.MAX_CHECK_SECONDS", math.inf)  # whatever else runs here
    done = repair(shop, monkeypatch, turn(RIGHT, ALSO), turn(SUBMIT))
    assert done.result.status is Status.REPAIRED, done.result.reason
    patch = done.result.patch
    assert patch is not None
    assert patch.candidate.proposer == "model"
    assert "+        raise ValueError(age)" in done.diff
    assert '+    return f"hello {name}"' in done.diff, "nothing of it is cut"
    assert "no failing test needs the change at ages.py:14; it was kept" in patch.cautions
    short = done.result.alternatives[0]
    assert short.candidate.proposer == "search"
    assert short.score > patch.score, "length alone would have preferred it"
    assert done.verdicts[-1].description == patch.candidate.description, "none after the model's"
    assert "## Patch 1" in "".join(done.answers()), "the model was shown what passed"
    assert conversation_threads() == []


@pytest.mark.nightly
def test_the_model_may_choose_the_patch_of_the_search(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = call("bash", command="cat ages.py")
    chooses = call("choose", patch=1, reason="LIMIT itself is old enough")
    done = repair(shop, monkeypatch, turn(looks), turn(chooses))
    assert done.result.status is Status.REPAIRED, done.result.reason
    patch = done.result.patch
    assert patch is not None
    assert patch.candidate.proposer == "search"
    assert (patch.chosen, patch.votes) == ("LIMIT itself is old enough", 1)
    assert done.states()[0]["ending"].startswith("it chose patch 1, ")
