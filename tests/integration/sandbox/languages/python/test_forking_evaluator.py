"""The evaluator says what a plain run of pytest with the source really changed says."""

from __future__ import annotations

import io
import sys
import threading
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from sandbox.errors import SandboxDied
from sandbox.evaluation.base import Evaluation
from sandbox.languages.python.forking_evaluator import (
    EvaluatorSettings,
    ForkingEvaluator,
    evaluations,
)
from sandbox.source import SourceEdit, apply_edits
from tests.support.runner_case import Open, edit, open_project, setup

__all__ = ["open_project"]

SOURCE = """import functools

SCALE = 3


def logged(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


def squares(count):
    return [i * i for i in range(count)]


TABLE = squares(4)


class Shape:
    sides = 2 + 1

    def __init__(self, side=SCALE):
        self.__side = side

    @property
    def around(self):
        return self.__side * self.sides

    def describe(self):
        return super().__repr__() and f"{self.sides} sides"


@logged
def total(values):
    result = 0
    for value in values:
        result -= value
    return result


@functools.lru_cache(maxsize=None)
def steps(number):
    if number <= 1:
        return 0
    return 1 + steps(number - 1)


def child(number):
    import subprocess
    import sys

    code = f"import shapes; print(shapes.steps({number}))"
    return int(subprocess.check_output([sys.executable, "-c", code]))
"""
TESTS = """import pytest
import shapes

def test_total(): assert shapes.total([1, 2]) == 3
def test_around(): assert shapes.Shape().around == 9
def test_describe(): assert shapes.Shape(1).describe() == "3 sides"
def test_table(): assert shapes.TABLE == [0, 1, 4, 9]
@pytest.mark.parametrize("number", [1, 5])
def test_steps(number, tmp_path): assert shapes.steps(number) == number - 1
"""
CHILD = "import shapes\ndef test_child(): assert shapes.child(3) == 2\n"
FILES = {"shapes.py": SOURCE, "test_shapes.py": TESTS, "test_child.py": CHILD}
TARGET = "test_shapes.py::test_total"
REGRESSIONS = tuple(
    "test_shapes.py::" + name
    for name in ("test_around", "test_describe", "test_table", "test_steps[1]", "test_steps[5]")
)
FIX = edit("shapes.py", SOURCE, "result -= value", "result += value")


def settings(*more: str) -> EvaluatorSettings:
    return EvaluatorSettings(
        setup=setup(),
        targets=[TARGET],
        regressions=[*REGRESSIONS, *more],
        workers=2,
        test_timeout_seconds=5.0,
        least_timeout_seconds=5.0,  # a busy machine must not turn a slow candidate into a hang
    )


def run(
    evaluator: ForkingEvaluator, candidates: Sequence[Sequence[SourceEdit]]
) -> list[Evaluation]:
    for number, edits in enumerate(candidates):
        evaluator.submit(number, edits)
    found = {each.number: each for each in evaluations(evaluator, 120)}
    assert sorted(found) == list(range(len(candidates)))
    return [found[number] for number in range(len(candidates))]


def body(text: str) -> SourceEdit:
    """The failing function with another body."""
    return edit("shapes.py", SOURCE, "    result = 0\n", f"    {text}\n    result = 0\n")


CASES = {
    "nothing": ([], "target_failed", "fast"),
    "fix": ([FIX], "passed", "fast"),
    "syntax": ([body("result = (")], "does_not_compile", "fast"),
    "regression": (
        [FIX, edit("shapes.py", SOURCE, "__side * self", "__side + self")],
        "regressed",
        "fast",
    ),
    "default": ([FIX, edit("shapes.py", SOURCE, "side=SCALE", "side=2")], "regressed", "exact"),
    "ran while importing": (
        [FIX, edit("shapes.py", SOURCE, "i * i for", "i + i for")],
        "regressed",
        "exact",
    ),
    "class body": ([FIX, edit("shapes.py", SOURCE, "2 + 1", "2 - 1")], "regressed", "exact"),
    "live closure": (
        [edit("shapes.py", SOURCE, "return function(*", "return -function(*")],
        "passed",
        "fast",
    ),
    "import fails": ([edit("shapes.py", SOURCE, "SCALE = 3", "1 / 0")], "target_failed", "exact"),
    "endless": ([body("while True: pass")], "timed_out", "fast"),
    "exit": ([body("import os; os._exit(0)")], "crashed", "fast"),
    "interrupt": ([body("raise KeyboardInterrupt")], "crashed", "fast"),
    "recursion": ([body("return total(values)")], "target_failed", "fast"),
    "memory": ([body("return b'x' * (1 << 42)")], "target_failed", "fast"),
    "skip": ([body("import pytest; pytest.skip('no')")], "target_failed", "fast"),
}


