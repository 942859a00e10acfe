"""What cannot be installed together is asked of pip once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.base import CommandResult, Interpreter
from sandbox.egress_report import EgressOutcome
from sandbox.languages.python.environments.installation import install_commands
from sandbox.languages.python.environments.installation.installer import Installer
from sandbox.languages.python.environments.recipe import Recipe

CONFLICT = (
    "ERROR: Cannot install calc[test] and pytest>=7 because these package versions have "
    "conflicting dependencies.\nERROR: ResolutionImpossible: for help visit https://pip.pypa.io\n"
)


class StubPip:
    """Ends as an index with an extra that asks for an older pytest has pip end."""

    def __init__(self, error: str) -> None:
        self.error = error
        self.targets: list[str] = []

    def run(self, _: object, argv: Sequence[str], **__: object) -> CommandResult:
        error, output = "", "pip 25.0" if "--version" in argv else ""
        if "-e" in argv:
            self.targets.append(argv[argv.index("-e") + 1])
            error = self.error if self.targets[-1].endswith("[test]") else ""
        return CommandResult(exit_code=int(bool(error)), stdout=output, stderr=error, seconds=1.0)


def install(monkeypatch: pytest.MonkeyPatch, error: str) -> tuple[list[str], list[str]]:
    """The targets that pip is asked for, and what is left out."""
    pip = StubPip(error)
    monkeypatch.setattr(install_commands, "run_followed", pip.run)
    session = SimpleNamespace(
        workspace="/workspace", write=lambda *_: None, run=lambda argv, **_: pip.run(None, argv)
    )
    builder: Any = SimpleNamespace(session=session, prefix="/environment", outside=EgressOutcome)
    recipe = Recipe(editable=True, extras=("test",))
    snapshot: Any = SimpleNamespace(entries={})
    interpreter = Interpreter(path="/usr/bin/python3", version=(3, 12, 0))
    installer = Installer(builder, interpreter, recipe, snapshot, lambda _: None)
    installer.install()
    return pip.targets, installer.left_out


def test_extras_that_conflict_with_what_is_needed_are_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets, left_out = install(monkeypatch, CONFLICT)
    assert targets == ["/workspace[test]", "/workspace"]
    [sentence] = left_out
    assert sentence.startswith("the extra test is not installed: ERROR: Cannot install calc[test]")


def test_another_failure_may_end_otherwise_once_more_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets, _ = install(monkeypatch, "error: subprocess-exited-with-error\n")
    assert targets.count("/workspace[test]") > 1
