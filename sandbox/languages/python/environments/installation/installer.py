"""Runs the steps of a recipe in the install stage, from the most to the least that may work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.base import EnvironmentBuilder, Interpreter
from sandbox.errors import InstallFailed
from sandbox.languages.python.detection.config_files import ConfigFiles, first_line, table, words
from sandbox.languages.python.environments.installation.build_history import build_history
from sandbox.languages.python.environments.installation.install_commands import InstallCommands
from sandbox.languages.python.environments.installation.pip import Pip
from sandbox.languages.python.environments.pytest_plugins import remove_broken_plugins
from sandbox.languages.python.environments.recipe import Recipe, uses_hashes
from sandbox.languages.python.environments.requirement_lists import RequirementLists
from sandbox.snapshots.snapshot import Snapshot

_CONSTRAINTS = ".repair-constraints.txt"


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

    def __post_init__(self) -> None:
        self._commands = InstallCommands(self.builder, self.say)
        self._pip = Pip(self._commands, self.interpreter, self.recipe)
        self._lists = RequirementLists(self._pip, self.snapshot, self.left_out)

    @property
    def python(self) -> str:
        return self._pip.python

    def install(self) -> None:
        """Install the recipe.

        Raises InstallFailed when what the tests cannot do without is not installed.
        """
        self._pip.prepare(on_top=self.on_top)
        self._write_files()
        with self._history():
            self._install()
        if not self.recipe.only_base:
            remove_broken_plugins(self.builder.session, self.python, self._pip.argv, self.say)

    def _install(self) -> None:
        if self.recipe.command is not None:
            self.say(f"installing: {self.recipe.command}")
            self._commands.need(["sh", "-c", self.recipe.command], f"`{self.recipe.command}`")
            self._pip.need(self.recipe.base, "installing pytest and coverage")
        elif not self._all_at_once():
            self._step_by_step()

    @contextmanager
    def _history(self) -> Iterator[None]:
        if not (self.recipe.asks_git and self.recipe.runs_code):
            yield
            return
        with build_history(self.builder.session, self.recipe.version_tag) as has_history:
            if not has_history:
                self.say("its build may ask git, which does not work in this sandbox")
            yield

    def _write_files(self) -> None:
        """Write the requirements files: where no file of the project may run, only its lists of
        requirements are there."""
        for path, _ in () if self.recipe.runs_code else self.recipe.digests:
            self.builder.session.write(path, self.snapshot.read(path))

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
            success = self._pip.install([*arguments, "-c", self._pip.inside(_CONSTRAINTS)])
            self.builder.session.remove(_CONSTRAINTS)
            if success:
                return True
            self.say("the versions of the lock file cannot be installed here: newer ones are tried")
        return self._pip.install(arguments)

    def _step_by_step(self) -> None:
        # The base is a part of every step: an old pin that conflicts with it would otherwise
        # leave half of an older pytest behind.
        self.say("not everything can be installed together: going step by step")
        if self.recipe.editable:
            self._project_itself()
        if self.recipe.members and not self._pip.install([*self._members(), *self.recipe.base]):
            self._members_one_by_one()
        for path in self.recipe.files:
            if not self._lists.file(path) and not self.recipe.editable and not self.first:
                raise self._commands.failed(f"installing {path}")
        for path in self.recipe.test_files:
            if not self._lists.file(path):
                self._lists.leave_out(path)
        if self.recipe.requirements and not self._lists.together(self.recipe.requirements):
            self._lists.one_by_one(self.recipe.requirements)
        self._pip.need(self.recipe.base, "installing pytest and coverage")

    def _project_itself(self) -> None:
        """The project with its extras, else without those that fail, else without what it depends
        on, which follows one by one, else only that."""
        if self._lists.together(self._target(self.recipe.extras)):
            return
        if self.recipe.extras and self._lists.together(self._target(())):
            for extra in self.recipe.extras:
                if not self._lists.together(self._target((extra,))):
                    self._lists.leave_out(f"the extra {extra}")
            return
        error = self._commands.failed("installing the project")
        dependencies = self.recipe.dependencies
        if dependencies and self._pip.install(["--no-deps", *self._target(())]):
            self.say("not all that the project depends on can be installed together")
            self._need_some(dependencies, error)
            return
        self.say("the project itself cannot be installed: only its dependencies are")
        if not dependencies and not self._declares_all():
            raise error
        self.build_error = error
        self.left_out.append(f"the project itself is not installed: {first_line(error)}")
        if dependencies and not self._lists.together(dependencies):
            self._need_some(
                dependencies, self._commands.failed("installing the project's dependencies")
            )

    def _need_some(self, requirements: Sequence[str], error: InstallFailed) -> None:
        if not self._lists.one_by_one(requirements):
            raise error

    def _members_one_by_one(self) -> None:
        """They are imported from their folders in any case; installed, they have metadata."""
        for member in self.recipe.members:
            target = ["-e", self._pip.inside(member)]
            if not self._pip.install(target) and not self._pip.install([*target, "--no-deps"]):
                self.say(f"the package in {member} cannot be installed: going on without it")

    def _declares_all(self) -> bool:
        """Whether no code has to run to know that there are no dependencies: pyproject.toml lists
        them, or setuptools only cannot tell packages from other folders."""
        project = table(ConfigFiles(self.snapshot).toml("pyproject.toml"), "project")
        if project:
            return "dependencies" not in words(project.get("dynamic"))
        last = self._commands.last
        return "discovered in a flat-layout" in last.stdout + last.stderr

    def _target(self, extras: Sequence[str]) -> list[str]:
        """Name the project itself to pip; nothing where it is no package."""
        if not self.recipe.editable:
            return []
        target = self._pip.inside("") + (f"[{','.join(extras)}]" if extras else "")
        return ["-e", target] if self.recipe.in_place else [target]

    def _members(self) -> list[str]:
        return [
            argument for path in self.recipe.members for argument in ("-e", self._pip.inside(path))
        ]

    def _files(self, paths: Sequence[str]) -> list[str]:
        return [argument for path in paths for argument in ("-r", self._pip.inside(path))]
