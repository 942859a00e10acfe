"""Says of a candidate, in milliseconds, whether it turns the failing tests without breaking others.

A process inside the sandbox imports and collects once and forks a child for each candidate, or
for several that leave nothing behind (the guest program `evaluation.control`). It is a filter that
makes the search fast, never the verdict: candidates run next to each other in one sandbox, on
channels their code could reach.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sandbox.base import MEBIBYTE, Session
from sandbox.errors import EnvironmentBroken, SandboxDied
from sandbox.evaluation.base import AHEAD_PER_WORKER, Evaluation, Observation
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.event import Event
from sandbox.runners.program import Program, start
from sandbox.source import SourceEdit

MAX_RESTARTS = 3
SHARED_FORKS_AHEAD = 1.5
"""For each worker: what one fork takes, and half of the next."""
MAX_EVALUATOR_BYTES = 1024 * MEBIBYTE
"""What one evaluating process may say: 50 KB for each of twenty thousand candidates. Only what is
said of a candidate that waits is kept."""


@dataclass(frozen=True, kw_only=True)
class EvaluatorSettings:
    """What is run for every candidate, and for how long."""

    setup: PytestSetup
    targets: Sequence[str]
    """Failing tests, as pytest node ids."""
    regressions: Sequence[str]
    """Passing tests in the order to run them; only when every target passes. One that fails
    alone on the base in a child, or takes too long there, is left out."""
    others: Sequence[str] = ()
    """Further failing tests, which must pass as well: run before the regressions."""
    workers: int
    """Candidates at once."""
    test_timeout_seconds: float
    """At most this long for one test; usually much less, from the runs that passed."""
    least_timeout_seconds: float = 0.5
    """At least this much processor time for one of the regressions."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Test id → seconds in the baseline."""
    memory_bytes: int | None = 1024 * MEBIBYTE
    """Address space a candidate may add to what the zygote uses; None for no limit."""
    members: int = 16
    """Candidates that share a fork at most: more save little, and wait longer for their outcome."""
    thorough: bool = False
    """Run every target although one failed, so that `targets_passed` counts them all."""

    def request(self) -> dict[str, Any]:
        return {
            **self.setup.request(),
            "targets": list(self.targets),
            "regressions": [*self.others, *self.regressions],
            "others": list(self.others),
            "workers": self.workers,
            "test_timeout_seconds": self.test_timeout_seconds,
            "least_timeout_seconds": self.least_timeout_seconds,
            "durations": dict(self.durations),
            "memory_bytes": self.memory_bytes,
            "members": self.members,
            "thorough": self.thorough,
        }


