"""Baseline and verdict over real projects, in a real sandbox, with a real pytest."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.errors import ResultUnreadable
from agent.patches.changes import diff_text, edited_files, unified_diff
from agent.records import PlausiblePatch, RepairResult, Status
from agent.runs.result_file import Evidence, read_evidence, read_result, write_result
from agent.selection.minimization import minimize
from agent.validation.validator import TURNED_DOWN, validate_candidate
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import Outcome, TestReport
from tests.support.own_plugins import NO_PLUGINS, OWN_PLUGINS_OFF
from tests.support.verdict_case import open_case

GOOD = "def add(a, b):\n    return a + b\n"
BAD = GOOD.replace("+", "-")
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"


def _baseline(files: dict[str, str]) -> BaselineEvidence:
    with open_case(files) as case:
        return case.validation.evidence


def test_all_green_is_nothing_to_fix() -> None:
    evidence = _baseline({"calc.py": GOOD, "tests/test_calc.py": TEST})
    assert evidence.ending is Status.NOTHING_TO_FIX
    assert evidence.reason.startswith("the only test passes; ")


def test_no_tests() -> None:
    evidence = _baseline({"calc.py": GOOD})
    assert evidence.ending is Status.NO_TESTS
    assert "no tests were found" in evidence.reason


def test_a_missing_module_ends_the_repair() -> None:
    files = {"calc.py": "import nowhere_to_be_found\n" + BAD, "tests/test_calc.py": TEST}
    evidence = _baseline(files)
    assert evidence.ending is Status.ENVIRONMENT_BROKEN
    assert "`nowhere_to_be_found` is missing" in evidence.reason


def test_the_network_is_not_a_bug() -> None:
    test = "import socket\n\n\ndef test_net():\n    socket.gethostbyname('example.org')\n"
    evidence = _baseline({"calc.py": GOOD, "tests/test_net.py": test, "tests/test_calc.py": TEST})
    assert evidence.ending is Status.NOTHING_TO_FIX
    assert evidence.reason.startswith("1 test passes; 1 other cannot run here: ")
    assert "network" in evidence.reason
    assert evidence.baseline.passing == ("tests/test_calc.py::test_add",)


def test_flaky_and_order_dependent() -> None:
    test = (
        "STATE = []\n\n\ndef test_first():\n    STATE.append(1)\n\n\n"
        "def test_second():\n    assert not STATE\n"
    )
    evidence = _baseline({"calc.py": GOOD, "tests/test_state.py": test})
    assert evidence.ending is Status.FLAKY
    assert evidence.order_dependent == ("tests/test_state.py::test_second",)
    assert "order of the tests" in evidence.reason


@pytest.mark.slow
def test_a_hang_is_a_failing_test() -> None:
    source = "def add(a, b):\n    while True:\n        pass\n"
    with open_case({"calc.py": source, "tests/test_calc.py": TEST}) as case:
        (result,) = case.validation.evidence.failures.values()
        assert result.outcome == "timed_out"
        verdict = case.validate({"calc.py": GOOD})
    assert verdict.plausible, verdict.objections


def test_a_syntax_error_in_the_source_is_repaired() -> None:
    source = GOOD.replace("b):", "b:")
    with open_case({"calc.py": source, "tests/test_calc.py": TEST}) as case:
        evidence = case.validation.evidence
        assert evidence.baseline.failing == evidence.uncollected == ("tests/test_calc.py",)
        good, bad = case.validate({"calc.py": GOOD}), case.validate({"calc.py": BAD})
    assert good.plausible, good.objections
    assert good.fail_to_pass == {"tests/test_calc.py": "passed"}
    assert not bad.plausible
    assert bad.fail_to_pass == {"tests/test_calc.py": "failed"}


def test_a_patch_that_people_turned_down_is_refused_and_another_is_not() -> None:
    with open_case({"calc.py": BAD, "tests/test_calc.py": TEST}) as case:
        excluded = ({"calc.py": (BAD.encode(), GOOD.encode())},)
        asked = replace(case, validation=replace(case.validation, excluded=excluded))
        assert asked.validate({"calc.py": GOOD}).objections == (TURNED_DOWN,)
        assert asked.validate({"calc.py": GOOD.replace("a + b", "b + a")}).plausible


@pytest.mark.slow
def test_a_regression_is_named() -> None:
    other = "from calc import add\n\n\ndef test_zero():\n    assert add(7, 0) == 7\n"
    files = {"calc.py": BAD, "tests/test_calc.py": TEST, "tests/test_zero.py": other}
    with open_case(files) as case:
        verdict = case.validate({"calc.py": "def add(a, b):\n    return 5\n"})
    assert verdict.objections == ("the passing test tests/test_zero.py::test_zero is failed",)
    ((name, failure),) = verdict.failures.items()
    assert name == "tests/test_zero.py::test_zero"
    assert failure.message
    assert failure.frames
    assert verdict.fail_to_pass == {"tests/test_calc.py::test_add": "passed"}


class Unlucky(PytestRunner):
    """Reports one test as failed in its next run, as one that fails now and then would be."""

    unlucky = ""

    def run(self, *args: Any, **kwargs: Any) -> TestReport:
        report = super().run(*args, **kwargs)
        if self.unlucky not in report.results:
            return report
        result = replace(report.results[self.unlucky], outcome=Outcome.FAILED)
        self.unlucky = ""
        return replace(report, results={**report.results, result.test_id: result})


@pytest.mark.slow
def test_a_test_that_fails_now_and_then_does_not_speak_against_a_patch() -> None:
    other = "from calc import add\n\n\ndef test_zero():\n    assert add(7, 0) == 7\n"
    files = {"calc.py": BAD, "tests/test_calc.py": TEST, "tests/test_zero.py": other}
    runner = Unlucky(PytestSetup(python=sys.executable, addopts=OWN_PLUGINS_OFF))
    with open_case(files, runner) as case:
        runner.unlucky = "tests/test_zero.py::test_zero"
        verdict = case.validate({"calc.py": GOOD})
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == (
        "tests/test_zero.py::test_zero was red with the patch once, and not again",
    )


LEANING = """\
import calc


