"""Small packages with a bug, scripts of a model, and runs of the whole repair on them."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.config import Settings
from agent.events import CandidateValidated, Event
from agent.records import Budget, RepairJob, RepairResult
from agent.run import start
from agent.runs.folder import RunFolder, new_folder, new_run_id

STOCK = {
    "stock/__init__.py": "from stock.shelf import Shelf\n",
    "stock/shelf.py": '''"""What lies where."""

from stock.units import parse_amount


class Shelf:
    def __init__(self):
        self._amounts = {}

    def add(self, name, amount):
        self._amounts[name] = parse_amount(amount)

    def total(self):
        return sum(self._amounts.values())

    def report(self):
        lines = []
        for name in self._amounts:
            lines.append(f"{name}: {self._amounts[name]}")
        return "\\n".join(lines)
''',
    "stock/units.py": '''"""Amounts with units."""

FACTORS = {"g": 1, "kg": 1000}


def parse_amount(text):
    number, unit = text.split()
    return int(number) * FACTORS[unit]
''',
    "tests/test_shelf.py": """import pytest

from stock import Shelf
from stock.units import parse_amount


def test_units():
    assert parse_amount("2 kg") == 2000


def test_total():
    shelf = Shelf()
    shelf.add("salt", "500 g")
    shelf.add("flour", "2 kg")
    assert shelf.total() == 2500


def test_adding_twice_adds_up():
    shelf = Shelf()
    shelf.add("salt", "500 g")
    shelf.add("salt", "1 kg")
    assert shelf.total() == 1500


def test_report_is_sorted():
    shelf = Shelf()
    shelf.add("salt", "1 g")
    shelf.add("flour", "1 g")
    assert shelf.report() == "flour: 1 g\\nsalt: 1 g"


def test_report_of_nothing():
    assert Shelf().report() == ""
""",
}
"""Two faults, and one of them needs a word that stands nowhere in the source."""

ADD = "        self._amounts[name] = parse_amount(amount)\n"
ADD_RIGHT = "        self._amounts[name] = self._amounts.get(name, 0) + parse_amount(amount)\n"
LOOP = """        for name in self._amounts:
            lines.append(f"{name}: {self._amounts[name]}")
"""
LOOP_RIGHT = """        for name in sorted(self._amounts):
            lines.append(f"{name}: {self._amounts[name]} g")
"""


def call(name: str, **arguments: object) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def edit(path: str, old: str, new: str) -> dict[str, Any]:
    return call("str_replace_editor", command="str_replace", path=path, old_str=old, new_str=new)


def bash(command: str, **more: object) -> dict[str, Any]:
    return call("bash", command=command, **more)


TESTS = call("run_tests")
SUBMIT = call("submit")
FIX_ADD = edit("stock/shelf.py", ADD, ADD_RIGHT)
FIX_REPORT = edit("stock/shelf.py", LOOP, LOOP_RIGHT)


def turn(*calls: dict[str, Any], content: str = "", **more: object) -> dict[str, Any]:
    """One answer of the model."""
    return {"content": content, "tool_calls": list(calls), **more}


def raw(text: str) -> dict[str, Any]:
    """One answer as a model writes it."""
    return {"raw": text}


@dataclass
class Repaired:
    """A run that is over."""

    result: RepairResult
    folder: RunFolder
    events: list[Event] = field(default_factory=list)

    @property
    def diff(self) -> str:
        return self.result.patch.diff if self.result.patch else ""

    @property
    def verdicts(self) -> list[CandidateValidated]:
        return [event for event in self.events if isinstance(event, CandidateValidated)]

    def states(self, of: str = "") -> list[dict[str, Any]]:
        """The last state of each conversation; `of` is the stage that held it, if not propose."""
        from agent.runs.checkpoints import checkpoints

        states = []
        with checkpoints(self.folder.checkpoints) as saver:
            for number in range(32):
                thread = f"{self.folder.run_id}{of}:agent:{number}"
                found = saver.get_tuple({"configurable": {"thread_id": thread}})
                if found is None:
                    return states
                states.append(found.checkpoint["channel_values"])
        return states

    def answers(self, number: int = 0, of: str = "") -> list[str]:
        """What the model was told, after the task, in order."""
        messages = self.states(of)[number]["messages"]
        return [message["content"] for message in messages[2:] if message["role"] != "assistant"]

    @property
    def task(self) -> str:
        return str(self.states()[0]["messages"][1]["content"])


class Workshop:
    """A folder for targets and scripts, and one cache of environments."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.settings = Settings(state_dir=folder / "state", cache_dir=cache)

    def target(self, files: Mapping[str, str | bytes] = STOCK) -> Path:
        root = self.folder / "target"
        if root.exists():
            shutil.rmtree(root)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    def script(self, turns: Sequence[Mapping[str, Any]], name: str = "script.jsonl") -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(one) + "\n" for one in turns), encoding="utf-8")
        return path

    def repair(
        self,
        *turns: Mapping[str, Any],
        files: Mapping[str, str | bytes] = STOCK,
        issue: str | None = None,
        conversations: int = 1,
        only: tuple[str, ...] = (),
        model: str | None = None,
        first_try: str | None = None,
        excluded: tuple[str, ...] = (),
        sandbox: str = "bubblewrap",
        **limits: Any,
    ) -> Repaired:
        """Run the whole graph with a scripted model, without a search unless asked for one; with
        no turns, with `model`, or without one."""
        budget = {"max_seconds": 600.0, "max_candidates": 0, **limits}
        budget.setdefault("polish_seconds", 0.0)
        job = RepairJob(
            run_id=new_run_id(),
            target=str(self.target(files)),
            problem_statement=issue,
            first_try=first_try,
            excluded=excluded,
            sandbox=sandbox,
            only=only,
            budget=Budget(**budget),
            model=f"scripted:{self.script(turns)}" if turns else model,
            conversations=conversations,
        )
        events: list[Event] = []
        result = start(job, self.settings, events.append, threading.Event())
        return Repaired(result, new_folder(self.settings, job.run_id), events)
