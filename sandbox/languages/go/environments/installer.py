"""Runs Go in the install stage, and keeps what it downloaded and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.environments.install_command import InstallCommands, lines_of
from sandbox.host.heartbeat import INTERVAL_SECONDS
from sandbox.languages.go.environments.recipe import GoRecipe
from sandbox.languages.go.environments.toolchain import GoInstallation

COMPILED, MODULES = "compiled", "modules"
"""Folders of the environment: what was compiled, and what was downloaded."""
_SHORT_SECONDS = 300.0
_VARIABLES = {
    "GOENV": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "",
    "GOTELEMETRY": "off",
    "GOPATH": "/tmp/.go-path",  # noqa: S108 - inside, and of this build only
    "GOFLAGS": "-modcacherw",
}
"""No settings of a user, no other Go than the one at hand."""
_PLACE = (
    'mkdir -p "$1/bin" && ln -sf "$2" "$1/bin/python" && ln -sf "$3/bin/go" "$1/bin/go" && '
    + ('ln -sf "$3/bin/gofmt" "$1/bin/gofmt"')
)
# A test of no project that needs the same packages: the compiler, the linker and vet leave in the
# cache what each later test needs of them.
_COMPILE = """
set -e
folder=$(mktemp -d)
cd "$folder"
printf 'module compiled\\n' >go.mod
{
    printf 'package compiled\\n\\nimport (\\n\\t"testing"\\n'
    for name in "$@"; do
        [ ! -d "$GOROOT/src/$name" ] || printf '\\t_ "%s"\\n' "$name"
    done
    printf ')\\n\\nfunc TestNothing(*testing.T) {}\\n'
} >compiled_test.go
exec "$GOROOT/bin/go" test -count=1 .
"""
_FULL = ("no space left on device", "disk quota exceeded")


@dataclass
class Installer:
    """The steps of one build."""

    builder: EnvironmentBuilder
    python: str
    go: GoInstallation
    say: Callable[[str], None]
    left_out: list[str] = field(default_factory=list)
    """What could not be installed and was not waited for, one sentence each."""
    beat_seconds: float = INTERVAL_SECONDS
    """How often it is said that a command goes on."""

    @property
    def _commands(self) -> InstallCommands:
        return InstallCommands(self.builder, self.say, "modules", _FULL, self.beat_seconds)

    def place_programs(self) -> None:
        """Put `python` and `go` into the environment: its folder comes first on PATH."""
        argv = ["sh", "-c", _PLACE, "sh", self.builder.prefix, self.python, self.go.root]
        result = self.builder.session.run(argv, timeout_seconds=_SHORT_SECONDS)
        if not result.ok:
            raise self._commands.failed("making the environment", result)

    def install(self, recipe: GoRecipe) -> None:
        """Install the recipe. Raises InstallFailed, EnvironmentTooLarge, DiskFull."""
        if recipe.command is not None:
            self.say(f"installing: {recipe.command}")
            result = self._run(["sh", "-c", recipe.command])
            if not result.ok:
                raise self._commands.failed(f"`{recipe.command}`", result)
        for folder in recipe.folders:
            self.say(f"go mod download{f' in {folder}' if folder else ''}")
            result = self._run(["go", "mod", "download"], folder)
            if not result.ok:
                raise self._commands.failed("go mod download", result)

    def compile_standard(self, recipe: GoRecipe) -> None:
        """Compile the packages of Go itself that the tests need."""
        self.say("compiling the packages of Go that the tests use")
        argv = ["sh", "-c", _COMPILE, "sh", *recipe.standard]
        result = self._run(argv, what="still compiling")
        if not result.ok:
            self.left_out.append(
                f"packages of Go could not be compiled ahead of the tests: {_cause(result)}"
            )

    def _variables(self) -> Mapping[str, str]:
        prefix = self.builder.prefix
        return {
            **_VARIABLES,
            "GOROOT": self.go.root,
            "GOCACHE": f"{prefix}/{COMPILED}",
            "GOMODCACHE": f"{prefix}/{MODULES}",
        }

    def _run(
        self, argv: Sequence[str], folder: str = "", what: str = "still installing"
    ) -> CommandResult:
        return self._commands.run(argv, self._variables(), folder, what)


def _cause(result: CommandResult) -> str:
    return (lines_of(result) or ["it said nothing"])[-1].strip()[:200]
