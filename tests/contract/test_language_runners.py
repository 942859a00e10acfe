"""What the runner of every language owes: one outcome for each test, whatever the tests do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.runners.base import Outcome
from tests.support.language_case import (
    GO,
    JEST,
    MOCHA,
    NODE_TEST,
    PYTHON,
    RUST,
    VITEST,
    LanguageCase,
    Opened,
    lacks,
    opened,
)

CASES = [
    pytest.param(PYTHON, id="pytest"),
    pytest.param(NODE_TEST, id="node:test"),
    # What Go itself brings is compiled first.
    pytest.param(GO, id="go test", marks=pytest.mark.slow),
    pytest.param(RUST, id="cargo test", marks=pytest.mark.slow),
    # They are installed from the registry.
    pytest.param(MOCHA, id="mocha", marks=pytest.mark.slow),
    pytest.param(JEST, id="jest", marks=pytest.mark.slow),
    pytest.param(VITEST, id="vitest", marks=pytest.mark.slow),
]
ENDS = {
    "passes": Outcome.PASSED,
    "fails": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "odd": Outcome.PASSED,
    "nested": Outcome.PASSED,
    "exits": Outcome.CRASHED,
    "hangs": Outcome.TIMED_OUT,
    "last": Outcome.PASSED,
}


@pytest.fixture(scope="module", params=CASES)
def case(
    request: pytest.FixtureRequest,
    need_sandbox: Callable[[str], AnySandbox],
    tmp_path_factory: pytest.TempPathFactory,
) -> Opened:
    one: LanguageCase = request.param
    if reason := lacks(one):
        pytest.skip(reason)
    scratch: Path = tmp_path_factory.mktemp("language")
    return opened(one, need_sandbox("bubblewrap"), scratch)


def test_every_test_has_one_outcome(case: Opened) -> None:
    report = case.run()
    ends = {name: report.results[test_id].outcome for name, test_id in case.case.ids.items()}
    assert ends == ENDS
    assert set(report.results) == {*case.case.ids.values(), *case.case.suites}
    assert set(report.collection_errors) == {case.case.broken_file}
    assert report.finished


def test_a_failure_has_a_message_and_the_place_in_the_project(case: Opened) -> None:
    failure = case.run([case.case.ids["fails"]]).results[case.case.ids["fails"]]
    assert "3" in failure.message
    assert failure.frames[-1].path == case.case.test_file
    assert failure.frames[-1].line > 0
    assert failure.exception.endswith(case.case.exception)


@pytest.mark.parametrize("name", ["odd", "nested", "last"])
def test_one_test_by_name(case: Opened, name: str) -> None:
    test_id = case.case.ids[name]
    report = case.run([test_id])
    assert {t: r.outcome for t, r in report.results.items()} == {test_id: Outcome.PASSED}


def test_a_file_stands_for_its_tests(case: Opened) -> None:
    report = case.run([case.case.test_file])
    assert set(report.results) == {*case.case.ids.values(), *case.case.suites}
    assert not report.collection_errors


def test_a_name_that_no_test_has_is_never_a_pass(case: Opened) -> None:
    report = case.run([f"{case.case.test_file}::nothing_is_called_so"])
    assert not report.results


def test_a_test_that_is_not_named_in_a_suite_is_no_pass(case: Opened) -> None:
    """A filter that misses the parent leaves the nested test skipped, with exit status 0."""
    report = case.run([case.case.ids["last"], case.case.ids["nested"]])
    assert {r.outcome for r in report.results.values()} == {Outcome.PASSED}
    assert len(report.results) == 2


def test_the_canary_is_reported_rightly(case: Opened) -> None:
    canary = case.canary()
    report = case.run([canary.must_pass, canary.must_fail], files={canary.path: canary.content})
    outcomes = {test_id: result.outcome for test_id, result in report.results.items()}
    assert outcomes == {canary.must_pass: Outcome.PASSED, canary.must_fail: Outcome.FAILED}
    assert case.project.is_test_path(canary.path)


def test_the_canary_beside_the_others(case: Opened) -> None:
    canary = case.canary()
    named = [case.case.ids["last"], canary.must_pass, canary.must_fail]
    report = case.run(named, files={canary.path: canary.content})
    assert set(report.results) == set(named)


def test_a_patched_source_is_what_the_tests_run(case: Opened) -> None:
    path = next(p for p in case.case.files if "calc" in p)
    fixed = case.case.files[path].replace("a - b", "a + b")
    test_id = case.case.ids["fails"]
    assert case.run([test_id], files={path: fixed}).results[test_id].outcome is Outcome.PASSED


def test_the_tests_and_what_steers_them_are_protected(case: Opened) -> None:
    source = next(p for p in case.case.files if "calc" in p)
    for path in case.case.files:
        is_protected = case.project.is_test_path(path) or case.project.is_config_path(path)
        assert is_protected == (path != source), path


def test_no_session_can_write_the_packages(case: Opened) -> None:
    root = case.built.environment.root
    with case.session() as session:
        result = session.run(["touch", f"{root}/planted"], timeout_seconds=20)
    assert root is None or not result.ok
