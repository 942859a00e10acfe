"""Check by remote calls: the tests run on the base, the patched functions in another sandbox.

The patch never shares an interpreter with the tests that judge it. What comes back is plain
data, rebuilt on the tests' side from the base's own classes, so neither an `__eq__` nor a frame
nor a replaced function of the runner comes along; and the patch runs where there is no test
runner, so code that is right only under test is wrong there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from agent.patches.changes import FileChange
from agent.patches.oracle_values import Measures
from agent.records import BehaviourDifference
from agent.validation.differential.base_text import base_text
from agent.validation.differential.calls.generated_calls import behaviour_difference
from agent.validation.differential.calls.replayed_calls import ReplayCheck, ReplayResult
from agent.validation.differential.captured_output import listens
from agent.validation.differential.explanation import SAME_WITH_BASE, Explanation
from agent.validation.differential.instrumentation import ChangedFunction, FileComparison, compare
from agent.validation.differential.machine_questions import (
    MAX_SHOWN,
    joined,
    newly_asked,
    sentences_of,
    unseen_sentences,
)
from agent.validation.differential.split_run import SplitRun, fails_with_base
from agent.validation.differential.stable_message import steady
from sandbox.base import Session
from sandbox.languages.python.runners.split.messages import Function, MachineQuestions
from sandbox.languages.python.runners.split.reports import SplitRunReport
from sandbox.languages.python.runners.split.run import CallMode
from sandbox.runners.base import Outcome, TestResult
from sandbox.source import decode_source_lossless

MAX_CHECKED_TESTS = 20
MAX_SECONDS_BESIDE = 20.0
"""For passing tests to ask the patch; one without a turn says nothing."""
APART = "passes only where the patch runs together with the tests"
NO_MEASURES = Measures()
LISTENS = "it listens for what is printed, logged or warned of"
_INSPECTS = re.compile(r"\b(signature|getfullargspec|getargspec|__code__|__defaults__)\b")


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """Objections, doubts and confirmed tests of one check of a candidate patch."""

    objections: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    """Why (some of) the repaired tests prove nothing there; empty when all confirm."""
    confirmed: tuple[str, ...] = ()
    """Repaired tests that pass there, too."""
    spread: BehaviourDifference | None = None
    """How patch and base differ on generated calls; only where nothing is objected."""
    asked: MachineQuestions = field(default_factory=dict)
    """What the patch asked of the machine where it answered."""
    base_asked: MachineQuestions = field(default_factory=dict)
    """What the base did on the same calls."""
    apart: tuple[str, ...] = ()
    """Sentences on passing tests that fail where the patch answers from elsewhere."""
    unseen: tuple[str, ...] = ()
    """Sentences on what it asks by its text where nobody saw it run."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the patch newly asks the machine for."""
        return (*sentences_of(self.asked, self.base_asked), *self.apart, *self.unseen)


