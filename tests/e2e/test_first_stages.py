"""The tests of a new run do not wait for LangGraph."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.conftest import TIMEOUT_SECONDS, Project

PROGRAM = """
import sys, threading
from pathlib import Path

from agent.config import Settings
from agent.events import BaselineTaken, StageEnded, StageStarted
from agent.records import RepairJob
from agent.run import start

tests_ran = threading.Event()


class Gate:
    '''Has LangGraph imported once the tests ran, and never without.'''

    def find_spec(self, name, path=None, target=None):
        if name == "langgraph.graph":
            if not tests_ran.wait(240):
                raise ImportError("it was imported before the tests ran")
            print("LangGraph")
        return None


def listen(event):
    if isinstance(event, StageStarted):
        print(event.stage)
    if isinstance(event, BaselineTaken):
        print("tests ran")
    if isinstance(event, StageEnded) and event.stage == "baseline":
        tests_ran.set()


sys.meta_path.insert(0, Gate())
job = RepairJob(run_id="run", target=sys.argv[1], sandbox="bubblewrap")
print(start(job, Settings(), listen, threading.Event()).status)
"""
GREEN = {"test_sum.py": "def test_sum():\n    assert 1 + 1 == 2\n"}


def test_the_tests_run_before_langgraph_is_imported(
    surroundings: dict[str, str], project: Project
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(project(GREEN))],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    stages = ["prepare", "baseline"]
    assert ended.stdout.splitlines() == [*stages, "tests ran", "LangGraph", "nothing_to_fix"], (
        ended.stderr[-2000:]
    )
