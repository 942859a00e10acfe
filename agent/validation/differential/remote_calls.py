"""A second opinion on a patch: the tests run on the base, its functions in another sandbox.

The patch never shares an interpreter with the tests that judge it. What comes back is plain
data, rebuilt on the tests' side from the base's own classes, so neither an `__eq__` nor a frame
nor a replaced function of the runner comes along; and the patch runs where there is no test
runner, so code that is right only under test is wrong there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.patches.changes import FileChange, decode_source
from agent.patches.oracle_values import Measures
from agent.records import BehaviourDifference
from agent.validation.differential.captured_output import listens
from agent.validation.differential.explanation import Explanation
from agent.validation.differential.generated_calls import behaviour_difference
from agent.validation.differential.instrumentation import Changed, Comparison, compare
from agent.validation.differential.replayed_calls import ReplayCheck, ReplayResult
from agent.validation.differential.split_run import SplitRun
from agent.validation.differential.stable_message import steady
from sandbox.base import Session
from sandbox.languages.python.runners.split import CallMode, Function, SplitRunReport
from sandbox.runners.base import Outcome, TestResult

MAX_GUARDS = 20
"""Passing tests that show on the base whether the functions can be called from elsewhere."""
GUARD_SECONDS = 4.0
MAX_TARGETS = 20
NOTHING = Measures()
_INSPECTS = re.compile(r"\b(signature|getfullargspec|getargspec|__code__|__defaults__)\b")


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What the second run says."""

    objections: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    """Why (some of) the repaired tests prove nothing there; empty when all confirm."""
    confirmed: tuple[str, ...] = ()
    """Repaired tests that pass there, too."""
    spread: BehaviourDifference | None = None
    """How patch and base differ on generated calls; only where nothing is objected."""


@dataclass(kw_only=True)
class RemoteCallCheck:
    """What stays the same over the verdicts of one repair."""

    split_run: SplitRun
    replay: ReplayCheck
    """Asked where no layer before it can confirm a test: it only objects."""
    explanation: Explanation
    """Asked where this layer can say nothing, or a test measures with what the patch changes."""
    failures: Mapping[str, TestResult]
    """How the tests to repair fail on the base."""
    guards: tuple[str, ...]
    """Passing tests beside the failing ones, quick ones first."""
    _trials: dict[tuple[Changed, ...], str] = field(default_factory=dict)

    def opening(
        self, open_session: Callable[[], Session], open_answering: Callable[[], Session]
    ) -> RemoteCallCheck:
        """The same, remembering the same, with its sandboxes opened by these."""
        split_run = replace(
            self.split_run, open_session=open_session, open_answering=open_answering
        )
        return replace(
            self,
            split_run=split_run,
            replay=replace(self.replay, split_run=split_run),
            explanation=replace(self.explanation, split_run=split_run),
        )

    def validate_candidate(
        self, changes: Mapping[str, FileChange], targets: Sequence[str], test_text: str
    ) -> CheckResult:
        """Take the second opinion on a patch that the tests accept. `test_text` is the source
        of the repaired tests' files. Raises SandboxError for infrastructure only."""
        asked = list(targets)[:MAX_TARGETS]
        rest = tuple(f"{test_id}: there are too many to ask" for test_id in targets[len(asked) :])
        reached: dict[str, frozenset[Function]] = {}
        try:
            compared = self._compare(changes)
        except (SyntaxError, ValueError, RecursionError):
            opinion = CheckResult(unsure=("a changed file does not parse here",))
        else:
            opinion, reached = self._answers(changes, compared, asked, test_text)
        if not opinion.objections:
            opinion = self._explained(changes, opinion, asked, reached)
        return replace(opinion, unsure=(*opinion.unsure, *rest))

    def _explained(
        self,
        changes: Mapping[str, FileChange],
        opinion: CheckResult,
        asked: Sequence[str],
        reached: Mapping[str, frozenset[Function]],
    ) -> CheckResult:
        """Those that are not confirmed, or measure with what is changed, are looked at again."""
        measures = self.explanation.measures(changes, asked)
        examples = [test_id for test_id in asked if measures.get(test_id, NOTHING).examples]
        if examples:
            why = f"{examples[0]}: the patch changes the examples that are the test"
            return replace(opinion, objections=(why,), unsure=())
        open_ones = [t for t in asked if t not in opinion.confirmed or t in measures]
        if not open_ones:
            return opinion
        found = self.explanation.ask(changes, open_ones, reached, measures)
        if found.objections:
            return replace(opinion, objections=found.objections, unsure=(), spread=None)
        said = [
            f"{test_id}: the patch changes what it measures with ({one.named})"
            for test_id, one in measures.items()
        ]
        confirmed = {*opinion.confirmed, *found.confirmed} - measures.keys()
        left = [test_id for test_id in open_ones if test_id not in confirmed]
        heard = self.replay.compare(changes, left) if left else ReplayResult()
        return replace(
            opinion,
            objections=heard.objections,
            unsure=(*said, *_still(opinion.unsure, [t for t in left if t not in measures])),
            confirmed=tuple(sorted(confirmed)),
        )

    def _answers(
        self,
        changes: Mapping[str, FileChange],
        compared: Sequence[Comparison],
        asked: Sequence[str],
        test_text: str,
    ) -> tuple[CheckResult, dict[str, frozenset[Function]]]:
        """The tests on the base, answered by the patch, and which changed functions each comes
        to, where that is known."""
        functions = tuple(one for each in compared for one in each.functions)
        if not functions:
            why = "no function is changed that could be called from elsewhere"
            return CheckResult(unsure=(why,)), dict.fromkeys(asked, frozenset())
        report = self.split_run.run(asked, CallMode.ANSWER, functions, changes)
        others = "\n".join(
            decode_source(self.split_run.base.read(path)).text
            for path in self.split_run.sources()
            if path not in changes
        )
        reached = {t: report.said(t).reached for t in asked if t in report.calls}
        opinion = _opinion(report, asked, _doubts(compared, test_text, others), test_text)
        if opinion.objections:
            why = self._not_usable(functions, asked)
            return (CheckResult(unsure=(why,)) if why else opinion), reached
        place = self.split_run
        spread = behaviour_difference(report.questions, changes, place.open_session, place.setup)
        return replace(opinion, spread=spread), reached

    def _compare(self, changes: Mapping[str, FileChange]) -> list[Comparison]:
        return [
            compare(path, decode_source(old).text, decode_source(new).text)
            for path, (old, new) in sorted(changes.items())
            if old is not None and new is not None and path.endswith(".py")
        ]

    def _not_usable(self, functions: tuple[Changed, ...], targets: Sequence[str]) -> str:
        """Why these functions cannot be called from elsewhere; empty when they can.

        Asked of the base, and only where a patch would be refused: called from elsewhere, tests
        that pass must pass, and those to repair must fail as they do in one place.
        """
        if functions not in self._trials:
            report = self.split_run.run([*self.guards, *targets], CallMode.ANSWER, functions, {})
            self._trials[functions] = self._trial(functions[0].key[0], report)
        return self._trials[functions]

    def _trial(self, name: str, report: SplitRunReport) -> str:
        for test_id, result in report.report.results.items():
            calls = report.said(test_id)
            if calls.foreign:
                return f"the base's own `{name}` answers with {calls.foreign}"
            if not calls.asked or calls.unsure:
                continue
            before = self.failures.get(test_id)
            if before is None and result.outcome is Outcome.PASSED:
                continue
            if before is None or steady(before.message) != steady(result.message):
                said = result.message[:100]
                return f"the base's own `{name}` differs when called from elsewhere ({said})"
        return ""