@dataclass(frozen=True, kw_only=True)
class RemoteCallCheck:
    """Checks candidate patches of one repair by remote calls from the tests to the patch."""

    split_run: SplitRun
    replay: ReplayCheck
    """Run where no layer before it can confirm a test: it only objects."""
    explanation: Explanation
    """Asked where this layer can say nothing, or a test measures with what the patch changes."""
    failures: Mapping[str, TestResult]
    """How the tests to repair fail on the base."""
    guards: tuple[str, ...]
    """Passing tests beside the failing ones, quick ones first."""

    def opening(
        self, open_session: Callable[[], Session], open_answering: Callable[[], Session]
    ) -> RemoteCallCheck:
        """A check with other sandboxes that shares this one's results on the base."""
        split_run = replace(
            self.split_run, open_session=open_session, open_answering=open_answering
        )
        return replace(
            self,
            split_run=split_run,
            replay=replace(self.replay, split_run=split_run),
            explanation=replace(self.explanation, split_run=split_run),
        )

    def check(
        self, changes: Mapping[str, FileChange], targets: Sequence[str], test_text: str
    ) -> CheckResult:
        """Check a patch that the tests accept by remote calls. `test_text` is the source
        of the repaired tests' files. Raises SandboxError for infrastructure only."""
        checked_tests = list(targets)[:MAX_CHECKED_TESTS]
        skip_reasons = tuple(
            f"{test_id}: there are too many to ask" for test_id in targets[len(checked_tests) :]
        )
        reached_by_test: dict[str, frozenset[Function]] = {}
        replacement_doubt = ""
        try:
            comparisons = self._compare(changes)
        except (SyntaxError, ValueError, RecursionError):
            result = CheckResult(unsure=("a changed file does not parse here",))
        else:
            result, reached_by_test = self._remote_call_result(
                changes, comparisons, checked_tests, test_text
            )
            replacement_doubt = self._replaced(comparisons, test_text)
        if not result.objections:
            result = self._with_explanation(
                changes, result, checked_tests, reached_by_test, replacement_doubt
            )
        reached = {name for names in reached_by_test.values() for _, name in names}
        unseen = islice(unseen_sentences(changes, reached, result.asked), MAX_SHOWN)
        return replace(result, unsure=(*result.unsure, *skip_reasons), unseen=tuple(unseen))

    def _with_explanation(
        self,
        changes: Mapping[str, FileChange],
        result: CheckResult,
        tests: Sequence[str],
        reached_by_test: Mapping[str, frozenset[Function]],
        replaced: str,
    ) -> CheckResult:
        """The result after explanation and replayed calls of tests that are not confirmed, or whose
        oracle is changed. Where a name that is `replaced` was not asked, none is."""
        measures = self.explanation.measures(changes, tests)
        examples = [test_id for test_id in tests if measures.get(test_id, NO_MEASURES).examples]
        if examples:
            objection = f"{examples[0]}: the patch changes the examples that are the test"
            return replace(result, objections=(objection,), unsure=())
        unconfirmed_tests = [
            t for t in tests if t not in result.confirmed or t in measures or replaced
        ]
        if not unconfirmed_tests:
            return result
        explanation = self.explanation.ask(changes, unconfirmed_tests, reached_by_test, measures)
        if explanation.objections:
            return replace(result, objections=explanation.objections, unsure=(), spread=None)
        result = replace(
            result,
            asked=joined(result.asked, explanation.asked),
            base_asked=joined(result.base_asked, explanation.base_asked),
        )
        doubts = [
            f"{test_id}: the patch changes what it measures with ({measure.named})"
            for test_id, measure in measures.items()
        ]
        if replaced:
            result = replace(
                result, confirmed=(), unsure=(*(f"{t}: {replaced}" for t in tests), *result.unsure)
            )
            explanation = replace(explanation, confirmed=frozenset())
        confirmed_tests = {*result.confirmed, *explanation.confirmed} - measures.keys()
        remainder = [test_id for test_id in unconfirmed_tests if test_id not in confirmed_tests]
        replay_result = self.replay.compare(changes, remainder) if remainder else ReplayResult()
        return replace(
            result,
            objections=replay_result.objections,
            unsure=(
                *doubts,
                *_unconfirmed_sentences(
                    (*result.unsure, *explanation.doubts)
                    if replaced
                    else (*explanation.doubts, *result.unsure),
                    [t for t in remainder if t not in measures],
                ),
            ),
            confirmed=tuple(sorted(confirmed_tests)),
        )

    def _remote_call_result(
        self,
        changes: Mapping[str, FileChange],
        comparisons: Sequence[FileComparison],
        tests: Sequence[str],
        test_text: str,
    ) -> tuple[CheckResult, dict[str, frozenset[Function]]]:
        """The result of the tests on the base with calls answered by the patch, and which changed
        functions each comes to, where that is known."""
        functions = tuple(
            function for comparison in comparisons for function in comparison.functions
        )
        if not functions:
            reason = "no function is changed that could be called from elsewhere"
            return CheckResult(unsure=(reason,)), dict.fromkeys(tests, frozenset())
        report = self.split_run.run(tests, CallMode.ANSWER, functions, changes)
        other_text = self._other_text(changes.keys())
        reached_by_test = {t: report.said(t).reached for t in tests if t in report.calls}
        result = _check_result(
            report, tests, _doubts(comparisons, test_text, other_text), test_text
        )
        if result.objections:
            reason = self._not_usable(functions, tests)
            return (CheckResult(unsure=(reason,)) if reason else result), reached_by_test
        result = self._told_apart(result, functions, tests)
        split_run = self.split_run
        calls = behaviour_difference(
            report.questions, changes, split_run.open_session, split_run.setup, report.asked
        )
        beside = self._run_beside(functions, reached_by_test, changes)
        questions = joined(report.asked, calls.asked, {} if beside is None else beside.asked)
        base_asked, apart = calls.base_asked, _failed_apart(beside)
        if apart or newly_asked(questions, base_asked):  # calls that cannot be repeated
            base_run = self._base_run(functions, tests)
            base_asked = joined(base_asked, base_run.asked)
            apart = {t: sentence for t, sentence in apart.items() if _passed(base_run, t)}
        if beside is not None:
            reached_by_test |= {t: beside.said(t).reached for t in beside.calls}
        result = replace(result, apart=tuple(islice(apart.values(), MAX_SHOWN)))
        return (
            replace(result, spread=calls.difference, asked=questions, base_asked=base_asked),
            reached_by_test,
        )

    def _run_beside(
        self,
        functions: Sequence[ChangedFunction],
        reached_by_test: Mapping[str, frozenset[Function]],
        changes: Mapping[str, FileChange],
    ) -> SplitRunReport | None:
        """The run in which the patch answers passing tests, where it changes a function to which no
        failing test comes; None where there is none."""
        reached = frozenset[Function]().union(*reached_by_test.values())
        changed = {(function.path, function.name) for function in functions if function.changed}
        if not self.guards or changed <= reached:
            return None
        return self.split_run.run(
            self.guards, CallMode.ANSWER, functions, changes, max_seconds=MAX_SECONDS_BESIDE
        )

    def _replaced(self, comparisons: Sequence[FileComparison], test_text: str) -> str:
        """A sentence about names that the tests or other files use, and that stand for something
        else with the patch; empty where there are none."""
        paths = {comparison.path for comparison in comparisons}
        if not any(comparison.replaced for comparison in comparisons):
            return ""
        other_text = self._other_text(paths)
        words = frozenset(re.findall(r"\w+", f"{test_text}\n{other_text}"))
        packages = {name.partition(".")[0] for name in self.split_run.module_paths()}
        names = [
            name
            for comparison in comparisons
            for name in comparison.replaced.among(words, packages)
        ]
        return f"`{names[0]}` stands for something else with the patch" if names else ""

    def _other_text(self, changed_paths: Collection[str]) -> str:
        """The text of the files that the patch leaves alone."""
        return "\n".join(
            base_text(self.split_run.base, path)
            for path in self.split_run.sources()
            if path not in changed_paths
        )

    def _compare(self, changes: Mapping[str, FileChange]) -> list[FileComparison]:
        return [
            compare(path, decode_source_lossless(old).text, decode_source_lossless(new).text)
            for path, (old, new) in sorted(changes.items())
            if old is not None and new is not None and path.endswith(".py")
        ]

    def _told_apart(
        self, result: CheckResult, functions: tuple[ChangedFunction, ...], tests: Sequence[str]
    ) -> CheckResult:
        """The result without tests that pass in this way where the base answers, too.

        What a call leaves behind (a file, a variable, a handler) and whether it gives out the
        same object twice does not cross: a test of that is green here whatever the patch does.
        """
        texts = self.explanation.test_texts(tests)
        reasons = {t: LISTENS for t in result.confirmed if listens(t, texts)}
        if len(reasons) < len(result.confirmed):
            report = self.split_run.run_base(tests, CallMode.ANSWER, functions)
            for test_id in result.confirmed:
                if test_id not in reasons and not fails_with_base(report, test_id):
                    reasons[test_id] = SAME_WITH_BASE
        return replace(
            result,
            confirmed=tuple(t for t in result.confirmed if t not in reasons),
            unsure=(*result.unsure, *(f"{t}: {reason}" for t, reason in reasons.items())),
        )

    def _not_usable(self, functions: tuple[ChangedFunction, ...], targets: Sequence[str]) -> str:
        """Why these functions cannot be called remotely; empty when they can.

        Asked of the base, and only where a patch would be refused: with remote calls, tests
        that pass must pass, and those to repair must fail as they do in one place.
        """
        return self._trial(functions[0].key[0], self._base_run(functions, targets))

    def _base_run(
        self, functions: tuple[ChangedFunction, ...], targets: Sequence[str]
    ) -> SplitRunReport:
        """The run in which the base answers itself."""
        tests = [*self.guards, *targets]
        return self.split_run.run_base(tests, CallMode.ANSWER, functions)

    def _trial(self, name: str, report: SplitRunReport) -> str:
        for test_id, result in report.report.results.items():
            calls = report.said(test_id)
            if calls.foreign:
                return f"the base's own `{name}` answers with {calls.foreign}"
            if not calls.asked or calls.unsure:
                continue
            base_result = self.failures.get(test_id)
            if base_result is None and result.outcome is Outcome.PASSED:
                continue
            if base_result is None or steady(base_result.message) != steady(result.message):
                message = result.message[:100]
                return f"the base's own `{name}` differs when called from elsewhere ({message})"
        return ""


