"""Guest program: run pytest on the patch, and have a second sandbox do what it does.

The source was edited before: each chosen function stands under `@_repair_replayed`. A call of
the tests is made twice with the same arguments, in both sandboxes; the tests see only what happened
here. Adds to each `result`: `asked` and `unsure` as `remote_run` does, `hidden` (what of the
values nobody can see), `differs` (how the first call differed) and `seen` (a digest of what
happened here, to tell in a second run whether it always does). Python 3.8+ with pytest.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import json
from typing import Any, Callable, Dict

from ..harness.event_channel import EventChannel
from ..marshalling.errors import Unsendable
from ..test_runs.pytest_run import run
from .side_effects import ObservingReporter, SideEffectObserver

MAX_STATE_COMPARISONS = 64
"""Calls of a test before which the project's state is looked at: it takes a while."""
_MAX_SHOWN_CHARACTERS = 80


class ReplayReporter(SideEffectObserver):
    """Compares what functions do here and there."""

    def begin(self) -> None:
        super().begin()
        self.hidden = self.differs = ""
        self._seen = hashlib.sha256()

    def report(self) -> Dict[str, Any]:
        comparison = {
            "hidden": self.hidden,
            "differs": self.differs,
            "seen": self._seen.hexdigest(),
        }
        return {**super().report(), **comparison}

    def call(self, target: Dict[str, Any], function: Any, args: Any, kwargs: Any) -> Any:
        """What the function does here. Calls that it makes in its turn are part of it."""
        if not self._testing or self._busy:
            return function(*args, **kwargs)
        self._busy = True
        try:
            remote_answer = self._ask_remote(target, args, kwargs)
            return self._run_locally(remote_answer, function, args, kwargs)
        finally:
            if self.asked <= MAX_STATE_COMPARISONS:
                # What the call changed, it changed there as well.
                self._bindings = self._state()
            self._busy = False

    def _ask_remote(self, target: Dict[str, Any], args: Any, kwargs: Any) -> Dict[str, Any]:
        if self.asked < MAX_STATE_COMPARISONS:
            self._look_around()
        try:
            self._count()
            return self._peer.inquire(target, args, kwargs)
        except Unsendable as error:
            self.doubt(str(error))
            return {}

    def _run_locally(
        self, remote_answer: Dict[str, Any], function: Any, args: Any, kwargs: Any
    ) -> Any:
        try:
            value = function(*args, **kwargs)
        except Exception as error:
            self._compare(remote_answer, "raised", (error, args, kwargs))
            raise
        except BaseException as error:
            if remote_answer and (remote_answer["how"], remote_answer.get("why")) == (
                "left",
                type(error).__name__,
            ):
                self.hidden = self.hidden or "with what it ends the program"
            else:
                self._compare(remote_answer, "left", (error, args, kwargs))
            raise
        self._compare(remote_answer, "returned", (value, args, kwargs))
        return value

    def _compare(self, remote_answer: Dict[str, Any], ending: str, value: Any) -> None:
        view = self._peer.view(value)
        local_form = json.dumps([ending, view.shown])
        self._seen.update(local_form.encode("ascii"))
        self.hidden = self.hidden or view.hidden
        if (
            remote_answer
            and not self.differs
            and local_form != json.dumps([remote_answer["how"], remote_answer.get("view")])
        ):
            self.differs = "{} under test, {} elsewhere".format(
                _short(ending, view.shown), _short(remote_answer["how"], remote_answer.get("view"))
            )


def _short(ending: str, view: Any) -> str:
    return "{} {}".format(ending, json.dumps(view[1][0]) if view else "").strip()[
        :_MAX_SHOWN_CHARACTERS
    ]


def reporter(request: Dict[str, Any], channel: EventChannel) -> ObservingReporter:
    reporter = ReplayReporter(request, channel)

    def replayed(target: Dict[str, Any], module: str) -> Callable[[Any], Any]:
        target = dict(target, module=module)

        def under(function: Any) -> Any:
            @functools.wraps(function)
            def called(*args: Any, **kwargs: Any) -> Any:
                return reporter.call(target, function, args, kwargs)

            return called

        return under

    # A dotted name would need Python 3.9 as a decorator, and an import would move the lines.
    builtins._repair_replayed = replayed  # type: ignore[attr-defined]
    return ObservingReporter(request, channel, reporter)


def main(request: Dict[str, Any]) -> None:
    run(request, reporter)
