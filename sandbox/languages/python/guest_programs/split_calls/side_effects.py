"""What a test does beside calling the code that is judged in the other sandbox.

Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
import sys
import time
import types
from typing import Any, Dict, List, Tuple

from ..harness.event_channel import EventChannel
from ..marshalling.errors import Unsendable
from ..marshalling.named_objects import named_objects
from ..test_runs.pytest_run import Reporter
from .peer import Peer

MAX_REMOTE_CALLS = 3000
"""In one test: beyond it the test would take too long."""
MAX_TEST_SECONDS = 8.0
"""Of one test, from its start to its last call that crosses."""
_OUTSIDE_EVENTS = frozenset(
    (
        "os.mkdir os.chdir os.exec os.fork os.forkpty os.posix_spawn os.system socket.connect "
        "subprocess.Popen"
    ).split()
)
_QUIET_ENVIRONMENT = (b"PYTEST_CURRENT_TEST", "PYTEST_CURRENT_TEST", b"PYTEST_VERSION")


class SideEffectObserver:
    """Notes which side effects of a test make the answers of the other sandbox doubtful."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        self._channel = channel
        self._workspace = request["workspace"].rstrip("/") + "/"
        self._sources = frozenset(request["sources"])
        self._peer = Peer(
            self._send,
            self._receive,
            parity=0,
            may_hold=self._may_hold,
            module=sys.modules.get,
            named_objects=self._named_objects,
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
        sys.addaudithook(self._watch)

    def begin(self) -> None:
        self.asked, self.unsure, self._testing = 0, [], True
        self._began = time.monotonic()
        if not self._bindings:
            self._bindings = self._state()

    def end(self) -> None:
        self._testing = False

    def report(self) -> Dict[str, Any]:
        """What the result of the test that ended says beside its outcome."""
        return {"asked": self.asked, "unsure": self.unsure}

    def doubt(self, reason: str) -> None:
        if reason not in self.unsure and len(self.unsure) < 5:
            self.unsure.append(reason[:200])

    def _count(self) -> None:
        """Count one more remote call. Raises Unsendable when there were too many."""
        if self.asked >= MAX_REMOTE_CALLS:
            raise Unsendable("more than {} calls".format(MAX_REMOTE_CALLS))
        if time.monotonic() - self._began > MAX_TEST_SECONDS:
            raise Unsendable("more than {:g} s of calls".format(MAX_TEST_SECONDS))
        self.asked += 1

    def _look_around(self) -> None:
        state = self._state()
        bindings = [k for k in state if self._bindings.get(k) != state[k]]
        if bindings:
            self.doubt("{} changed before a call".format(", ".join(bindings[:3])))

    def _named_objects(self) -> Dict[int, Tuple[str, str]]:
        if self._known != len(sys.modules):
            self._known = len(sys.modules)
            modules = [module for module in list(sys.modules.values()) if self._is_source(module)]
            self._marks = named_objects(modules)
        return self._marks

    def _state(self) -> Dict[str, Any]:
        """What the modules of the project bind, as far as it is seen at once."""
        bindings: Dict[str, Any] = {}
        for name, module in list(sys.modules.items()):
            if self._is_source(module):
                for attribute, value in list(vars(module).items()):
                    kind = type(value)
                    has_size = kind in (list, dict, set) and not attribute.startswith("__")
                    bindings[name + "." + attribute] = (id(value), len(value) if has_size else 0)
        return bindings

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
        lines: List[Dict[str, Any]] = []
        while not lines:  # a long one comes in pieces
            lines = self._channel.lines()
        return lines[0]

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
        elif event in _OUTSIDE_EVENTS:
            self.doubt("the test does {}".format(event))


class ObservingReporter(Reporter):
    """A pytest reporter that adds what the side-effect observer saw to each result."""

    def __init__(
        self, request: Dict[str, Any], channel: EventChannel, observer: SideEffectObserver
    ) -> None:
        super().__init__(request, channel)
        self._observer = observer
        for kind, names in _replacers():
            for name in names:
                setattr(kind, name, _telling(getattr(kind, name), observer))

    def start(self, test_id: str) -> None:
        super().start(test_id)
        self._observer.begin()

    def before_result(self) -> None:
        self._observer.end()
        self._result.update(self._observer.report())


def _replacers() -> List[Tuple[Any, Tuple[str, ...]]]:
    """What tests replace things with, here and not in the other sandbox."""
    import unittest.mock as mock

    from _pytest.monkeypatch import MonkeyPatch

    patches: Any = [getattr(mock, name) for name in ("_patch", "_patch_dict")]
    return [*((kind, ("__enter__",)) for kind in patches), (MonkeyPatch, ("setattr", "setitem"))]


def _telling(function: Any, observer: SideEffectObserver) -> Any:
    def told(*args: Any, **kwargs: Any) -> Any:
        observer.doubt("the test replaces things")
        return function(*args, **kwargs)

    return told
