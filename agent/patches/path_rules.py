"""Rules for the files a patch may change, checked on its bytes before any of it runs."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from agent.patches.changes import FileChange
from agent.patches.confusables import misleading, module_like_another, path_like_another
from agent.patches.forbidden_constructs import new_constructs
from agent.patches.importable_names import Importable

MAX_PATCHED_FILES = 20
MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_CHANGED_BYTES = 256 * 1024
"""Sum over the files of how much each grew or shrank; real fixes are far below."""

SOURCE_SUFFIXES = (".py", ".pyi")
CONFIGURATION = frozenset(
    {
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        "setup.py",
        "noxfile.py",
        ".coveragerc",
        ".gitmodules",
        ".gitattributes",
        ".pre-commit-config.yaml",
        ".travis.yml",
        ".gitlab-ci.yml",
        "appveyor.yml",
        "azure-pipelines.yml",
        "jenkinsfile",
    }
)
LOADED_BY_ITSELF = frozenset({"conftest", "sitecustomize", "usercustomize", "__main__"})
"""Modules that Python or a test runner imports without being asked."""
RUNNER_MODULES = frozenset(
    [
        "pytest",
        "_pytest",
        "pluggy",
        "iniconfig",
        "packaging",
        "exceptiongroup",
        "tomli",
        "py",
        "coverage",
        "unittest",
        "hypothesis",
        "nose",
        "nose2",
        "mock",
        "typing_extensions",
        "colorama",
        "pygments",
    ]
)
"""What tests run with wherever they run. All else the environment is asked for."""
IMPORT_ROOTS = ("", "src", "lib", "python")
CLOSED_FOLDERS = frozenset({".git", ".github", ".gitlab", ".circleci", ".hg", ".svn", ".ci"})


class PathRules(Protocol):
    """Layout of the project as the path rules need it: a
    `sandbox.languages.python.detection.project.Project`."""

    def is_test_path(self, path: str) -> bool: ...

    def is_config_path(self, path: str) -> bool: ...

    def holds_pinned_examples(self, path: str) -> bool: ...


def path_objections(
    changes: Mapping[str, FileChange],
    *,
    rules: PathRules,
    base_paths: Collection[str],
    links: Collection[str] = (),
    generated: Collection[str] = (),
    include_tests: bool = False,
    importable: Importable | None = None,
) -> tuple[str, ...]:
    """Why the patch touches something it must not, one sentence each; empty when it does not.

    `base_paths` are all files of the base, `links` those paths of it that are no plain files
    (symbolic links, submodules, devices), `generated` what its installation makes beside them.
    `include_tests` allows files that are not source
    (documentation, data); it never allows tests or their configuration. `importable` is what the
    environment has; without it only what every Python has.
    """
    objections: list[str] = []
    importable = importable or Importable()
    present = frozenset(base_paths) | frozenset(generated)
    if not changes:
        objections.append("the patch changes nothing")
    if len(changes) > MAX_PATCHED_FILES:
        objections.append(f"the patch touches {len(changes)} files, more than {MAX_PATCHED_FILES}")
    size = sum(abs(len(new or b"") - len(old or b"")) for old, new in changes.values())
    if size > MAX_CHANGED_BYTES:
        objections.append(f"the patch adds or removes {size} bytes, more than {MAX_CHANGED_BYTES}")
    for path, (old, new) in changes.items():
        objection = _where(path) or _through(path, links) or _what(path, rules, include_tests)
        if objection is None and path in generated:
            objection = "the installation makes it anew, whatever a patch says"
        if objection is None and old is None:
            all_paths = present | frozenset(changes)
            objection = _shadows(path, all_paths, importable)
            objection = objection or _hides_own(path, all_paths)
            objection = objection or path_like_another(path, all_paths - {path})
        objection = objection or _content(path, old, new)
        if objection is not None:
            objections.append(f"{path}: {objection}")
    return tuple(objections)


def construct_objections(changes: Mapping[str, FileChange]) -> tuple[str, ...]:
    """Constructs new in the patch that a repair has no business introducing."""
    return tuple(
        sentence
        for path, (old, new) in changes.items()
        if new is not None and path.endswith(SOURCE_SUFFIXES)
        for sentence in (*new_constructs(path, old, new), *misleading(path, old, new))
    )


def _where(path: str) -> str | None:
    if not path or path.startswith("/") or "\\" in path or "\0" in path:
        return "the path is not a plain relative path"
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or posixpath.normpath(path) != path:
        return "the path leads out of the repository"
    closed = CLOSED_FOLDERS.intersection(part.lower() for part in parts)
    if closed:
        return f"files under {min(closed)}/ are closed to patches"
    return None


def _through(path: str, links: Collection[str]) -> str | None:
    """A patch edits plain files in plain folders only."""
    for link in links:
        if path == link or path.startswith(link + "/"):
            return "it is, or lies behind, a link or a submodule of the base"
    return None


def _what(path: str, rules: PathRules, include_tests: bool) -> str | None:
    name = posixpath.basename(path).lower()
    stem = name.partition(".")[0]
    if rules.is_test_path(path):
        return "it is a test, and tests are the measure"
    if rules.is_config_path(path) or name in CONFIGURATION:
        return "it configures the tests or the build"
    if stem in LOADED_BY_ITSELF - {"__main__"} and name.endswith((".py", ".pyc", ".pyi")):
        return "Python or the test runner loads it by itself"
    folders = path.lower().split("/")[:-1]
    if any(part.endswith((".dist-info", ".egg-info", ".egg", ".data")) for part in folders):
        return "package metadata can load plugins into the test runner"
    if name.endswith((".pth", ".egg-link", ".dist-info", ".egg-info")):
        return "Python reads it when it starts"
    if name.endswith(SOURCE_SUFFIXES) or include_tests:
        return None
    return "it is not source; say --include-tests to allow files that are not"


def _shadows(path: str, paths: frozenset[str], importable: Importable) -> str | None:
    """A new module at a place where `import name` may find it instead of the real one."""
    for parent, module in _new_modules(path, paths):
        if module in LOADED_BY_ITSELF - {"__main__"}:
            return "Python or the test runner loads it by itself"
        if parent and f"{parent}/__init__.py" in paths:
            continue  # only `import package.name` finds it
        for name in _import_names(parent, module, importable):
            if name in importable.modules or name in RUNNER_MODULES:
                return f"a new module of this name hides the real `{name}`"
        like = module_like_another(module, importable.modules | RUNNER_MODULES)
        if like is not None:
            return f"its name reads as that of the real module `{like}`"
    return None


def _new_modules(path: str, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Folder and name of each module and package that a new file makes."""
    folder, _, name = path.rpartition("/")
    yield folder, name.partition(".")[0]
    while folder:
        # A new folder may be a package, with or without an __init__.py.
        folder, _, package = folder.rpartition("/")
        prefix = f"{folder}/{package}/".lstrip("/")
        if not any(other_path != path and other_path.startswith(prefix) for other_path in paths):
            yield folder, package


