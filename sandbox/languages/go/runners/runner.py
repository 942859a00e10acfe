"""Runs the tests of a Go project by `go test -json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import ClassVar

from sandbox.base import Session
from sandbox.languages.go.detection.project import GoCommand, GoTests
from sandbox.languages.python.runners.guest_sources import guest_source
from sandbox.runners.base import OnProgress, TestReport
from sandbox.runners.program import BOOT
from sandbox.runners.restarts import GuestRun, run_with_restarts

_FOLDER = resources.files("sandbox.languages.go.guest_programs")
_DRIVER = "go_tests"
_MODULES = ("failure_text", "go_process", "package_run", _DRIVER)
_ARGV = ("go", "test", "-json", "-count=1", "-parallel=1", "-timeout=0")
"""No result of an earlier run; one test at a time, so that it is known which one ended the process;
and the host limits their time."""


@dataclass(kw_only=True)
class GoRunner:
    """`TestRunner` for `go test`. Test ids are `path/a_test.go::TestName/part`; a file, or a test,
    stands for what lies in it."""

    __test__: ClassVar[bool] = False
    python: str
    """Interpreter inside the sandbox, for the program that starts Go."""
    tests: GoTests = field(default_factory=GoTests)
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = GoCommand.TEST.value

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests, or all. A name that no test has gives no result: it never passes."""
        guest = GuestRun(
            entry=_DRIVER,
            python=self.python,
            request={
                "argv": list(_ARGV),
                "options": list(self.tests.options),
                "files": list(self.tests.files),
            },
            env=dict(self.env) or None,
            sources=_sources,
        )
        return run_with_restarts(
            session,
            guest,
            test_ids,
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            on_progress=on_progress,
        )


def _sources() -> Mapping[str, str]:
    return {BOOT: guest_source(BOOT), **{name: _text(f"{name}.py") for name in _MODULES}}


def _text(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")
