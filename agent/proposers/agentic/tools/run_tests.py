"""`run_tests`: what failed, why, and what changed since the last run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from agent.model.base import Tool
from agent.proposers.agentic.tools.failure_text import failure_text, summary
from agent.proposers.agentic.tools.test_names import NamedTests, named_tests, near_names
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.wording import counted
from sandbox.runners.base import FAILING, Outcome, TestReport, TestRunner
from sandbox.runners.test_ids import is_selected

MAX_SHOWN_FAILURES = 5
MAX_SHOWN_NAMES = 10
MAX_COLLECTION_ERROR_CHARACTERS = 2_500
TOOL_TEST_SECONDS = 30.0
TOOL_RUN_SECONDS = 600.0
_PASSED = frozenset({Outcome.PASSED, Outcome.XPASSED})
_ASIDE = (Outcome.SKIPPED, Outcome.XFAILED)

RUN_TESTS = Tool(
    name="run_tests",
    description=(
        "Run tests of the project in your working copy: the failing tests when `tests` is left "
        "out, every test for `all`, or those named. A name may be a test's id, a function without "
        "its parameters, a class, a file or a folder; several are separated by spaces or lines."
    ),
    parameters={
        "type": "object",
        "properties": {
            "tests": {
                "type": "string",
                "description": "`all`, or names of tests. Default: the failing tests.",
            }
        },
        "required": [],
    },
)


@dataclass(frozen=True, kw_only=True)
class TestBench:
    """Runner, failing and passing tests of the project for the `run_tests` tool."""

    __test__ = False

    runner: TestRunner
    failing: tuple[str, ...]
    passing: tuple[str, ...]
    aside: tuple[str, ...] = ()
    """Tests that fail as well and that nobody asks for: they do not run, and may stay red."""
    ids_in: Callable[[WorkingTree], tuple[str, ...]] = lambda _: ()
    """Further tests that the working copy holds and that run when none is named."""


def run_tests(
    tree: WorkingTree,
    bench: TestBench,
    arguments: Mapping[str, object],
    last_outcomes: Mapping[str, str],
    seconds_left: float,
) -> tuple[str, dict[str, str]]:
    """The answer for the model, and test → how it ended for the next comparison."""
    default_ids = (*bench.failing, *bench.ids_in(tree))
    all_ids = (*default_ids, *bench.passing)
    argument = arguments.get("tests")
    wants_all = argument in ("all", ["all"])
    selection = NamedTests() if wants_all else _named(argument, all_ids, tree)
    test_ids = selection.ids
    if selection == NamedTests():
        test_ids = all_ids if wants_all else default_ids
    notes = list(_misunderstood(selection, all_ids))
    if not test_ids:
        return "\n\n".join(notes) or "There is no test to run yet.", dict(last_outcomes)
    report = run(tree, bench, test_ids, seconds_left)
    ends = {test_id: summary(result) for test_id, result in report.results.items()}
    if wants_all and bench.aside:
        title = f"{len(bench.aside)} more may stay red, and were not run:"
        notes.append(names_told(title, bench.aside))
    parts = [*_answer(report, test_ids, last_outcomes, bench.passing, tree), *notes]
    return "\n\n".join(parts), {**last_outcomes, **ends}


def run(
    tree: WorkingTree, bench: TestBench, test_ids: Sequence[str], seconds_left: float
) -> TestReport:
    """Run tests in the working copy, `seconds_left` at most."""
    report = bench.runner.run(
        tree.session,
        test_ids,
        timeout_seconds=max(1.0, min(TOOL_RUN_SECONDS, seconds_left)),
        test_timeout_seconds=TOOL_TEST_SECONDS,
    )
    tree.rescan()
    return report


def still_failing(report: TestReport, test_ids: Sequence[str]) -> list[str]:
    """Of these tests (or files) those that did not pass in this run."""
    ends = {
        test_id: [r.outcome for name, r in report.results.items() if is_selected(name, [test_id])]
        for test_id in test_ids
    }
    return [test_id for test_id, outcomes in ends.items() if not _all_passed(outcomes)]


def _all_passed(outcomes: Sequence[Outcome]) -> bool:
    return not _PASSED.isdisjoint(outcomes) and FAILING.isdisjoint(outcomes)


def failures_told(report: TestReport, tree: WorkingTree) -> Iterator[str]:
    """Each failing test and each file that could not be collected, the first few in full."""
    failures = {t: r for t, r in report.results.items() if r.outcome in FAILING}
    line_at = partial(line_of, tree)
    for test_id, result in list(failures.items())[:MAX_SHOWN_FAILURES]:
        yield failure_text(test_id, result, line_at)
    if len(failures) > MAX_SHOWN_FAILURES:
        yield names_told("More that fail:", list(failures)[MAX_SHOWN_FAILURES:])
    for path, error in list(report.collection_errors.items())[:MAX_SHOWN_FAILURES]:
        yield f"{path} could not be collected:\n{error[-MAX_COLLECTION_ERROR_CHARACTERS:]}"


def line_of(tree: WorkingTree, path: str, line: int) -> str:
    """A line of a file of the working copy as it is now; empty where there is none."""
    if path.startswith("/"):
        return ""
    try:
        lines = tree.read(path).decode("utf-8", "replace").split("\n")
    except (OSError, ValueError):
        return ""
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _named(argument: object, known: Sequence[str], tree: WorkingTree) -> NamedTests:
    def is_file(path: str) -> bool:
        try:
            tree.read(path)
        except (OSError, ValueError):
            return False
        return True

    return named_tests(argument, known, is_file, tree.workspace)


def _misunderstood(named: NamedTests, known: Sequence[str]) -> Iterator[str]:
    for word in named.unknown[:MAX_SHOWN_NAMES]:
        near = near_names(word, known)
        yield (
            names_told(f"No test is named {word}. Near it:", near)
            if near
            else (f"No test is named {word}.")
        )
    if named.options:
        yield f"Left alone: {' '.join(named.options)} (options; `bash` runs any command)."


def _answer(
    report: TestReport,
    wanted: Sequence[str],
    last_outcomes: Mapping[str, str],
    passing: Collection[str],
    tree: WorkingTree,
) -> Iterator[str]:
    yield _counts(report)
    error_places = tuple(report.collection_errors)
    missing_tests = [
        test_id
        for test_id in wanted
        if not any(is_selected(name, [test_id]) for name in (*report.results, *error_places))
        and not is_selected(test_id, error_places)
    ]
    if missing_tests:
        why = "no such test, or not collected" if report.finished else "there was no time for it"
        yield names_told(f"Not run ({why}):", missing_tests)
    if not report.finished:
        yield "The run was cut off before its end."
    yield from _changed(report, last_outcomes)
    passed_before = frozenset(passing)
    failures = [t for t, r in report.results.items() if r.outcome in FAILING]
    regressions = [test_id for test_id in failures if test_id in passed_before]
    if regressions:
        yield names_told("These passed before any change:", regressions)
    yield from failures_told(report, tree)


def _counts(report: TestReport) -> str:
    outcomes = [result.outcome for result in report.results.values()]
    pass_count = sum(outcome in _PASSED for outcome in outcomes)
    words = [f"{pass_count} of {len(outcomes)} tests pass"]
    words += [f"{outcomes.count(kind)} {kind.value}" for kind in _ASIDE if kind in outcomes]
    if report.collection_errors:
        words.append(f"{counted(len(report.collection_errors), 'file')} could not be collected")
    return ", ".join(words) + "."


def _changed(report: TestReport, last_outcomes: Mapping[str, str]) -> Iterator[str]:
    """What is otherwise than at the last run of the same tests."""
    ends = {t: summary(result) for t, result in report.results.items()}
    before = {test_id: last_outcomes[test_id] for test_id in ends if test_id in last_outcomes}
    changed_ids = [test_id for test_id in before if before[test_id] != ends[test_id]]
    if not changed_ids:
        if before and len(before) == len(ends) and not report.collection_errors:
            yield "Nothing changed since these tests ran last."
        return
    groups: dict[str, list[str]] = {}
    for test_id in changed_ids:
        good, was_good = (_is_good(ends[test_id]), _is_good(before[test_id]))
        title = "Pass now, failed at the last run:" if good else "Fail now, passed at the last run:"
        if good == was_good:
            title = "Fail otherwise than at the last run:"
        groups.setdefault(title, []).append(test_id)
    for title, test_ids in groups.items():
        yield names_told(title, test_ids)


def _is_good(end: str) -> bool:
    outcome = end.partition(" ")[0]
    return outcome in _PASSED or outcome in _ASIDE


def names_told(title: str, names: Sequence[str]) -> str:
    suffix = (
        f"\n  … and {len(names) - MAX_SHOWN_NAMES} more" if len(names) > MAX_SHOWN_NAMES else ""
    )
    return title + "".join(f"\n  {name}" for name in names[:MAX_SHOWN_NAMES]) + suffix
