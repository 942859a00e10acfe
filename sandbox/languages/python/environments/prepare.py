"""From a project and its snapshot to an interpreter that can run its tests."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sandbox.base import Environment, EnvironmentBuilder, Interpreter, Limits, Sandbox
from sandbox.environments.build_products import merge_products, pack_products, read_products
from sandbox.environments.kept import kept_environment
from sandbox.errors import InstallFailed
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.base import SessionSetup
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.compiled_modules import (
    imports_them,
    not_built,
    place_modules,
)
from sandbox.languages.python.environments.compiled_twins import remove_twins
from sandbox.languages.python.environments.installation.installer import Installer
from sandbox.languages.python.environments.installation.pip_output import wants_older_python
from sandbox.languages.python.environments.installed_packages import installed_packages
from sandbox.languages.python.environments.interpreter_choice import (
    choose_interpreter,
    fitting_interpreters,
)
from sandbox.languages.python.environments.recipe import (
    Recipe,
    with_newest_base,
    without_project,
    write_recipe,
)
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import empty_tar

_PRODUCTS = "REPAIR_PRODUCTS"
"""Set in a sealed environment when its installation added files to the workspace."""
_LEFT_OUT = "REPAIR_LEFT_OUT"
_NOT_BUILT = "REPAIR_NOT_BUILT"
_PACKAGES = "REPAIR_PACKAGES"
"""Lists of texts in a sealed environment, as JSON."""
_MAX_SENTENCES = 20
_OLDER = ((3, 11), (3, 9))
"""Newest minor versions that are tried after a build that wants an older Python."""


def prepare_environment(
    sandbox: Sandbox,
    project: PythonProject,
    snapshot: Snapshot,
    on_progress: Callable[[str], None],
    *,
    pytest_below: int | None = None,
    owner: str = "",
) -> SessionSetup:
    """Return the project's environment, built once for each recipe, interpreter and, where files
    of the project run while it is built, for this snapshot of this owner alone.

    `pytest_below` is a major version that is too new for the project.

    Raises PythonNotFound, InstallFailed, DiskFull, or what the sandbox raises.
    """
    available = sandbox.interpreters()
    interpreter, reason = choose_interpreter(project, available, on_host=sandbox.name != "docker")
    recipe = write_recipe(project, snapshot, pytest_below)
    attempts = [(interpreter, reason), *_older(project, interpreter, available)]
    for position, (interpreter, reason) in enumerate(attempts):
        on_progress(f"Python {'.'.join(map(str, interpreter.version))}: {reason}")
        try:
            return _prepared(sandbox, interpreter, project, snapshot, recipe, owner, on_progress)
        except InstallFailed as error:
            if position + 1 == len(attempts) or not wants_older_python(str(error)):
                raise
            on_progress("its build does not work on this Python")
    raise AssertionError("there is always an attempt")


def _older(
    project: PythonProject, interpreter: Interpreter, available: Sequence[Interpreter]
) -> Iterator[tuple[Interpreter, str]]:
    """Pythons for a build that wants an older one; none where the user named one."""
    for limit in _OLDER if project.python is None else ():
        matches = fitting_interpreters(project, available)
        older = [entry for entry in matches if entry.version[:2] <= limit < interpreter.version[:2]]
        if older:
            yield older[0], "its build needs an older one"


def _prepared(
    sandbox: Sandbox,
    interpreter: Interpreter,
    project: PythonProject,
    snapshot: Snapshot,
    recipe: Recipe,
    owner: str,
    say: Callable[[str], None],
) -> SessionSetup:
    work = _Work(sandbox, interpreter, snapshot, say)
    original, is_reused = work.shared(recipe) if not recipe.runs_code else work.own(recipe, owner)
    environment = dataclasses.replace(original, variables=_variables(project))
    return SessionSetup(
        environment=environment,
        source=_source(sandbox, original, snapshot),
        reused=is_reused,
        left_out=_texts(original, _LEFT_OUT),
        not_built=_texts(original, _NOT_BUILT),
        packages=_texts(original, _PACKAGES),
    )


def _texts(sealed: Environment, name: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(sealed.variables.get(name, "[]"))))


@dataclasses.dataclass(frozen=True)
class _Work:
    """Finds environments, and builds those that are not there."""

    sandbox: Sandbox
    interpreter: Interpreter
    snapshot: Snapshot
    say: Callable[[str], None]

    def shared(self, recipe: Recipe, *, is_first: bool = False) -> tuple[Environment, bool]:
        """An environment in which no file of a project ran, and whether it was there already: for
        all who need the same packages. It is built where no file of a project is."""
        # One that others build on may lack what failed, and must not stand for one that may not.
        lenient = is_first and not recipe.only_base
        key_parts = self.sandbox.environment_key_parts(self.interpreter)
        newest = with_newest_base(recipe)
        below = () if newest == recipe else (newest.key(key_parts),)
        key = recipe.key(key_parts, *(["first"] * lenient), *below)
        environment = kept_environment(self.sandbox, key, self.say)
        if environment is not None:
            return environment, True
        base = self.shared(newest)[0] if below else None
        with scratch_folder() as folder:
            empty_archive = Path(folder) / "nothing.tar"
            empty_archive.write_bytes(empty_tar())
            builder = self.sandbox.build(key, self.interpreter, empty_archive, base)
            return self._fill(builder, recipe, is_first=is_first, on_top=base is not None), False

    def own(self, recipe: Recipe, owner: str) -> tuple[Environment, bool]:
        """An environment for this snapshot alone, on top of one that is shared."""
        key_parts = self.sandbox.environment_key_parts(self.interpreter)
        shared_recipe = without_project(recipe, self.snapshot)
        key = recipe.key(key_parts, shared_recipe.key(key_parts), self.snapshot.digest, owner)
        environment = kept_environment(self.sandbox, key, self.say)
        if environment is not None:
            return environment, True
        base, _ = self.shared(shared_recipe, is_first=True)
        builder = self.sandbox.build(key, self.interpreter, self.snapshot.tar, base)
        return self._fill(builder, recipe, on_top=True), False

    def _fill(
        self,
        builder: EnvironmentBuilder,
        recipe: Recipe,
        *,
        is_first: bool = False,
        on_top: bool = False,
    ) -> Environment:
        try:
            installer = Installer(
                builder, self.interpreter, recipe, self.snapshot, self.say, on_top, is_first
            )
            installer.install()
            variables = {}
            if recipe.runs_code:
                variables = self._after_build(builder, recipe, installer)
            packages = installed_packages(builder.session, installer.python)
            variables[_PACKAGES] = json.dumps(packages)
            if installer.left_out:
                variables[_LEFT_OUT] = json.dumps(installer.left_out[:_MAX_SENTENCES])
            version = self.interpreter.version
            return builder.seal(
                python=installer.python, python_version=version, variables=variables
            )
        finally:
            builder.discard()

    def _after_build(
        self, builder: EnvironmentBuilder, recipe: Recipe, installer: Installer
    ) -> dict[str, str]:
        """Keep what the build put into the workspace, and what it did not. Raises the build's error
        where the project cannot even be imported without it."""
        session, python, variables = builder.session, installer.python, dict[str, str]()
        modules = place_modules(session, python, recipe.import_roots)
        installer.left_out += remove_twins(
            session, python, recipe.import_roots, recipe.own_packages, self.snapshot
        )
        if products := pack_products(session, python, builder.prefix, self.snapshot):
            variables[_PRODUCTS] = str(products)
        sentences = not_built(recipe.extensions, modules) if recipe.extensions else ()
        if sentences and installer.build_error is not None:
            packages = recipe.own_packages
            if imports_them(session, python, recipe.import_roots, packages):
                raise installer.build_error
        if sentences:
            variables[_NOT_BUILT] = json.dumps(sentences)
        return variables


def _variables(project: PythonProject) -> Mapping[str, str]:
    """The tests' own variables, and PYTHONPATH: import from the workspace itself, whatever path an
    editable installation has recorded and whatever release of the package the environment holds."""
    roots = [
        "{workspace}" if root == "." else f"{{workspace}}/{root}" for root in project.import_roots
    ]
    return {**project.variables, "PYTHONPATH": ":".join(roots)}


def _source(sandbox: Sandbox, sealed: Environment, snapshot: Snapshot) -> Path:
    if _PRODUCTS not in sealed.variables:
        return snapshot.tar
    archive = snapshot.tar.with_name(f"{snapshot.digest}-{sealed.key}.tar")
    if archive.exists():
        return archive
    prefix = PurePosixPath(sealed.python).parent.parent.as_posix()
    with sandbox.open(sealed, snapshot.tar, Limits()) as session:
        products = read_products(session, prefix)
    return merge_products(products, snapshot, archive)
