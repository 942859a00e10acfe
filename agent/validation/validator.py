"""Validation of a candidate patch: static rules, a test run in a fresh sandbox, concurrent checks.

Layers, cheapest first: what the patch touches and introduces (policy), a fresh session from
the pristine base with an inventory of every expected test and a canary, the tamper check of the
test files before and after, a must-fail copy of each repaired test (a negative control for the
oracle), and remote calls: a split run with the tests in one sandbox and the patch in another (in
both, where it must be). The last two run concurrently with the tests; their results count only
where the test run has no objection. docs/security.md says what each of them stops.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent.baseline.evidence import hangs
from agent.patches.changes import FileChange, edited_files
from agent.patches.doctest_examples import (
    broken_examples,
    contradictions,
    pinned_docstring_objections,
)
from agent.patches.importable_names import ask
from agent.patches.path_rules import construct_objections, path_objections
from agent.patches.same_program import is_among
from agent.records import CandidatePatch, Verdict
from agent.validation.canary import canary_objections
from agent.validation.concurrent_checks import ConcurrentChecks
from agent.validation.differential.calls.remote_calls import CheckResult
from agent.validation.differential_setup import differential_check, with_differential_check
from agent.validation.must_fail.check import copy_report_of, must_fail_check, write_copies
from agent.validation.tamper_check import protected_hashes, tamper_objections
from agent.validation.test_outcomes import (
    FAILING_TEST,
    MISSING,
    PASSING_TEST,
    QUIET_TEST,
    failures_of,
    newly_failing,
    not_passed,
    outcomes,
    sentences,
)
from agent.validation.validation_context import ValidationContext, apply_changes, reader
from agent.wording import counted
from sandbox.base import Session
from sandbox.languages.base import Canary
from sandbox.runners.base import TestReport
from sandbox.runners.test_ids import file_of

TURNED_DOWN = "people turned this very patch down, and ask for another one"
SLOW_PATIENCE = 4.0
"""`Control.patience` on a machine that is much slower by now than for the baseline."""


def calibrate(validation: ValidationContext) -> ValidationContext:
    """Run canary and must-fail copies once on the unchanged base; retain those that work there.

    A project may filter the tests it collects or wrap them oddly; what does not work on the
    base must not speak against an honest patch.
    """
    canary = _canary(validation)
    if not validation.language.abilities.copies:
        return _with_canary(canary, validation)
    # The must-fail copy of a test that hangs would hang as well.
    targets = [t for t in validation.fail_to_pass if not hangs(validation.evidence, t)]
    with validation.open_session() as session:
        importable = ask(session, validation.python)
        token = write_copies(validation, session, targets, {})
        tests = [*targets, *_place_canary(session, canary)]
        report = validation.run(session, tests)
    copy_reports = {
        test_id: copy_report_of(report, test_id, validation, token) for test_id in targets
    }
    usable_reports = {
        test_id: copy_report
        for test_id, copy_report in copy_reports.items()
        if copy_report is not None
    }
    works = canary is not None and not canary_objections(canary, report)
    validation = replace(
        validation,
        importable=importable,
        canary=works,
        must_fail_tests=frozenset(usable_reports),
        known_problems=frozenset(
            p
            for copy_report in usable_reports.values()
            for p in copy_report.problems + copy_report.doubts
        ),
        fell={test_id: copy_report.fell for test_id, copy_report in usable_reports.items()},
    )
    return with_differential_check(validation)


def _with_canary(canary: Canary | None, validation: ValidationContext) -> ValidationContext:
    """The context of a language for which there are no copies of tests."""
    works = False
    if canary is not None:
        with validation.open_session() as session:
            report = validation.run(session, _place_canary(session, canary))
        works = not canary_objections(canary, report)
    return replace(validation, canary=works)


def is_turned_down(candidate: CandidatePatch, validation: ValidationContext) -> bool:
    """Whether it makes of the base what a patch does that people turned down."""
    try:
        changes = edited_files(candidate.edits, reader(validation.base))
    except ValueError:
        return False
    return is_among(changes, validation.excluded)


def validate_candidate(candidate: CandidatePatch, validation: ValidationContext) -> Verdict:
    """Take the verdict on a candidate patch, given as edits of the base.

    Raises SandboxError for infrastructure only; a bad patch is a verdict.
    """
    began = time.monotonic()
    try:
        changes = edited_files(candidate.edits, reader(validation.base))
    except ValueError as error:
        return _rejected((f"the edits do not apply to the base: {error}",), began)
    return validate_changes(changes, validation, began=began)


def validate_changes(
    changes: Mapping[str, FileChange],
    validation: ValidationContext,
    *,
    began: float | None = None,
) -> Verdict:
    """Take the verdict on a patch, given as the bytes of each file before and after it."""
    began = time.monotonic() if began is None else began
    entries = validation.base.entries
    objections = path_objections(
        changes,
        rules=validation.rules,
        base_paths=entries.keys(),
        generated=validation.products.keys(),
        links=[path for path, entry in entries.items() if entry.kind != "file"],
        include_tests=validation.include_tests,
        importable=validation.importable,
        sources=validation.language.sources,
    )
    objections += construct_objections(changes)
    objections += (TURNED_DOWN,) if is_among(changes, validation.excluded) else ()
    objections += pinned_docstring_objections(changes, validation.rules)
    if objections:
        return _rejected(objections, began)
    return judge_by_running(changes, validation, began=began)


def judge_by_running(
    changes: Mapping[str, FileChange],
    validation: ValidationContext,
    *,
    began: float | None = None,
) -> Verdict:
    """Take the verdict of the layers that run the patched code.

    The static rules are not checked here: `validate_candidate` checks them first.
    """
    began = time.monotonic() if began is None else began
    with ConcurrentChecks(validation) as checks:
        must_fail_result = checks.begin(must_fail_check, changes, checks.validation)
        differential_result = checks.begin(differential_check, changes, checks.validation)
        verdict = _by_tests(changes, validation)
        if verdict.plausible:
            verdict = _with(verdict, must_fail_result.result())
        if verdict.plausible:
            verdict = _with(verdict, differential_result.result())
    return replace(verdict, seconds=time.monotonic() - began)


def _with(verdict: Verdict, result: CheckResult) -> Verdict:
    return replace(
        verdict,
        plausible=not result.objections,
        objections=result.objections,
        unchecked=(*result.unsure, *verdict.unchecked),
        cautions=(*result.cautions, *verdict.cautions),
        spread=result.spread,
    )


def _by_tests(changes: Mapping[str, FileChange], validation: ValidationContext) -> Verdict:
    """The verdict of one run of all tests of the project on the patched code."""
    report, objections = _main_run(changes, validation)
    if _ran_out_of_time(report) and _is_slower_by_now(validation):
        report, objections = _main_run(changes, validation)
    target_outcomes = outcomes(report, validation.fail_to_pass, validation.evidence.uncollected)
    regression_outcomes = outcomes(report, validation.pass_to_pass)
    red_outcomes = newly_failing(report, validation.quiet)
    objections += sentences(target_outcomes, FAILING_TEST)
    broken_tests = (*not_passed(regression_outcomes), *red_outcomes)
    excused_tests, unsteady_tests = frozenset[str](), frozenset[str]()
    if broken_tests and not objections:
        excused_tests = validation.control.red(lambda: _red_on_base(validation)) & frozenset(
            broken_tests
        )
        unsteady_tests = _not_red_again(
            changes, validation, [t for t in broken_tests if t not in excused_tests]
        )
    spared_tests = excused_tests | unsteady_tests
    regressions = [t for t in broken_tests if t not in spared_tests]
    if regressions and not objections:
        results = {t: report.results[t] for t in regressions if t in report.results}
        paths = validation.base.entries.keys()
        places = broken_examples(changes, results, validation.rules, paths)
        objections += contradictions(places) if len(results) == len(regressions) else ()
    for group, outcome_by_test in (
        (PASSING_TEST, regression_outcomes),
        (QUIET_TEST, red_outcomes),
    ):
        unexcused_outcomes = {t: o for t, o in outcome_by_test.items() if t not in spared_tests}
        objections += sentences(unexcused_outcomes, group)
    against = [*not_passed(target_outcomes), *regressions]
    return Verdict(
        plausible=not objections,
        fail_to_pass=target_outcomes,
        pass_to_pass=regression_outcomes,
        objections=objections,
        failures=failures_of(report, against) if objections else {},
        unchecked=(
            *_unguarded(validation, excused_tests, regression_outcomes),
            *(f"{t} was red with the patch once, and not again" for t in sorted(unsteady_tests)),
        ),
    )


def _unguarded(
    validation: ValidationContext, excused: frozenset[str], regression_outcomes: Mapping[str, str]
) -> Iterator[str]:
    """Sentences about tests that say nothing of the patch."""
    if validation.evidence.not_run:
        count = counted(validation.evidence.not_run, "test")
        yield f"{count} had no turn before the patch was looked for, and guard nothing"
    tests = sorted(t for t in excused if regression_outcomes.get(t) == MISSING)
    if tests:
        count = counted(len(tests), "test")
        yield f"{count} cannot be found again by name, without the patch either (first: {tests[0]})"
    for test_id in sorted(excused.difference(tests)):
        yield f"{test_id} is red without the patch too, in the same run"


def _main_run(
    changes: Mapping[str, FileChange], validation: ValidationContext
) -> tuple[TestReport, tuple[str, ...]]:
    canary = _canary(validation) if validation.canary else None
    watched_names = validation.language.sources.watched
    hashes = protected_hashes(validation.base, validation.rules, validation.products)
    tests = validation.wanted
    paths = validation.paths
    with validation.open_session() as session:
        apply_changes(session, changes)
        objections = tamper_objections(session, validation.python, hashes, paths, watched_names)
        tests += _place_canary(session, canary)
        report = validation.run(session, tests)
        objections += tamper_objections(session, validation.python, hashes, paths, watched_names)
    if not report.finished:
        objections += ("the test run was cut off before its end",)
    if canary is not None:
        objections += canary_objections(canary, report)
    return report, objections


def _canary(validation: ValidationContext) -> Canary | None:
    paths = validation.base.entries.keys()
    for test_id in (*validation.fail_to_pass, *validation.pass_to_pass):
        path = file_of(test_id, paths)
        if path is not None:
            return validation.language.make_canary(path, test_id)
    return None


def _place_canary(session: Session, canary: Canary | None) -> list[str]:
    if canary is None:
        return []
    session.write(canary.path, canary.content)
    return [canary.must_pass, canary.must_fail]


def _ran_out_of_time(report: TestReport) -> bool:
    return not report.finished and report.command.timed_out


def _is_slower_by_now(validation: ValidationContext) -> bool:
    """Whether the base does not come to its end in that time either, where it did so for the
    baseline: then all runs get more time from now on."""
    before = validation.control.patience
    validation.control.red(lambda: _red_on_base(validation))
    return validation.control.patience > before


def _red_on_base(validation: ValidationContext) -> frozenset[str]:
    """Tests that were not red in the baseline, but are on the base in a run of all tests."""
    report = _base_run(validation)
    if _ran_out_of_time(report):
        validation.control.patience = SLOW_PATIENCE
        report = _base_run(validation)
    red_tests = _red(validation, report)
    # A run that was cut short says nothing about the tests after its end.
    return red_tests if report.finished else red_tests & report.results.keys()


def _base_run(validation: ValidationContext) -> TestReport:
    with validation.open_session() as session:
        return validation.run(session, validation.wanted)


def _not_red_again(
    changes: Mapping[str, FileChange], validation: ValidationContext, tests: Sequence[str]
) -> frozenset[str]:
    """Tests that the patch does not turn red when everything runs again as before: some fail now
    and then, and would speak against any patch."""
    if not tests:
        return frozenset()
    report, objections = _main_run(changes, validation)
    return frozenset() if objections else frozenset(tests) - _red(validation, report)


def _red(validation: ValidationContext, report: TestReport) -> frozenset[str]:
    """Tests that were not red in the baseline and are now, or were not run."""
    regression_outcomes = outcomes(report, validation.pass_to_pass)
    return (
        frozenset(not_passed(regression_outcomes)) | newly_failing(report, validation.quiet).keys()
    )


def _rejected(objections: tuple[str, ...], began: float) -> Verdict:
    return Verdict(
        plausible=False,
        fail_to_pass={},
        pass_to_pass={},
        objections=objections,
        seconds=time.monotonic() - began,
    )
