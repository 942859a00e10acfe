"""The baseline on real projects: what is failing, what only blocks, and what runs at all."""

from __future__ import annotations

import time

import pytest

from agent.baseline.test_runs import BaselineLimits
from agent.records import Status
from tests.support.baseline_case import baseline_of

WRONG = "def add(a, b):\n    return a - b\n"
FAILS = "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"
QUICK = BaselineLimits(test_seconds=1.0, slow_test_seconds=(2.0, 2.0), whole_seconds=120.0)
WAITS = """
import socket
def test_waits():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    server.accept()
"""
SPINS = "import calc\ndef test_spins(): calc.spin()\n"


def test_a_test_that_waits_for_what_is_not_here_does_not_block_the_others() -> None:
    files = {"calc.py": WRONG, "test_calc.py": FAILS, "test_net.py": WAITS}
    evidence = baseline_of(files, limits=QUICK)
    assert evidence.ending is None
    assert evidence.baseline.failing == ("test_calc.py::test_add",)
    why = evidence.baseline.set_aside["test_net.py::test_waits"]
    assert why.startswith("it waits in accept (socket.py, line ")


def test_a_hang_in_the_projects_own_code_is_a_failure_to_repair() -> None:
    source = WRONG + "def spin():\n    while True:\n        pass\n"
    files = {"calc.py": source, "test_calc.py": FAILS, "test_spin.py": SPINS}
    evidence = baseline_of(files, limits=QUICK)
    assert set(evidence.baseline.failing) == {"test_calc.py::test_add", "test_spin.py::test_spins"}


def test_a_test_that_waits_is_a_failure_to_repair_where_it_is_the_only_one() -> None:
    evidence = baseline_of({"calc.py": "", "test_net.py": WAITS}, limits=QUICK)
    assert evidence.baseline.failing == ("test_net.py::test_waits",)


@pytest.mark.slow
def test_a_named_test_is_not_set_aside() -> None:
    files = {"calc.py": WRONG, "test_calc.py": FAILS, "test_net.py": WAITS}
    named = ("test_calc.py", "test_net.py")
    evidence = baseline_of(files, only=named, limits=QUICK)
    assert set(evidence.baseline.failing) == {"test_calc.py::test_add", "test_net.py::test_waits"}


def test_a_slow_test_that_moves_on_is_set_aside_and_named() -> None:
    slow = "import time\ndef test_slow():\n" + "    time.sleep(0.8)\n" * 40
    evidence = baseline_of({"calc.py": "", "test_slow.py": slow}, limits=QUICK)
    assert evidence.ending is Status.NOTHING_TO_FIX
    assert evidence.baseline.set_aside["test_slow.py::test_slow"].startswith("it is slow: ")
    assert "--only test_slow.py::test_slow" in evidence.reason


def test_a_test_whose_name_differs_from_run_to_run_does_not_block_the_others() -> None:
    unsteady = """
import pytest, uuid
@pytest.mark.parametrize("value", [1], ids=[str(uuid.uuid4())])
def test_random(value):
    assert value == 2
"""
    files = {"calc.py": WRONG, "test_calc.py": FAILS, "test_random.py": unsteady}
    evidence = baseline_of(files)
    assert evidence.baseline.failing == ("test_calc.py::test_add",)
    ((test_id, why),) = evidence.baseline.set_aside.items()
    assert test_id.startswith("test_random.py::test_random[")
    assert "differs from run to run" in why


@pytest.mark.parametrize(
    ("only", "status", "sentence"),
    [
        ("test_ok.py", Status.NOTHING_TO_FIX, "test_ok.py passes when run without the other tests"),
        ("test_ok.py::test_gone", Status.NO_TESTS, "no test is called test_ok.py::test_gone; "),
        ("nowhere.py::test_x", Status.NO_TESTS, "no test is called nowhere.py::test_x; "),
    ],
)
def test_named_tests_that_pass_or_are_not_there_need_no_others(
    only: str, status: Status, sentence: str
) -> None:
    said: list[str] = []
    files = {
        "calc.py": WRONG,
        "test_calc.py": FAILS,
        "test_ok.py": "def test_ok(): pass\n",
        "test_long.py": "import time\ndef test_long(): time.sleep(60)\n",
    }
    evidence = baseline_of(files, only=[only], say=said.append)
    assert (evidence.ending, evidence.reason[: len(sentence)]) == (status, sentence)
    assert not any("test_long" in test_id for test_id in evidence.order)


