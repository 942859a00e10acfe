"""Candidates tried by running the tests anew, in real sandboxes, with node:test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from agent.validation.test_outcomes import outcomes
from sandbox.engines.choose import AnySandbox
from sandbox.errors import SandboxDied
from sandbox.evaluation.base import Evaluation
from sandbox.evaluation.rerun import RerunEvaluator, RerunSettings
from sandbox.source import SourceEdit
from tests.support.language_case import LanguageCase, Opened, has_node, opened

pytestmark = pytest.mark.skipif(not has_node(), reason="there is no Node on this machine")

LIB, TEST = "lib/calc.js", "test/a.test.js"
CALC = "exports.add = (a, b) => a - b;\nexports.zero = () => 0;\n"
HEAD = """const { it, before } = require('node:test');
const { strictEqual } = require('node:assert');
const fs = require('node:fs');
const { add, zero } = require('../lib/calc');
"""
ADDS = f"{TEST}::adds"
FIX = SourceEdit(LIB, CALC.index("-"), CALC.index("-") + 1, "+")

Evaluate = Callable[..., list[Evaluation]]


@pytest.fixture
def open_case(
    need_sandbox: Callable[[str], AnySandbox], tmp_path: Path
) -> Callable[[Mapping[str, str]], Opened]:
    def open_files(files: Mapping[str, str]) -> Opened:
        package = '{"name": "calc", "scripts": {"test": "node --test"}}'
        everything = {"package.json": package, LIB: CALC, **files}
        case = LanguageCase(name="own", files=everything, ids={}, test_file="", broken_file="")
        return opened(case, need_sandbox("bubblewrap"), tmp_path)

    return open_files


@pytest.fixture
def evaluate(open_case: Callable[[Mapping[str, str]], Opened]) -> Iterator[Evaluate]:
    """What becomes of the unchanged program, and then of these candidates one after the other."""
    made: list[RerunEvaluator] = []

    def ask(
        files: Mapping[str, str],
        *candidates: Sequence[SourceEdit],
        targets: Sequence[str] = (ADDS,),
        regressions: Sequence[str] = (),
        containers: Sequence[str] = (),
        test_seconds: float = 2.0,
    ) -> list[Evaluation]:
        case = open_case(files)
        settings = RerunSettings(
            runner=case.runner,
            targets=targets,
            regressions=regressions,
            timeout_seconds=30.0,
            read=case.snapshot.text,
            outcomes=partial(outcomes, containers=containers),
            first=targets[:1],
            test_seconds=test_seconds,
        )
        made.append(RerunEvaluator(case.session, settings, 1))
        evaluations = []
        for number, edits in enumerate([(), *candidates]):
            made[-1].submit(number, edits)
            evaluations += made[-1].collect(60.0)
        return evaluations

    yield ask
    for one in made:
        one.close()


def states(evaluations: Sequence[Evaluation]) -> list[str]:
    return [evaluation.state for evaluation in evaluations]


def test_the_failing_tests_run_first_and_then_all(evaluate: Evaluate) -> None:
    zero = "it('zero', () => strictEqual(zero(), 0));\n"
    text = HEAD + "it('adds', () => strictEqual(add(1, 2), 3));\n" + zero
    breaks = SourceEdit(LIB, CALC.index(" 0;"), CALC.index(" 0;") + 2, " 1")
    evaluations = evaluate({TEST: text}, [FIX], [FIX, breaks], regressions=[f"{TEST}::zero"])
    assert states(evaluations) == ["target_failed", "passed", "regressed"]
    assert [one.targets_passed for one in evaluations] == [0, 1, 1]
    # What passed before is nothing that a candidate turned.
    assert evaluations[1].outcomes == {ADDS: "passed"}


def test_a_file_that_could_not_be_loaded_can_be_turned(evaluate: Evaluate) -> None:
    text = HEAD + "add.call.missing();\nit('adds', () => strictEqual(add(1, 2), 3));\n"
    lib = "exports.add = Object.assign((a, b) => a + b, { call: {} });\nexports.zero = () => 0;\n"
    place = lib.index("{}")
    mended = SourceEdit(LIB, place, place + 2, "{ missing() {} }")
    evaluations = evaluate({TEST: text, LIB: lib}, [mended], targets=[TEST], containers=[TEST])
    assert states(evaluations) == ["target_failed", "passed"]
    assert "missing is not a function" in evaluations[0].signature


def test_what_a_candidate_destroys_is_there_for_the_next(evaluate: Evaluate) -> None:
    text = HEAD + "it('adds', () => strictEqual(add(1, 2), 3));\n"
    fs = "require('node:fs')"
    removes = SourceEdit(
        LIB, 0, 0, f"{fs}.rmSync(__dirname + '/../test', {{ recursive: true }});\n"
    )
    replaces = SourceEdit(
        LIB,
        0,
        0,
        f"{fs}.rmSync(__dirname, {{ recursive: true }}); {fs}.writeFileSync(__dirname, '');\n",
    )
    kills = SourceEdit(LIB, 0, 0, "process.kill(process.pid, 9);\n")
    evaluations = evaluate({TEST: text}, [removes], [FIX], [replaces], [FIX], [kills], [FIX])
    assert states(evaluations)[2::2] == ["passed", "passed", "passed"]
    assert "passed" not in states(evaluations)[1::2]


def test_hooks_do_not_count_as_a_loop(evaluate: Evaluate) -> None:
    waits = "before(() => new Promise((done) => setTimeout(done, 1500)));\n"
    text = HEAD + waits + "it('adds', () => strictEqual(add(1, 2), 3));\n"
    endless = SourceEdit(LIB, CALC.index("a - b"), CALC.index("a - b") + 5, "{ for (;;); }")
    evaluations = evaluate({TEST: text}, [FIX], [endless], test_seconds=0.2)
    assert states(evaluations) == ["target_failed", "passed", "timed_out"]


def test_whoever_collects_is_told_that_no_sandbox_can_be_opened(
    open_case: Callable[[Mapping[str, str]], Opened],
) -> None:
    case = open_case({TEST: HEAD + "it('adds', () => strictEqual(add(1, 2), 3));\n"})
    settings = RerunSettings(
        runner=case.runner,
        targets=[ADDS],
        regressions=[],
        timeout_seconds=30.0,
        read=case.snapshot.text,
        outcomes=outcomes,
    )
    is_over = threading.Event()

    def open_session() -> object:
        if is_over.is_set():
            raise SandboxDied("the engine is gone")
        is_over.set()
        return case.session()

    evaluator = RerunEvaluator(open_session, settings, 1)  # type: ignore[arg-type]
    try:
        evaluator.submit(1, [SourceEdit(LIB, 0, 0, "process.kill(process.pid, 9);\n")])
        with pytest.raises(SandboxDied, match="the engine is gone"):
            evaluator.collect(60.0)
    finally:
        evaluator.close()
