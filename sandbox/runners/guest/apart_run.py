"""Guest program: run pytest on the base while chosen functions are called in another sandbox.

The base's files were edited before: each chosen function starts with a question to `ask` here.
What it answers comes from the other sandbox, where the patch is and the tests are not. Adds to
each `result`: `asked` (calls that crossed), `unsure` (why the result proves nothing) and
`foreign` (what came back and compares by rules that the base does not know).
Python 3.8+ with pytest.
"""

from __future__ import annotations

import builtins
import os
import re
import sys
import time
import types
import warnings
from typing import Any, Dict, List, Optional, Tuple

from .channel import Channel
from .landmarks import landmarks
from .pytest_run import Reporter, run
from .unsendable import Foreign, Unsendable
from .wire import Peer

_WARNING = re.compile(r"^\S+\.py:\d+: (\w*Warning): (.*)$")
"""As the interpreter prints one."""
MOST_CALLS = 3000
"""In one test: beyond it the test would take too long."""
MOST_SECONDS = 8.0
"""Of one test, from its start to its last call that crosses."""
_QUIET_ENVIRONMENT = (b"PYTEST_CURRENT_TEST", "PYTEST_CURRENT_TEST", b"PYTEST_VERSION")


class Gone(Exception):
    """The other sandbox gave no answer. The test fails with it."""


class Desk:
    """Where the calls of this process go out."""

    def __init__(self, request: Dict[str, Any], channel: Channel) -> None:
        self._channel = channel
        self._workspace = request["workspace"].rstrip("/") + "/"
        self._sources = frozenset(request["sources"])
        self._peer = Peer(
            self._send,
            self._receive,
            own=0,
            may_hold=self._may_hold,
            module=sys.modules.get,
            landmarks=self._landmarks,
            find=self._nothing,
        )
        self._busy = False
        self._testing = False
        self._bindings: Dict[str, Any] = {}
        self._marks: Dict[int, Tuple[str, str]] = {}
        self._known = 0
        self._began = 0.0
        self.asked = 0
        self.unsure: List[str] = []
        self.foreign = ""
        sys.addaudithook(self._watch)

    def begin(self) -> None:
        self.asked, self.unsure, self.foreign, self._testing = 0, [], "", True
        self._began = time.monotonic()
        if not self._bindings:
            self._bindings = self._state()

    def end(self) -> None:
        self._testing = False

    def ask(self, target: Dict[str, Any], module: str, args: Any, kwargs: Any) -> Tuple[Any, ...]:
        if not self._testing:
            return ()
        if self._busy:
            self.doubt("{} was called while another call was on its way".format(target["name"]))
            return ()
        self._busy = True
        try:
            if self.asked >= MOST_CALLS:
                raise Unsendable("more than {} calls".format(MOST_CALLS))
            if time.monotonic() - self._began > MOST_SECONDS:
                raise Unsendable("more than {:g} s of calls".format(MOST_SECONDS))
            if self.asked & (self.asked + 1) == 0:  # seldom: it takes a while
                self._look_around()
            self.asked += 1
            return (self._peer.ask(dict(target, module=module), args, kwargs),)
        except Unsendable as error:
            self.foreign = self.foreign or (str(error) if isinstance(error, Foreign) else "")
            self.doubt(str(error))
            return ()
        finally:
            self._busy = False

    def doubt(self, why: str) -> None:
        if why not in self.unsure and len(self.unsure) < 5:
            self.unsure.append(why[:200])

    def _look_around(self) -> None:
        state = self._state()
        changed = [k for k in state if self._bindings.get(k) != state[k]]
        if changed:
            self.doubt("{} changed before a call".format(", ".join(changed[:3])))

    def _landmarks(self) -> Dict[int, Tuple[str, str]]:
        if self._known != len(sys.modules):
            self._known = len(sys.modules)
            modules = [one for one in list(sys.modules.values()) if self._is_source(one)]
            self._marks = landmarks(modules)
        return self._marks

    def _state(self) -> Dict[str, Any]:
        """What the modules of the project bind, as far as it is seen at once."""
        found: Dict[str, Any] = {}
        for name, module in list(sys.modules.items()):
            if self._is_source(module):
                for attribute, value in list(vars(module).items()):
                    kind = type(value)
                    sized = kind in (list, dict, set) and not attribute.startswith("__")
                    found[name + "." + attribute] = (id(value), len(value) if sized else 0)
        return found

    def _is_source(self, module: Any) -> bool:
        path = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
        if not isinstance(path, str) or not path.startswith(self._workspace):
            return False
        return path[len(self._workspace) :] in self._sources

    def _may_hold(self, kind: Any) -> bool:
        """The project's own classes and exceptions: what matches everything is not among them."""
        if kind.__module__ == "builtins" or kind.__module__ == "collections":
            return True
        return self._is_source(sys.modules.get(kind.__module__))

    @staticmethod
    def _nothing(target: Dict[str, Any]) -> Any:
        raise Unsendable("nobody may call {} here".format(target))

    def _send(self, message: Dict[str, Any]) -> None:
        self._channel.emit("peer", message=message)

    def _receive(self) -> Dict[str, Any]:
        # The other side calls back while it works: what it calls may call out in its turn.
        lines: List[Dict[str, Any]] = []
        while not lines:  # a long one comes in pieces
            lines = self._channel.lines()
        message = lines[0]
        if message.get("how") in ("hung", "left", "gone"):
            raise Gone("{how}: {why}".format(**dict({"why": ""}, **message)))
        for line in message.get("printed", "").splitlines(keepends=True):
            warned = _WARNING.match(line)
            if warned is None:
                sys.stdout.write(line)
                continue
            category = getattr(builtins, warned.group(1), None)
            if category is None:
                self.doubt("a warning of a kind of its own")
            warnings.warn(warned.group(2), category or UserWarning, stacklevel=5)
        return message

    def _watch(self, event: str, arguments: Any) -> None:
        """A test that changes more of the world than the objects it passes on."""
        if not self._testing or self._busy:
            return
        if event == "open" and arguments[2] is not None:
            if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.doubt("the test writes files")
        elif event in ("os.putenv", "os.unsetenv"):
            if arguments[0] not in _QUIET_ENVIRONMENT:
                self.doubt("the test changes the environment")
        elif event in ("os.mkdir", "os.chdir", "subprocess.Popen", "socket.connect"):
            self.doubt("the test does {}".format(event))