def test_first():
    calc.remember(3)
    assert calc.SEEN == [3]


def test_second():
    assert calc.add(calc.SEEN[0], 0) == 3
"""


@pytest.mark.slow
def test_a_broken_test_that_leans_on_an_earlier_one_is_no_excuse() -> None:
    """Alone it is red on the base too; after the earlier one only the patch breaks it."""
    remembers = "SEEN = []\n\n\ndef remember(x):\n    SEEN.append(x)\n\n\n"
    files = {
        "calc.py": remembers + BAD,
        "tests/test_calc.py": TEST,
        "tests/test_leaning.py": LEANING,
    }
    with open_case(files) as case:
        honest = case.validate({"calc.py": remembers + GOOD})
        broken = case.validate({"calc.py": remembers + "def add(a, b):\n    return 5\n"})
    assert honest.plausible, honest.objections
    assert honest.unchecked == ()
    assert broken.objections == ("the passing test tests/test_leaning.py::test_second is failed",)


QUIET = """\
import calc
import pytest


@pytest.mark.xfail(strict=True, reason="text is not added")
def test_text():
    assert calc.add("a", "b") == "ab"


@pytest.mark.skipif(not hasattr(calc, "sub"), reason="no sub")
def test_sub():
    assert calc.sub(3, 2) == 1


@pytest.mark.xfail(raises=TypeError)
def test_none():
    calc.add(None, 1)
