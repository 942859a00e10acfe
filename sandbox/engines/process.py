"""Runs commands as plain processes of the user: no isolation, only by explicit word."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.base import Environment, Interpreter, Limits
from sandbox.environments.build_settings import BuildSettings
from sandbox.environments.builder import FolderBuilder
from sandbox.environments.interpreters import (
    bare_environment,
    host_environment_key_parts,
    host_interpreters,
    need,
)
from sandbox.environments.store import EnvironmentStore
from sandbox.host.untrusted_tree import remove_tree
from sandbox.isolation.owner import this_process
from sandbox.isolation.variables import command_variables
from sandbox.machine_identity import MachineIdentity
from sandbox.session.bootstrap import INTERPRETER_FLAGS
from sandbox.session.pipe_channel import PipeChannel
from sandbox.session.session import GuestSession

NO_ISOLATION_WARNING = (
    "--sandbox process does not isolate anything: the project's code runs as you, with your"
    " files and your network. Use it only for code you would run yourself."
)


class ProcessSandbox:
    """Plain processes of this machine without any isolation. Implements `sandbox.base.Sandbox`."""

    name = "process"

    def __init__(self, settings: BuildSettings) -> None:
        self.settings = settings
        self.store = EnvironmentStore(settings.cache_dir / "environments")

    def interpreters(self) -> Sequence[Interpreter]:
        return [interpreter.public() for interpreter in host_interpreters()]

    def environment(self, key: str) -> Environment | None:
        return self.store.get(key)

    def environment_key_parts(self, interpreter: Interpreter) -> Sequence[str]:
        return host_environment_key_parts(self.name, interpreter, self.settings)

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),  # noqa: ARG002 - all of this machine is in sight
    ) -> FolderBuilder:
        settings = self.settings.with_pip_configuration()
        root = self.store.new_root(key, base)
        python = need(interpreter.path).path
        try:
            session = self._start(
                python, f"{root}/bin", settings.variables(), Limits(), source, MachineIdentity()
            )
        except BaseException:
            self.store.discard(root)
            raise
        return FolderBuilder(
            self.store,
            key,
            root,
            python,
            session,
            base,
            most_bytes=settings.environment_bytes,
        )

    def open(
        self,
        environment: Environment,
        source: Path,
        limits: Limits,
        identity: MachineIdentity | None = None,
    ) -> GuestSession:
        base = need(self.store.interpreter(environment)).path
        path, variables = str(Path(environment.python).parent), environment.variables
        return self._start(base, path, variables, limits, source, identity or MachineIdentity())

    def bare(self) -> Environment:
        """Return an environment of nothing but the newest Python, for probes and tests."""
        return bare_environment()

    def _start(
        self,
        interpreter: str,
        path: str,
        extra: Mapping[str, str],
        limits: Limits,
        source: Path,
        identity: MachineIdentity,
    ) -> GuestSession:
        folder = Path(tempfile.gettempdir()).resolve()
        folder /= f"{this_process().name}-{uuid.uuid4().hex[:8]}"
        workspace = folder / "workspace"
        (folder / "tmp").mkdir(parents=True, mode=0o700)
        workspace.mkdir()
        # User, host and process numbers are this machine's own.
        temporary = str(folder / "tmp")
        identity = replace(
            identity,
            workspace=str(workspace),
            home=temporary,
            temporary=temporary,
            environment="",
            files={p: text for p, text in identity.files.items() if not p.startswith("/")},
            first_pid=0,
        )
        variables = command_variables(path, extra, identity)
        try:
            session = GuestSession(
                PipeChannel([interpreter, *INTERPRETER_FLAGS], env=variables),
                identity=identity,
                limits=limits,
                variables=variables,
                configuration=watched(limits, []),
                on_close=lambda: _remove(folder),
            )
        except BaseException:
            _remove(folder)
            raise
        try:
            session.unpack(source)
        except BaseException:
            session.close()
            raise
        return session


def _remove(folder: Path) -> None:
    with suppress(OSError):  # the reaper tries again, and tells
        remove_tree(folder)


def watched(limits: Limits, file_systems: Sequence[str]) -> dict[str, Any]:
    """Return the guest's configuration where no control group holds the limits.

    The guest adds up resident memory and processes twenty times a second; the address space
    of each process stops the one that grows faster than that.
    """
    rlimits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.workspace_bytes}
    if sys.platform == "linux":
        rlimits["RLIMIT_AS"] = limits.memory_bytes * 4
    watch = {
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "file_systems": list(file_systems),
        "files": most_files(limits),
    }
    return {"rlimits": rlimits, "watch": watch}


def most_files(limits: Limits) -> int:
    """Return how many files a session may have: one a page of its space, and never few."""
    return max(limits.workspace_bytes // 4096, 1024)