DESK: Optional[Desk] = None


def ask(target: Dict[str, Any], module: str, args: Any, kwargs: Any) -> Tuple[Any, ...]:
    """First statement of each chosen function: what it returns, or () to go on by itself."""
    return () if DESK is None else DESK.ask(target, module, args, kwargs)


class ApartReporter(Reporter):
    """Tells of each test whether its calls could go out."""

    def __init__(self, request: Dict[str, Any], channel: Channel) -> None:
        global DESK
        super().__init__(request, channel)
        self._desk = DESK = Desk(request, channel)
        for kind, names in _replacers():
            for name in names:
                setattr(kind, name, _telling(getattr(kind, name), self._desk))

    def start(self, test_id: str) -> None:
        super().start(test_id)
        self._desk.begin()

    def before_result(self) -> None:
        self._desk.end()
        desk = self._desk
        self._result.update(asked=desk.asked, unsure=desk.unsure, foreign=desk.foreign)


def _replacers() -> List[Tuple[Any, Tuple[str, ...]]]:
    """What tests replace things with, here and not in the other sandbox."""
    import unittest.mock as mock

    from _pytest.monkeypatch import MonkeyPatch

    patches: Any = [getattr(mock, name) for name in ("_patch", "_patch_dict")]
    return [*((kind, ("__enter__",)) for kind in patches), (MonkeyPatch, ("setattr", "setitem"))]


def _telling(function: Any, desk: Desk) -> Any:
    def told(*args: Any, **kwargs: Any) -> Any:
        desk.doubt("the test replaces things")
        return function(*args, **kwargs)

    return told


def main(request: Dict[str, Any]) -> None:
    run(request, ApartReporter)
