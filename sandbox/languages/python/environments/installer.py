"""Runs the steps of a recipe in the install stage, from the most to the least that may work."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement

from sandbox.base import CommandResult, EnvironmentBuilder, Interpreter
from sandbox.egress_report import Outside
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.languages.python.detection.config_files import ConfigFiles, first_line, table, words
from sandbox.languages.python.environments.build_history import build_history
from sandbox.languages.python.environments.build_remedies import (
    BuildSurroundings,
    Remedies,
    version_variables,
)
from sandbox.languages.python.environments.index_only import listed_in
from sandbox.languages.python.environments.pip_output import advice_of, cause_of
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
_TOO_LARGE = re.compile(r"^repair: the environment is too large: (it[^\n]*)$", re.MULTILINE)
"""Said by the guest when it ended a step, see `sandbox.session.guest.quota`."""
_PIP_OPTIONS = ("--prefer-binary", "--no-input", "--disable-pip-version-check")
_QUIET = ("--progress-bar=off", "--no-warn-script-location", "--use-pep517")
_PROBE = ("--dry-run", "--ignore-installed", "--no-deps", "pip")
"""Asks an index, and installs nothing."""
_CONSTRAINTS = ".repair-constraints.txt"
_BUILD_CONSTRAINTS = "/tmp/repair-build-constraints.txt"  # noqa: S108 (inside the sandbox)
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
    left_out: list[str] = field(default_factory=list)
    """What could not be installed and was not waited for, one sentence each."""
    build_error: InstallFailed | None = None
    """Why the project itself is not installed, where only what it depends on is."""

    @property
    def python(self) -> str:
        return f"{self.builder.prefix}/bin/python"

    def install(self) -> None:
        """Install the recipe.

        Raises InstallFailed when what the tests cannot do without is not installed.
        """
        self._refused: list[str] = []
        self._told = time.monotonic()
        self._outside = Outside()
        self._build = BuildSurroundings()
        self._remedies = Remedies(
            requires=self.recipe.build_requires,
            dependencies=self.recipe.dependencies,
            own_modules=self.recipe.own_modules,
            asks_git=self.recipe.asks_git,
        )
        self._pip = self._find_pip()
        self._write_files()
        with self._history():
            self._install()
        if not self.recipe.only_base:
            remove_broken_plugins(self.builder.session, self.python, self._pip, self.say)

    def _install(self) -> None:
        if self.recipe.command is not None:
            self.say(f"installing: {self.recipe.command}")
            self._need(["sh", "-c", self.recipe.command], f"`{self.recipe.command}`")
            self._need_pip(self.recipe.base, "installing pytest and coverage")
        elif not self._all_at_once():
            self._step_by_step()

    @contextmanager
    def _history(self) -> Iterator[None]:
        if not (self.recipe.asks_git and self.recipe.runs_code):
            yield
            return
        with build_history(self.builder.session, self.recipe.version_tag) as made:
            if not made:
                self.say("its build may ask git, which does not work in this sandbox")
            yield

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
            *self._target(recipe.extras),
            *self._members(),
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
        if self.recipe.members and not self._try_pip([*self._members(), *self.recipe.base]):
            self._members_one_by_one()
        for path in self.recipe.files:
            if not self._file(path) and not self.recipe.editable and not self.first:
                raise self._failed(f"installing {path}")
        for path in self.recipe.test_files:
            if not self._file(path):
                self._leave_out(path)
        if self.recipe.requirements and not self._together(self.recipe.requirements):
            self._one_by_one(self.recipe.requirements)
        self._need_pip(self.recipe.base, "installing pytest and coverage")

    def _project_itself(self) -> None:
        """The project with its extras, else without those that fail, else without what it depends
        on, which follows one by one, else only that."""
        if self._together(self._target(self.recipe.extras)):
            return
        if self.recipe.extras and self._together(self._target(())):
            for extra in self.recipe.extras:
                if not self._together(self._target((extra,))):
                    self._leave_out(f"the extra {extra}")
            return
        error = self._failed("installing the project")
        dependencies = self.recipe.dependencies
        if dependencies and self._try_pip(["--no-deps", *self._target(())]):
            self.say("not all that the project depends on can be installed together")
            self._need_some(dependencies, error)
            return
        self.say("the project itself cannot be installed: only its dependencies are")
        if not dependencies and not self._declares_all():
            raise error
        self.build_error = error
        self.left_out.append(f"the project itself is not installed: {first_line(error)}")
        if dependencies and not self._together(dependencies):
            self._need_some(dependencies, self._failed("installing the project's dependencies"))

    def _need_some(self, requirements: Sequence[str], error: InstallFailed) -> None:
        if not self._one_by_one(requirements):
            raise error

    def _members_one_by_one(self) -> None:
        """They are imported from their folders in any case; installed, they have metadata."""
        for member in self.recipe.members:
            target = ["-e", self._inside(member)]
            if not self._try_pip(target) and not self._try_pip([*target, "--no-deps"]):
                self.say(f"the package in {member} cannot be installed: going on without it")

    def _declares_all(self) -> bool:
        """Whether no code has to run to know that there are no dependencies: pyproject.toml lists
        them, or setuptools only cannot tell packages from other folders."""
        project = table(ConfigFiles(self.snapshot).toml("pyproject.toml"), "project")
        if project:
            return "dependencies" not in words(project.get("dynamic"))
        return "discovered in a flat-layout" in self._last.stdout + self._last.stderr

    def _file(self, path: str) -> bool:
        """Whether something of a requirements file is installed."""
        if self._together(self._files([path])):
            return True
        self.say(f"{path} cannot be installed as it is: trying without its versions")
        requirements = listed_in(self.snapshot, path)
        loose = [text for line in requirements if (text := _without_version(line))]
        if loose and len(loose) == len(requirements) and self._together(loose):
            return True
        return bool(requirements) and self._one_by_one(requirements)

    def _together(self, arguments: Sequence[str]) -> bool:
        return self._try_pip([*arguments, *self.recipe.base])

    def _one_by_one(self, requirements: Sequence[str]) -> bool:
        """Install what can be, old versions as newer ones; name the rest, and say whether
        anything was installed."""
        failed = 0
        for requirement in requirements:
            if self._together([requirement]):
                continue
            loose = _without_version(requirement)
            if loose and loose != requirement and self._together([loose]):
                self.say(f"{requirement} cannot be installed: another version is")
                continue
            failed += 1
            if len(requirements) > 1 or self.recipe.requirements == tuple(requirements):
                self._leave_out(requirement)
        return failed < len(requirements)

    def _leave_out(self, what: str) -> None:
        cause = cause_of(f"{self._last.stdout}\n{self._last.stderr}".splitlines())
        self.say(f"{what} cannot be installed: going on without it")
        self.left_out.append(f"{what} is not installed" + (f": {cause}" if cause else ""))

    def _target(self, extras: Sequence[str]) -> list[str]:
        """Name the project itself to pip; nothing where it is no package."""
        if not self.recipe.editable:
            return []
        target = self._inside("") + (f"[{','.join(extras)}]" if extras else "")
        return ["-e", target] if self.recipe.in_place else [target]

    def _members(self) -> list[str]:
        return [argument for path in self.recipe.members for argument in ("-e", self._inside(path))]

    def _files(self, paths: Sequence[str]) -> list[str]:
        return [argument for path in paths for argument in ("-r", self._inside(path))]

    def _inside(self, path: str) -> str:
        """Name a file of the project as it is named from any folder."""
        workspace = self.builder.session.workspace
        return f"{workspace}/{path}" if path else workspace

    def _try_pip(self, arguments: Sequence[str]) -> bool:
        self._pip_once(arguments)
        while not self._last.ok:
            output = self._last.stdout + self._last.stderr
            found = self._remedies.next(output, self._build)
            if found is None:
                break
            self._build, sentence = found
            self.say(sentence)
            self._prepare_build()
            self._pip_once(arguments)
        if not self._last.ok and self._no_index():
            raise self._failed("no package index can be reached")
        return self._last.ok

    def _pip_once(self, arguments: Sequence[str]) -> None:
        # What is relative in a requirements file is so to the current folder. No other step
        # has a file of the project in it, or on the path that modules are imported from.
        cwd = None if self.recipe.local_files else _NEUTRAL_FOLDER
        open_build = () if self._build.isolated else ("--no-build-isolation",)
        self._last = self._run(self._pip_command([*open_build, *arguments]), cwd=cwd)

    def _prepare_build(self) -> None:
        """Put in place what the build of the project is to find."""
        lines = "\n".join(self._build.constraints)
        self.builder.session.write(_BUILD_CONSTRAINTS, lines.encode())
        if not self._build.isolated:
            self._run(self._pip_command(self._build.packages), cwd=_NEUTRAL_FOLDER)

    def _no_index(self) -> bool:
        """The proxy knows; where there is none, an index is asked for what every one has."""
        last, outside = self._last, self._outside
        if outside.unreachable:
            return not outside.reached
        if outside.refused or not _UNREACHABLE.search(last.stdout + last.stderr):
            return False
        answer = self._run(self._pip_command(_PROBE), cwd=_NEUTRAL_FOLDER)
        self._outside = outside
        return not answer.ok

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
        result = run_followed(
            self.builder.session,
            argv,
            timeout_seconds=MAX_STEP_SECONDS,
            cwd=cwd,
            env=self._variables(),
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
        cause, advice = cause_of(lines), advice_of("\n".join(lines))
        telling = f" ({cause})" if cause else ""
        advised = f"; {advice}" if advice else ""
        return InstallFailed(
            f"{step}: {ending}{telling}{advised}{obstacles}; --install names another way\n{tail}"
        )

    def _variables(self) -> dict[str, str]:
        """What the commands of an installation are told beside the network."""
        build, variables = self._build, {}
        if build.constraints:  # the first for pip before 25.3, the second for those after
            variables = dict.fromkeys(
                ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), _BUILD_CONSTRAINTS
            )
        if build.own_path:
            roots = (self._inside("" if root == "." else root) for root in self.recipe.import_roots)
            variables["PYTHONPATH"] = ":".join(roots)
        told = version_variables(self.recipe.version, told=build.told_version)
        return {**told, **variables}


def _without_version(line: str) -> str | None:
    """Return a requirement without its versions; None for one that has none to be without."""
    try:
        parsed = Requirement(line)
    except (InvalidRequirement, RecursionError):
        return None
    if parsed.url is not None:
        return None
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    marker = f"; {parsed.marker}" if parsed.marker else ""
    return f"{parsed.name}{extras}{marker}"
