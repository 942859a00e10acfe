"""The limit of the whole repair, and how each stage ends at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.e2e.conftest import BUG, COMMAND, TEST, Project, Repair

SANDBOX = ("--sandbox", "bubblewrap")


@pytest.mark.nightly
def test_an_installation_counts_towards_the_limit(run_repair: Repair, project: Project) -> None:
    target = project({"calc.py": BUG, "test_calc.py": TEST})
    install = ("--install", "echo fetching; sleep 600")
    done = run_repair(target, *SANDBOX, "--max-seconds", "60", *install, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["status"] == "budget_exhausted"
    assert result["reason"].startswith("the 60 s are over: prepare ")
    assert "prepare was not through (" in result["reason"]
    assert "raise --max-seconds" in result["reason"]
    assert result["seconds"]["prepare"] >= 55


@pytest.mark.nightly
def test_a_long_first_run_counts_and_keeps_what_is_known(
    run_repair: Repair, project: Project
) -> None:
    slow = "import time, pytest\n@pytest.mark.parametrize('n', range(2000))\n"
    slow += "def test_it(n): time.sleep(0.5)\n"
    target = project({"calc.py": BUG, "test_calc.py": TEST, "test_slow.py": slow})
    done = run_repair(target, *SANDBOX, "--max-seconds", "60")
    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert " of 2,003 tests (" in said
    assert "or name a failing test: --only test_calc.py::test_total" in said
    assert "running the tests: test " in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_twice_gives_one_object(
    surroundings: dict[str, str], project: Project, number: signal.Signals
) -> None:
    target = project({"calc.py": BUG, "test_calc.py": TEST})
    install = ("--install", "echo fetching; sleep 600")
    process = subprocess.Popen(
        [*COMMAND, str(target), *SANDBOX, *install, "--json", "--verbose"],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "fetching" in line:
            break
    os.killpg(process.pid, number)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    result = json.loads(out)["result"]
    assert result["status"] == "cancelled"
    assert result["seconds"]["prepare"] > 0
    assert result["result_path"].endswith("result.json")