def _unconfirmed_sentences(unsure: Sequence[str], tests: Sequence[str]) -> list[str]:
    """Why each of these tests is not confirmed: exactly one sentence for each."""
    common = [doubt for doubt in unsure if "::" not in doubt]
    sentences = []
    for test_id in tests:
        own_doubts = [doubt for doubt in unsure if doubt.startswith(f"{test_id}: ")]
        sentences += own_doubts[:1] or [f"{test_id}: {(common or ['it was not confirmed'])[0]}"]
    return sentences


def _doubts(
    comparisons: Sequence[FileComparison], test_text: str, other_text: str
) -> tuple[str, ...]:
    """Changes that the base, on the tests' side, cannot show. `other_text` is the text of the files
    that the patch leaves alone."""
    words = frozenset(re.findall(r"\w+", test_text))
    all_words = words | frozenset(re.findall(r"\w+", other_text))
    doubts = [doubt for comparison in comparisons for doubt in comparison.doubts]
    if _INSPECTS.search(test_text) or _INSPECTS.search(other_text):
        names = [name for comparison in comparisons for name in comparison.reshaped]
        doubts += [f"`{name}` may be inspected, and is defined in another way" for name in names]
    for comparison in comparisons:
        used_names = {
            n for n in comparison.added if n in words or (n.startswith("__") and n.endswith("__"))
        }
        doubts += [f"the tests use `{name}`, which the patch adds" for name in sorted(used_names)]
        moved_names = sorted(comparison.rebound & all_words)
        doubts += [f"`{name}` changes outside of functions" for name in moved_names]
    return tuple(doubts)


