"""Runs Cargo in the install stage, and keeps what it downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.languages.rust.environments.recipe import RustRecipe
from sandbox.languages.rust.environments.toolchain import RustInstallation
from sandbox.session.followed_command import run_followed

MAX_INSTALL_SECONDS = 900.0
PACKAGES = "cargo"
"""Folder of the environment with what was downloaded."""
_TAIL_LINES = 15
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

    def place_programs(self) -> None:
        """Put `python` and `cargo` into the environment: its folder comes first on PATH."""
        argv = ["sh", "-c", _PLACE, "sh", self.builder.prefix, self.python, self.rust.root]
        result = self.builder.session.run(argv, timeout_seconds=_SHORT_SECONDS)
        if not result.ok:
            raise self._failed("making the environment", result)

    def install(self, recipe: RustRecipe) -> None:
        """Install the recipe. Raises InstallFailed, EnvironmentTooLarge, DiskFull."""
        if recipe.command is not None:
            self.say(f"installing: {recipe.command}")
            result = self._run(["sh", "-c", recipe.command])
            if not result.ok:
                raise self._failed(f"`{recipe.command}`", result)
        for folder in recipe.folders:
            self.say(f"cargo fetch{f' in {folder}' if folder else ''}")
            result = self._run(["cargo", "fetch"], folder)
            if not result.ok:
                raise self._failed("cargo fetch", result)

    def _variables(self) -> Mapping[str, str]:
        return {"CARGO_HOME": f"{self.builder.prefix}/{PACKAGES}", "CARGO_TERM_COLOR": "never"}

    def _run(self, argv: Sequence[str], folder: str = "") -> CommandResult:
        session = self.builder.session
        result = run_followed(
            session,
            argv,
            timeout_seconds=MAX_INSTALL_SECONDS,
            cwd=f"{session.workspace}/{folder}" if folder else None,
            env=self._variables(),
            on_line=lambda _: None,
        )
        text = result.stdout + result.stderr
        if not result.ok and "repair: the environment is too large" in text:
            raise EnvironmentTooLarge.over("its packages take more than is allowed")
        if not result.ok and any(words in text.lower() for words in _FULL):
            raise DiskFull("no space is left for the project's environment; free some")
        return result

    def _failed(self, step: str, result: CommandResult) -> InstallFailed:
        outside = self.builder.outside()
        obstacles = "".join(f"; {text}" for text in (*outside.refused, *outside.unreachable))
        ending = "it failed"
        if result.timed_out:
            ending = f"it took longer than {MAX_INSTALL_SECONDS:.0f} s"
        elif result.out_of_memory:
            ending = "it ran out of memory"
        lines = [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
        tail = "\n".join(line[:300] for line in lines[-_TAIL_LINES:])
        return InstallFailed(f"{step}: {ending}{obstacles}; --install names another way\n{tail}")