"""
NUMBERS_ONLY = "def add(a, b):\n    if not isinstance(a, int):\n        raise TypeError(a)\n"
LENIENT = "def add(a, b):\n    if a is None:\n        raise KeyError(a)\n    return a + b\n"
WRONG_SUB = "\n\ndef sub(a, b):\n    return a + b\n"


@pytest.mark.slow
def test_a_test_that_was_skipped_or_expected_to_fail_may_not_turn_red() -> None:
    """Text is added after the second patch, and pytest calls a strict xfail that passes failed."""
    files = {
        "calc.py": NUMBERS_ONLY + "    return a - b\n",
        "tests/test_calc.py": TEST,
        "tests/test_quiet.py": QUIET,
    }
    with open_case(files) as case:
        assert len(case.validation.evidence.baseline.skipped) == 3
        honest = case.validate({"calc.py": NUMBERS_ONLY + "    return a + b\n"})
        red = case.validate({"calc.py": LENIENT + WRONG_SUB})
    assert honest.plausible, honest.objections
    assert red.objections == tuple(
        f"the test that was skipped or expected to fail tests/test_quiet.py::{name} is failed"
        for name in ("test_text", "test_sub", "test_none")
    )


@pytest.mark.slow
def test_a_quiet_test_that_is_red_by_chance_is_no_objection() -> None:
    """Red on the base as well, when it is run again."""
    once = "def test_chance():\n    assert False\n"
    files = {"calc.py": BAD, "tests/test_calc.py": TEST, "tests/test_once.py": once}
    with open_case(files) as case:
        evidence = case.validation.evidence
        chance = "tests/test_once.py::test_chance"
        baseline = replace(
            evidence.baseline,
            failing=tuple(t for t in evidence.baseline.failing if t != chance),
            skipped=(chance,),
        )
        validation = replace(case.validation, evidence=replace(evidence, baseline=baseline))
        verdict = validate_candidate(case.candidate({"calc.py": GOOD}), validation)
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == (f"{chance} is red without the patch too, in the same run",)


def _without_counts(evidence: Evidence) -> Evidence:
    """A file also says how many ids each of its lists stands for."""
    baseline = replace(evidence.baseline.baseline, counts={})
    return replace(evidence, baseline=replace(evidence.baseline, baseline=baseline))


@pytest.mark.slow
def test_minimise_and_write_and_read_back(tmp_path: Path) -> None:
    source = BAD + "\n\ndef other(x):\n    return [x]\n"
    padded = GOOD + "\n\ndef other(x):\n    return list([x])\n"
    with open_case({"calc.py": source, "tests/test_calc.py": TEST}) as case:
        base, validation = case.validation.base, case.validation
        candidate = case.candidate({"calc.py": padded})
        small = minimize(
            candidate, base.read, lambda one: validate_candidate(one, validation).plausible
        )
        changes = edited_files(small.edits, base.read)
        verdict = validate_candidate(small, validation)
        evidence = Evidence(target=".", runner="pytest", baseline=validation.evidence)
    diff = diff_text(unified_diff(changes))
    assert diff.count("\n+") == 2  # the header and the one line
    assert "return a + b" in diff
    result = RepairResult(
        run_id="r",
        status=Status.REPAIRED,
        reason="repaired",
        patch=PlausiblePatch(candidate=small, diff=diff + "\udcff", verdict=verdict),
        baseline=validation.evidence.baseline,
    )
    path = tmp_path / "result.json"
    write_result(result, path, evidence)
    assert result.patch is not None
    counted = replace(verdict, pass_to_pass_count=0)
    assert read_result(path).patch == replace(result.patch, verdict=counted)
    told = read_evidence(path)
    assert told.baseline.baseline.counts["failing"] == 1
    assert _without_counts(told) == _without_counts(evidence)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"schema": "repair-result/1"', '"schema": "repair-result/9"', "version"),
        ('"status": "repaired"', '"status": "perfect"', "status"),
        ('"run_id": "r"', '"run_id": 5', "run_id"),
        ('"run_id": "r",', "", "run_id"),
        ('"run_id": "r"', '"run_id": "r", "extra": 1', "unknown"),
        ('"candidates_tried": 0', '"candidates_tried": "0"', "another type"),
        ("{", "", "JSON"),
    ],
)
def test_a_damaged_result_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "result.json"
    write_result(RepairResult(run_id="r", status=Status.REPAIRED, reason="x"), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ResultUnreadable, match=words):
        read_result(path)
    with pytest.raises(ResultUnreadable):
        read_evidence(path)


UNITTEST = (
    "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n"
)


def test_a_syntax_error_with_unittest() -> None:
    files = {
        "calc.py": GOOD.replace("b):", "b:"),
        "tests/__init__.py": "",
        "tests/test_calc.py": UNITTEST,
    }
    with open_case(files, UnittestRunner(python=sys.executable, env=NO_PLUGINS)) as case:
        evidence = case.validation.evidence
        assert evidence.baseline.failing == evidence.uncollected == ("tests.test_calc",)
        good, bad = case.validate({"calc.py": GOOD}), case.validate({"calc.py": BAD})
    assert good.plausible, good.objections
    assert not bad.plausible


@pytest.mark.slow
def test_every_layer_works_with_unittest_too() -> None:
    files = {"calc.py": BAD, "tests/__init__.py": "", "tests/test_calc.py": UNITTEST}
    always = "class A:\n    def __eq__(self, other):\n        return other is other\n"
    runner = UnittestRunner(python=sys.executable, env=NO_PLUGINS)
    with open_case(files, runner) as case:
        failing = case.validation.evidence.baseline.failing
        assert failing == ("tests.test_calc.AddTest.test_add",)
        assert case.validation.canary
        assert case.validation.must_fail_tests == set(failing)
        good = case.validate({"calc.py": GOOD})
        cheat = case.validate({"calc.py": always + "\n\ndef add(a, b):\n    return A()\n"})
    assert good.plausible, good.objections
    assert cheat.objections == (
        "tests.test_calc.AddTest.test_add: an object of type `A` compares as wished with anything; "
        "an object of type `A` is not told from others of its type",
    )


@pytest.mark.slow
def test_flags_that_are_joined_reach_the_second_opinion() -> None:
    source = "import re\n\n\ndef search(flags):\n    return flags {} re.M\n"
    test = (
        "import re\n\nfrom calc import search\n\n\n"
        "def test_flags():\n    assert search(re.I | re.S) == re.I | re.S | re.M\n"
    )
    with open_case({"calc.py": source.format("&"), "tests/test_calc.py": test}) as case:
        verdict = case.validate({"calc.py": source.format("|")})
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == ()
