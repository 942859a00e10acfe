"""The verdict: does the candidate make it work? Taken where the candidate was never before.

Layers, cheapest first: what the patch touches and introduces (policy), a fresh session from
the pristine base with an inventory of every expected test and a canary, the hashes of the
test files before and after, a twin: a copy of each repaired test that must fail, and a second
opinion with the tests in one sandbox and the patch in another (in both, where it must be). The
last two run beside the tests, and are heard only where those do not object.
docs/security.md says what each of them stops and what is left.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.baseline.take import hangs
from agent.patches.changes import FileChange, edited_files
from agent.patches.importable_names import ask
from agent.patches.path_rules import construct_objections, path_objections
from agent.records import CandidatePatch, Verdict
from agent.validation.canary import Canary, make_canary, test_file
from agent.validation.concurrent_checks import Aside
from agent.validation.differential.remote_calls import Opinion
from agent.validation.differential_setup import second_opinion, with_second_opinion
from agent.validation.must_fail import place_twins, seen_by, twin_opinion
from agent.validation.tamper_check import protected_hashes, tampering
from agent.validation.test_outcomes import not_passed, outcomes, sentences, turned_red
from agent.validation.validation_context import Court, apply_changes, reader
from sandbox.base import Session
from sandbox.runners.base import TestReport

QUIET = "the test that was skipped or expected to fail"


def open_court(court: Court) -> Court:
    """Run canary and twins once on the unchanged base, and keep those that work there.

    A project may filter the tests it collects or wrap them oddly; what does not work on the
    base must not speak against an honest patch.
    """
    canary = _canary(court)
    # The twin of a test that hangs would hang as well.
    targets = [t for t in court.fail_to_pass if not hangs(court.evidence, t)]
    with court.open_session() as session:
        importable = ask(session, court.python)
        token = place_twins(court, session, targets, {})
        wanted = [*targets, *_place_canary(session, canary)]
        report = court.run(session, wanted)
    found = {test_id: seen_by(report, test_id, court, token) for test_id in targets}
    seen = {test_id: one for test_id, one in found.items() if one is not None}
    works = canary is not None and not canary.objections(report)
    court = replace(
        court,
        importable=importable,
        canary=works,
        twins=frozenset(seen),
        known_problems=frozenset(p for one in seen.values() for p in one.problems + one.doubts),
        fell={test_id: one.fell for test_id, one in seen.items()},
    )
    return with_second_opinion(court)


def judge(candidate: CandidatePatch, court: Court) -> Verdict:
    """Take the verdict on a candidate.

    Raises SandboxError for infrastructure only; a bad patch is a verdict.
    """
    began = time.monotonic()
    try:
        changes = edited_files(candidate.edits, reader(court.base))
    except ValueError as error:
        return _rejected((f"the edits do not apply to the base: {error}",), began)
    return judge_changes(changes, court, began=began)


def judge_changes(
    changes: Mapping[str, FileChange],
    court: Court,
    *,
    began: float | None = None,
) -> Verdict:
    """Take the verdict on a patch given as what each file is before and after."""
    began = time.monotonic() if began is None else began
    entries = court.base.entries
    objections = path_objections(
        changes,
        rules=court.rules,
        base_paths=entries.keys(),
        links=[path for path, entry in entries.items() if entry.kind != "file"],
        include_tests=court.include_tests,
        importable=court.importable,
    )
    objections += construct_objections(changes)
    if objections:
        return _rejected(objections, began)
    return judge_by_running(changes, court, began=began)


def judge_by_running(
    changes: Mapping[str, FileChange],
    court: Court,
    *,
    began: float | None = None,
) -> Verdict:
    """The layers that run the code. `judge` comes first: this one trusts the policy."""
    began = time.monotonic() if began is None else began
    with Aside(court) as aside:
        twins = aside.begin(twin_opinion, changes, aside.court)
        second = aside.begin(second_opinion, changes, aside.court)
        verdict = _by_tests(changes, court)
        if verdict.plausible:
            verdict = _with(verdict, twins.result())
        if verdict.plausible:
            verdict = _with(verdict, second.result())
    return replace(verdict, seconds=time.monotonic() - began)


def _with(verdict: Verdict, opinion: Opinion) -> Verdict:
    return replace(
        verdict,
        plausible=not opinion.objections,
        objections=opinion.objections,
        unchecked=(*opinion.unsure, *verdict.unchecked),
        spread=opinion.spread,
    )


def _by_tests(changes: Mapping[str, FileChange], court: Court) -> Verdict:
    """All the tests of the project, the patch in their midst."""
    report, objections = _main_run(changes, court)
    repaired = outcomes(report, court.fail_to_pass, court.evidence.uncollected)
    kept = outcomes(report, court.pass_to_pass)
    red = turned_red(report, court.quiet)
    objections += sentences(repaired, "the failing test")
    broke = (*not_passed(kept), *red)
    excused, unsteady = frozenset[str](), frozenset[str]()
    if broke and not objections:
        excused = court.control.red(lambda: _red_on_base(court)) & frozenset(broke)
        unsteady = _not_red_again(changes, court, [t for t in broke if t not in excused])
    for group, found in (("the passing test", kept), (QUIET, red)):
        still = {t: o for t, o in found.items() if t not in excused | unsteady}
        objections += sentences(still, group)
    return Verdict(
        plausible=not objections,
        fail_to_pass=repaired,
        pass_to_pass=kept,
        objections=objections,
        unchecked=(
            *(f"{t} is red without the patch too, in the same run" for t in sorted(excused)),
            *(f"{t} was red with the patch once, and not again" for t in sorted(unsteady)),
        ),
    )


def _main_run(
    changes: Mapping[str, FileChange], court: Court
) -> tuple[TestReport, tuple[str, ...]]:
    canary = _canary(court) if court.canary else None
    protected = protected_hashes(court.base, court.rules)
    wanted = court.wanted
    paths = court.base.entries.keys()
    with court.open_session() as session:
        apply_changes(session, changes)
        objections = tampering(session, court.python, protected, paths)
        wanted += _place_canary(session, canary)
        report = court.run(session, wanted)
        objections += tampering(session, court.python, protected, paths)
    if not report.finished:
        objections += ("the test run was cut off before its end",)
    if canary is not None:
        objections += canary.objections(report)
    return report, objections


def _canary(court: Court) -> Canary | None:
    paths = court.base.entries.keys()
    for test_id in (*court.fail_to_pass, *court.pass_to_pass):
        path = test_file(test_id, paths)
        if path is not None:
            return make_canary(path, test_id)
    return None


def _place_canary(session: Session, canary: Canary | None) -> list[str]:
    if canary is None:
        return []
    session.write(canary.path, canary.content)
    return [canary.must_pass, canary.must_fail]


def _red_on_base(court: Court) -> frozenset[str]:
    """Tests that were not red in the baseline, but are on the base in a run of all tests."""
    with court.open_session() as session:
        report = court.run(session, court.wanted)
    red = _red(court, report)
    # A run that was cut short says nothing about the tests after its end.
    return red if report.finished else red & report.results.keys()


def _not_red_again(
    changes: Mapping[str, FileChange], court: Court, tests: Sequence[str]
) -> frozenset[str]:
    """Tests that the patch does not turn red when everything runs again as before: some fail now
    and then, and would speak against any patch."""
    if not tests:
        return frozenset()
    report, objections = _main_run(changes, court)
    return frozenset() if objections else frozenset(tests) - _red(court, report)


def _red(court: Court, report: TestReport) -> frozenset[str]:
    """Tests that were not red in the baseline and are now, or were not run."""
    kept = outcomes(report, court.pass_to_pass)
    return frozenset(not_passed(kept)) | turned_red(report, court.quiet).keys()


def _rejected(objections: tuple[str, ...], began: float) -> Verdict:
    return Verdict(
        plausible=False,
        fail_to_pass={},
        pass_to_pass={},
        objections=objections,
        seconds=time.monotonic() - began,
    )
