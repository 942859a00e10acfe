"""What tests whose calls were answered elsewhere came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.languages.python.runners.split.messages import Function, MachineQuestions, Message
from sandbox.runners.base import TestReport


@dataclass(frozen=True, kw_only=True)
class CallReport:
    """What one test's result says of the calls that crossed."""

    asked: int = 0
    """How many did."""
    unsure: tuple[str, ...] = ()
    """Why the result proves nothing; empty when it does."""
    foreign: str = ""
    """What came back that compares by rules of its own, unknown to the base."""
    hidden: str = ""
    """What of the compared values nobody can see."""
    differs: str = ""
    """How the two sides differed."""
    seen: str = ""
    """Digest of what the functions did on the tests' side."""
    reached: frozenset[Function] = frozenset()
    """Functions that the patch changes and the test came to, as far as that was seen."""
    reads: frozenset[str] = frozenset()
    """Names looked up by functions that had to run on the tests' side."""
    differing: frozenset[Function] = frozenset()
    """Functions that did something else with the patch than without, called by the test."""
    spoke_of: str = ""
    """The answers of the patch, as they came: which classes they speak of."""
    places: range = range(0)
    """Where those of its calls stand in `SplitRunReport.questions` that no test before it made."""


@dataclass(frozen=True, kw_only=True)
class SplitRunReport:
    """The results of tests whose calls are answered by code in another sandbox."""

    report: TestReport
    calls: Mapping[str, CallReport]
    """For each test of the report."""
    questions: tuple[Message, ...]
    """Outermost calls in their order, as they were sent, without their place, each once. Those
    behind the first `MAX_QUESTION_CHARACTERS` are left out."""
    asked: MachineQuestions
    """What the code in the other sandbox asked of its machine."""
    base_asked: MachineQuestions = field(default_factory=dict)
    """The same of the base that was asked beside it."""

    def said(self, test_id: str) -> CallReport:
        """What a test's run told of its calls; nothing for a test that was not run to its end."""
        return self.calls.get(test_id, CallReport())

    def questions_of(self, test_ids: Sequence[str]) -> list[Message]:
        """The calls of these tests that none before made, as far as they ran to their end."""
        places = (place for test_id in test_ids for place in self.said(test_id).places)
        return [self.questions[place] for place in places if place < len(self.questions)]
