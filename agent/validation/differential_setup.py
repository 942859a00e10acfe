"""The second opinion of a court: which tests can have one, with which runner, by which names.

pytest runs the tests there, those of a unittest project too, under the names that pytest gives
them: as far as they fail on the base as they do with unittest. What cannot be asked is unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.baseline.take import hangs
from agent.patches.changes import FileChange, decode_source
from agent.validation.differential.explanation import Explanation
from agent.validation.differential.remote_calls import CheckResult, RemoteCallCheck, quick
from agent.validation.differential.replayed_calls import ReplayCheck
from agent.validation.differential.split_run import RUN_SECONDS, TEST_SECONDS, SplitRun
from agent.validation.validation_context import ValidationContext
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import FAILING, Outcome, TestResult
from sandbox.runners.test_ids import file_of


def second_opinion(changes: Mapping[str, FileChange], validation: ValidationContext) -> CheckResult:
    """Of the tests to repair. Raises SandboxError for infrastructure only."""
    if validation.remote_calls is None:
        return CheckResult(unsure=("the tests are run neither by pytest nor by unittest",))
    asked = {t: validation.apart_names.get(t, "") for t in validation.fail_to_pass}
    why = {t: said for t, name in asked.items() if (said := _left_out(validation, t, name))}
    targets = [t for t in asked if t not in why]
    if not targets:
        return CheckResult(unsure=tuple(f"{t}: {said}" for t, said in why.items()))
    paths = validation.base.entries.keys()
    files = {file_of(test_id, paths) for test_id in targets} - {None}
    text = "\n".join(decode_source(validation.base.read(path)).text for path in files if path)
    opinion = validation.remote_calls.validate_candidate(changes, [asked[t] for t in targets], text)
    back = {name: t for t, name in asked.items() if name != t}
    return replace(
        opinion,
        objections=_renamed(opinion.objections, back),
        unsure=(*_renamed(opinion.unsure, back), *(f"{t}: {said}" for t, said in why.items())),
        confirmed=_renamed(opinion.confirmed, back),
    )


def with_second_opinion(validation: ValidationContext) -> ValidationContext:
    """The court with what its second opinion needs; the tests of a unittest project are run once
    with pytest on the base."""
    if isinstance(validation.runner, PytestRunner):
        beside = _beside(validation)
        failures = validation.evidence.failures
        remote_calls = _apart(validation, validation.runner.setup, failures, beside)
        return replace(
            validation,
            remote_calls=remote_calls,
            apart_names={t: t for t in validation.fail_to_pass},
        )
    if not isinstance(validation.runner, UnittestRunner):
        return validation
    setup = PytestSetup(
        python=validation.runner.python, import_roots=validation.runner.import_roots
    )
    names = {
        t: n for t in validation.fail_to_pass if (n := pytest_name(t, validation.base.entries))
    }
    beside = [n for t in _beside(validation) if (n := pytest_name(t, validation.base.entries))]
    with validation.open_session() as session:
        report = PytestRunner(setup).run(
            session,
            [*names.values(), *beside],
            timeout_seconds=RUN_SECONDS,
            test_timeout_seconds=TEST_SECONDS,
        )
    same = {
        t: report.results[name]
        for t, name in names.items()
        if name in report.results
        and _same(validation.evidence.failures.get(t), report.results[name])
    }
    good = [n for n in beside if n in report.results]
    guards = [n for n in good if report.results[n].outcome is Outcome.PASSED]
    failures = {names[t]: result for t, result in same.items()}
    remote_calls = _apart(validation, setup, failures, guards)
    return replace(validation, remote_calls=remote_calls, apart_names={t: names[t] for t in same})


def pytest_name(test_id: str, paths: Mapping[str, object]) -> str:
    """`a.test_b.Case.test_c` as pytest has it; empty where its file is not known."""
    path = file_of(test_id, paths.keys())
    if path is None:
        return ""
    stem = path.rpartition("/")[2].removesuffix(".py")
    inside = f".{test_id}".partition(f".{stem}.")[2]
    return "::".join((path, *inside.split("."))) if inside else ""


def _same(before: TestResult | None, now: TestResult) -> bool:
    return before is not None and now.outcome in FAILING and before.exception == now.exception


def _beside(validation: ValidationContext) -> list[str]:
    """Passing tests in the files of the failing ones, quick ones first."""
    paths = validation.base.entries.keys()
    files = {file_of(test_id, paths) for test_id in validation.fail_to_pass}
    beside = [t for t in validation.pass_to_pass if file_of(t, paths) in files]
    return list(quick(beside, validation.evidence.seconds))


def _apart(
    validation: ValidationContext,
    setup: PytestSetup,
    failures: Mapping[str, TestResult],
    beside: Sequence[str],
) -> RemoteCallCheck:
    split_run = SplitRun(
        open_session=validation.open_session,
        open_answering=validation.open_answering,
        setup=setup,
        base=validation.base,
        is_test_path=validation.rules.is_test_path,
    )
    guards = tuple(beside)
    return RemoteCallCheck(
        split_run=split_run,
        replay=ReplayCheck(split_run=split_run, guards=guards),
        explanation=Explanation(split_run=split_run, failures=failures),
        failures=failures,
        guards=guards,
    )


def _left_out(validation: ValidationContext, test_id: str, name: str) -> str:
    """Why a test has no second opinion; empty where it can have one."""
    if test_id in validation.evidence.uncollected:
        return "its file cannot be collected on the base"
    if not name:
        return "pytest does not run it on the base as unittest does"
    hanging = [t for t in validation.fail_to_pass if hangs(validation.evidence, t)]
    others = set(validation.fail_to_pass) - set(hanging) - set(validation.evidence.uncollected)
    return "it hangs on the base" if test_id in hanging and others else ""


def _renamed(sentences: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """With the names that the project's runner gives the tests."""
    found = []
    for sentence in sentences:
        for name in sorted(names, key=len, reverse=True):
            if sentence.startswith(name):
                sentence = names[name] + sentence[len(name) :]
                break
        found.append(sentence)
    return tuple(found)
