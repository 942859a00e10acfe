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

from agent.elsewhere import Elsewhere
from agent.generalise import spread_of
from agent.job import Spread
from agent.patch import FileChange, decode_source
from agent.proxies import Changed, Comparison, compare
from agent.witness import Witness
from sandbox.base import Session
from sandbox.runners.apart import ApartReport, Asked
from sandbox.runners.base import Outcome, TestResult

MOST_GUARDS = 20
"""Passing tests that show on the base whether the functions can be called from elsewhere."""
GUARD_SECONDS = 4.0
MOST_TARGETS = 20


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What the second run says."""

    objections: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    """Why (some of) the repaired tests prove nothing there; empty when all confirm."""
    confirmed: tuple[str, ...] = ()
    """Repaired tests that pass there, too."""
    spread: Spread | None = None
    """How patch and base differ on generated calls; only where nothing is objected."""


@dataclass(kw_only=True)
class Apart:
    """What stays the same over the verdicts of one repair."""

    elsewhere: Elsewhere
    witness: Witness
    """Asked where this layer can say nothing."""
    failures: Mapping[str, TestResult]
    """How the tests to repair fail on the base."""
    guards: tuple[str, ...]
    """Passing tests beside the failing ones, quick ones first."""
    _trials: dict[tuple[Changed, ...], str] = field(default_factory=dict)

    def opening(
        self, open_session: Callable[[], Session], open_elsewhere: Callable[[], Session]
    ) -> Apart:
        """The same, remembering the same, with its sandboxes opened by these."""
        elsewhere = replace(
            self.elsewhere, open_session=open_session, open_elsewhere=open_elsewhere
        )
        return replace(
            self, elsewhere=elsewhere, witness=replace(self.witness, elsewhere=elsewhere)
        )

    def judge(
        self, changes: Mapping[str, FileChange], targets: Sequence[str], test_text: str
    ) -> Opinion:
        """Take the second opinion on a patch that the tests accept. `test_text` is the source
        of the repaired tests' files. Raises SandboxError for infrastructure only."""
        try:
            compared = self._compare(changes)
        except (SyntaxError, ValueError, RecursionError):
            return Opinion(unsure=("a changed file does not parse here",))
        asked = list(targets)[:MOST_TARGETS]
        opinion = self._answers(changes, compared, asked, test_text)
        if opinion.objections or not opinion.unsure:
            return opinion
        rest = [test_id for test_id in asked if test_id not in opinion.confirmed]
        heard = self.witness.hear(changes, rest)
        left = set(rest) - heard.agreed
        return replace(
            opinion,
            objections=heard.objections,
            unsure=tuple(
                why
                for why in opinion.unsure
                if left and not any(why.startswith(f"{one}: ") for one in heard.agreed)
            ),
            confirmed=(*opinion.confirmed, *sorted(heard.agreed)),
        )

    def _answers(
        self,
        changes: Mapping[str, FileChange],
        compared: Sequence[Comparison],
        asked: Sequence[str],
        test_text: str,
    ) -> Opinion:
        """The tests on the base, answered by the patch."""
        functions = tuple(one for each in compared for one in each.functions)
        if not functions:
            return Opinion(unsure=("no function is changed that could be called from elsewhere",))
        report = self.elsewhere.run(asked, Asked.ANSWER, functions, changes)
        others = "\n".join(
            decode_source(self.elsewhere.base.read(path)).text
            for path in self.elsewhere.sources()
            if path not in changes
        )
        opinion = _opinion(report, asked, _doubts(compared, test_text, others))
        if opinion.objections:
            why = self._not_usable(functions, asked)
            return Opinion(unsure=(why,)) if why else opinion
        place = self.elsewhere
        spread = spread_of(report.questions, changes, place.open_session, place.setup)
        return replace(opinion, spread=spread)

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
            report = self.elsewhere.run([*self.guards, *targets], Asked.ANSWER, functions, {})
            self._trials[functions] = self._trial(functions[0].key[0], report)
        return self._trials[functions]

    def _trial(self, name: str, report: ApartReport) -> str:
        for test_id, result in report.report.results.items():
            calls = report.said(test_id)
            if calls.foreign:
                return f"the base's own `{name}` answers with {calls.foreign}"
            if not calls.asked or calls.unsure:
                continue
            before = self.failures.get(test_id)
            if before is None and result.outcome is Outcome.PASSED:
                continue
            if before is None or _steady(before.message) != _steady(result.message):
                said = result.message[:100]
                return f"the base's own `{name}` differs when called from elsewhere ({said})"
        return ""


def quick(tests: Sequence[str], seconds: Mapping[str, float]) -> tuple[str, ...]:
    """As many tests as fit into the time of the guards, quick ones first."""
    chosen: list[str] = []
    spent = 0.0
    for test_id in sorted(tests, key=lambda test_id: seconds.get(test_id, 1.0))[:MOST_GUARDS]:
        spent += seconds.get(test_id, 1.0)
        if spent > GUARD_SECONDS:
            break
        chosen.append(test_id)
    return tuple(chosen)


def _steady(message: str) -> str:
    """Without what is another in each process."""
    return re.sub(r"0x[0-9a-f]+", "0x", message)


def _doubts(compared: Sequence[Comparison], test_text: str, others: str) -> tuple[str, ...]:
    """Changes that the base, on the tests' side, cannot show. `others` is the text of the files
    that the patch leaves alone."""
    words = frozenset(re.findall(r"\w+", test_text))
    far = words | frozenset(re.findall(r"\w+", others))
    found = [doubt for one in compared for doubt in one.doubts]
    for one in compared:
        used = {n for n in one.added if n in words or (n.startswith("__") and n.endswith("__"))}
        found += [f"the tests use `{name}`, which the patch adds" for name in sorted(used)]
        moved = sorted(one.rebound & far)
        found += [f"`{name}` changes outside of functions" for name in moved]
    return tuple(found)


def _opinion(report: ApartReport, targets: Sequence[str], doubts: tuple[str, ...]) -> Opinion:
    objections, unsure, confirmed = [], [], []
    for test_id in targets:
        result = report.report.results.get(test_id)
        outcome = None if result is None else result.outcome
        calls = report.said(test_id)
        why = [*calls.unsure, *doubts]
        if calls.foreign:
            objections.append(f"{test_id} is answered with {calls.foreign}")
            continue
        if outcome is Outcome.PASSED:
            confirmed.append(test_id)
        elif outcome in (None, Outcome.TIMED_OUT, Outcome.CRASHED):
            unsure.append(f"{test_id}: the tests' side did not come to an end")
        elif why or not calls.asked:
            unsure.append(f"{test_id}: {why[0] if why else 'it called none of the functions'}")
        else:
            objections.append(_sentence(test_id, result))
    return Opinion(objections=tuple(objections), unsure=tuple(unsure), confirmed=tuple(confirmed))


def _sentence(test_id: str, result: TestResult | None) -> str:
    said = "" if result is None else f": {result.message[:200]}"
    return f"{test_id} passes only where the patch runs together with the tests{said}"