class ForkingEvaluator:
    """Evaluates candidate patches in forks of a process that has imported the project.

    One per session; a context manager.
    """

    def __init__(self, session: Session, settings: EvaluatorSettings) -> None:
        self._session = session
        self._settings = settings
        self._waiting: dict[int, dict[str, Any]] = {}
        self._restarts = 0
        self._observations = 0
        self._is_sharing = False
        self.alone_because = ""
        """Why each candidate has a fork of its own; empty where some may share one."""
        self.state = "starting"
        """`fast` once everything is collected; `exact` where code cannot be swapped."""
        self._program = self._start()

    def _start(self) -> Program:
        setup = self._settings.setup
        return start(
            self._session,
            setup.python,
            "evaluation.control",
            self._settings.request(),
            guest_sources(),
            setup.variables,
            ByteBudget(MAX_EVALUATOR_BYTES),
        )

    @property
    def pending(self) -> int:
        """Candidates submitted and not yet collected."""
        return len(self._waiting)

    @property
    def window(self) -> int:
        shared_count = int(SHARED_FORKS_AHEAD * self._settings.members) if self._is_sharing else 0
        return self._settings.workers * max(AHEAD_PER_WORKER, shared_count)

    def wait_ready(self, timeout_seconds: float) -> str:
        """Wait for the first collection; returns `state`. Raises EnvironmentBroken."""
        deadline = time.monotonic() + timeout_seconds
        while self.state == "starting":
            event = self._program.event(deadline - time.monotonic())
            if event is None:
                raise EnvironmentBroken(f"collecting the tests took over {timeout_seconds:g} s")
            self._take(event)
        return self.state

    def submit(self, number: int, edits: Sequence[SourceEdit], *, patient: bool = False) -> None:
        """Queue a candidate. `number` must not be pending already and not be negative.

        `patient` gives targets that were never seen to pass 1 s of processor time, not 0.2 s, and
        the other tests four times as much as usual.
        """
        if number in self._waiting or number < 0:
            raise ValueError(f"candidate number {number} is pending or negative")
        job = {"number": number, "edits": [_flat(edit) for edit in edits], "patient": patient}
        self._waiting[number] = job
        self._send(job)

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        """Return the evaluations that are finished; waits up to `timeout_seconds` for the first."""
        deadline = time.monotonic() + timeout_seconds
        evaluations: list[Evaluation] = []
        while self._waiting:
            wait = 0.0 if evaluations else max(0.0, deadline - time.monotonic())
            event = self._next(wait)
            if event is None:
                break
            evaluation = self._take(event)
            if evaluation is not None:
                evaluations.append(evaluation)
        return evaluations

    def cancel(self) -> None:
        """Forget every candidate that is waiting; those running end by themselves, unseen."""
        self._send({"cancel": True})
        self._waiting.clear()

    def observe(
        self,
        edits: Sequence[SourceEdit],
        test_id: str,
        lines: Mapping[str, Sequence[int]],
        *,
        hits: int = 200,
        ends: bool = False,
        timeout_seconds: float = 10.0,
    ) -> list[Observation]:
        """Run one test with the edits and return the local variables each time it came to one
        of `lines` (path → line numbers of the edited text), in order, `hits` at most. With `ends`
        of each line the first visit and the last, and the attributes of the variables as well
        (`self.size`).

        Only when nothing is pending. Empty when the line is not reached in time.
        """
        if self._waiting:
            raise ValueError("collect what is pending before observing")
        self._observations += 1
        number = -self._observations
        job = {
            "number": number,
            "edits": [_flat(edit) for edit in edits],
            "observe": {path: list(numbers) for path, numbers in lines.items()},
            "only": test_id,
            "hits": hits,
            "ends": ends,
        }
        self._send(job)
        deadline = time.monotonic() + timeout_seconds
        while (event := self._next(max(0.0, deadline - time.monotonic()))) is not None:
            if event.get("number") == number:
                return [Observation(**observation) for observation in event["observed"] or ()]
        return []

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._program.send(message)
        except SandboxDied:
            self._restart()

    def _next(self, timeout_seconds: float) -> Event | None:
        try:
            return self._program.event(timeout_seconds)
        except SandboxDied:
            self._restart()
            return None

    def _restart(self) -> None:
        """Start again and hand in what was pending. Raises SandboxDied after a few times."""
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise SandboxDied("the evaluator's process in the sandbox ended again and again")
        self._program.kill()
        self.state = "starting"
        self._program = self._start()
        for job in self._waiting.values():
            self._program.send(job)

    def _take(self, event: Event) -> Evaluation | None:
        if event["event"] == "ready":
            self.state, self.alone_because = event["state"], event["alone"]
        if event["event"] != "evaluated" or event["number"] not in self._waiting:
            return None
        del self._waiting[event["number"]]
        self._is_sharing = event["shares"]
        return Evaluation(
            number=event["number"],
            state=event["state"],
            outcomes=event["outcomes"],
            signature=event["signature"],
            targets_passed=event["targets_passed"],
            seconds=event["seconds"],
            mode=event["mode"],
        )

    def close(self) -> None:
        """End the evaluating process in the sandbox. Safe to call twice."""
        self._program.kill()

    def __enter__(self) -> ForkingEvaluator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _flat(edit: SourceEdit) -> tuple[str, int, int, str]:
    return (edit.path, edit.start, edit.end, edit.replacement)


def evaluations(evaluator: ForkingEvaluator, timeout_seconds: float) -> Iterator[Evaluation]:
    """Every pending evaluation, until the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while evaluator.pending and time.monotonic() < deadline:
        yield from evaluator.collect(min(1.0, max(0.0, deadline - time.monotonic())))
