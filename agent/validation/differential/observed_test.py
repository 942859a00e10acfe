"""What was observed of one test in the split run, and whether the patch explains that it passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.patches.oracle_values import Measures
from agent.validation.differential.module_state import Difference
from agent.validation.differential.stable_message import steady
from sandbox.languages.python.runners.split.messages import Function
from sandbox.languages.python.runners.split.reports import CallReport
from sandbox.runners.base import FAILING, Outcome, TestResult

_UNSEEN = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec")
"""Code of the project may run where nobody looks."""
MEASURES = "the patch changes nothing that the test exercises, only what it measures with ({})"
UNEXPLAINED = (
    "nothing that the test calls or reads is another with the patch, which cannot explain that it "
    "passes"
)


@dataclass(frozen=True, kw_only=True)
class ObservedTest:
    """Observations of one test in the split run."""

    result: TestResult | None
    calls: CallReport
    differences: Sequence[Difference]
    read_names: frozenset[str]
    """Names that the test's files speak of."""
    words: Callable[[], frozenset[str]]
    """Those that stand in any file of the base."""
    leading_to: Callable[[str], frozenset[str]]
    """A class → names of its instances and of the classes below it."""
    reached: frozenset[Function] | None
    """Changed functions that it comes to on the base; None where that is not known."""

    @property
    def passed(self) -> bool:
        """Whether the test passes on the base through answers or values of the patch."""
        is_passed = self.result is not None and self.result.outcome is Outcome.PASSED
        return (
            is_passed and not self.calls.foreign and bool(self.calls.differing or self.values_set)
        )

    @property
    def values_set(self) -> frozenset[str]:
        """Names of plain values of the patch that the test's files speak of."""
        return frozenset(d.last for d in self._values(self.read_names) if d.literal is not None)

    def objection(self, measure: Measures, base_result: TestResult | None) -> str:
        """Why the patch cannot explain that the test passes; empty where it may."""
        if self.result is None or self.result.outcome in (Outcome.TIMED_OUT, Outcome.CRASHED):
            return ""
        if any(word in doubt for doubt in self.calls.unsure for word in _UNSEEN):
            return ""
        if measure:
            as_before = not self.calls.unsure
        else:
            as_before = not self.calls.unsure and _fails_as(base_result, self.result)
        functions, values = self.calls.differing, self._values(self.read_names | self.calls.reads)
        if not as_before:
            # What comes later in the test was not seen: then all counts that it may come to.
            if self.reached is None:
                return ""
            functions |= self.calls.reached | self.reached
            values = self._values(self.words())
        elif not measure:
            values = [difference for difference in values if difference.literal is None]
        if (
            functions - measure.functions
            or {difference.last for difference in values} - measure.values
        ):
            return ""
        return MEASURES.format(measure.named) if measure else UNEXPLAINED

    def _values(self, names: frozenset[str]) -> list[Difference]:
        return [
            difference for difference in self.differences if self._is_observable(difference, names)
        ]

    def _is_observable(self, difference: Difference, names: frozenset[str]) -> bool:
        """Whether a test that reads these names can observe the difference."""
        if not difference.name:
            return True  # a module that only one side can import
        if not difference.special:
            return difference.last in names or "*" in names
        if (
            not difference.owner
            or difference.owner in names
            or f'"{difference.owner}"' in self.calls.spoke_of
        ):
            return True
        # `copy(missing)` looks for a method of `_Missing`, and names neither.
        return bool(self.leading_to(difference.owner) & names)


def _fails_as(base_result: TestResult | None, result: TestResult) -> bool:
    if result.outcome not in FAILING:
        return False
    return base_result is None or steady(base_result.message) == steady(result.message)
