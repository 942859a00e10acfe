"""Guest program: run pytest on the base while two sandboxes answer, one of which has the patch.

As `remote_run`, but each function of the project stands under `@_repair_asked`, so that what the
tests call crosses as they called it, with their own arguments. Adds to each `result`, beside what
`remote_run` does: `reads` (names that functions which had to run here look up). Python 3.8+ with
pytest.
"""

from __future__ import annotations

from typing import Any, Dict, Set

from ..harness.event_channel import EventChannel
from ..test_runs.pytest_run import run
from . import remote_run
from .remote_run import RemoteCaller
from .side_effects import ObservingReporter

MAX_READS = 5_000


class Explainer(RemoteCaller):
    """A remote caller that also notes which of the project's code ran on this side."""

    def begin(self) -> None:
        super().begin()
        self.reads: Set[str] = set()

    def report(self) -> Dict[str, Any]:
        return {**super().report(), "reads": sorted(self.reads)[:MAX_READS]}

    def alone(self, target: Dict[str, Any], function: Any) -> None:
        super().alone(target, function)
        self.reads.add(target["name"])
        self._look_up(getattr(function, "__code__", None))

    def _look_up(self, code: Any) -> None:
        if code is not None:
            self.reads.update(code.co_names)
            for constant in code.co_consts:
                if isinstance(constant, type(code)):
                    self._look_up(constant)


def reporter(request: Dict[str, Any], channel: EventChannel) -> ObservingReporter:
    return remote_run.opened(Explainer(request, channel), request, channel)


def main(request: Dict[str, Any]) -> None:
    run(request, reporter)