def test_each_kind_of_change_ends_as_it_should(open_project: Open) -> None:
    with ForkingEvaluator(open_project(FILES), settings()) as evaluator:
        assert evaluator.wait_ready(60) == "fast"
        found = run(evaluator, [edits for edits, _, _ in CASES.values()])
        said = {
            name: (e.state, e.mode.replace("shared", "fast"))
            for name, e in zip(CASES, found, strict=True)
        }
        assert said == {name: (state, mode) for name, (_, state, mode) in CASES.items()}
        assert found[0].signature.startswith("AssertionError: assert -3 == 3")
        assert evaluator.pending == 0


STATEFUL = """import functools
import os

SEEN = {}
ORDER = []


class Counter:
    total = 0

    def __init__(self):
        self.left = 3


COUNTER = Counter()


@functools.lru_cache(maxsize=None)
def double(number):
    return number + number + 1


def remember(name, found=[]):
    found.append(name)
    return len(found)


def price(item, amount):
    key = item, amount
    if key not in SEEN:
        SEEN[key] = double(amount) + len(item)
    COUNTER.left -= 1
    Counter.total += amount
    os.environ["LAST_ITEM"] = item
    ORDER.append(item)
    return SEEN[key] + COUNTER.left + remember(item) + len(ORDER)
"""
SOMETIMES = """KEPT = []
LIMIT = 3


def level(values):
    result = 0
    for value in values:
        if value > LIMIT + 1 + 1 - 2:
            KEPT.append(value)
        if value == 5 - 1:
            result += 1 * 2
        result -= value - 1 + 1
    return result + len(KEPT) * 7 - (2 - 1)
"""
HIDDEN = """import itertools

new_id = itertools.count(1).__next__


class Base:
    pass


def register(values):
    class Local(Base):
        pass

    total = new_id() * 10 + len(Base.__subclasses__()) * 100
    for value in values:
        total += value * 1 - 0
    if total > 111 + 2:
        total -= 1 + 1
    return total
"""
SHARED_CASES = {
    "what C and classes hide": (
        HIDDEN,
        "import it\ndef test_it(): assert it.register([1, 2]) == 114\n",
    ),
    "stateless": (SOURCE, "import it\ndef test_it(): assert it.total([1, 2]) == 3\n"),
    "each changes something": (
        STATEFUL,
        "import it\ndef test_it(): assert it.price('tea', 2) == 11\n",
    ),
    "some change something": (
        SOMETIMES,
        "import it\ndef test_it(): assert it.level([1, 2, 3]) == 6\n",
    ),
}


@pytest.mark.parametrize("name", SHARED_CASES)
def test_candidates_that_share_a_fork_end_as_each_would_alone(
    open_project: Open, name: str
) -> None:
    source, tests = SHARED_CASES[name]
    candidates = [[mutant] for mutant in mutants("it.py", source)]
    assert len(candidates) > 10
    outcomes = []
    for members in (1, 16):
        own = replace(settings(), targets=["test_it.py::test_it"], regressions=[], members=members)
        with ForkingEvaluator(open_project({"it.py": source, "test_it.py": tests}), own) as each:
            found = run(each, candidates)
            assert each.alone_because == ""
        assert any(e.mode == "shared" for e in found) == (members > 1)
        outcomes.append([(e.state, e.signature, e.outcomes, e.targets_passed) for e in found])
    assert outcomes[0] == outcomes[1]


def test_who_waits_for_the_first_collection_hears_of_the_end_of_the_sandbox(
    open_project: Open,
) -> None:
    """The time of a repair ends by closing its sandboxes."""
    session = open_project({**FILES, "conftest.py": "import time; time.sleep(600)\n"})
    closer = threading.Timer(1.0, session.close)
    closer.start()
    with pytest.raises(SandboxDied), ForkingEvaluator(session, settings()) as evaluator:
        evaluator.wait_ready(500)
    closer.join()


def test_python_started_by_a_test_sees_the_candidate(open_project: Open) -> None:
    session = open_project(FILES)
    worse = edit("shapes.py", SOURCE, "1 + steps", "2 + steps")
    regressions = settings("test_child.py::test_child")
    with ForkingEvaluator(session, regressions) as evaluator:
        evaluator.wait_ready(60)
        passed, target = run(evaluator, [[FIX], [worse]])
        assert (passed.state, passed.mode) == ("passed", "disk")
        assert target.state == "target_failed"
        assert session.read("shapes.py") == SOURCE.encode()


