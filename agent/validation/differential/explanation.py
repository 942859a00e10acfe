"""Whether a behaviour difference explains that a test passes with a patch.

Where a patch changes nothing that the test exercises, it is no repair. The tests run on the base,
without the patch. What they call in the project is answered by a sandbox that holds the patch, and
a third one, which holds the base, is asked the same; plain values of modules and classes are set
as the patch has them. A test that passes there is confirmed. Where no call of one that fails
returns, raises or changes anything else with the patch, and nothing that it reads is another, the
patch cannot explain that it passes with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from agent.patches.changes import FileChange
from agent.patches.oracle_values import Measures, measures_of
from agent.source.names import imported_modules, names_leading_to, spoken_names, words_of
from agent.validation.differential.base_text import base_text
from agent.validation.differential.captured_output import listens
from agent.validation.differential.instrumentation import ChangedFunction, base_functions
from agent.validation.differential.module_state import Difference
from agent.validation.differential.observed_test import ObservedTest
from agent.validation.differential.split_run import SplitRun, fails_with_base
from agent.validation.differential.value_subject import ValueSubject
from sandbox.languages.python.runners.split.messages import Function, MachineQuestions
from sandbox.languages.python.runners.split.reports import CallReport, SplitRunReport
from sandbox.languages.python.runners.split.run import CallMode
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import file_of
from sandbox.source import decode_source_lossless

MAX_INSTRUMENTED_FILES = 100
"""To parse and to rewrite; in a larger project a call is compared further inside."""
BY_VALUE = "it passes by the value of {} alone"
SAME_WITH_BASE = "it passes in this way where the base answers, too"
_SHARED = re.compile(r"scope|set_?[uU]p_?[cC]lass|set_?[uU]p_?[mM]odule|cache")
"""What one test leaves for another."""


@dataclass(frozen=True, kw_only=True)
class ExplanationResult:
    """Which tests pass for a behaviour difference of the patch, and objections for the others."""

    objections: tuple[str, ...] = ()
    confirmed: frozenset[str] = frozenset()
    """Tests that pass on the base once the patch answers."""
    doubts: tuple[str, ...] = ()
    """Why others that pass there are not confirmed."""
    asked: MachineQuestions = field(default_factory=dict)
    """What the patch asked of the machine."""
    base_asked: MachineQuestions = field(default_factory=dict)
    """What the base did, asked the same."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Explains passing tests by behaviour differences between base and patch, for one repair."""

    split_run: SplitRun
    failures: Mapping[str, TestResult]
    """How the tests to repair fail on the base."""

    def ask(
        self,
        changes: Mapping[str, FileChange],
        tests: Sequence[str],
        reached: Mapping[str, frozenset[Function]],
        measures: Mapping[str, Measures],
    ) -> ExplanationResult:
        """Explain each test by a split run. `reached` says which changed functions it comes to on
        the base, of those of which that is known. Raises SandboxError for infrastructure only."""
        functions = tuple(self._functions(changes))
        texts = tuple(base_text(self.split_run.base, path) for path in self._test_files(tests))
        report, differences = self._run(changes, tests, functions, texts)
        observations = self._observe(report, differences, tests, reached, texts)
        is_own = {
            test_id: observations[test_id].passed and not measures.get(test_id) for test_id in tests
        }
        objections = self._objections(
            {test_id: observations[test_id] for test_id in tests if not is_own[test_id]},
            changes,
            measures,
        )
        explanation = ExplanationResult(
            objections=objections, asked=report.asked, base_asked=report.base_asked
        )
        observed_passes = {
            test_id: observations[test_id]
            for test_id in tests
            if is_own[test_id] and not listens(test_id, texts)
        }
        if objections or not observed_passes:
            return explanation
        subject = ValueSubject(functions=functions, texts=texts)
        doubts = self._doubts(observed_passes, subject, tests, functions, differences)
        return replace(
            explanation,
            confirmed=frozenset(observed_passes.keys() - doubts.keys()),
            doubts=tuple(f"{test_id}: {doubt}" for test_id, doubt in doubts.items()),
        )

    def _run(
        self,
        changes: Mapping[str, FileChange],
        tests: Sequence[str],
        functions: Sequence[ChangedFunction],
        texts: Sequence[str],
    ) -> tuple[SplitRunReport, tuple[Difference, ...]]:
        """The split run, and what differs in the modules besides the functions asked for."""
        modules = sorted(self._modules(changes, texts))
        report, differences = self.split_run.run_with_base(tests, functions, changes, modules)
        replacements = {(function.path, function.whole) for function in functions if function.whole}
        paths = self.split_run.module_paths()
        return report, tuple(
            d for d in differences if (paths.get(d.module), d.name) not in replacements
        )

    def _observe(
        self,
        report: SplitRunReport,
        differences: Sequence[Difference],
        tests: Sequence[str],
        reached: Mapping[str, frozenset[Function]],
        texts: Sequence[str],
    ) -> dict[str, ObservedTest]:
        """Test → what was observed of it. Tests that share state are observed together."""
        read_names = frozenset[str]().union(*map(spoken_names, texts))

        @cache
        def words() -> frozenset[str]:
            return frozenset[str]().union(read_names, *map(words_of, self._sources()))

        @cache
        def leading_to(owner: str) -> frozenset[str]:
            return names_leading_to(owner, self._sources())

        shares_state = any(_SHARED.search(text) for text in texts)
        observations = {}
        for test_id in tests:
            calls = _together(report, tests) if shares_state else report.said(test_id)
            observations[test_id] = ObservedTest(
                result=report.report.results.get(test_id),
                calls=replace(calls, unsure=report.said(test_id).unsure),
                differences=differences,
                read_names=read_names,
                words=words,
                leading_to=leading_to,
                reached=_reached(reached, tests if shares_state else [test_id]),
            )
        return observations

    def _objections(
        self,
        observed: Mapping[str, ObservedTest],
        changes: Mapping[str, FileChange],
        measures: Mapping[str, Measures],
    ) -> tuple[str, ...]:
        if any(not path.endswith(".py") for path in changes):
            return ()  # nobody sees who reads a data file
        objections = {
            test_id: test.objection(measures.get(test_id, Measures()), self.failures.get(test_id))
            for test_id, test in observed.items()
        }
        return tuple(f"{test_id}: {why}" for test_id, why in objections.items() if why)

    def _doubts(
        self,
        passing: Mapping[str, ObservedTest],
        subject: ValueSubject,
        tests: Sequence[str],
        functions: Sequence[ChangedFunction],
        differences: Sequence[Difference],
    ) -> dict[str, str]:
        """Why tests that pass here say nothing of the patch's answers: they would pass as well
        where the base gives them."""
        doubts = {}
        for test_id, sight in passing.items():
            values = subject.measured_values(test_id, sight.calls, sight.values_set)
            if values and not sight.calls.differing:
                doubts[test_id] = BY_VALUE.format(values)
                continue
            report = self.split_run.run_base(
                tests, CallMode.EXPLANATION, functions, differences if values else ()
            )
            if not fails_with_base(report, test_id):
                doubts[test_id] = BY_VALUE.format(values) if values else SAME_WITH_BASE
        return doubts

    def test_texts(self, tests: Sequence[str]) -> tuple[str, ...]:
        """Sources of the tests' files, and of those beside them that hold no tests."""
        return tuple(base_text(self.split_run.base, path) for path in self._test_files(tests))

    def measures(
        self, changes: Mapping[str, FileChange], tests: Sequence[str]
    ) -> dict[str, Measures]:
        """Test → patched code and data that serve as its oracle, for tests that use any."""
        texts = {path: base_text(self.split_run.base, path) for path in self.split_run.test_paths()}
        paths = self.split_run.base.entries.keys()
        measures_by_test = {}
        for test_id in tests:
            path = file_of(test_id, paths)
            measures = measures_of(changes, test_id, path or "", texts)
            if measures:
                measures_by_test[test_id] = measures
        return measures_by_test

    def _functions(self, changes: Mapping[str, FileChange]) -> Iterator[ChangedFunction]:
        paths = [p for p, (old, _) in changes.items() if old is not None and p.endswith(".py")]
        for path in self.split_run.nearest(paths)[:MAX_INSTRUMENTED_FILES]:
            base_content, patched_content = (
                changes.get(path) or (self.split_run.base.read(path),) * 2
            )
            try:
                texts = [
                    "" if content is None else decode_source_lossless(content).text
                    for content in (base_content, patched_content)
                ]
                yield from base_functions(path, *texts)
            except (SyntaxError, ValueError, RecursionError):
                continue  # written for another Python, or in no encoding that it names

    def _sources(self) -> Iterator[str]:
        for path in self.split_run.sources():
            yield base_text(self.split_run.base, path)

    def _test_files(self, tests: Sequence[str]) -> list[str]:
        """The files of the tests, and those beside them that hold no tests themselves."""
        paths = self.split_run.base.entries.keys()
        own_paths = {file_of(test_id, paths) for test_id in tests} - {None}
        helpers = [p for p in self.split_run.test_paths() if not _holds_tests(p)]
        return sorted({*(path for path in own_paths if path), *helpers})

    def _modules(self, changes: Mapping[str, FileChange], texts: Iterable[str]) -> set[str]:
        """Of the patched files, and what the tests import of the project."""
        imported_names = {name for text in texts for name in imported_modules(text)}
        return {
            *self.split_run.modules_of(changes),
            *(imported_names & self.split_run.module_paths().keys()),
        }


def _together(report: SplitRunReport, tests: Sequence[str]) -> CallReport:
    """One call report for tests that share state, such as fixtures."""
    all_said = [report.said(test_id) for test_id in tests]
    return CallReport(
        asked=sum(calls.asked for calls in all_said),
        reached=frozenset[Function]().union(*(calls.reached for calls in all_said)),
        reads=frozenset[str]().union(*(calls.reads for calls in all_said)),
        differing=frozenset[Function]().union(*(calls.differing for calls in all_said)),
        spoke_of="\n".join(calls.spoke_of for calls in all_said),
    )


def _reached(
    functions_by_test: Mapping[str, frozenset[Function]], tests: Sequence[str]
) -> frozenset[Function] | None:
    function_sets = [
        functions_by_test[test_id] for test_id in tests if test_id in functions_by_test
    ]
    return frozenset[Function]().union(*function_sets) if len(function_sets) == len(tests) else None


def _holds_tests(path: str) -> bool:
    stem = path.rpartition("/")[2].removesuffix(".py")
    return stem.startswith("test_") or stem.endswith(("_test", "_tests")) or stem == "tests"
