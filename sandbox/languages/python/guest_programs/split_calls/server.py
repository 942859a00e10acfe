"""Runs the code under test for another sandbox, where the tests are.

Nothing here looks like a test run: no test runner is imported, the working directory and the
arguments are those of any program, and this program's modules are in no `sys.modules`. Functions
are found among living objects by file, name and line, so decorated ones are found, too.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import types
import warnings
from typing import Any, Dict, List, Tuple

from ..marshalling.errors import Unsendable
from ..marshalling.named_objects import named_objects
from .machine_watch import MachineWatch
from .module_state import module_state
from .peer import Peer


class _Overdue(BaseException):
    """A call took longer than it may."""


class Server:
    """Answers one message after the other until its input ends."""

    def __init__(self, request: Dict[str, Any], unread: bytes) -> None:
        self._nonce = request["nonce"].encode() + b" "
        self._workspace = request["workspace"].rstrip("/") + "/"
        self._marks: Any = {}
        self._known = 0
        self._found: Dict[Tuple[str, str, int], Any] = {}
        self._input, self._output, self._unread = os.dup(0), os.dup(1), unread
        handle, _ = tempfile.mkstemp()  # keeps its name: what a test runner captures has none
        os.set_inheritable(handle, True)
        self._printed = handle
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(handle, 1)  # and not `sys.stdout` replaced, which a test runner does
        os.dup2(handle, 2)
        self._watch = MachineWatch(self._workspace)
        self._peer = Peer(
            self._send,
            self._receive,
            parity=1,
            may_hold=bool,
            module=_module,
            named_objects=self._named_objects,
            find=self._function,
            call=self._watch.call,
        )

    def run(self) -> None:
        while True:
            try:
                message = self._receive()
            except EOFError:
                os._exit(0)
            answer = self._answer(message)
            answer["machine"] = self._watch.taken()
            self._send(answer)

    def _answer(self, message: Dict[str, Any]) -> Dict[str, Any]:
        if "import" in message:
            return self._import(message["import"])
        if "portrait" in message:
            return self._module_state(message["portrait"])
        limit = message.get("limit", 0.0)
        if "seed" in message:
            _seed(message["seed"])
        before = signal.getsignal(signal.SIGALRM)
        if limit:  # otherwise nobody waits for an alarm, as outside of test runs
            signal.signal(signal.SIGALRM, self._overdue)
            signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            answer: Dict[str, Any] = self._peer.answer(message)
        except _Overdue:
            answer = {"how": "hung"}
        except BaseException as error:
            answer = {"how": "left", "why": type(error).__name__}
        finally:
            if limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        answer["printed"] = self._output_so_far()
        return answer

    def _output_so_far(self) -> str:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the code under test may have left anything there
                continue
        size = os.lseek(self._printed, 0, os.SEEK_END)
        text = os.pread(self._printed, min(size, 100_000), 0).decode("utf-8", "replace")
        os.ftruncate(self._printed, 0)
        os.lseek(self._printed, 0, os.SEEK_SET)
        return text

    @staticmethod
    def _overdue(_number: int, _frame: Any) -> None:
        raise _Overdue

    def _import(self, names: List[str]) -> Dict[str, Any]:
        for name in names:
            try:
                self._watch.load(name)
            except BaseException as error:
                return {"how": "left", "why": "{}: {}".format(type(error).__name__, error)}
        return {"how": "returned"}

    def _module_state(self, names: List[str]) -> Dict[str, Any]:
        """What the project's modules hold once these are imported."""
        failures: Dict[str, Any] = {}
        for name in names:
            answer = self._import([name])
            if answer["how"] != "returned":
                failures[name + ":"] = [answer["why"], None]
        top = self._workspace
        modules = [m for m in list(sys.modules.values()) if _file_of(m).startswith(top)]
        state = module_state(modules, top)
        self._output_so_far()  # what is printed on import belongs to no call
        return {"how": "returned", "portrait": {**state, **failures}}

    def _function(self, target: Dict[str, Any]) -> Any:
        if target.get("whole"):
            attribute = getattr(_module(target["module"]), target["whole"], None)
            if not callable(attribute):
                raise Unsendable("{} is not there".format(target["whole"]))
            return attribute
        key = (self._workspace + target["path"], target["name"], target["line"])
        if key not in self._found:
            self._import([target["module"]])
            for function in gc.get_objects():
                if type(function) is types.FunctionType:  # asks no object for its `__class__`
                    code = function.__code__
                    self._found.setdefault(
                        (code.co_filename, code.co_name, code.co_firstlineno), function
                    )
        if key not in self._found:
            raise Unsendable("{} is not there".format(target["name"]))
        if target.get("direct"):
            return _by_name(_module(target["module"]), target["direct"], self._found[key])
        return self._found[key]

    def _named_objects(self) -> Any:
        if self._known != len(sys.modules):
            self._known = len(sys.modules)
            top = self._workspace
            self._marks = named_objects(
                [m for m in list(sys.modules.values()) if _file_of(m).startswith(top)]
            )
        return self._marks

    def _send(self, message: Dict[str, Any]) -> None:
        line = self._nonce + json.dumps(message).encode("ascii") + b"\n"
        while line:
            line = line[os.write(self._output, line) :]

    def _receive(self) -> Dict[str, Any]:
        while b"\n" not in self._unread:
            piece = os.read(self._input, 1 << 20)
            if not piece:
                raise EOFError
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        message: Dict[str, Any] = json.loads(line)
        return message


