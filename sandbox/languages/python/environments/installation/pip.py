"""pip in one virtual environment, helped where the build of a package needs other surroundings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.base import CommandResult, Interpreter
from sandbox.languages.python.environments.installation.build_remedies import (
    BuildSurroundings,
    Remedies,
    version_variables,
)
from sandbox.languages.python.environments.installation.install_commands import (
    NEUTRAL_FOLDER,
    InstallCommands,
)
from sandbox.languages.python.environments.recipe import Recipe

_UNREACHABLE = re.compile(
    r"Failed to establish a new connection|Temporary failure in name resolution"
    r"|Name or service not known|Network is unreachable|Cannot connect to proxy|ProxyError"
)
_CONFLICT = "ResolutionImpossible"
_OPTIONS = ("--prefer-binary", "--no-input", "--disable-pip-version-check")
_QUIET = ("--progress-bar=off", "--no-warn-script-location", "--use-pep517")
_PROBE = ("--dry-run", "--ignore-installed", "--no-deps", "pip")
"""Asks an index, and installs nothing."""
_BUILD_CONSTRAINTS = "/tmp/repair-build-constraints.txt"  # noqa: S108 (inside the sandbox)


@dataclass
class Pip:
    """Installs what it is told into the prefix of a build."""

    commands: InstallCommands
    interpreter: Interpreter
    recipe: Recipe

    def __post_init__(self) -> None:
        self._build = BuildSurroundings()
        self._remedies = Remedies(
            requires=self.recipe.build_requires,
            dependencies=self.recipe.dependencies,
            own_modules=self.recipe.own_modules,
            asks_git=self.recipe.asks_git,
        )
        self._conflicts: dict[tuple[BuildSurroundings, tuple[str, ...]], CommandResult] = {}
        self.argv: list[str] = []
        self.commands.variables = self._variables()

    @property
    def python(self) -> str:
        """The interpreter of the prefix."""
        return f"{self.commands.builder.prefix}/bin/python"

    def inside(self, path: str) -> str:
        """Name a file of the project as it is named from any folder."""
        workspace = self.commands.builder.session.workspace
        return f"{workspace}/{path}" if path else workspace

    def prepare(self, *, on_top: bool) -> None:
        """Make the virtual environment, unless this builds on top of one, and find the pip for it.

        A pip of its own takes seconds to unpack; the base interpreter's serves as well.
        """
        base, prefix = self.interpreter.path, self.commands.builder.prefix
        uses_base_pip = not self.recipe.own_pip and self._base_pip_is_new()
        if not on_top:
            options = ["--without-pip"] if uses_base_pip else []
            argv = [base, "-I", "-m", "venv", *options, prefix]
            self.commands.need(argv, "making a virtual environment", cwd=NEUTRAL_FOLDER)
        own_pip = [self.python, "-I", "-m", "pip"]
        self.argv = [base, "-I", "-m", "pip", "--python", self.python] if uses_base_pip else own_pip

    def install(self, arguments: Sequence[str]) -> bool:
        """Install, again with each remedy that the failure calls for; say whether it succeeded.
        What conflicts with itself does so whatever was installed since: it is not tried again.

        Raises InstallFailed where no index can be reached at all.
        """
        if (conflict := self._conflicts.get((self._build, tuple(arguments)))) is not None:
            self.commands.last = conflict
            return False
        self._once(arguments)
        while not (last := self.commands.last).ok:
            output = last.stdout + last.stderr
            remedy = self._remedies.next(output, self._build)
            if remedy is None:
                break
            self._build, sentence = remedy
            self.commands.variables = self._variables()
            self.commands.say(sentence)
            self._prepare_build()
            self._once(arguments)
        if not last.ok and self._no_index():
            raise self.commands.failed("no package index can be reached")
        if not last.ok and _CONFLICT in last.stdout + last.stderr:
            self._conflicts[self._build, tuple(arguments)] = last
        return last.ok

    def need(self, arguments: Sequence[str], step: str) -> None:
        """Install what must be there. Raises InstallFailed, which names the step."""
        if not self.install(arguments):
            raise self.commands.failed(step)

    def _base_pip_is_new(self) -> bool:
        result = self.commands.run(
            [self.interpreter.path, "-I", "-m", "pip", "--version"], cwd=NEUTRAL_FOLDER
        )
        match = re.match(r"pip (\d+)\.(\d+)", result.stdout)
        return bool(result.ok and match and (int(match[1]), int(match[2])) >= (22, 3))

    def _once(self, arguments: Sequence[str]) -> None:
        # What is relative in a requirements file is so to the current folder. No other step
        # has a file of the project in it, or on the path that modules are imported from.
        cwd = None if self.recipe.local_files else NEUTRAL_FOLDER
        open_build = () if self._build.isolated else ("--no-build-isolation",)
        self.commands.keep(self._command([*open_build, *arguments]), cwd=cwd)

    def _prepare_build(self) -> None:
        """Put in place what the build of the project is to find."""
        lines = "\n".join(self._build.constraints)
        self.commands.builder.session.write(_BUILD_CONSTRAINTS, lines.encode())
        if not self._build.isolated:
            self.commands.run(self._command(self._build.packages), cwd=NEUTRAL_FOLDER)

    def _no_index(self) -> bool:
        """The proxy knows; where there is none, an index is asked for what every one has."""
        last, outside = self.commands.last, self.commands.outside
        if outside.unreachable:
            return not outside.reached
        if outside.refused or not _UNREACHABLE.search(last.stdout + last.stderr):
            return False
        answer = self.commands.run(self._command(_PROBE), cwd=NEUTRAL_FOLDER)
        self.commands.outside = outside
        return not answer.ok

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [*self.argv, "install", *_OPTIONS, *_QUIET, *arguments]

    def _variables(self) -> dict[str, str]:
        """What the commands of an installation are told beside the network."""
        build, variables = self._build, {}
        if build.constraints:  # the first for pip before 25.3, the second for those after
            variables = dict.fromkeys(
                ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), _BUILD_CONSTRAINTS
            )
        if build.own_path:
            roots = (self.inside("" if root == "." else root) for root in self.recipe.import_roots)
            variables["PYTHONPATH"] = ":".join(roots)
        version_settings = version_variables(self.recipe.version, told=build.told_version)
        return {**version_settings, **variables}
