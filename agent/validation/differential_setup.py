"""The second opinion of a court: which tests can have one, with which runner, by which names.

pytest runs the tests there, those of a unittest project too, under the names that pytest gives
them: as far as they fail on the base as they do with unittest. What cannot be asked is unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.baseline.take import hangs
from agent.patches.changes import FileChange, decode_source
from agent.validation.canary import test_file
from agent.validation.differential.explanation import Explanation
from agent.validation.differential.remote_calls import Apart, Opinion, quick
from agent.validation.differential.replayed_calls import Witness
from agent.validation.differential.split_run import RUN_SECONDS, TEST_SECONDS, Elsewhere
from agent.validation.validation_context import Court
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import FAILING, Outcome, TestResult


def second_opinion(changes: Mapping[str, FileChange], court: Court) -> Opinion:
    """Of the tests to repair. Raises SandboxError for infrastructure only."""
    if court.apart is None:
        return Opinion(unsure=("the tests are run neither by pytest nor by unittest",))
    asked = {t: court.apart_names.get(t, "") for t in court.fail_to_pass}
    why = {t: said for t, name in asked.items() if (said := _left_out(court, t, name))}
    targets = [t for t in asked if t not in why]
    if not targets:
        return Opinion(unsure=tuple(f"{t}: {said}" for t, said in why.items()))
    paths = court.base.entries.keys()
    files = {test_file(test_id, paths) for test_id in targets} - {None}
    text = "\n".join(decode_source(court.base.read(path)).text for path in files if path)
    opinion = court.apart.judge(changes, [asked[t] for t in targets], text)
    back = {name: t for t, name in asked.items() if name != t}
    return replace(
        opinion,
        objections=_renamed(opinion.objections, back),
        unsure=(*_renamed(opinion.unsure, back), *(f"{t}: {said}" for t, said in why.items())),
        confirmed=_renamed(opinion.confirmed, back),
    )


def with_second_opinion(court: Court) -> Court:
    """The court with what its second opinion needs; the tests of a unittest project are run once
    with pytest on the base."""
    if isinstance(court.runner, PytestRunner):
        beside = _beside(court)
        failures = court.evidence.failures
        apart = _apart(court, court.runner.setup, failures, beside)
        return replace(court, apart=apart, apart_names={t: t for t in court.fail_to_pass})
    if not isinstance(court.runner, UnittestRunner):
        return court
    setup = PytestSetup(python=court.runner.python, import_roots=court.runner.import_roots)
    names = {t: n for t in court.fail_to_pass if (n := pytest_name(t, court.base.entries))}
    beside = [n for t in _beside(court) if (n := pytest_name(t, court.base.entries))]
    with court.open_session() as session:
        report = PytestRunner(setup).run(
            session,
            [*names.values(), *beside],
            timeout_seconds=RUN_SECONDS,
            test_timeout_seconds=TEST_SECONDS,
        )
    same = {
        t: report.results[name]
        for t, name in names.items()
        if name in report.results and _same(court.evidence.failures.get(t), report.results[name])
    }
    good = [n for n in beside if n in report.results]
    guards = [n for n in good if report.results[n].outcome is Outcome.PASSED]
    failures = {names[t]: result for t, result in same.items()}
    apart = _apart(court, setup, failures, guards)
    return replace(court, apart=apart, apart_names={t: names[t] for t in same})


def pytest_name(test_id: str, paths: Mapping[str, object]) -> str:
    """`a.test_b.Case.test_c` as pytest has it; empty where its file is not known."""
    path = test_file(test_id, paths.keys())
    if path is None:
        return ""
    stem = path.rpartition("/")[2].removesuffix(".py")
    inside = f".{test_id}".partition(f".{stem}.")[2]
    return "::".join((path, *inside.split("."))) if inside else ""


def _same(before: TestResult | None, now: TestResult) -> bool:
    return before is not None and now.outcome in FAILING and before.exception == now.exception


def _beside(court: Court) -> list[str]:
    """Passing tests in the files of the failing ones, quick ones first."""
    paths = court.base.entries.keys()
    files = {test_file(test_id, paths) for test_id in court.fail_to_pass}
    beside = [t for t in court.pass_to_pass if test_file(t, paths) in files]
    return list(quick(beside, court.evidence.seconds))


def _apart(
    court: Court, setup: PytestSetup, failures: Mapping[str, TestResult], beside: Sequence[str]
) -> Apart:
    elsewhere = Elsewhere(
        open_session=court.open_session,
        open_elsewhere=court.open_elsewhere,
        setup=setup,
        base=court.base,
        is_test_path=court.rules.is_test_path,
    )
    guards = tuple(beside)
    return Apart(
        elsewhere=elsewhere,
        witness=Witness(elsewhere=elsewhere, guards=guards),
        explanation=Explanation(elsewhere=elsewhere, failures=failures),
        failures=failures,
        guards=guards,
    )


def _left_out(court: Court, test_id: str, name: str) -> str:
    """Why a test has no second opinion; empty where it can have one."""
    if test_id in court.evidence.uncollected:
        return "its file cannot be collected on the base"
    if not name:
        return "pytest does not run it on the base as unittest does"
    hanging = [t for t in court.fail_to_pass if hangs(court.evidence, t)]
    others = set(court.fail_to_pass) - set(hanging) - set(court.evidence.uncollected)
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
