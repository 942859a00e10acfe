"""What is said of an installation while pip says nothing."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.base import CommandResult
from sandbox.egress_report import EgressOutcome
from sandbox.languages.python.environments.installation import install_commands
from sandbox.languages.python.environments.installation.install_progress import InstallProgress


def test_packages_are_counted() -> None:
    progress = InstallProgress()
    assert progress.sentence().startswith("still installing, ")
    assert progress.hear("Collecting numpy>=2") is None
    assert progress.hear("  Downloading numpy.whl") is None
    assert progress.sentence().startswith("collecting what is needed: 1 package so far, ")
    said = progress.hear("Installing collected packages: pytz, numpy, pandas")
    assert said == "installing 3 packages"
    assert progress.sentence().startswith("installing 3 packages, ")


def test_a_silent_command_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, sentences = threading.Event(), list[str]()

    def say(sentence: str) -> None:
        sentences.append(sentence)
        if sentence.startswith("installing 2 packages, "):
            heard.set()

    def silent(*_: object, on_line: Any, **__: object) -> CommandResult:
        on_line("Installing collected packages: a, b")
        assert heard.wait(60)
        return CommandResult(exit_code=0, stdout="", stderr="", seconds=1.0)

    monkeypatch.setattr(install_commands, "run_followed", silent)
    builder: Any = SimpleNamespace(session=None, outside=EgressOutcome)
    install_commands.InstallCommands(builder, say, beat_seconds=0.001).run(["pip"])
    assert sentences[0] == "installing 2 packages"