def test_what_fails_on_the_base_as_well_says_nothing_and_what_broke_one_runs_first(
    open_project: Open,
) -> None:
    odd = "def test_odd(): assert False\n"
    worse = [FIX, edit("shapes.py", SOURCE, "__side * self", "__side + self")]
    wrong = [FIX, edit("shapes.py", SOURCE, 'sides} sides"', 'sides} side"')]
    regressions = settings("test_odd.py::test_odd")
    with ForkingEvaluator(open_project({**FILES, "test_odd.py": odd}), regressions) as evaluator:
        evaluator.wait_ready(60)
        evaluator.submit(0, wrong)
        evaluator.cancel()  # whatever was asked meanwhile is answered for those that follow
        fixed, first, again, other = (
            run(evaluator, [one])[0] for one in ([FIX], wrong, wrong, worse)
        )
    assert fixed.state == "passed"
    assert [one.state for one in (first, again, other)] == ["regressed"] * 3
    assert list(again.outcomes) == [TARGET, "test_shapes.py::test_describe"]
    assert again.outcomes["test_shapes.py::test_describe"] == "failed"
    assert list(other.outcomes)[-1] == "test_shapes.py::test_around"


SLOW_TESTS = """import time
import pytest
import shapes

@pytest.fixture(scope="session")
def heavy():
    end = time.process_time() + 1.0
    while time.process_time() < end:
        pass

@pytest.mark.parametrize("number", [1, 2])
def test_slow(number, heavy): assert shapes.steps(number) == number - 1
"""


def test_a_regression_that_is_slow_in_a_child_alone_stops_no_fix(open_project: Open) -> None:
    """In the baseline another test paid for what they share."""
    slow = "test_slow.py::test_slow[2]"
    hasty = replace(settings(slow), least_timeout_seconds=0.1, durations={slow: 0.001})
    with ForkingEvaluator(open_project({**FILES, "test_slow.py": SLOW_TESTS}), hasty) as evaluator:
        evaluator.wait_ready(60)
        fixed, again = run(evaluator, [[FIX], [FIX]])
    assert (fixed.state, again.state) == ("passed", "passed")
    assert fixed.outcomes[slow] == "passed"


def test_every_failing_test_must_pass_though_one_stands_for_them_at_first(
    open_project: Open,
) -> None:
    second = "test_shapes.py::test_around"
    broken = SOURCE.replace("__side * self", "__side + self")
    both = [
        edit("shapes.py", broken, "result -= value", "result += value"),
        edit("shapes.py", broken, "__side + self", "__side * self"),
    ]
    with open_project({**FILES, "shapes.py": broken}) as session:
        wanted = replace(settings(), others=[second], regressions=REGRESSIONS[1:])
        with ForkingEvaluator(session, wanted) as evaluator:
            found = run(evaluator, [both[:1], both[:1], both, both[:1]])
    assert [one.state for one in found] == ["regressed", "regressed", "passed", "regressed"]
    assert found[0].outcomes == {TARGET: "passed", second: "failed"}


def test_observing_shows_values_before_a_line(open_project: Open) -> None:
    line = SOURCE.split("\n").index("        result -= value") + 1
    with ForkingEvaluator(open_project(FILES), settings()) as evaluator:
        evaluator.wait_ready(60)
        seen = evaluator.observe([], TARGET, {"shapes.py": [line]})
    assert [each.values["result"] for each in seen] == ["0", "-1"]
    assert seen[0].values["values"] == "[1, 2]"


SWAPS = {"-": "+", "*": "+", "+": "-", "<=": "<", "if": "if not", "return": "return None and"}


def mutants(path: str = "shapes.py", source: str = SOURCE) -> Iterator[SourceEdit]:
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start = starts[token.start[0] - 1] + token.start[1]
        end = start + len(token.string)
        if token.string in SWAPS:
            yield SourceEdit(path, start, end, SWAPS[token.string])
        elif token.type == tokenize.NUMBER:
            yield SourceEdit(path, start, end, str(int(token.string) + 1))


@pytest.mark.nightly
@pytest.mark.parametrize("fixed", [True, False])
def test_agrees_with_plain_pytest(open_project: Open, fixed: bool) -> None:
    session = open_project(FILES)
    apart = [m for m in mutants() if m.end <= FIX.start or m.start >= FIX.end]
    candidates = [[m, FIX] if fixed else [m] for m in apart][:: 2 if fixed else 6]
    with ForkingEvaluator(session, settings()) as evaluator:
        evaluator.wait_ready(60)
        found = run(evaluator, candidates)
    said = [each.state for each in found]
    assert said == [plain(session, edits) for edits in candidates]


def plain(session, edits) -> str:  # type: ignore[no-untyped-def]
    """The same with the file changed and a pytest of its own."""
    text = apply_edits(SOURCE, edits)
    try:
        compile(text, "shapes.py", "exec")
    except SyntaxError:
        return "does_not_compile"
    session.write("shapes.py", text.encode())
    line = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *setup().addopts]
    if not session.run([*line, TARGET], timeout_seconds=60).ok:
        return "target_failed"
    return "passed" if session.run([*line, *REGRESSIONS], timeout_seconds=60).ok else "regressed"
