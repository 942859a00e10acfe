"""`run_tests`: what failed, why, and what changed since the last run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.model.base import Tool
from agent.proposers.agentic.tools.working_copy import WorkingTree
from sandbox.runners.base import Outcome, TestReport, TestResult, TestRunner

MAX_SHOWN_FAILURES = 5
MAX_SHOWN_NAMES = 10
MAX_DETAIL_CHARACTERS = 2_500
TOOL_TEST_SECONDS = 30.0
TOOL_RUN_SECONDS = 600.0
_GOOD = (Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED)

RUN_TESTS = Tool(
    name="run_tests",
    description=(
        "Run tests of the project in your working copy: the failing tests when `tests` is left "
        "out, every test for `all`, or the ids given."
    ),
    parameters={
        "type": "object",
        "properties": {
            "tests": {
                "type": "string",
                "description": "`all`, or test ids, one a line. Default: the failing tests.",
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
    ids_in: Callable[[WorkingTree], tuple[str, ...]] = lambda _: ()
    """Further tests that the working copy holds and that run when none is named."""


def run_tests(
    tree: WorkingTree,
    bench: TestBench,
    arguments: Mapping[str, object],
    last_outcomes: Mapping[str, str],
    seconds_left: float,
) -> tuple[str, dict[str, str]]:
    """The answer for the model, and test → outcome for the next comparison."""
    argument = arguments.get("tests")
    words = argument if isinstance(argument, list) else str(argument or "").split("\n")
    test_ids = [str(word).strip() for word in words if str(word).strip()]
    default_ids = [*bench.failing, *bench.ids_in(tree)]
    if test_ids == ["all"]:
        test_ids = [*default_ids, *bench.passing]
    if not test_ids and not default_ids:
        return "There is no test to run yet.", dict(last_outcomes)
    report = bench.runner.run(
        tree.session,
        test_ids or default_ids,
        timeout_seconds=max(1.0, min(TOOL_RUN_SECONDS, seconds_left)),
        test_timeout_seconds=TOOL_TEST_SECONDS,
    )
    tree.rescan()
    outcomes = {test_id: result.outcome.value for test_id, result in report.results.items()}
    return _answer(report, test_ids or default_ids, last_outcomes, bench), {
        **last_outcomes,
        **outcomes,
    }


def _answer(
    report: TestReport, test_ids: Sequence[str], last_outcomes: Mapping[str, str], bench: TestBench
) -> str:
    failures = {t: r for t, r in report.results.items() if r.outcome not in _GOOD}
    parts = [f"{len(report.results) - len(failures)} of {len(report.results)} tests pass."]
    unreported = [test_id for test_id in test_ids if test_id not in report.results]
    if unreported and not report.collection_errors:
        parts.append(_names("Not run (no such test, or not collected):", unreported))
    if not report.finished:
        parts.append("The run was cut off before its end.")
    parts += _changed(report, last_outcomes)
    regressions = [test_id for test_id in failures if test_id in frozenset(bench.passing)]
    if regressions:
        parts.append(_names("These passed before any change:", regressions))
    parts += [
        _failure(test_id, result) for test_id, result in list(failures.items())[:MAX_SHOWN_FAILURES]
    ]
    if len(failures) > MAX_SHOWN_FAILURES:
        parts.append(_names("More that fail:", list(failures)[MAX_SHOWN_FAILURES:]))
    for path, error in list(report.collection_errors.items())[:MAX_SHOWN_FAILURES]:
        parts.append(f"{path} could not be collected:\n{error[-MAX_DETAIL_CHARACTERS:]}")
    return "\n\n".join(parts)


def _changed(report: TestReport, last_outcomes: Mapping[str, str]) -> list[str]:
    comparable = {t: r.outcome.value for t, r in report.results.items() if t in last_outcomes}
    repaired_ids = [
        t
        for t, outcome in comparable.items()
        if outcome == "passed" and last_outcomes[t] != "passed"
    ]
    broken_ids = [
        t
        for t, outcome in comparable.items()
        if outcome != "passed" and last_outcomes[t] == "passed"
    ]
    if not comparable:
        return []
    if not repaired_ids and not broken_ids:
        return ["Nothing changed since these tests ran last."]
    parts = [_names("Pass now, failed at the last run:", repaired_ids)] if repaired_ids else []
    return parts + ([_names("Fail now, passed at the last run:", broken_ids)] if broken_ids else [])


def _names(title: str, names: Sequence[str]) -> str:
    suffix = (
        f"\n  … and {len(names) - MAX_SHOWN_NAMES} more" if len(names) > MAX_SHOWN_NAMES else ""
    )
    return title + "".join(f"\n  {name}" for name in names[:MAX_SHOWN_NAMES]) + suffix


def failure_text(test_id: str, result: TestResult, characters: int = MAX_DETAIL_CHARACTERS) -> str:
    """Why one test fails: message, innermost frames, the end of what the runner printed."""
    frames = "".join(f"\n  {f.path}:{f.line} in {f.function}" for f in result.frames[-4:])
    details = result.details[-characters:]
    details_text = f"\n{details}" if details.strip() else ""
    return f"{test_id}: {result.outcome}: {result.message}{frames}{details_text}"


_failure = failure_text
