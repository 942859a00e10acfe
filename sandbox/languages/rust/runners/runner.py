"""Runs the tests of a Rust project: built by `cargo test --no-run`, each in its own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import ClassVar

from sandbox.base import Session
from sandbox.languages.python.runners.guest_sources import guest_source
from sandbox.languages.rust.detection.project import CargoCommand, RustTests
from sandbox.runners.base import OnProgress, TestReport
from sandbox.runners.program import BOOT
from sandbox.runners.restarts import GuestRun, run_with_restarts

_FOLDER = resources.files("sandbox.languages.rust.guest_programs")
_DRIVER = "rust_tests"
_MODULES = ("failure_text", "cargo", "built_tests", "workspace_run", _DRIVER)


@dataclass(kw_only=True)
class RustRunner:
    """`TestRunner` for `cargo test`. Test ids are `src/lib.rs::tests::adds`: the file that a test
    stands in, and its whole name in its program; a file, or a module, stands for what lies in
    it."""

    __test__: ClassVar[bool] = False
    python: str
    """Interpreter inside the sandbox, for the program that starts Cargo."""
    tests: RustTests = field(default_factory=RustTests)
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = CargoCommand.TEST.value

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
                "options": list(self.tests.options),
                "files": list(self.tests.files),
                "bare": list(self.tests.bare),
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