def _check_result(
    report: SplitRunReport, targets: Sequence[str], doubts: tuple[str, ...], test_text: str
) -> CheckResult:
    objections, unsure, confirmed_tests = [], [], []
    exits = "SystemExit" in test_text
    for test_id in targets:
        result = report.report.results.get(test_id)
        outcome = None if result is None else result.outcome
        calls = report.said(test_id)
        reasons = [*calls.unsure, *doubts]
        if calls.foreign:
            objections.append(f"{test_id} is answered with {calls.foreign}")
            continue
        if outcome is Outcome.PASSED:
            confirmed_tests.append(test_id)
        elif outcome in (None, Outcome.TIMED_OUT, Outcome.CRASHED):
            unsure.append(f"{test_id}: {_no_end(outcome, report)}")
        elif exits and result is not None and result.message.startswith("Gone: left: SystemExit"):
            unsure.append(f"{test_id}: a function ends the program, as the tests expect")
        elif reasons or not calls.asked:
            unsure.append(
                f"{test_id}: {reasons[0] if reasons else 'it called none of the functions'}"
            )
        else:
            objections.append(_sentence(test_id, result))
    return CheckResult(
        objections=tuple(objections), unsure=tuple(unsure), confirmed=tuple(confirmed_tests)
    )


def _no_end(outcome: Outcome | None, report: SplitRunReport) -> str:
    """Why the tests' side has no result of a test that says something."""
    if outcome is Outcome.TIMED_OUT:
        return "it ran out of time where its calls are answered from elsewhere"
    if outcome is Outcome.CRASHED:
        return "its process crashed where its calls are answered from elsewhere"
    if not report.report.finished:
        return "the run in which calls are answered from elsewhere ended before it"
    return "it was not run where its calls are answered from elsewhere"


def _sentence(test_id: str, result: TestResult | None) -> str:
    failure = "" if result is None else f": {result.message[:200]}"
    return f"{test_id} {APART}{failure}"


def _failed_apart(report: SplitRunReport | None) -> dict[str, str]:
    """Passing tests that come to functions of the patch, and fail there or are answered with what
    cannot cross, and a sentence on each."""
    sentences: dict[str, str] = {}
    if report is None:
        return sentences
    for test_id, result in report.report.results.items():
        calls = report.said(test_id)
        if reason := calls.foreign or next(iter(calls.unsure), ""):
            sentences[test_id] = f"{test_id} is answered with what cannot be judged: {reason}"
        elif calls.asked and result.outcome in (Outcome.FAILED, Outcome.ERROR):
            sentences[test_id] = f"{test_id} {APART}"
    return sentences


def _passed(report: SplitRunReport, test_id: str) -> bool:
    result = report.report.results.get(test_id)
    calls = report.said(test_id)
    is_clear = not calls.foreign and not calls.unsure
    return result is not None and result.outcome is Outcome.PASSED and is_clear