def test_beside_a_named_test_that_fails_the_others_guard() -> None:
    parts = "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n): assert n == 1\n"
    files = {
        "calc.py": WRONG,
        "test_calc.py": FAILS,
        "test_n.py": parts,
        "test_ok.py": "def test_ok(): pass\n",
    }
    evidence = baseline_of(files, only=["test_n.py::test_n"])
    assert evidence.baseline.failing == ("test_n.py::test_n[2]",)
    assert set(evidence.baseline.passing) == {"test_n.py::test_n[1]", "test_ok.py::test_ok"}
    assert len(evidence.order) == 4


def test_a_named_test_that_passes_beside_the_others_is_flaky() -> None:
    leaning = """
from pathlib import Path
def test_makes(): Path("made").write_text("")
def test_leans(): assert Path("made").exists()
"""
    evidence = baseline_of({"calc.py": "", "test_it.py": leaning}, only=["test_it.py::test_leans"])
    assert evidence.ending is Status.FLAKY


def test_the_time_that_is_over_is_said_with_what_is_known() -> None:
    over = time.monotonic() + 12.0
    slow = "import time, pytest\n@pytest.mark.parametrize('n', range(200))\n"
    slow += "def test_it(n): time.sleep(0.5)\n"
    files = {"calc.py": WRONG, "test_a.py": FAILS, "test_slow.py": slow}
    said: list[str] = []
    evidence = baseline_of(files, seconds_left=lambda: over - time.monotonic(), say=said.append)
    assert evidence.ending is Status.BUDGET_EXHAUSTED
    assert " of 201 tests (" in evidence.reason
    assert "--only test_a.py::test_add" in evidence.reason
    assert evidence.baseline.passing
    assert evidence.not_run > 100
    assert any("of 201, 1 failed: test_slow.py::test_it[" in line for line in said)


def test_why_all_tests_are_skipped_is_said() -> None:
    skipped = "import pytest\npytest.importorskip('nowhere_at_all')\ndef test_a(): pass\n"
    marked = "import pytest\n@pytest.mark.skip(reason='needs a mill')\ndef test_b(): pass\n"
    evidence = baseline_of({"calc.py": "", "test_b.py": marked, "test_s.py": skipped})
    assert evidence.ending is Status.ENVIRONMENT_BROKEN
    assert "needs a mill" in evidence.reason


def test_the_line_of_a_usage_error_is_shown() -> None:
    files = {"calc.py": "", "pytest.ini": "[pytest]\naddopts = -q\n", "test_a.py": FAILS}
    from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
    from tests.support.own_plugins import OWN_PLUGINS_OFF
    from tests.support.verdict_case import this_environment

    setup = PytestSetup(
        python=this_environment().python, addopts=(*OWN_PLUGINS_OFF, "--no-such-option=3")
    )
    evidence = baseline_of(files, runner=PytestRunner(setup))
    assert evidence.ending is Status.ENVIRONMENT_BROKEN
    assert "unrecognized arguments: --no-such-option=3" in evidence.reason


@pytest.mark.parametrize("folder", ["", "tests/"])
def test_a_run_that_ends_itself_has_no_failing_test(folder: str) -> None:
    conftest = "import pytest\ndef pytest_configure(config): pytest.exit('testdata is missing')\n"
    files = {"calc.py": WRONG, f"{folder}conftest.py": conftest, f"{folder}test_calc.py": FAILS}
    evidence = baseline_of(files)
    assert evidence.ending is Status.ENVIRONMENT_BROKEN
    assert "testdata is missing" in evidence.reason