def quick(tests: Sequence[str], seconds: Mapping[str, float]) -> tuple[str, ...]:
    """As many tests as fit into the time of the guards, quick ones first."""
    chosen: list[str] = []
    spent = 0.0
    for test_id in sorted(tests, key=lambda test_id: seconds.get(test_id, 1.0))[:MAX_GUARDS]:
        spent += seconds.get(test_id, 1.0)
        if spent > GUARD_SECONDS:
            break
        chosen.append(test_id)
    return tuple(chosen)


def _still(unsure: Sequence[str], left: Sequence[str]) -> list[str]:
    """Why each of these tests is not confirmed: exactly one sentence for each."""
    common = [why for why in unsure if "::" not in why]
    found = []
    for test_id in left:
        own = [why for why in unsure if why.startswith(f"{test_id}: ")]
        found += own[:1] or [f"{test_id}: {(common or ['it was not confirmed'])[0]}"]
    return found


def _doubts(compared: Sequence[Comparison], test_text: str, others: str) -> tuple[str, ...]:
    """Changes that the base, on the tests' side, cannot show. `others` is the text of the files
    that the patch leaves alone."""
    words = frozenset(re.findall(r"\w+", test_text))
    far = words | frozenset(re.findall(r"\w+", others))
    found = [doubt for one in compared for doubt in one.doubts]
    if _INSPECTS.search(test_text) or _INSPECTS.search(others):
        names = [name for one in compared for name in one.reshaped]
        found += [f"`{name}` may be inspected, and is defined in another way" for name in names]
    for one in compared:
        used = {n for n in one.added if n in words or (n.startswith("__") and n.endswith("__"))}
        found += [f"the tests use `{name}`, which the patch adds" for name in sorted(used)]
        moved = sorted(one.rebound & far)
        found += [f"`{name}` changes outside of functions" for name in moved]
    return tuple(found)


def _opinion(
    report: SplitRunReport, targets: Sequence[str], doubts: tuple[str, ...], test_text: str
) -> CheckResult:
    objections, unsure, confirmed = [], [], []
    exits = "SystemExit" in test_text
    for test_id in targets:
        result = report.report.results.get(test_id)
        outcome = None if result is None else result.outcome
        calls = report.said(test_id)
        why = [*calls.unsure, *doubts]
        if calls.foreign:
            objections.append(f"{test_id} is answered with {calls.foreign}")
            continue
        if outcome is Outcome.PASSED and listens(test_id, test_text):
            unsure.append(f"{test_id}: it listens for what is printed, logged or warned of")
        elif outcome is Outcome.PASSED:
            confirmed.append(test_id)
        elif outcome in (None, Outcome.TIMED_OUT, Outcome.CRASHED):
            unsure.append(f"{test_id}: the tests' side did not come to an end")
        elif exits and result is not None and result.message.startswith("Gone: left: SystemExit"):
            unsure.append(f"{test_id}: a function ends the program, as the tests expect")
        elif why or not calls.asked:
            unsure.append(f"{test_id}: {why[0] if why else 'it called none of the functions'}")
        else:
            objections.append(_sentence(test_id, result))
    return CheckResult(
        objections=tuple(objections), unsure=tuple(unsure), confirmed=tuple(confirmed)
    )


def _sentence(test_id: str, result: TestResult | None) -> str:
    said = "" if result is None else f": {result.message[:200]}"
    return f"{test_id} passes only where the patch runs together with the tests{said}"
