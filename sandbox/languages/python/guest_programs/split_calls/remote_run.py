"""Guest program: run pytest on the base while chosen functions are called in another sandbox.

The base's files were edited before: each chosen function starts with a question to `ask` here.
What it answers comes from the other sandbox, where the patch is and the tests are not. Adds to
each `result`: `asked` (calls that crossed), `unsure` (why the result proves nothing),
`foreign` (what came back and compares by rules that the base does not know) and `reached` (the
functions that the patch changes, as far as the test comes to them).
Python 3.8+ with pytest.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import sys
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..harness.event_channel import EventChannel
from ..marshalling.errors import Foreign, Unsendable
from ..test_runs.pytest_run import run
from .side_effects import ObservingReporter, SideEffectObserver

_WARNING = re.compile(r"^\S+\.py:\d+: (\w*Warning): (.*)$")
"""As the interpreter prints one."""


class Gone(Exception):
    """The other sandbox gave no answer. The test fails with it."""


class RemoteCaller(SideEffectObserver):
    """Sends calls of the project's functions to the other sandbox."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        super().__init__(request, channel)
        self.foreign = ""
        self.reached: List[Tuple[str, str]] = []
        self.early: List[Tuple[str, str]] = []
        """The same, before any test: called by the files of the tests while they are imported."""

    def begin(self) -> None:
        super().begin()
        self.foreign, self.reached = "", list(self.early)

    def report(self) -> Dict[str, Any]:
        return {**super().report(), "foreign": self.foreign, "reached": sorted(set(self.reached))}

    def note(self, target: Dict[str, Any], depth: int) -> None:
        """The test comes to this function, `depth` frames from its caller."""
        if not target["changed"]:
            return
        mark = (target["path"], target["name"])
        if self._testing:
            self.reached.append(mark)
        elif not self._of_sources(sys._getframe(depth).f_code.co_filename):
            self.early.append(mark)

    def _of_sources(self, path: str) -> bool:
        return path[len(self._workspace) :] in self._sources

    def alone(self, target: Dict[str, Any], function: Any) -> None:
        """The function runs on this side after all."""

    def call(self, target: Dict[str, Any], function: Any, args: Any, kwargs: Any) -> Any:
        """Return what the other sandbox answers to a call of this function."""
        answer = self.ask(target, target["module"], args, kwargs)
        if answer:
            return answer[0]
        if self._testing:
            self.alone(target, function)
        return function(*args, **kwargs)

    def ask(self, target: Dict[str, Any], module: str, args: Any, kwargs: Any) -> Tuple[Any, ...]:
        self.note(target, 4)
        if not self._testing:
            return ()
        if self._busy:
            self.doubt("{} was called while another call was on its way".format(target["name"]))
            return ()
        self._busy = True
        try:
            if self.asked & (self.asked + 1) == 0:  # seldom: it takes a while
                self._look_around()
            self._count()
            return (self._peer.ask(dict(target, module=module), args, kwargs),)
        except Unsendable as error:
            self.foreign = self.foreign or (str(error) if isinstance(error, Foreign) else "")
            self.doubt(str(error))
            return ()
        finally:
            self._busy = False

    def _receive(self) -> Dict[str, Any]:
        # The other side calls back while it works: what it calls may call out in its turn.
        message = super()._receive()
        if message.get("how") in ("hung", "left", "gone"):
            raise Gone("{how}: {why}".format(**dict({"why": ""}, **message)))
        for line in message.get("printed", "").splitlines(keepends=True):
            warning = _WARNING.match(line)
            if warning is None:
                sys.stdout.write(line)
                continue
            category = getattr(builtins, warning.group(1), None)
            if category is None:
                self.doubt("a warning of a kind of its own")
            warnings.warn(warning.group(2), category or UserWarning, stacklevel=5)
        return message


REMOTE_CALLER: Optional[RemoteCaller] = None


def ask(target: Dict[str, Any], module: str, args: Any, kwargs: Any) -> Tuple[Any, ...]:
    """First statement of each chosen function: what it returns, or () to go on by itself."""
    return () if REMOTE_CALLER is None else REMOTE_CALLER.ask(target, module, args, kwargs)


def opened(
    remote_caller: RemoteCaller, request: Dict[str, Any], channel: EventChannel
) -> ObservingReporter:
    """Let the functions of the project, which were edited to ask, find the remote caller."""
    global REMOTE_CALLER
    REMOTE_CALLER = remote_caller

    def asked(target: Dict[str, Any], module: str) -> Callable[[Any], Any]:
        target = dict(target, module=module)

        def under(function: Any) -> Any:
            @functools.wraps(function)
            def called(*args: Any, **kwargs: Any) -> Any:
                return remote_caller.call(target, function, args, kwargs)

            return called

        return under

    def noted(target: Dict[str, Any], _module: str) -> Callable[[Any], Any]:
        def under(function: Any) -> Any:
            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                remote_caller.note(target, 2)
                remote_caller.alone(target, function)
                return await function(*args, **kwargs)

            @functools.wraps(function)
            def called(*args: Any, **kwargs: Any) -> Any:
                remote_caller.note(target, 2)
                remote_caller.alone(target, function)
                return function(*args, **kwargs)

            return awaited if inspect.iscoroutinefunction(function) else called

        return under

    # A dotted name would need Python 3.9 as a decorator, and an import would move the lines.
    builtins._repair_asked = asked  # type: ignore[attr-defined]
    builtins._repair_noted = noted  # type: ignore[attr-defined]
    return ObservingReporter(request, channel, remote_caller)


def reporter(request: Dict[str, Any], channel: EventChannel) -> ObservingReporter:
    return opened(RemoteCaller(request, channel), request, channel)


def main(request: Dict[str, Any]) -> None:
    run(request, reporter)
