"""Which lines each test runs, import and endless loops included."""

from __future__ import annotations

from sandbox.languages.python.runners.coverage import collect
from sandbox.runners.base import Outcome
from tests.support.runner_case import Open, open_project, setup

__all__ = ["open_project"]

SOURCE = """import os
def count(n):
    while True:
        n -= 1
        if n < 0:
            break
    return n
def divide(x):
    pair = [x, {"a": x}]
    return x / 0
def forever():
    while True:
        pass
"""
TESTS = """import source
def test_count(): assert source.count(2) == -1
def test_divide(): source.divide(3)
def test_forever(): source.forever()
def test_again(): assert source.count(2) == -1
"""


def test_lines_and_values_of_each_test(open_project: Open) -> None:
    session = open_project({"source.py": SOURCE, "test_source.py": TESTS})
    found = collect(
        session,
        setup(),
        None,
        sources=["."],
        excluded=["test_source.py"],
        timeout_seconds=60,
        test_timeout_seconds=1.0,
    )
    lines = {name.partition("::")[2]: files for name, files in found.lines.items()}
    assert lines == {
        "test_count": {"source.py": frozenset({3, 4, 5, 6, 7})},
        "test_divide": {"source.py": frozenset({9, 10})},
        "test_forever": {"source.py": frozenset({12, 13})},
        "test_again": {"source.py": frozenset({3, 4, 5, 6, 7})},
    }
    assert found.imported == {"source.py": frozenset({1, 2, 8, 11})}
    innermost = found.values["test_source.py::test_divide"][-1]
    assert innermost.frame.line == 10
    assert innermost.variables == {"x": "3", "pair": "[3, {'a': 3}]"}
    hung = found.report.results["test_source.py::test_forever"]
    assert hung.outcome is Outcome.TIMED_OUT


CHILDREN = """import os, subprocess, sys
import source
CODE = "import source; print(source.count(1))"
def test_child():
    assert subprocess.check_output([sys.executable, "-c", CODE]) == b"-1\\n"
def test_grandchild():
    subprocess.run(["sh", "-c", f"{sys.executable} -c '{CODE}'"], check=True)
def test_own_customisation(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.here = 1")
    path = f"{os.environ['PYTHONPATH']}{os.pathsep}{tmp_path}"
    env = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", "here"], check=True, env=env)
def test_killed():
    code = "import source, os; source.count(1); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
def test_after(): assert source.count(2) == -1
"""


def test_lines_of_python_programs_that_a_test_starts(open_project: Open) -> None:
    session = open_project({"source.py": SOURCE, "test_source.py": CHILDREN})
    found = collect(
        session,
        setup(),
        None,
        sources=["."],
        excluded=["test_source.py"],
        timeout_seconds=60,
    )
    assert {t: r.message for t, r in found.report.results.items() if r.message} == {}
    lines = {name.partition("::")[2]: files for name, files in found.lines.items()}
    ran = {"source.py": frozenset({3, 4, 5, 6, 7})}
    assert lines == {
        "test_child": ran,
        "test_grandchild": ran,
        "test_own_customisation": {},
        "test_killed": {},
        "test_after": ran,
    }


CACHED = """import functools
KNOWN = {}
@functools.lru_cache(maxsize=None)
def parse(text):
    return int(text) - 1
def load(text):
    if text not in KNOWN:
        KNOWN[text] = parse(text)
    return KNOWN[text]
"""
CACHE_TESTS = """import os, threading
import source
def test_first(): assert source.load("3") == 3
def test_second(): assert source.load("3") == 3
def test_left(): os._exit(0)
def test_thread():
    threading.Thread(target=source.load, args=("4",)).start()
    assert source.load("3") == 3
"""


def test_no_cache_hides_a_line_from_the_next_test(open_project: Open) -> None:
    session = open_project({"source.py": CACHED, "test_source.py": CACHE_TESTS})
    found = collect(
        session, setup(), None, sources=["."], excluded=["test_source.py"], timeout_seconds=60
    )
    lines = {name.partition("::")[2]: files for name, files in found.lines.items()}
    ran = {"source.py": frozenset({5, 7, 8, 9})}
    assert lines == {"test_first": ran, "test_second": ran, "test_thread": ran}
    outcomes = {name.partition("::")[2]: r.outcome for name, r in found.report.results.items()}
    assert outcomes.pop("test_left") is Outcome.CRASHED
    assert set(outcomes.values()) == {Outcome.FAILED}
    assert found.report.finished


def test_after_their_time_the_tests_run_in_one_process(open_project: Open) -> None:
    tests = CACHE_TESTS.replace("def test_left(): os._exit(0)\n", "")
    session = open_project({"source.py": CACHED, "test_source.py": tests})
    found = collect(
        session,
        setup(),
        None,
        sources=["."],
        excluded=["test_source.py"],
        timeout_seconds=60,
        isolation_seconds=0.0,
    )
    lines = {name.partition("::")[2]: files for name, files in found.lines.items()}
    assert lines["test_second"] == {"source.py": frozenset({7, 9})}
    assert len(found.report.results) == 3
