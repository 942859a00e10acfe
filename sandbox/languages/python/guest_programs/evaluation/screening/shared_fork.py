"""Tries candidates one after the other in one fork, as long as none leaves anything behind.

The tests are called without pytest around them. Only candidates that fail are decided here, and
only where the unchanged code, run last, still fails as it always did; whatever passes, hangs or
ends the process runs again in a fork of its own. Python 3.8+ with pytest.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Tuple

from ..child import Base, ControlPipe, replace_code, signature_of
from ..code_swap import NotSwappable, Swapper
from .direct_call import DirectCall, Unclear
from .process_state import ProcessState


class SharedFork:
    """The members of one job, in the child."""

    def __init__(
        self,
        workspace: str,
        report: ControlPipe,
        base: Base,
        swapper: Swapper,
        calls: Dict[str, DirectCall],
    ) -> None:
        self._workspace = workspace
        self._report = report
        self._base = base
        self._swapper = swapper
        self._calls = calls
        self._verdicts: List[Dict[str, Any]] = []

    def run(self, job: Dict[str, Any], state: ProcessState) -> None:
        """Try each member, then the unchanged code. Ends the process."""
        expected: Dict[str, str] = job["expected"]
        state.remember()
        for member in job["members"]:
            self._verdicts.append(self._try(member, list(expected)))
            if state.changed():
                self._end("changed")
        failures, _ = self._failures(list(expected))
        self._end("confirmed" if failures == list(expected.items()) else "differs")

    def _end(self, shared: str) -> None:
        self._report.end(shared=shared, verdicts=self._verdicts)

    def _try(self, member: Dict[str, Any], targets: List[str]) -> Dict[str, Any]:
        self._report.send(member=len(self._verdicts))
        start_seconds = time.perf_counter()
        try:
            replaced = replace_code(member, self._base, self._swapper)
        except NotSwappable:
            return {"again": "exact"}
        except (SyntaxError, ValueError) as error:
            return {"state": "does_not_compile", "results": [], "signature": str(error)}
        try:
            failures, results = self._failures(targets)
        finally:
            replaced.undo()
        if len(failures) < len(targets):
            return {"again": "full"}
        return {
            "state": "target_failed",
            "results": results,
            "signature": failures[0][1],
            "seconds": time.perf_counter() - start_seconds,
        }

    def _failures(
        self, targets: List[str]
    ) -> Tuple[List[Tuple[str, str]], List[Tuple[str, str, float]]]:
        """How these tests fail, up to the first that does not, and what they took."""
        failures, results = [], []
        for target in targets:
            self._report.send(start=target)
            start_seconds = time.process_time()
            signature = self._failure(target)
            if signature is None:
                break
            failures.append((target, signature))
            results.append((target, "failed", time.process_time() - start_seconds))
        return failures, results

    def _failure(self, target: str) -> Optional[str]:
        try:
            error = self._calls[target].run()
        except Unclear:
            return None
        return None if error is None else signature_of(error, self._workspace)
