"""Runs Go in the install stage, and keeps what it downloaded and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.host.heartbeat import INTERVAL_SECONDS, sign_of_life
from sandbox.languages.go.environments.recipe import GoRecipe
from sandbox.languages.go.environments.toolchain import GoInstallation
from sandbox.session.followed_command import run_followed

MAX_INSTALL_SECONDS = 900.0
COMPILED, MODULES = "compiled", "modules"
"""Folders of the environment: what was compiled, and what was downloaded."""
_TAIL_LINES = 15
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

    def place_programs(self) -> None:
        """Put `python` and `go` into the environment: its folder comes first on PATH."""
        argv = ["sh", "-c", _PLACE, "sh", self.builder.prefix, self.python, self.go.root]
        result = self.builder.session.run(argv, timeout_seconds=_SHORT_SECONDS)
        if not result.ok:
            raise self._failed("making the environment", result)

    def install(self, recipe: GoRecipe) -> None:
        """Install the recipe. Raises InstallFailed, EnvironmentTooLarge, DiskFull."""
        if recipe.command is not None:
            self.say(f"installing: {recipe.command}")
            result = self._run(["sh", "-c", recipe.command])
            if not result.ok:
                raise self._failed(f"`{recipe.command}`", result)
        for folder in recipe.folders:
            self.say(f"go mod download{f' in {folder}' if folder else ''}")
            result = self._run(["go", "mod", "download"], folder)
            if not result.ok:
                raise self._failed("go mod download", result)

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
        session = self.builder.session
        with sign_of_life(self.say, what, self.beat_seconds):
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
            raise EnvironmentTooLarge.over("its modules take more than is allowed")
        if not result.ok and any(words in text for words in _FULL):
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
        tail = "\n".join(line[:300] for line in _lines(result)[-_TAIL_LINES:])
        return InstallFailed(f"{step}: {ending}{obstacles}; --install names another way\n{tail}")


def _lines(result: CommandResult) -> list[str]:
    return [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]


def _cause(result: CommandResult) -> str:
    return (_lines(result) or ["it said nothing"])[-1].strip()[:200]