def _by_name(module: Any, name: str, function: Any) -> Any:
    """What a dotted name of a module leads to, which is this function as long as nothing is put in
    its place. Raises Unsendable for a method that is not found by its name."""
    *owners, last = name.split(".")
    owner = module
    for part in owners:
        owner = vars(owner).get(part) if isinstance(owner, (type, types.ModuleType)) else None
    if not isinstance(owner, (type, types.ModuleType)):
        raise Unsendable("{} is not there".format(name))
    if last.startswith("__") and not last.endswith("__") and owners:
        last = "_{}{}".format(owners[-1].lstrip("_"), last)
    member = vars(owner).get(last)
    parts = [member, *(getattr(member, part, None) for part in _PARTS.get(type(member), ()))]
    if any(part is function for part in parts):
        return function
    if owners or not callable(member):
        raise Unsendable("{} stands for something else".format(name))
    return member


_PARTS = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
}
"""Where the function of a method is."""


def _seed(seed: str) -> None:
    """As after some use: a generator that was seeded just now can be told by its state."""
    random.seed(seed)
    for _ in range(random.randrange(1, 600)):
        random.random()


def _file_of(module: Any) -> str:
    path = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
    return path if isinstance(path, str) else ""


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _disguise(request: Dict[str, Any]) -> None:
    """Take away what no program has that a person starts."""
    # An editable installation says where the project was when it was built.
    stale = request["disguise"] + "/"
    sys.path[:] = [path for path in sys.path if not (path + "/").startswith(stale)]
    os.environ.pop("PYTHONPATH", None)
    sys.warnoptions.clear()  # the filters stay
    sys.modules["__main__"].__dict__["__file__"] = request["arguments"][0]
    _start_idle_thread()


def _start_idle_thread() -> None:
    """A test run has one thread, a program often more. It does nothing, holds no lock, and has a
    name of its own, so that the next one is called `Thread-1` as ever."""
    wait = threading.Event().wait
    threading.Thread(target=wait, name="background", daemon=True).start()
    # From Python 3.12 on; what is printed here becomes a warning in the tests.
    warnings.filterwarnings("ignore", r".*multi-threaded, use of fork", DeprecationWarning)


def main(request: Dict[str, Any], unread: bytes) -> None:
    os.chdir(request["cwd"])
    sys.argv[:] = request["arguments"]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = [sys.executable, *request["arguments"]]
    sys.path[:0] = request["import_roots"]
    if request["disguise"]:
        _disguise(request)
    Server(request, unread).run()