def _hides_own(path: str, paths: frozenset[str]) -> str | None:
    """A package goes before a module of its name, and one root of imports before another."""
    for parent, module in _new_modules(path, paths):
        module_path = f"{parent}/{module}".lstrip("/")
        rivals = [f"{module_path}.py"] if path != f"{module_path}.py" else []
        if parent in IMPORT_ROOTS:
            alternatives = [
                f"{root}/{module}".lstrip("/") for root in IMPORT_ROOTS if root != parent
            ]
            rivals += [
                f"{alternative}{end}"
                for alternative in alternatives
                for end in (".py", "/__init__.py")
            ]
        hidden_path = next((rival for rival in rivals if rival in paths), None)
        if hidden_path is not None:
            return f"a new module of this name hides the project's own {hidden_path}"
    return None


def _import_names(parent: str, module: str, importable: Importable) -> Iterator[str]:
    """Names under which it is imported: by its own, and through folders that are part of a
    namespace package of the environment."""
    yield module
    name = module
    while parent:
        parent, _, folder = parent.rpartition("/")
        name = f"{folder}.{name}"
        if name.rpartition(".")[0] in importable.namespaces:
            yield name


def _content(path: str, old: bytes | None, new: bytes | None) -> str | None:
    if new is None:
        return "the patch deletes the whole file"
    if len(new) > MAX_FILE_BYTES:
        return f"the file would be larger than {MAX_FILE_BYTES} bytes"
    if b"\0" in new and b"\0" not in (old or b""):
        return "the new content is binary"
    if path.endswith(SOURCE_SUFFIXES) and old and not new.strip():
        return "the patch empties the whole file"
    return None
