"""The sandboxes that answers are graded in, and what is built once for all of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from agent.config import Settings
from agent.evaluation.grading.program import ProgramEnding, ProgramLanguage, run_program
from agent.runs.stop import StoppableSandbox
from sandbox.base import Environment, Limits, Session
from sandbox.engines.choose import AnySandbox, choose
from sandbox.errors import SandboxDied
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.choose import language_of, understand
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.tarball import empty_tar

ATTEMPTS = 2
"""A sandbox that dies under a program gets one more try, in a fresh one."""


class SandboxProvider:
    """Opens the sessions of one evaluation. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        sandbox: str,
        stop: threading.Event,
        scratch: Path,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.scratch = scratch
        self.say = say
        self._name = sandbox
        self._stop = stop
        self._guard = threading.RLock()
        self._environments: dict[tuple[ProgramLanguage, tuple[str, ...]], Environment] = {}

    @cached_property
    def _chosen(self) -> AnySandbox:
        with self._guard:
            return choose(self._name, self.settings.build_settings())

    @cached_property
    def sandbox(self) -> StoppableSandbox:
        """Raises SandboxUnavailable."""
        return StoppableSandbox(self._chosen, self._stop)

    @property
    def limits(self) -> Limits:
        """Of one session: one processor, so that answers side by side do not slow each other."""
        return self.settings.session_limits(1.0)

    def environment(self, language: ProgramLanguage, packages: tuple[str, ...]) -> Environment:
        """A Python or Node with these packages, built once; the bare Python where none is needed.

        Raises SandboxError.
        """
        with self._guard:
            key = language, packages
            if key not in self._environments:
                is_bare = language is ProgramLanguage.PYTHON and not packages
                self._environments[key] = self._chosen.bare() if is_bare else self._built(*key)
            return self._environments[key]

    @contextmanager
    def runner(self, seconds: float) -> Iterator[ProgramRunner]:
        """Where the answers to one task are run; `seconds` for each of them."""
        runner = ProgramRunner(self, seconds)
        try:
            yield runner
        finally:
            runner.close()

    def close(self) -> None:
        if "sandbox" in self.__dict__:
            self.sandbox.close()

    def _built(self, language: ProgramLanguage, packages: tuple[str, ...]) -> Environment:
        """As for any project that asks for these packages."""
        with scratch_folder() as name:
            folder = Path(name)
            project = folder / "packages"
            project.mkdir()
            for name, text in _asking_for(language, packages).items():
                (project / name).write_text(text)
            snapshot = take_snapshot(resolve(str(project), None, folder), folder)
            found = understand(snapshot)
            room = language_of(found)
            return room.prepare(self.sandbox, found, snapshot, self.say).environment


def _asking_for(language: ProgramLanguage, packages: tuple[str, ...]) -> dict[str, str]:
    """Path → text of a project that needs these packages."""
    if language is ProgramLanguage.PYTHON:
        test = "def test_nothing():\n    pass\n"
        return {"requirements.txt": "\n".join(packages) + "\n", "test_nothing.py": test}
    package = {
        "name": "packages",
        "version": "1.0.0",
        "private": True,
        "scripts": {"test": "node --test"},
        "dependencies": dict.fromkeys(packages, "*"),
    }
    test = 'require("node:test")("nothing", () => {});\n'
    return {"package.json": json.dumps(package), "nothing.test.js": test}


class ProgramRunner:
    """Runs the programs of one task, one after the other. Not for several threads."""

    def __init__(self, sandbox_provider: SandboxProvider, seconds: float) -> None:
        self.sandbox_provider = sandbox_provider
        self.seconds = seconds
        """For one answer."""
        self._session: Session | None = None
        self._kind: tuple[ProgramLanguage, tuple[str, ...]] | None = None
        self._used = False

    def run(
        self,
        program: str,
        packages: tuple[str, ...] = (),
        language: ProgramLanguage = ProgramLanguage.PYTHON,
    ) -> ProgramEnding:
        """Run an answer with its tests, offline; nothing of an earlier one still lives.

        Raises SandboxError.
        """
        ending = self._attempts(program, packages, language)
        if ending.full and self._used:  # an earlier answer may have filled the disk
            self.close()
            ending = self._attempts(program, packages, language)
        self._used = True
        if ending.left_a_mess:
            self.close()
        return ending

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session, self._used = None, False

    def _attempts(
        self, program: str, packages: tuple[str, ...], language: ProgramLanguage
    ) -> ProgramEnding:
        for attempt in range(ATTEMPTS):
            try:
                session, python = self._open(language, packages)
                return run_program(session, python, program, self.seconds, language)
            except (SandboxDied, OSError):
                self.close()
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _open(self, language: ProgramLanguage, packages: tuple[str, ...]) -> tuple[Session, str]:
        kind = language, packages
        environment = self.sandbox_provider.environment(*kind)
        if self._session is None or kind != self._kind or self._session.closed:
            self.close()
            with scratch_folder() as folder:
                source = Path(folder) / "empty.tar"
                source.write_bytes(empty_tar())
                self._session = self.sandbox_provider.sandbox.open(
                    environment, source, self.sandbox_provider.limits
                )
            self._kind = kind
        return self._session, environment.python
