"""The agent inside every sandbox: unpacks, runs commands and moves files, on request.

It is sent as source (see `sandbox.session.bootstrap`), runs on Python 3.8 to 3.14 with nothing but
the standard library, and speaks frames over its standard input and output: two 4-byte big-endian
lengths, a JSON header and a body of bytes. It is one thread around one selector. Every command
gets a supervisor of its own (`supervisor`), so that nothing a command started outlives it.
Code under test runs under the same uid: this process makes itself undumpable, so that it can
neither be traced nor have its descriptors opened.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from typing import Any, Dict, Optional, Tuple, Union

from . import files, machine_age, supervisor
from . import limits as rules
from .channel import Channel
from .command import RunningCommand
from .quota import Quota
from .relay import Relay

WATCH_INTERVAL_SECONDS = 0.05
QUOTA_MESSAGE = "repair: the environment is too large: "
Request = Dict[str, Any]
Answer = Union[Dict[str, Any], Tuple[Dict[str, Any], bytes]]


class Guest:
    """Dispatches requests until the host closes the channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.selector = selectors.DefaultSelector()
        self.commands: Dict[int, RunningCommand] = {}
        self.workspace = "/"
        self.relay: Optional[Relay] = None
        self.watch: Optional[Request] = None
        self.next_watch = 0.0
        self.watched_ooms = 0
        self.quota: Optional[Quota] = None

    def configure(self, request: Request, _body: bytes) -> Answer:
        self.workspace = request["workspace"]
        self.watch = request.get("watch")
        rules.apply(request)
        machine_age.begin(request.get("age", 0), request.get("first_pid", 0))
        os.makedirs(self.workspace, exist_ok=True)
        for path, target in request.get("links", {}).items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)
        os.umask(0o022)
        os.chdir(self.workspace)
        if request.get("quota"):
            self.quota = Quota(request["quota"])
        return {"python": sys.version_info[:3], "pid": os.getpid()}

    def unpack(self, _request: Request, _body: bytes) -> Answer:
        files.unpack(self.channel, self.workspace)
        machine_age.date_folders(self.workspace)
        return {}

    def write(self, request: Request, body: bytes) -> Answer:
        path = os.path.join(self.workspace, request["path"])
        files.write(path, body)
        machine_age.date(path, self.workspace)
        return {}

    def read(self, request: Request, _body: bytes) -> Answer:
        return {}, files.read(os.path.join(self.workspace, request["path"]), request["max_bytes"])

    def remove(self, request: Request, _body: bytes) -> Answer:
        files.remove(os.path.join(self.workspace, request["path"]))
        return {}

    def limits(self, request: Request, _body: bytes) -> Answer:
        return rules.read_back(request["paths"])

    def listen(self, request: Request, _body: bytes) -> Answer:
        self.relay = Relay(self, request["ports"], request["streams"], request["window"])
        return {}

    def ping(self, _request: Request, _body: bytes) -> Answer:
        return {}

    def oom_kills(self) -> int:
        return rules.oom_kills() + self.watched_ooms

    def end_orphans(self, ended_pid: int) -> None:
        command_pids = {command.pid for command in self.commands.values()} - {ended_pid}
        supervisor.end_descendants(command_pids)

    def dispatch(self) -> None:
        request, body = self.channel.receive()
        operation = request["op"]
        if operation == "stream" and self.relay is not None:
            self.relay.receive(request, body)
            return
        if operation in ("run", "start"):
            self._begin(request, body, operation == "start")
            return
        if operation in ("send", "kill", "ack"):
            self._to_command(operation, request, body)
            return
        try:
            answer = getattr(self, operation)(request, body)
        except (OSError, ValueError) as error:
            header = {"error": type(error).__name__, "message": str(error)}
            self.channel.send(dict(header, id=request["id"], event="answer"))
            return
        header, payload = answer if isinstance(answer, tuple) else (answer, b"")
        self.channel.send(dict(header, id=request["id"], event="answer"), payload)

    def _begin(self, request: Request, body: bytes, streaming: bool) -> None:
        try:
            command = RunningCommand(self, request, body, streaming)
        except OSError as error:  # no process or descriptor left: the code under test has them
            message = "repair: cannot run {!r}: {}\n".format(request["argv"][0], error)
            outcome = {"exit_code": 127, "timed_out": False, "out_of_memory": False, "seconds": 0.0}
            header = dict(outcome, id=request["id"], event="ended", stdout_bytes=0)
            self.channel.send(header, message.encode())
            return
        self.commands[command.id] = command

    def _to_command(self, operation: str, request: Request, body: bytes) -> None:
        command = self.commands.get(request["id"])
        if command is None:
            return  # it ended while the request was on its way
        if operation == "send":
            command.feed(body)
        elif operation == "kill":
            command.kill()
        else:
            command.acknowledge(request["bytes"])

    def _reap_at_once(self) -> None:
        """A supervisor that ended must not count against the limit on processes."""
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)

        def reap() -> None:
            os.read(read_fd, 4096)
            supervisor.reap(None)

        self.selector.register(read_fd, selectors.EVENT_READ, reap)

    def serve(self) -> None:
        self.selector.register(self.channel.incoming, selectors.EVENT_READ, self.dispatch)
        self._reap_at_once()
        while True:
            timeout = None
            if self.commands:
                timeout = WATCH_INTERVAL_SECONDS if self.watch or self.quota else 1.0
            for key, _ in self.selector.select(timeout):
                # A callback may have closed a descriptor that is ready further down the list.
                if self.selector.get_map().get(key.fd) is key:
                    key.data()
            for command in list(self.commands.values()):
                command.check()
            if self.watch and self.commands and time.monotonic() >= self.next_watch:
                supervisors = {command.pid for command in self.commands.values()}
                self.watched_ooms += rules.watch(self.watch, supervisors)
                self.next_watch = time.monotonic() + WATCH_INTERVAL_SECONDS
            self._hold_quota()

    def _hold_quota(self) -> None:
        """End what runs where the environment outgrows its part of the disk."""
        if self.quota is None or not self.commands:
            return
        reason = self.quota.exceeded()
        for command in list(self.commands.values()) if reason else ():
            if not command.killed:
                command.err.add("\n{}{}\n".format(QUOTA_MESSAGE, reason).encode())
                command.kill()


def main() -> None:
    channel = Channel()
    rules.harden()
    guest = Guest(channel)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    try:
        guest.serve()
    except (EOFError, BrokenPipeError, ConnectionError):
        pass
    finally:
        supervisor.end_descendants(set())
    os._exit(0)
