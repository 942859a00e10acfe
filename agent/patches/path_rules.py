"""Rules for the files a patch may change, checked on its bytes before any of it runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent.patches.changes import FileChange
from agent.patches.constructs.confusables import misleading, module_like_another, path_like_another
from agent.patches.constructs.forbidden_constructs import new_constructs
from agent.patches.constructs.go_constructs import new_forms as new_go_forms
from agent.patches.constructs.javascript_constructs import new_forms
from agent.patches.constructs.rust_constructs import new_forms as new_rust_forms
from agent.patches.importable_names import Importable
from sandbox.languages.javascript.detection.configuration_names import READ_BY_ITSELF

MAX_PATCHED_FILES = 20
MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_CHANGED_BYTES = 256 * 1024
"""Sum over the files of how much each grew or shrank; real fixes are far below."""

_NO_NAME = re.compile(r"[\\\0\ud800-\udc7f\udd00-\udfff]")
"""What no path holds: a backslash, the end of a C string, and surrogates that stand for no byte
(`surrogateescape` uses U+DC80 to U+DCFF, PEP 383)."""

SOURCE_SUFFIXES = (".py", ".pyi")
JAVASCRIPT_SUFFIXES = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
GO_SUFFIXES = (".go",)
RUST_SUFFIXES = (".rs",)
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


@dataclass(frozen=True, kw_only=True)
class SourceRules:
    """What counts as source in a language, and what it loads by itself."""

    suffixes: tuple[str, ...]
    """Of its source files."""
    watched: frozenset[str] = frozenset()
    """Names of files that a run may not make, beside those of Python."""
    hides: Callable[[str, frozenset[str]], str | None] = lambda _path, _paths: None
    """From a new path and all paths to what it would be loaded instead of."""


PYTHON_SOURCES = SourceRules(suffixes=SOURCE_SUFFIXES)


_GO_SYSTEMS = frozenset(
    (
        *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux"),
        *("netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "unix", "386", "amd64"),
        *("arm", "arm64", "loong64", "mips", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"),
    )
)


class PathRules(Protocol):
    """Layout of the project as the path rules need it: a `sandbox.languages.base.Project`."""

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
    sources: SourceRules | None = None,
) -> tuple[str, ...]:
    """Why the patch touches something it must not, one sentence each; empty when it does not.

    `base_paths` are all files of the base, `links` those paths of it that are no plain files
    (symbolic links, submodules, devices), `generated` what its installation makes beside them.
    `include_tests` allows files that are not source
    (documentation, data); it never allows tests or their configuration. `importable` is what the
    environment has; without it only what every Python has. `sources` are those of the project's
    language, Python's without it.
    """
    objections: list[str] = []
    importable, sources = importable or Importable(), sources or PYTHON_SOURCES
    present = frozenset(base_paths) | frozenset(generated)
    if not changes:
        objections.append("the patch changes nothing")
    if len(changes) > MAX_PATCHED_FILES:
        objections.append(f"the patch touches {len(changes)} files, more than {MAX_PATCHED_FILES}")
    size = sum(abs(len(new or b"") - len(old or b"")) for old, new in changes.values())
    if size > MAX_CHANGED_BYTES:
        objections.append(f"the patch adds or removes {size} bytes, more than {MAX_CHANGED_BYTES}")
    for path, (old, new) in changes.items():
        objection = (
            _where(path)
            or _through(path, links)
            or _what(path, rules, include_tests, sources.suffixes)
        )
        if objection is None and path in generated:
            objection = "the installation makes it anew, whatever a patch says"
        if objection is None and old is None:
            all_paths = present | frozenset(changes)
            objection = sources.hides(path, all_paths)
            if sources is PYTHON_SOURCES:
                objection = _shadows(path, all_paths, importable)
                objection = objection or _hides_own(path, all_paths)
            objection = objection or path_like_another(path, all_paths - {path})
        objection = objection or _content(path, old, new, sources.suffixes)
        if objection is not None:
            objections.append(f"{path}: {objection}")
    return tuple(objections)


def _hides_module(path: str, paths: frozenset[str]) -> str | None:
    """`require('./a')` takes `a`, `a.js`, `a.json` or `a/index.js`, whichever is there first."""
    stem, folder = path, posixpath.basename(path).partition(".")[0] == "index"
    for suffix in JAVASCRIPT_SUFFIXES:
        stem = stem.removesuffix(suffix)
    module = posixpath.dirname(path) if folder else stem
    ends = (*JAVASCRIPT_SUFFIXES, ".json", ".node", "")
    rivals = [f"{module}{end}" for end in ends] + [f"{module}/index{end}" for end in ends[:-1]]
    file = next((rival for rival in rivals if rival in paths and rival != path), None)
    return None if file is None else f"a new file of this name hides the project's own {file}"


JAVASCRIPT_SOURCES = SourceRules(
    suffixes=JAVASCRIPT_SUFFIXES,
    watched=READ_BY_ITSELF,
    hides=_hides_module,
)


def _built_by_name(path: str, _: frozenset[str]) -> str | None:
    """https://pkg.go.dev/cmd/go#hdr-Build_constraints: `a_linux.go` is built on Linux alone."""
    words = posixpath.basename(path).removesuffix(".go").split("_")[1:]
    if _GO_SYSTEMS.isdisjoint(words):
        return None
    return "a new file of this name is built on some machines and not on others"


