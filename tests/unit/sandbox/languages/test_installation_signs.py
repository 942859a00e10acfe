"""What is said of an installation while npm, Go or Cargo says nothing."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.base import CommandResult
from sandbox.environments import install_command
from sandbox.languages.go.environments.installer import Installer
from sandbox.languages.go.environments.recipe import GoRecipe
from sandbox.languages.go.environments.toolchain import GoInstallation
from sandbox.languages.javascript.environments.npm import Npm
from sandbox.languages.javascript.environments.recipe import Recipe
from sandbox.languages.javascript.environments.toolchain import NodeInstallation
from sandbox.languages.rust.environments.installer import Installer as RustInstaller
from sandbox.languages.rust.environments.recipe import RustRecipe
from sandbox.languages.rust.environments.toolchain import RustInstallation


class Listener:
    """Hears the sentences, and notes the first that begins as it should."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning
        self.heard = threading.Event()

    def __call__(self, sentence: str) -> None:
        if sentence.startswith(self.beginning):
            self.heard.set()

    def silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have each command end without a word once the listener has heard of it."""

        def silent(*_: object, **__: object) -> CommandResult:
            assert self.heard.wait(60)
            return CommandResult(exit_code=0, stdout="", stderr="", seconds=1.0)

        monkeypatch.setattr(install_command, "run_followed", silent)


BUILDER: Any = SimpleNamespace(
    session=SimpleNamespace(workspace="/workspace"), prefix="/environment"
)


def test_a_silent_npm_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener("still installing, ")
    listener.silence(monkeypatch)
    node = NodeInstallation(path="/usr/bin/node", version=(20, 0, 0), npm="10.0.0")
    Npm(BUILDER, "python3", node, listener, beat_seconds=0.001).install(Recipe())
    assert listener.heard.is_set()


def test_a_silent_go_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    go = GoInstallation(root="/usr/local/go", version=(1, 22, 0))
    listener = Listener("still installing, ")
    listener.silence(monkeypatch)
    Installer(BUILDER, "python3", go, listener, beat_seconds=0.001).install(GoRecipe(folders=("",)))
    assert listener.heard.is_set()
    listener = Listener("still compiling, ")
    listener.silence(monkeypatch)
    Installer(BUILDER, "python3", go, listener, beat_seconds=0.001).compile_standard(GoRecipe())
    assert listener.heard.is_set()


def test_a_silent_cargo_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    rust = RustInstallation(root="/usr", version=(1, 80, 0))
    listener = Listener("still installing, ")
    listener.silence(monkeypatch)
    recipe = RustRecipe(folders=("",))
    RustInstaller(BUILDER, "python3", rust, listener, beat_seconds=0.001).install(recipe)
    assert listener.heard.is_set()
