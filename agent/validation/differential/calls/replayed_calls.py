"""Replayed calls: differential testing of a patch against itself, under test and without tests.

With remote calls the tests run on the base, which may lack what the patch brings (a default value,
a constant, a class). Here they run on the patch, and a second sandbox, which holds the patch and no
test, makes the same calls (differential testing: McKeeman, 1998): what a function returns, raises
and changes in its arguments is compared, for every function of the project that the tests call
themselves. That says whether a patch is right only under test, and nothing more: the patch shares
an interpreter with the tests again, and may have bent what judges it. Agreement here confirms no
test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.patches.changes import FileChange
from agent.validation.differential.instrumentation import ChangedFunction, all_functions
from agent.validation.differential.split_run import SplitRun
from sandbox.languages.python.runners.split.reports import SplitRunReport
from sandbox.languages.python.runners.split.run import CallMode
from sandbox.runners.base import Outcome
from sandbox.source import decode_source_lossless

MAX_INSTRUMENTED_FILES = 100
"""To parse and to rewrite; in a larger project a call is compared further inside."""


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """Objections and agreeing tests of one comparison by replayed calls."""

    objections: tuple[str, ...] = ()
    agreed: frozenset[str] = frozenset()
    """Tests for which every replayed call did the same, as far as could be observed."""


@dataclass(frozen=True, kw_only=True)
class ReplayCheck:
    """Checks candidate patches of one repair by replaying the calls that the tests make."""

    split_run: SplitRun
    guards: tuple[str, ...]
    """Passing tests beside the failing ones, quick ones first."""

    def compare(self, changes: Mapping[str, FileChange], tests: Sequence[str]) -> ReplayResult:
        """Replay the calls of these tests, which pass with the patch. Raises SandboxError for
        infrastructure only."""
        functions = tuple(self._functions(changes))
        first_report = self.split_run.run(tests, CallMode.COMPARISON, functions, changes)
        differing_tests = [test_id for test_id in tests if _differs(first_report, test_id)]
        if differing_tests:
            # What is another each time (an address, a clock) differs by itself.
            second_report = self.split_run.run(
                differing_tests, CallMode.COMPARISON, functions, changes
            )
            differing_tests = [
                test_id
                for test_id in differing_tests
                if _differs(second_report, test_id)
                and second_report.said(test_id).seen == first_report.said(test_id).seen
            ]
        if differing_tests and self._base_differs(functions, differing_tests):
            differing_tests = []
        return ReplayResult(
            objections=tuple(
                f"{test_id}: the patch does something else where no test runs "
                f"({first_report.said(test_id).differs})"
                for test_id in differing_tests
            ),
            agreed=frozenset(test_id for test_id in tests if _agrees(first_report, test_id)),
        )

    def _functions(self, changes: Mapping[str, FileChange]) -> Iterator[ChangedFunction]:
        """Functions of the patched files first, then of the files nearest to them."""
        paths = [p for p, (_, new) in changes.items() if new is not None and p.endswith(".py")]
        for path in self.split_run.nearest(paths)[:MAX_INSTRUMENTED_FILES]:
            base_content, patched_content = (
                changes.get(path) or (self.split_run.base.read(path),) * 2
            )
            try:
                texts = [
                    "" if content is None else decode_source_lossless(content).text
                    for content in (base_content, patched_content)
                ]
                yield from all_functions(path, *texts)
            except (SyntaxError, ValueError, RecursionError):
                continue  # written for another Python, or in no encoding that it names

    def _base_differs(self, functions: tuple[ChangedFunction, ...], targets: Sequence[str]) -> bool:
        """Whether what these functions do depends on where they run without any patch."""
        tests = [*self.guards, *targets]
        report = self.split_run.run_base(tests, CallMode.COMPARISON, functions)
        return any(_differs(report, test_id) for test_id in tests)


def _differs(report: SplitRunReport, test_id: str) -> bool:
    calls = report.said(test_id)
    return bool(calls.differs) and not calls.unsure


def _agrees(report: SplitRunReport, test_id: str) -> bool:
    result, calls = report.report.results.get(test_id), report.said(test_id)
    is_comparable = calls.asked and not (calls.unsure or calls.hidden or calls.differs)
    return result is not None and result.outcome is Outcome.PASSED and bool(is_comparable)
