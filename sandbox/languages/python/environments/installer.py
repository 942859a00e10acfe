"""Runs the steps of a recipe in the install stage, from the most to the least that may work."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sandbox.base import CommandResult, EnvironmentBuilder, Interpreter
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.languages.python.detection.config_files import ConfigFiles, table, words
from sandbox.languages.python.environments.pytest_plugins import remove_broken_plugins
from sandbox.languages.python.environments.recipe import Recipe, uses_hashes
from sandbox.session.followed_command import run_followed
from sandbox.snapshots.snapshot import Snapshot

MAX_STEP_SECONDS = 900.0
_TAIL_LINES = 15
_PROGRESS_SECONDS = 2.0
_PROGRESS_CHARACTERS = 160
_UNREACHABLE = re.compile(
    r"Failed to establish a new connection|Temporary failure in name resolution"
    r"|Name or service not known|Network is unreachable|Cannot connect to proxy|ProxyError"
)
_ERROR = re.compile(r"\b(?:[A-Za-z]*Error|ERROR|error)\b|[Nn]o such file|not found")
_TOO_LARGE = re.compile(r"^repair: the environment is too large: (it[^\n]*)$", re.MULTILINE)
"""Said by the guest when it ended a step, see `sandbox.session.guest.quota`."""
_EMPTY = re.compile(r"subprocess-exited|finished with status|Encountered error while|note: ")
"""Lines with which pip only says that something else failed."""
_PIP_OPTIONS = ("--prefer-binary", "--no-input", "--disable-pip-version-check")
_QUIET = ("--progress-bar=off", "--no-warn-script-location", "--use-pep517")
_CONSTRAINTS = ".repair-constraints.txt"
_NEUTRAL_FOLDER = "/"
"""Where steps run that need no file of the project in the current folder."""


@dataclass
class Installer:
    """Installs a project's dependencies with pip into one prefix."""

    builder: EnvironmentBuilder
    interpreter: Interpreter
    recipe: Recipe
    snapshot: Snapshot
    say: Callable[[str], None]
    on_top: bool = False
    """The prefix is a copy of an environment that has what needs no file of the project."""
    first: bool = False
    """The rest follows on top of this, and what fails here is tried again then."""

    @property
    def python(self) -> str:
        return f"{self.builder.prefix}/bin/python"

    def install(self) -> None:
        """Install the recipe.

        Raises InstallFailed when what the tests cannot do without is not installed.
        """
        self._refused: list[str] = []
        self._told = time.monotonic()
        self._pip = self._find_pip()
        self._write_files()
        if self.recipe.command is not None:
            self.say(f"installing: {self.recipe.command}")
            self._need(["sh", "-c", self.recipe.command], f"`{self.recipe.command}`")
            self._need_pip(self.recipe.base, "installing pytest and coverage")
        elif not self._all_at_once():
            self._step_by_step()
        if not self.recipe.only_base:
            remove_broken_plugins(self.builder.session, self.python, self._pip, self.say)

    def _find_pip(self) -> list[str]:
        """Make the virtual environment, unless this builds on one, and return the pip for it.

        A pip of its own takes seconds to unpack; the base interpreter's serves as well.
        """
        base, prefix = self.interpreter.path, self.builder.prefix
        uses_base_pip = not self.recipe.own_pip and self._base_pip_is_new()
        if not self.on_top:
            options = ["--without-pip"] if uses_base_pip else []
            making = "making a virtual environment"
            self._need([base, "-I", "-m", "venv", *options, prefix], making, cwd=_NEUTRAL_FOLDER)
        own_pip = [self.python, "-I", "-m", "pip"]
        return [base, "-I", "-m", "pip", "--python", self.python] if uses_base_pip else own_pip

    def _write_files(self) -> None:
        """Write the requirements files: where no file of the project may run, only its lists of
        requirements are there."""
        for path, _ in () if self.recipe.runs_code else self.recipe.digests:
            self.builder.session.write(path, self.snapshot.read(path))

    def _base_pip_is_new(self) -> bool:
        result = self._run(
            [self.interpreter.path, "-I", "-m", "pip", "--version"], cwd=_NEUTRAL_FOLDER
        )
        match = re.match(r"pip (\d+)\.(\d+)", result.stdout)
        return bool(result.ok and match and (int(match[1]), int(match[2])) >= (22, 3))

    def _all_at_once(self) -> bool:
        recipe = self.recipe
        files = [*recipe.files, *recipe.test_files]
        if any(uses_hashes(self.snapshot, path) for path in files):
            return False
        arguments = [
            *self._project(recipe.extras),
            *self._files(files),
            *recipe.requirements,
            *recipe.base,
        ]
        self.say(f"installing {' '.join(arguments)}")
        if recipe.constraints:
            self.builder.session.write(_CONSTRAINTS, "\n".join(recipe.constraints).encode())
            succeeded = self._try_pip([*arguments, "-c", self._inside(_CONSTRAINTS)])
            self.builder.session.remove(_CONSTRAINTS)
            if succeeded:
                return True
            self.say("the versions of the lock file cannot be installed here: newer ones are tried")
        return self._try_pip(arguments)

    def _step_by_step(self) -> None:
        # The base is a part of every step: an old pin that conflicts with it would otherwise
        # leave half of an older pytest behind.
        self.say("not everything can be installed together: going step by step")
        if self.recipe.editable:
            self._project_itself()
        for path in self.recipe.files:
            if not self._file(path) and not self.recipe.editable and not self.first:
                raise self._failed(f"installing {path}")
        for path in self.recipe.test_files:
            if not self._file(path):
                self.say(f"{path} cannot be installed: going on without it")
        if self.recipe.requirements and not self._try_pip(
            [*self.recipe.requirements, *self.recipe.base]
        ):
            for requirement in self.recipe.requirements:
                if not self._try_pip([requirement, *self.recipe.base]):
                    self.say(f"{requirement} cannot be installed: going on without it")
        self._need_pip(self.recipe.base, "installing pytest and coverage")

    def _project_itself(self) -> None:
        alternatives = [self._project(self.recipe.extras), self._project(()), [self._inside("")]]
        for targets in alternatives:
            if self._try_pip([*targets, *self.recipe.base]):
                return
        error = self._failed("installing the project")
        self.say("the project itself cannot be installed: only its dependencies are")
        dependencies = self.recipe.dependencies
        if not dependencies and not self._declares_all():
            raise error
        if dependencies and not self._try_pip(dependencies):
            raise self._failed("installing the project's dependencies")

    def _declares_all(self) -> bool:
        """pyproject.toml lists the dependencies; no code has to run to know that there are none."""
        project = table(ConfigFiles(self.snapshot).toml("pyproject.toml"), "project")
        return bool(project) and "dependencies" not in words(project.get("dynamic"))

    def _file(self, path: str) -> bool:
        if self._try_pip([*self._files([path]), *self.recipe.base]):
            return True
        names = _without_versions(self.snapshot.read(path).decode("utf-8", "replace"))
        self.say(f"{path} cannot be installed as it is: trying without its versions")
        return bool(names) and self._try_pip([*names, *self.recipe.base])

    def _project(self, extras: Sequence[str]) -> list[str]:
        if not self.recipe.editable:
            return []
        return ["-e", self._inside("") + (f"[{','.join(extras)}]" if extras else "")]

    def _files(self, paths: Sequence[str]) -> list[str]:
        return [argument for path in paths for argument in ("-r", self._inside(path))]

    def _inside(self, path: str) -> str:
        """Name a file of the project as it is named from any folder."""
        workspace = self.builder.session.workspace
        return f"{workspace}/{path}" if path else workspace

    def _try_pip(self, arguments: Sequence[str]) -> bool:
        # What is relative in a requirements file is so to the current folder. No other step
        # has a file of the project in it, or on the path that modules are imported from.
        cwd = None if self.recipe.local_files else _NEUTRAL_FOLDER
        self._last = self._run(self._pip_command(arguments), cwd=cwd)
        if not self._last.ok and self._no_index():
            raise self._failed("no package index can be reached")
        return self._last.ok

    def _no_index(self) -> bool:
        """The proxy knows; where there is none, pip's own words must do."""
        if self._outside.unreachable:
            return not self._outside.reached
        output = self._last.stdout + self._last.stderr
        return not self._outside.refused and bool(_UNREACHABLE.search(output))

    def _need_pip(self, arguments: Sequence[str], step: str) -> None:
        if not self._try_pip(arguments):
            raise self._failed(step)

    def _need(self, argv: Sequence[str], step: str, cwd: str | None = None) -> None:
        self._last = self._run(argv, cwd)
        if not self._last.ok:
            raise self._failed(step)

    def _pip_command(self, arguments: Sequence[str]) -> list[str]:
        return [*self._pip, "install", *_PIP_OPTIONS, *_QUIET, *arguments]

    def _run(self, argv: Sequence[str], cwd: str | None = None) -> CommandResult:
        variables = _version_variables(self.recipe.version)
        result = run_followed(
            self.builder.session,
            argv,
            timeout_seconds=MAX_STEP_SECONDS,
            cwd=cwd,
            env=variables,
            on_line=self._tell,
        )
        self._outside = self.builder.outside()
        for sentence in self._outside.refused:
            if sentence not in self._refused:
                self._refused.append(sentence)
                self.say(sentence)
        if not result.ok and (size_match := _TOO_LARGE.search(result.stderr)):
            raise EnvironmentTooLarge.over(size_match[1])
        if not result.ok and "No space left on device" in result.stdout + result.stderr:
            raise DiskFull("no space is left for the project's environment; free some")
        return result

    def _tell(self, line: str) -> None:
        """Say what an installation does, of its lines one every few seconds."""
        clock_seconds = time.monotonic()
        if line.strip() and clock_seconds - self._told >= _PROGRESS_SECONDS:
            self._told = clock_seconds
            self.say(line.strip()[:_PROGRESS_CHARACTERS])

    def _failed(self, step: str) -> InstallFailed:
        result = self._last
        lines = [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
        ending = (
            f"it took longer than {MAX_STEP_SECONDS:.0f} s" if result.timed_out else "it failed"
        )
        ending = "it ran out of memory" if result.out_of_memory else ending
        obstacles = "".join(
            f"; {sentence}" for sentence in (*self._refused, *self._outside.unreachable)
        )
        tail = "\n".join(line[:300] for line in lines[-_TAIL_LINES:])
        return InstallFailed(
            f"{step}: {ending}{_telling(lines)}{obstacles}; --install names another way\n{tail}"
        )


def _telling(lines: Sequence[str]) -> str:
    """The line of pip's output that says most, for the sentence; empty when none stands out."""
    error_lines = [
        line.strip() for line in lines if _ERROR.search(line) and not _EMPTY.search(line)
    ]
    if not error_lines:  # pip quotes the output of a build between two marks
        error_lines = [line.strip() for line, mark in pairwise(lines) if "[end of output]" in mark]
    return f" ({error_lines[-1][:200]})" if error_lines else ""


def _version_variables(version: str | None) -> Mapping[str, str]:
    """Variables that tell a version to tools that would ask the git history, which is not inside.

    Without a tag a high one is given, so that packages which need this one accept it.
    """
    value = version or "999.0"
    names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION")
    return {
        **dict.fromkeys(names, value),
        "POETRY_DYNAMIC_VERSIONING_BYPASS": value,
        "UV_DYNAMIC_VERSIONING_BYPASS": value,
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def _without_versions(text: str) -> list[str]:
    names = (
        re.match(r"\s*([A-Za-z0-9][\w.-]*(?:\[[\w,\s-]+\])?)", line) for line in text.splitlines()
    )
    return list(dict.fromkeys(match[1].replace(" ", "") for match in names if match))
