"""Setup of the check by remote calls: the tests that can have it, their runner and their names.

pytest runs the tests there, those of a unittest project too, under the names that pytest gives
them: as far as they fail on the base as they do with unittest. What cannot be asked is unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.baseline.evidence import fails_alike, hangs
from agent.baseline.test_selection import quickest
from agent.patches.changes import FileChange
from agent.validation.differential.base_text import base_text
from agent.validation.differential.calls.remote_calls import CheckResult, RemoteCallCheck
from agent.validation.differential.calls.replayed_calls import ReplayCheck
from agent.validation.differential.explanation import Explanation
from agent.validation.differential.split_run import (
    SPLIT_RUN_SECONDS,
    SPLIT_RUN_TEST_SECONDS,
    SplitRun,
)
from agent.validation.validation_context import ValidationContext
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import Outcome, TestResult
from sandbox.runners.test_ids import file_of, locate

MAX_GUARD_TESTS = 20
"""Passing tests that show on the base whether the functions can be called remotely."""
MAX_GUARD_SECONDS = 4.0
_UNREADABLE = "a text of the project could not be read here"
_NOT_ASKED = (
    "the tests are run by a program of the project itself, or neither by pytest nor by unittest"
)
_NO_CANARY = "the canary is not reported rightly without the patch either, and says nothing"
_OTHER_LANGUAGE = (
    "{} has no second opinion of another sandbox yet, and no copies of the tests that must fail"
)


def differential_check(
    changes: Mapping[str, FileChange], validation: ValidationContext
) -> CheckResult:
    """Check the tests to repair by remote calls. Raises SandboxError for infrastructure only."""
    if not validation.language.abilities.copies:
        unsure = _OTHER_LANGUAGE.format(validation.language.name)
        return CheckResult(unsure=(unsure,) if validation.canary else (unsure, _NO_CANARY))
    if validation.remote_calls is None:
        return CheckResult(unsure=(_NOT_ASKED,))
    pytest_names = {t: validation.pytest_names.get(t, "") for t in validation.fail_to_pass}
    reasons = {
        t: reason
        for t, name in pytest_names.items()
        if (reason := _exclusion_reason(validation, t, name))
    }
    targets = [t for t in pytest_names if t not in reasons]
    if not targets:
        return CheckResult(unsure=tuple(f"{t}: {reason}" for t, reason in reasons.items()))
    paths = validation.base.entries.keys()
    files = {file_of(test_id, paths) for test_id in targets} - {None}
    text = "\n".join(base_text(validation.base, path) for path in files if path)
    try:
        result = validation.remote_calls.check(changes, [pytest_names[t] for t in targets], text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # What a repository's file holds may be more than the parser or its writer takes.
        result = CheckResult(unsure=(_UNREADABLE,))
    project_names = {name: t for t, name in pytest_names.items() if name != t}
    return replace(
        result,
        objections=_renamed(result.objections, project_names),
        unsure=(
            *_renamed(result.unsure, project_names),
            *(f"{t}: {reason}" for t, reason in reasons.items()),
        ),
        confirmed=_renamed(result.confirmed, project_names),
    )


def with_differential_check(validation: ValidationContext) -> ValidationContext:
    """The validation context with its check by remote calls; the tests of a unittest project are
    run once with pytest on the base."""
    if isinstance(validation.runner, PytestRunner):
        beside = _guard_tests(validation)
        failures = validation.evidence.failures
        remote_calls = _remote_call_check(validation, validation.runner.setup, failures, beside)
        return replace(
            validation,
            remote_calls=remote_calls,
            pytest_names={t: t for t in validation.fail_to_pass},
        )
    runner = validation.runner
    if not isinstance(runner, UnittestRunner) or runner.needs_program:
        return validation
    setup = PytestSetup(
        python=runner.python,
        import_roots=_roots_of(runner),
        env=runner.env,
        folder=runner.folder,
    )
    names = {
        t: n for t in validation.fail_to_pass if (n := pytest_name(t, validation.base.entries))
    }
    beside = [n for t in _guard_tests(validation) if (n := pytest_name(t, validation.base.entries))]
    with validation.open_session() as session:
        report = PytestRunner(setup).run(
            session,
            [*names.values(), *beside],
            timeout_seconds=SPLIT_RUN_SECONDS,
            test_timeout_seconds=SPLIT_RUN_TEST_SECONDS,
        )
    matching_results = {
        t: report.results[name]
        for t, name in names.items()
        if name in report.results
        and fails_alike(validation.evidence.failures.get(t), report.results[name])
    }
    reported_names = [n for n in beside if n in report.results]
    guards = [n for n in reported_names if report.results[n].outcome is Outcome.PASSED]
    failures = {names[t]: result for t, result in matching_results.items()}
    remote_calls = _remote_call_check(validation, setup, failures, guards)
    return replace(
        validation, remote_calls=remote_calls, pytest_names={t: names[t] for t in matching_results}
    )


def _roots_of(runner: UnittestRunner) -> tuple[str, ...]:
    """The folders that it and those that run after it import from."""
    runners = (runner, *runner.more)
    return tuple(
        dict.fromkeys(root for unittest_runner in runners for root in unittest_runner.import_roots)
    )


def pytest_name(test_id: str, paths: Mapping[str, object]) -> str:
    """`a.test_b.Case.test_c` as pytest has it; empty where its file is not known."""
    path, names = locate(test_id, paths.keys())
    return "::".join((path, *names)) if path is not None and names else ""


def _guard_tests(validation: ValidationContext) -> list[str]:
    """Passing tests in the files of the failing ones ones first."""
    paths = validation.base.entries.keys()
    files = {file_of(test_id, paths) for test_id in validation.fail_to_pass}
    beside = [t for t in validation.pass_to_pass if file_of(t, paths) in files]
    return quickest(
        beside,
        validation.evidence.seconds,
        budget_seconds=MAX_GUARD_SECONDS,
        max_tests=MAX_GUARD_TESTS,
    )


def _remote_call_check(
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


def _exclusion_reason(validation: ValidationContext, test_id: str, name: str) -> str:
    """Why a test cannot be checked by remote calls; empty where it can."""
    if test_id in validation.evidence.uncollected:
        return "its file cannot be collected on the base"
    if not name:
        return "pytest does not run it on the base as unittest does"
    hanging_tests = [t for t in validation.fail_to_pass if hangs(validation.evidence, t)]
    other_tests = (
        set(validation.fail_to_pass) - set(hanging_tests) - set(validation.evidence.uncollected)
    )
    return "it hangs on the base" if test_id in hanging_tests and other_tests else ""


def _renamed(sentences: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences with the names that the project's own runner gives the tests."""
    renamed_sentences = []
    for sentence in sentences:
        for name in sorted(names, key=len, reverse=True):
            if sentence.startswith(name):
                sentence = names[name] + sentence[len(name) :]
                break
        renamed_sentences.append(sentence)
    return tuple(renamed_sentences)