GO_SOURCES = SourceRules(
    suffixes=GO_SUFFIXES,
    watched=frozenset(("go.mod", "go.sum", "go.work", "go.work.sum")),
    hides=_built_by_name,
)


def _built_by_itself(path: str, paths: frozenset[str]) -> str | None:
    """https://doc.rust-lang.org/cargo/guide/project-layout.html: Cargo builds some files by their
    names, and of `a.rs` and `a/mod.rs` one alone may be there."""
    folder, name = posixpath.split(path)
    if name in ("build.rs", "main.rs", "lib.rs") or posixpath.basename(folder) in _CARGO_FOLDERS:
        return "Cargo builds a new file of this name by itself"
    stem = path.removesuffix(".rs")
    rival = f"{folder}.rs" if name == "mod.rs" else f"{stem}/mod.rs"
    return f"a new file of this name takes the place of {rival}" if rival in paths else None


_CARGO_FOLDERS = frozenset(("bin", "examples", "benches", "tests"))
RUST_SOURCES = SourceRules(
    suffixes=RUST_SUFFIXES,
    watched=frozenset(("cargo.toml", "Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain")),
    hides=_built_by_itself,
)


def measure_objection(path: str, rules: PathRules) -> str | None:
    """Why nobody but the project's people may change what stands at a path: it is a test, or it
    decides what the tests do. None for everything else."""
    name = posixpath.basename(path).lower()
    stem = name.partition(".")[0]
    if rules.is_test_path(path):
        return "it is a test, and tests are the measure"
    if rules.is_config_path(path) or name in CONFIGURATION:
        return "it configures the tests or the build"
    if stem in LOADED_BY_ITSELF - {"__main__"} and name.endswith((".py", ".pyc", ".pyi")):
        return "Python or the test runner loads it by itself"
    return None


def hiding_objection(path: str, base_paths: Collection[str]) -> str | None:
    """Why a new file at a path would be imported instead of what every Python or a test runner
    has; None where it would not."""
    return _shadows(path, frozenset({*base_paths, path}), Importable())


def construct_objections(changes: Mapping[str, FileChange]) -> tuple[str, ...]:
    """Constructs new in the patch that a repair has no business introducing."""
    return tuple(
        sentence
        for path, (old, new) in changes.items()
        if new is not None
        for sentence in _constructs(path, old, new)
    )


def _constructs(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    if path.endswith(SOURCE_SUFFIXES):
        try:
            yield from new_constructs(path, old, new)
        except (ValueError, RecursionError, MemoryError) as error:
            yield f"{path}: what the patch brings cannot be read ({type(error).__name__})"
        yield from misleading(path, old, new)
    elif path.endswith(JAVASCRIPT_SUFFIXES):
        yield from new_forms(path, old, new)
        yield from misleading(path, old, new)
    elif path.endswith(GO_SUFFIXES):
        yield from new_go_forms(path, old, new)
        yield from misleading(path, old, new)
    elif path.endswith(RUST_SUFFIXES):
        yield from new_rust_forms(path, old, new)
        yield from misleading(path, old, new)


def outside_objection(path: str) -> str | None:
    """Why a path is no plain path below the repository's top; None where it is one."""
    if not path or path.startswith("/") or _NO_NAME.search(path):
        return "the path is not a plain relative path"
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or posixpath.normpath(path) != path:
        return "the path leads out of the repository"
    return None


def _where(path: str) -> str | None:
    if objection := outside_objection(path):
        return objection
    folders = CLOSED_FOLDERS.intersection(part.lower() for part in path.split("/"))
    if folders:
        return f"files under {min(folders)}/ are closed to patches"
    return None


def _through(path: str, links: Collection[str]) -> str | None:
    """A patch edits plain files in plain folders only."""
    for link in links:
        if path == link or path.startswith(link + "/"):
            return "it is, or lies behind, a link or a submodule of the base"
    return None


def _what(
    path: str, rules: PathRules, include_tests: bool, suffixes: tuple[str, ...]
) -> str | None:
    measure = measure_objection(path, rules)
    if measure is not None:
        return measure
    name = posixpath.basename(path).lower()
    folders = path.lower().split("/")[:-1]
    if any(part.endswith((".dist-info", ".egg-info", ".egg", ".data")) for part in folders):
        return "package metadata can load plugins into the test runner"
    if name.endswith((".pth", ".egg-link", ".dist-info", ".egg-info")):
        return "Python reads it when it starts"
    if name.endswith(suffixes) or include_tests:
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


def _content(
    path: str, old: bytes | None, new: bytes | None, suffixes: tuple[str, ...]
) -> str | None:
    if new is None:
        return "the patch deletes the whole file"
    if len(new) > MAX_FILE_BYTES:
        return f"the file would be larger than {MAX_FILE_BYTES} bytes"
    if b"\0" in new and b"\0" not in (old or b""):
        return "the new content is binary"
    if path.endswith(suffixes) and old and not new.strip():
        return "the patch empties the whole file"
    return None
