"""Runs Cargo in the install stage, and keeps what it downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.environments.install_command import InstallCommands
from sandbox.host.heartbeat import INTERVAL_SECONDS
from sandbox.languages.rust.environments.recipe import RustRecipe
from sandbox.languages.rust.environments.toolchain import RustInstallation

PACKAGES = "cargo"
"""Folder of the environment with what was downloaded."""
_SHORT_SECONDS = 300.0
_PLACE = """
mkdir -p "$1/bin" && ln -sf "$2" "$1/bin/python" || exit 1
for name in cargo rustc rustdoc rustfmt; do
    [ ! -x "$3/bin/$name" ] || ln -sf "$3/bin/$name" "$1/bin/$name" || exit 1
done
"""
_FULL = ("no space left on device", "disk quota exceeded")


@dataclass
class Installer:
    """The steps of one build."""

    builder: EnvironmentBuilder
    python: str
    rust: RustInstallation
    say: Callable[[str], None]
    beat_seconds: float = INTERVAL_SECONDS
    """How often it is said that a command goes on."""

    @property
    def _commands(self) -> InstallCommands:
        return InstallCommands(self.builder, self.say, "packages", _FULL, self.beat_seconds)

    def place_programs(self) -> None:
        """Put `python` and `cargo` into the environment: its folder comes first on PATH."""
        argv = ["sh", "-c", _PLACE, "sh", self.builder.prefix, self.python, self.rust.root]
        result = self.builder.session.run(argv, timeout_seconds=_SHORT_SECONDS)
        if not result.ok:
            raise self._commands.failed("making the environment", result)

    def install(self, recipe: RustRecipe) -> None:
        """Install the recipe. Raises InstallFailed, EnvironmentTooLarge, DiskFull."""
        if recipe.command is not None:
            self.say(f"installing: {recipe.command}")
            result = self._run(["sh", "-c", recipe.command])
            if not result.ok:
                raise self._commands.failed(f"`{recipe.command}`", result)
        for folder in recipe.folders:
            self.say(f"cargo fetch{f' in {folder}' if folder else ''}")
            result = self._run(["cargo", "fetch"], folder)
            if not result.ok:
                raise self._commands.failed("cargo fetch", result)

    def _variables(self) -> Mapping[str, str]:
        return {"CARGO_HOME": f"{self.builder.prefix}/{PACKAGES}", "CARGO_TERM_COLOR": "never"}

    def _run(self, argv: Sequence[str], folder: str = "") -> CommandResult:
        return self._commands.run(argv, self._variables(), folder)
